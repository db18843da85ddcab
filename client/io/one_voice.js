/** @import {Player} from "../core/player.js" */

/**
 * When this tab begins to play, the app's other tabs fall silent.
 * @param {Player} player
 */
export function joinOtherTabs(player) {
  if (!("BroadcastChannel" in globalThis)) return;
  const channel = new BroadcastChannel("songkeep.voice");
  let was = false;
  player.changed.on((what) => {
    if (what !== "state" || player.playing === was) return;
    was = player.playing;
    if (was) channel.postMessage("playing");
  });
  channel.addEventListener("message", () => {
    if (player.playing) player.pause();
  });
}

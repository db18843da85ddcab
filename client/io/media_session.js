// Lock screen, media keys and headset buttons.

import { names } from "../core/format.js";

/** @import {Player} from "../core/player.js" */
/** @import {Source} from "../core/source.js" */

const SKIP_MS = 10_000;
/** Between two reports of the position, unless it jumped. */
const REPORT_EVERY_MS = 1000;

/** iOS: play on with the mute switch on, as a music app does. */
function keepSoundingOnIos() {
  const { audioSession } = /** @type {{audioSession?: {type: string}}} */ (navigator);
  if (audioSession) audioSession.type = "playback";
}

/**
 * @param {Player} player
 * @param {Source} source
 */
export function joinMediaSession(player, source) {
  const session = navigator.mediaSession;
  if (!session) return;
  keepSoundingOnIos();
  /** @type {[MediaSessionAction, MediaSessionActionHandler][]} */
  const actions = [
    ["play", () => player.play()],
    ["pause", () => player.pause()],
    ["stop", () => player.pause()],
    ["previoustrack", () => player.previous()],
    ["nexttrack", () => player.next()],
    ["seekbackward", ({ seekOffset }) => player.skip(-(seekOffset ? seekOffset * 1000 : SKIP_MS))],
    ["seekforward", ({ seekOffset }) => player.skip(seekOffset ? seekOffset * 1000 : SKIP_MS)],
    ["seekto", ({ seekTime }) => seekTime !== undefined && player.seek(seekTime * 1000)],
  ];
  for (const [action, handler] of actions) {
    try {
      session.setActionHandler(action, handler);
    } catch {
      // A browser that lacks one action still has the others.
    }
  }

  let reported_ms = -Infinity;
  const report = () => {
    const duration = player.duration_ms / 1000;
    reported_ms = performance.now();
    if (!player.current || !(duration > 0)) return session.setPositionState?.();
    session.setPositionState?.({
      duration,
      position: Math.min(duration, Math.max(0, player.position_ms / 1000)),
      playbackRate: 1,
    });
  };
  const describe = () => {
    const track = player.current?.track;
    document.title = track ? `${track.title} · ${names(track.artists) || "Songkeep"}` : "Songkeep";
    session.metadata = track
      ? new MediaMetadata({
          title: track.title,
          artist: names(track.artists),
          album: track.album?.name ?? "",
          artwork: track.cover
            ? /** @type {const} */ ([96, 256, 512]).map((size) => ({
                src: source.coverUrl(/** @type {string} */ (track.cover), size),
                sizes: `${size}x${size}`,
              }))
            : [],
        })
      : null;
  };
  player.changed.on((what) => {
    if (what === "track") describe();
    if (what === "state" || what === "track") {
      session.playbackState = player.playing ? "playing" : player.current ? "paused" : "none";
      report();
    } else if (what === "time" && performance.now() - reported_ms > REPORT_EVERY_MS) report();
  });
}

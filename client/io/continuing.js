// Going on elsewhere: where this device stopped is left in the library, and taken up from there on another.

import { EMPTY, playAll } from "../core/queue.js";
import { recall, remember } from "./shelf.js";

/** @import {Track} from "../core/model.js" */
/** @import {Player} from "../core/player.js" */
/** @import {Continuing, Source} from "../core/source.js" */

/** Songs left behind: the one that played and what came. */
const LEFT_MOST = 50;
/** While music goes on, its place is told no more often. */
const TELL_EVERY_MS = 60_000;
/** Where somebody stopped so long ago is of no use. */
const OLD_MS = 14 * 86_400_000;
/** Shelf: when this device left its place last, so that it isn't offered its own. */
const OWN = "left";

/** @typedef {{tracks: Track[], position_ms: number, by: string, changed_ms: number}} Elsewhere  the first of `tracks` was playing */

/**
 * Leave the place whenever the music stops, and now and then while it plays.
 * @param {Player} player
 * @param {Continuing} continuing
 */
export function leavePlace(player, continuing) {
  let sounded = false;
  let told_ms = performance.now();
  const leave = () => {
    const { entries, at } = player.queue;
    if (!sounded || at < 0) return;
    told_ms = performance.now();
    sounded = player.playing;
    const tracks = entries.slice(at, at + LEFT_MOST).map(({ track }) => track.id);
    continuing.leave({ tracks, position_ms: Math.round(player.position_ms) }).then(
      (changed_ms) => remember(OWN, changed_ms),
      // It is left with the next stop.
      () => (sounded = true),
    );
  };
  player.changed.on((what) => {
    sounded ||= what === "time" && player.playing;
    if (what === "state" && !player.playing) leave();
    if (what === "track" && performance.now() - told_ms > TELL_EVERY_MS) leave();
  });
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leave());
}

/**
 * Where another device stopped; null when none did lately.
 * @param {Source} source
 * @returns {Promise<Elsewhere | null>}
 */
export async function stoppedElsewhere(source) {
  const left = await source.continuing?.left();
  if (!left || !left.tracks.length || left.changed_ms === recall(OWN) || Date.now() - left.changed_ms > OLD_MS) return null;
  const found = await Promise.all(left.tracks.slice(0, LEFT_MOST).map((id) => source.track(id).catch(() => null)));
  const tracks = found.filter((track) => track !== null);
  // Without the song itself, its position means nothing.
  return found[0] ? { tracks, position_ms: left.position_ms, by: left.by, changed_ms: left.changed_ms } : null;
}

/**
 * @param {Player} player
 * @param {Elsewhere} elsewhere
 */
export function goOn(player, { tracks, position_ms, changed_ms }) {
  const { repeat } = player.queue;
  player.restore({ queue: { ...playAll(EMPTY, tracks, 0, Math.random), repeat }, position_ms });
  remember(OWN, changed_ms);
  player.play();
}

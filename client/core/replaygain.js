/** @import {ReplayGain} from "./model.js" */

/** @typedef {"off" | "track" | "album"} Loudness */

/** Untagged tracks are turned down by about what most tagged ones are, so that they don't jump out. */
const UNTAGGED_GAIN_DB = -6;

/**
 * The factor on the volume that evens out loudness, in (0, 1]: an element's volume cannot amplify, and peaks never clip.
 * @param {ReplayGain | null} tags
 * @param {Loudness} mode
 */
export function volumeFactor(tags, mode) {
  if (mode === "off") return 1;
  const album = mode === "album" ? tags?.album_gain_db : null;
  const gain = album ?? tags?.track_gain_db ?? UNTAGGED_GAIN_DB;
  const peak = (album == null ? tags?.track_peak : tags?.album_peak) ?? 1;
  const factor = 10 ** (gain / 20);
  return Math.max(0.01, Math.min(1, factor, peak > 0 ? 1 / peak : 1));
}

// A playlist under the person's hands: what is on it, in order, each entry told from its likes.

/** @import {Track} from "./model.js" */

/** @typedef {{key: string, track: Track}} Entry  `key` tells a song that stands on the list twice from itself */

/**
 * @param {readonly Track[]} tracks
 * @returns {Entry[]}
 */
export function entriesOf(tracks) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  return tracks.map((track) => {
    const count = seen.get(track.id) ?? 0;
    seen.set(track.id, count + 1);
    return { key: `${track.id}#${count}`, track };
  });
}

/**
 * @template T
 * @param {readonly T[]} list
 * @param {number} from
 * @param {number} to
 * @returns {T[]}
 */
export function moved(list, from, to) {
  const rest = list.filter((_, at) => at !== from);
  return [...rest.slice(0, to), list[from], ...rest.slice(to)];
}

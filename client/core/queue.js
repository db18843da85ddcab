// What plays, what played and what comes. Pure: every function takes a queue and gives a new one.

/** @import {Track} from "./model.js" */

/** @typedef {{key: number, track: Track, played: boolean}} Entry  `key` is unique in its queue: one track may stand in it twice. */
/** @typedef {"off" | "all" | "one"} Repeat */
/** @typedef {() => number} Random  uniform in [0, 1) */

/**
 * @typedef {object} Queue
 * @property {readonly Entry[]} entries  in the order they play; those before `at` are the history
 * @property {number} at  index of the current entry, -1 when empty
 * @property {readonly number[]} natural  every key in the order without shuffle
 * @property {boolean} shuffle
 * @property {Repeat} repeat
 * @property {number} nextKey
 */

/** The most entries a queue holds; what is added beyond is left out. */
export const QUEUE_LIMIT = 2000;

/** @type {Queue} */
export const EMPTY = { entries: [], at: -1, natural: [], shuffle: false, repeat: "off", nextKey: 1 };

/** @param {Queue} queue */
export const current = (queue) => queue.entries[queue.at] ?? null;

/** @param {Queue} queue */
export const upcoming = (queue) => queue.entries.slice(queue.at + 1);

/**
 * @param {Queue} queue
 * @param {readonly Track[]} tracks
 * @returns {Entry[]}
 */
const entriesFor = (queue, tracks) => tracks.map((track, i) => ({ key: queue.nextKey + i, track, played: false }));

/**
 * @template T
 * @param {readonly T[]} list
 * @param {Random} random
 */
function shuffled(list, random) {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/**
 * @template T
 * @param {readonly T[]} list
 * @param {number} at
 * @param {readonly T[]} added
 */
const spliced = (list, at, added) => [...list.slice(0, at), ...added, ...list.slice(at)];

/**
 * Replace everything with `tracks`, beginning at `start`; with shuffle on, the one at `start` comes first and the rest in random order.
 * @param {Queue} queue
 * @param {readonly Track[]} tracks
 * @param {number} start
 * @param {Random} random
 * @returns {Queue}
 */
export function playAll(queue, tracks, start, random) {
  // The window keeps `start` inside the limit, with what precedes it as far as there is room.
  const from = Math.max(0, Math.min(start, tracks.length - QUEUE_LIMIT));
  const entries = entriesFor(queue, tracks.slice(from, from + QUEUE_LIMIT));
  const fresh = {
    ...queue,
    entries,
    at: entries.length ? Math.max(0, Math.min(start - from, entries.length - 1)) : -1,
    natural: entries.map((entry) => entry.key),
    nextKey: queue.nextKey + entries.length,
    shuffle: false,
  };
  return queue.shuffle ? withShuffle(fresh, true, random) : fresh;
}

/**
 * A part of the queue around its current entry.
 * @param {Queue} queue
 * @param {number} before
 * @param {number} after
 * @returns {Queue}
 */
export function around(queue, before, after) {
  const from = Math.max(0, queue.at - before);
  const entries = queue.entries.slice(from, queue.at + after);
  const keys = new Set(entries.map((entry) => entry.key));
  return { ...queue, entries, at: queue.at - from, natural: queue.natural.filter((key) => keys.has(key)) };
}

/**
 * Turn shuffle on or off. On: what was not played yet comes in random order, each once. Off: the natural order again, from the current entry on.
 * @param {Queue} queue
 * @param {boolean} on
 * @param {Random} random
 * @returns {Queue}
 */
export function withShuffle(queue, on, random) {
  if (on === queue.shuffle) return queue;
  const now = current(queue);
  if (!now) return { ...queue, shuffle: on };
  if (on) {
    const others = queue.entries.filter((entry) => entry !== now);
    const history = others.filter((entry) => entry.played);
    const rest = shuffled(
      others.filter((entry) => !entry.played),
      random,
    );
    return { ...queue, entries: [...history, now, ...rest], at: history.length, shuffle: true };
  }
  const byKey = new Map(queue.entries.map((entry) => [entry.key, entry]));
  const entries = queue.natural.flatMap((key) => byKey.get(key) ?? []);
  return { ...queue, entries, at: entries.indexOf(now), shuffle: false };
}

/**
 * @param {Queue} queue
 * @param {Repeat} repeat
 * @returns {Queue}
 */
export const withRepeat = (queue, repeat) => ({ ...queue, repeat });

/**
 * @param {Queue} queue
 * @param {number} at
 * @returns {Queue}
 */
function moveTo(queue, at) {
  const entries = queue.entries.map((entry, i) => (i === queue.at ? { ...entry, played: true } : entry));
  return { ...queue, entries, at };
}

/**
 * The queue after its current track, or null when it ends here. `ended`: the track ran out by itself, so repeat-one holds it.
 * @param {Queue} queue
 * @param {boolean} ended
 * @param {Random} random
 * @returns {Queue | null}
 */
export function next(queue, ended, random) {
  if (queue.at < 0) return null;
  if (ended && queue.repeat === "one") return queue;
  if (queue.at + 1 < queue.entries.length) return moveTo(queue, queue.at + 1);
  if (queue.repeat !== "all") return null;
  return wrapped(queue, random);
}

/**
 * Begin again from the top; a shuffled queue is shuffled anew, and never opens with what has just played.
 * @param {Queue} queue
 * @param {Random} random
 * @returns {Queue}
 */
function wrapped(queue, random) {
  const last = current(queue)?.key;
  const fresh = queue.entries.map((entry) => ({ ...entry, played: false }));
  const entries = queue.shuffle ? shuffled(fresh, random) : fresh;
  if (queue.shuffle && entries.length > 1 && entries[0].key === last) {
    const swap = 1 + Math.floor(random() * (entries.length - 1));
    [entries[0], entries[swap]] = [entries[swap], entries[0]];
  }
  return { ...queue, entries, at: 0 };
}

/**
 * The entry that would follow without any choice by the person, for loading ahead; null when a reshuffle or the end comes first.
 * @param {Queue} queue
 * @returns {Entry | null}
 */
export function following(queue) {
  if (queue.at < 0) return null;
  if (queue.repeat === "one") return current(queue);
  if (queue.at + 1 < queue.entries.length) return queue.entries[queue.at + 1];
  return queue.repeat === "all" && !queue.shuffle ? queue.entries[0] : null;
}

/**
 * One step back in what was played; null at the first.
 * @param {Queue} queue
 * @returns {Queue | null}
 */
export function previous(queue) {
  if (queue.at > 0) return moveTo(queue, queue.at - 1);
  if (queue.repeat === "all" && queue.entries.length > 1) return moveTo(queue, queue.entries.length - 1);
  return null;
}

/**
 * @param {Queue} queue
 * @param {number} key
 * @returns {Queue}
 */
export function jumpTo(queue, key) {
  const at = queue.entries.findIndex((entry) => entry.key === key);
  return at < 0 ? queue : moveTo(queue, at);
}

/**
 * Put tracks right after the current one, in the order given.
 * @param {Queue} queue
 * @param {readonly Track[]} tracks
 * @returns {Queue}
 */
export function playNext(queue, tracks) {
  const entries = entriesFor(queue, tracks.slice(0, QUEUE_LIMIT - queue.entries.length));
  const keys = entries.map((entry) => entry.key);
  const now = current(queue);
  const naturalAt = now ? queue.natural.indexOf(now.key) + 1 : 0;
  return {
    ...queue,
    entries: spliced(queue.entries, queue.at + 1, entries),
    natural: spliced(queue.natural, naturalAt, keys),
    at: now || !entries.length ? queue.at : 0,
    nextKey: queue.nextKey + entries.length,
  };
}

/**
 * Put tracks at the very end.
 * @param {Queue} queue
 * @param {readonly Track[]} tracks
 * @returns {Queue}
 */
export function playLast(queue, tracks) {
  const entries = entriesFor(queue, tracks.slice(0, QUEUE_LIMIT - queue.entries.length));
  return {
    ...queue,
    entries: [...queue.entries, ...entries],
    natural: [...queue.natural, ...entries.map((entry) => entry.key)],
    at: queue.at < 0 && entries.length ? 0 : queue.at,
    nextKey: queue.nextKey + entries.length,
  };
}

/**
 * Take one entry out. When it is the current one, its successor becomes current (the last one when there is none).
 * @param {Queue} queue
 * @param {number} key
 * @returns {Queue}
 */
export function remove(queue, key) {
  const index = queue.entries.findIndex((entry) => entry.key === key);
  if (index < 0) return queue;
  const entries = queue.entries.filter((entry) => entry.key !== key);
  const at = index < queue.at ? queue.at - 1 : Math.min(queue.at, entries.length - 1);
  return { ...queue, entries, natural: queue.natural.filter((other) => other !== key), at };
}

/**
 * Move one entry to another index; the current entry stays current wherever it lands.
 * @param {Queue} queue
 * @param {number} key
 * @param {number} to
 * @returns {Queue}
 */
export function move(queue, key, to) {
  const from = queue.entries.findIndex((entry) => entry.key === key);
  if (from < 0) return queue;
  const now = current(queue);
  const without = queue.entries.filter((entry) => entry.key !== key);
  const target = Math.max(0, Math.min(to, without.length));
  const entries = spliced(without, target, [queue.entries[from]]);
  return {
    ...queue,
    entries,
    at: entries.findIndex((entry) => entry.key === now?.key),
    // Without shuffle the order on screen is the natural one; with it, the natural order is left as the person made it.
    natural: queue.shuffle ? queue.natural : entries.map((entry) => entry.key),
  };
}

/**
 * Forget everything but the current entry.
 * @param {Queue} queue
 * @returns {Queue}
 */
export function clear(queue) {
  const now = current(queue);
  return now ? { ...queue, entries: [now], natural: [now.key], at: 0 } : queue;
}

// What a phone's source says of itself: holding music before the code for it has come, and sentences about what is wrong.

import { later } from "../core/later.js";

/** @import {Notice} from "../core/model.js" */
/** @import {Source} from "../core/source.js" */
/** @import {Swarm} from "./swarm.js" */
/** @import {Chunks} from "./swarm_chunks.js" */
/** @import {Covers} from "./swarm_covers.js" */
/** @import {SwarmKeeping} from "./swarm_keeping.js" */

/**
 * The source’s part that holds music here: what has come of it, else a promise of it.
 * @param {() => SwarmKeeping | null} now
 * @param {() => Promise<SwarmKeeping>} soon
 * @returns {NonNullable<Source["keeping"]>}
 */
export const laterKeeping = (now, soon) => ({
  get kept() {
    return now()?.kept ?? new Set();
  },
  set: async (tracks, on) => (await soon()).set(tracks, on),
  held: async () => (await soon()).held(),
  setBudget: async (budget_bytes) => (await soon()).setBudget(budget_bytes),
  onChange: (listener, signal) => void soon().then((held) => held.onChange(listener, signal)),
});

/**
 * Covers that are not kept here yet: the first page shows those that are.
 * @param {Chunks} chunks
 * @param {Swarm} swarm
 * @returns {Pick<Covers, "get" | "forget">}
 */
export const laterCovers = (chunks, swarm) =>
  later(async () => new (await import("./swarm_covers.js")).Covers(chunks, swarm.ask.bind(swarm)), ["get", "forget"]);

const STILL = "What is on this phone plays.";

/** Why no other device gives music now. @param {Swarm} swarm */
export function awayWhy(swarm) {
  if (!navigator.onLine) return `No network here. ${STILL}`;
  if (!swarm.joined) return `The place where your devices meet can’t be reached. Trying again… ${STILL}`;
  const nodes = [...swarm.presences.values()].filter(({ role }) => role === "node");
  if (nodes.length && nodes.every(({ asleep }) => asleep)) return `Your computer is asleep. ${STILL}`;
  return `Your computer is not answering. Trying again… ${STILL}`;
}

/**
 * @param {number} lost_kept  blobs that were to stay and are gone
 * @returns {Notice[]}
 */
export const lostNotices = (lost_kept) =>
  lost_kept
    ? [{ level: "warning", text: `The browser cleared ${lost_kept} kept ${lost_kept === 1 ? "song" : "songs"} away to make room. They are fetched again when a device gives them.` }]
    : [];

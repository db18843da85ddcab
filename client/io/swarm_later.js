// Holding music on this device, before the code for it has come.

/** @import {Source} from "../core/source.js" */
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

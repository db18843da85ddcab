// What devices that are away left at the library's seeds: their newest catalogs. So a phone has one although no computer answers.

import { headsRecords, openHeads, readHeads } from "../core/heads.js";
import { WireError } from "../core/wire_errors.js";

/** @import {SwarmCatalog} from "./swarm_catalog.js" */
/** @import {Membership} from "./swarm_membership.js" */
/** @import {Holder} from "./swarm_chunks.js" */

const ASK_TIMEOUT_MS = 15_000;
/** While there is no catalog at all. */
const SOON_MS = 15_000;
const AGAIN_MS = 600_000;

/** @typedef {Pick<Holder, "heard_at_ms"> & {ask: (kind: string, body: unknown, signal: AbortSignal) => Promise<Uint8Array>}} Seed */

export class SeedHeads {
  #parts;
  /** When each was asked last. @type {WeakMap<Seed, number>} */
  #asked = new WeakMap();
  #timer = 0;

  /**
   * @param {object} parts
   * @param {() => readonly Seed[]} parts.seeds  those with an open connection
   * @param {Pick<Membership, "roster" | "epochs">} parts.membership
   * @param {Pick<SwarmCatalog, "library" | "offered">} parts.catalog
   * @param {AbortSignal} parts.signal
   */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Ask the seeds that have not been asked lately, and again later as long as there are any. */
  look() {
    const { seeds, catalog, signal } = this.#parts;
    clearTimeout(this.#timer);
    if (signal.aborted) return;
    const now_ms = performance.now();
    const every_ms = catalog.library ? AGAIN_MS : SOON_MS;
    const here = seeds();
    for (const seed of here) {
      if (now_ms - (this.#asked.get(seed) ?? -Infinity) < every_ms) continue;
      this.#asked.set(seed, now_ms);
      void this.#ask(seed);
    }
    if (here.length) this.#timer = /** @type {any} */ (setTimeout(() => this.look(), every_ms));
  }

  /** @param {Seed} seed */
  async #ask(seed) {
    const { signal } = this.#parts;
    try {
      const answer = await seed.ask("heads", null, AbortSignal.any([signal, AbortSignal.timeout(ASK_TIMEOUT_MS)]));
      for (const record of headsRecords(answer)) await this.#take(record).catch(passOver);
    } catch (error) {
      passOver(error);
    }
  }

  /** @param {Uint8Array} record */
  async #take(record) {
    const { membership, catalog } = this.#parts;
    const { snapshot, heads } = await openHeads(await readHeads(record, membership.roster), membership.epochs);
    catalog.offered({ snapshot, heads, kept: true });
  }
}

/** One device's record that says nothing is no reason to pass over the others'. @param {unknown} error */
function passOver(error) {
  if (!(error instanceof WireError)) throw error;
}

// Where the music of the last month came from, counted in this browser and told to nobody.

import { read, write } from "./store_db.js";

const RECORD = "tally";
const DAYS = 30;
const DAY_MS = 86_400_000;
const SAVE_AFTER_MS = 5_000;

/** @typedef {"device" | "node" | "seed" | "relay"} Origin  device: it was here already; relay: from a computer, through a seed */
/** @typedef {Record<Origin, number>} Sums  bytes */

/** @returns {Sums} */
const nothing = () => ({ device: 0, node: 0, seed: 0, relay: 0 });

export class Tally {
  /** By the day since 1970. @type {Map<number, Sums>} */
  #days = new Map();
  #timer = 0;

  async load() {
    this.#days = new Map(/** @type {[number, Sums][] | undefined} */ (await read("self", RECORD)) ?? []);
  }

  /**
   * @param {Origin} origin
   * @param {number} size_bytes
   */
  add(origin, size_bytes) {
    const today = Math.floor(Date.now() / DAY_MS);
    const sums = this.#days.get(today) ?? nothing();
    sums[origin] = (sums[origin] ?? 0) + size_bytes;
    this.#days.set(today, sums);
    for (const day of this.#days.keys()) if (day <= today - DAYS) this.#days.delete(day);
    this.#timer ||= /** @type {any} */ (setTimeout(() => this.#save(), SAVE_AFTER_MS));
  }

  #save() {
    this.#timer = 0;
    // A count that is lost is no loss.
    write("self", RECORD, [...this.#days]).catch(() => {});
  }

  /** Write nothing any more. */
  end() {
    clearTimeout(this.#timer);
    this.#timer = -1;
  }

  /** @returns {Sums} */
  month() {
    const sums = nothing();
    for (const day of this.#days.values()) for (const origin of /** @type {Origin[]} */ (Object.keys(sums))) sums[origin] += day[origin] ?? 0;
    return sums;
  }
}

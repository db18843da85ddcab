// A queue that goes on by itself: asks for more when little is left.

/** @import {Track} from "./model.js" */

/** @typedef {() => Promise<readonly Track[]>} Refill  more of the same; none: it is over */

/** Topped up when fewer than these are left. */
const REFILL_BELOW = 8;

export class Refilling {
  /** @type {Refill | null} */
  #refill = null;
  #asking = false;
  #more;

  /** @param {(tracks: readonly Track[]) => void} more  takes what came */
  constructor(more) {
    this.#more = more;
  }

  /** @param {Refill | null} refill  null: the queue ends where it ends */
  begin(refill) {
    this.#refill = refill;
  }

  /** @param {number} left  entries from the current one on */
  topUp(left) {
    const refill = this.#refill;
    if (!refill || this.#asking || left > REFILL_BELOW) return;
    this.#asking = true;
    refill()
      .then((tracks) => {
        if (refill !== this.#refill) return;
        if (tracks.length) this.#more(tracks);
        else this.#refill = null;
      })
      .catch(() => {})
      .finally(() => (this.#asking = false));
  }
}

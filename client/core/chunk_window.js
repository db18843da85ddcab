// How many chunks to have under way: as much as comes in a third of a second, so that a way is full and a change of mind is cheap.

const FIRST = 12;
const MOST = 96;
const AHEAD_S = 0.35;
const MEASURE_S = 0.25;
/** A measure that took longer says nothing of the way: nothing was asked. */
const STALE_S = 2;

export class ChunkWindow {
  size = FIRST;
  #since_ms = 0;
  #chunks = 0;

  /** A chunk has come. @param {number} now_ms */
  came(now_ms) {
    this.#chunks++;
    const passed_s = (now_ms - this.#since_ms) / 1000;
    if (passed_s < MEASURE_S) return;
    const wanted = passed_s < STALE_S ? (this.#chunks / passed_s) * AHEAD_S * 2 : FIRST;
    this.size = Math.max(FIRST, Math.min(MOST, Math.round((this.size + wanted) / 2)));
    this.#since_ms = now_ms;
    this.#chunks = 0;
  }
}

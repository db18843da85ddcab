// When listening to a song has become a play of it.

/** What counts as heard: half of the song, or this much of a long one. */
const ENOUGH_MS = 4 * 60_000;
/** A longer step between two told positions is a jump, and what lies in it was not heard. */
const STEP_MOST_MS = 5_000;

export class PlayCount {
  #heard_ms = 0;
  #last_ms = 0;
  #counted = false;

  /** A song begins, perhaps the same one again. @param {number} position_ms */
  begin(position_ms) {
    this.#heard_ms = 0;
    this.#last_ms = position_ms;
    this.#counted = false;
  }

  /**
   * The song has come to `position_ms`. True once: when it has become a play.
   * @param {number} position_ms
   * @param {number} duration_ms
   */
  at(position_ms, duration_ms) {
    const step_ms = position_ms - this.#last_ms;
    this.#last_ms = position_ms;
    if (step_ms <= 0 || step_ms > STEP_MOST_MS || this.#counted || duration_ms <= 0) return false;
    this.#heard_ms += step_ms;
    this.#counted = this.#heard_ms >= Math.min(duration_ms / 2, ENOUGH_MS);
    return this.#counted;
  }
}

// Whether a song comes more slowly than it plays, so that it would fall silent. Pure: the clock is an argument.

/** With so much in memory nothing is in danger. */
const SAFE_MS = 4_000;
/** Growth is measured over at least so long. */
const MEASURED_MS = 1_500;
/** Of a second played, so much must come; a little less than all, for what is in memory bridges it. */
const ENOUGH = 0.9;
/** Sound that is due and not coming for so long will not come in time either. */
const SILENT_MS = 1_200;

export class Outrun {
  /** @type {{now_ms: number, buffered_ms: number} | null} */
  #since = null;
  #waiting_since_ms = -1;

  /** Another song, or another place in it. */
  begin() {
    this.#since = null;
    this.#waiting_since_ms = -1;
  }

  /**
   * True when the song won't keep up.
   * @param {{now_ms: number, position_ms: number, buffered_ms: number, duration_ms: number, waiting: boolean}} state
   */
  at({ now_ms, position_ms, buffered_ms, duration_ms, waiting }) {
    if (waiting) {
      if (this.#waiting_since_ms < 0) this.#waiting_since_ms = now_ms;
      return now_ms - this.#waiting_since_ms >= SILENT_MS;
    }
    this.#waiting_since_ms = -1;
    const whole = duration_ms > 0 && buffered_ms >= duration_ms - 500;
    if (whole || buffered_ms - position_ms >= SAFE_MS) {
      this.#since = null;
      return false;
    }
    this.#since ??= { now_ms, buffered_ms };
    const past_ms = now_ms - this.#since.now_ms;
    return past_ms >= MEASURED_MS && buffered_ms - this.#since.buffered_ms < past_ms * ENOUGH;
  }
}

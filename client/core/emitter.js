/**
 * A list of listeners, each gone when its signal aborts.
 * @template T
 */
export class Emitter {
  /** @type {Set<(event: T) => void>} */
  #listeners = new Set();

  /**
   * @param {(event: T) => void} listener
   * @param {AbortSignal} [signal]
   */
  on(listener, signal) {
    if (signal?.aborted) return;
    this.#listeners.add(listener);
    signal?.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** @param {T} event */
  emit(event) {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

/**
 * A map of bounded size that forgets what was used longest ago.
 * @template K, V
 */
export class RecentMap {
  /** @type {Map<K, V>} */
  #map = new Map();
  #most;

  /** @param {number} most  entries */
  constructor(most) {
    this.#most = most;
  }

  /** @param {K} key @returns {V | undefined} */
  get(key) {
    const value = this.#map.get(key);
    if (value === undefined) return undefined;
    this.#map.delete(key);
    this.#map.set(key, value);
    return value;
  }

  /** @param {K} key @param {V} value */
  set(key, value) {
    this.#map.delete(key);
    this.#map.set(key, value);
    if (this.#map.size > this.#most) this.#map.delete(/** @type {K} */ (this.#map.keys().next().value));
  }

  /** @param {K} key */
  delete(key) {
    this.#map.delete(key);
  }
}

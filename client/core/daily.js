const DAY_MS = 86_400_000;

/**
 * `count` different numbers below `limit` that are the same all day and others tomorrow (fewer when the limit is lower).
 * @param {number} count
 * @param {number} limit
 * @param {number} now_ms
 */
export function daily(count, limit, now_ms) {
  let state = Math.floor(now_ms / DAY_MS) >>> 0;
  /** @type {Set<number>} */
  const out = new Set();
  const wanted = Math.min(count, Math.floor(limit));
  while (out.size < wanted) {
    // Mulberry32, a small public-domain generator by Tommy Ettinger.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    out.add(((mixed ^ (mixed >>> 14)) >>> 0) % Math.floor(limit));
  }
  return [...out];
}

// A part whose code is fetched when it is first needed.

/**
 * An object whose methods, all of which give promises, load the real one and ask it. A load that fails is tried again.
 * @template {object} T
 * @param {() => Promise<T>} load
 * @param {readonly string[]} methods
 * @returns {T}
 */
export function later(load, methods) {
  /** @type {Promise<T> | null} */
  let loading = null;
  const part = () => (loading ??= load().catch((error) => { loading = null; throw error; }));
  return /** @type {T} */ (
    Object.fromEntries(methods.map((name) => [name, async (/** @type {unknown[]} */ ...given) => /** @type {any} */ (await part())[name](...given)]))
  );
}

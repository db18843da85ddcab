// What this browser remembers, in localStorage. A full or forbidden storage costs the memory, never the music.

const PREFIX = "songkeep.";

/**
 * @param {string} name
 * @returns {unknown}  null when nothing readable is there
 */
export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {string} name
 * @param {unknown} value  null forgets it
 */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Full, or refused in a private window.
  }
}

/** Forget everything the app remembers here. */
export function forgetAll() {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
  } catch {
    // Refused: then nothing was kept either.
  }
}

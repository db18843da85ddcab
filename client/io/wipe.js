// Nothing of a library stays in this browser. What is begun here and interrupted, the next start of the app finishes.

import { forgetAll, remember } from "./shelf.js";
import { CHUNK_FOLDER, eraseDatabase } from "./store_db.js";
import { COVER_CACHE } from "./swarm_covers.js";

/** Shelf: a wipe has begun, and nobody has seen it end. */
const WIPING = "wiping";
/** Another tab that doesn't let go holds up the rest for so long. */
const STEP_TIMEOUT_MS = 15_000;

/** The keys come last: with them lies the roster that says that this device must be wiped. @type {[string, () => Promise<unknown>][]} */
const STEPS = [
  ["the songs kept here", eraseChunks],
  ["covers and lyrics", () => caches.delete(COVER_CACHE)],
  ["this device’s keys and its list of music", eraseDatabase],
];

/** @typedef {"removed" | "forgotten"} Why  by another device of the library; by the person, here */

/**
 * Erase keys, catalog, songs, covers and all that was remembered.
 * @param {Why} why  what the next start tells, if this one is interrupted
 * @param {() => Promise<unknown>} [settle]  ends what still writes in this page
 * @returns {Promise<string[]>}  what couldn't be erased, in words for the person; empty: nothing is left
 */
export async function wipe(why, settle = async () => {}) {
  remember(WIPING, why);
  await settle().catch(() => {});
  /** @type {string[]} */
  const left = [];
  for (const [what, erase] of STEPS) await inTime(erase()).catch(() => left.push(what));
  forgetAll();
  if (left.length) remember(WIPING, why);
  return left;
}

async function eraseChunks() {
  // A browser without a private file system kept nothing in it.
  const disk = await navigator.storage.getDirectory?.().catch(() => null);
  await disk?.removeEntry(CHUNK_FOLDER, { recursive: true }).catch((error) => {
    if (error.name !== "NotFoundError") throw error;
  });
}

/** @param {Promise<unknown>} work */
function inTime(work) {
  return Promise.race([work, new Promise((_, reject) => setTimeout(() => reject(new Error("it takes too long")), STEP_TIMEOUT_MS))]);
}

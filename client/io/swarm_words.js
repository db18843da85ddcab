// Lyrics on a phone: asked of a computer that has the files, and kept beside the covers for when none is there.

import { readWords } from "../core/lyrics.js";
import { unpack } from "../core/msgpack.js";
import { SourceError } from "../core/source_error.js";
import { WireError } from "../core/wire_errors.js";
import { COVER_CACHE } from "./swarm_covers.js";

/** @import {Lyrics} from "../core/model.js" */
/** @import {Ask} from "./swarm_covers.js" */

const ASK_TIMEOUT_MS = 8_000;
const MAX_ANSWER_BYTES = 1 << 20;

/**
 * @param {Ask} ask
 * @param {string} track
 * @returns {Promise<Lyrics | null>}  null: it has none
 */
export async function wordsOf(ask, track) {
  const path = new URL(`words/${track}`, document.baseURI).href;
  const cache = await caches.open(COVER_CACHE);
  try {
    const answer = await ask("lyrics", { track }, ASK_TIMEOUT_MS);
    const words = readWords(unpack(answer, { max_bytes: MAX_ANSWER_BYTES }));
    await cache.put(path, Response.json(words));
    return words;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const kept = await cache.match(path);
    if (kept) return kept.json();
    throw new SourceError("offline", "The words are on your computer, which doesn’t answer now.");
  }
}

// Covers at the sizes that are shown: made small by a computer of the library, or here; kept for later.

import { WireError } from "../core/wire_errors.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {BlobRef} from "../core/crypto_blob.js" */
/** @import {Chunks} from "./swarm_chunks.js" */

/** Name of the browser's cache that the service worker looks into first. */
export const COVER_CACHE = "songkeep-covers";
/** A picture under this is fetched as it is. */
const SMALL_BYTES = 24 * 1024;
const AT_ONCE = 4;
const ASK_TIMEOUT_MS = 8_000;
const JPEG_QUALITY = 0.85;
/** A picture that doesn't come any more holds up nothing for longer. */
const FORGET_WAIT_MS = 1_000;

/** @typedef {{bytes: Bytes, mime: string}} Picture */
/** @typedef {(kind: string, body: unknown, timeout_ms: number) => Promise<Bytes>} Ask */

export class Covers {
  #chunks;
  #ask;
  /** @type {Map<string, Promise<Picture>>} */
  #underWay = new Map();
  /** What waits for its turn: the latest asked is what the person looks at now. @type {(() => void)[]} */
  #turns = [];
  #running = 0;
  /** @type {Set<Promise<void>>} */
  #writing = new Set();
  #forgotten = false;

  /**
   * @param {Chunks} chunks
   * @param {Ask} ask
   */
  constructor(chunks, ask) {
    this.#chunks = chunks;
    this.#ask = ask;
  }

  /**
   * @param {string} path  of the service worker, where it is kept
   * @param {{id: string, size_px: number, blob: BlobRef, mime: string}} cover
   * @returns {Promise<Picture>}
   */
  get(path, cover) {
    const known = this.#underWay.get(path);
    if (known) return known;
    const made = this.#inTurn(() => this.#fetch(cover));
    this.#underWay.set(path, made);
    const kept = made
      .then(({ bytes, mime }) => (this.#forgotten ? undefined : keep(path, bytes, mime)))
      .catch(() => {})
      .finally(() => {
        this.#underWay.delete(path);
        this.#writing.delete(kept);
      });
    this.#writing.add(kept);
    return made;
  }

  /** Forget every kept cover, and keep none that still comes. */
  async forget() {
    this.#forgotten = true;
    await Promise.race([Promise.all(this.#writing), new Promise((resolve) => setTimeout(resolve, FORGET_WAIT_MS))]);
    await caches.delete(COVER_CACHE);
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #inTurn(work) {
    if (this.#running >= AT_ONCE) await new Promise((resolve) => this.#turns.push(() => resolve(undefined)));
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#turns.pop()?.();
    }
  }

  /**
   * @param {{id: string, size_px: number, blob: BlobRef, mime: string}} cover
   * @returns {Promise<Picture>}
   */
  async #fetch({ id, size_px, blob, mime }) {
    if (blob.size_bytes > SMALL_BYTES) {
      try {
        return { bytes: await this.#ask("cover", { cover: id, size: size_px }, ASK_TIMEOUT_MS), mime: "image/jpeg" };
      } catch (error) {
        // No computer is there to make it small.
        if (!(error instanceof WireError)) throw error;
      }
    }
    const whole = await this.#chunks.readAll(blob);
    return (await shrunk(whole, mime, size_px)) ?? { bytes: whole, mime };
  }
}

/**
 * A smaller picture; null where it is small already, or the browser can't.
 * @param {Bytes} whole
 * @param {string} mime
 * @param {number} size_px
 * @returns {Promise<Picture | null>}
 */
async function shrunk(whole, mime, size_px) {
  try {
    const picture = await createImageBitmap(new Blob([whole], { type: mime }));
    const scale = size_px / Math.max(picture.width, picture.height);
    if (scale >= 1) return null;
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(picture.width * scale)), Math.max(1, Math.round(picture.height * scale)));
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const jpeg = await canvas.convertToBlob({ type: "image/jpeg", quality: JPEG_QUALITY });
    return { bytes: new Uint8Array(await jpeg.arrayBuffer()), mime: "image/jpeg" };
  } catch {
    return null;
  }
}

/**
 * @param {string} path
 * @param {Bytes} bytes
 * @param {string} mime
 */
async function keep(path, bytes, mime) {
  const cache = await caches.open(COVER_CACHE);
  const headers = { "Content-Type": mime, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'" };
  await cache.put(path, new Response(bytes, { headers }));
}

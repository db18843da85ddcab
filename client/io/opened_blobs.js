// The blobs that are being read, and what is here of them: opened in memory, or sealed in this device's store.

import { toBase32 } from "../core/bytes.js";
import { ReadBlob } from "../core/chunk_blob.js";
import { blobCipher } from "../core/crypto_blob.js";
import { Emitter } from "../core/emitter.js";
import { RecentMap } from "../core/recent_map.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {BlobRef} from "../core/crypto_blob.js" */
/** @import {Holder} from "./swarm_chunks.js" */

/**
 * @typedef {object} ChunkStore  Sealed chunks kept on this device. What it gives is opened, and so checked, like any other.
 * @property {(root: string) => Promise<Uint8Array>} held  one bit a chunk, the lowest first; may be shorter
 * @property {(root: string, index: number) => Promise<Bytes | null>} get
 * @property {(root: string, index: number, chunk: Bytes) => void} put
 * @property {() => Promise<void>} clear
 */

/** @typedef {ReadBlob<Holder>} Blob */

/** Opened chunks kept in memory: 24 MiB. */
const OPENED_KEPT = 1_536;
const BLOBS_KEPT = 64;

export class OpenedBlobs {
  /** Bytes were here already. @type {Emitter<number>} */
  found = new Emitter();
  /** Whose keys are ready. @type {Set<Blob>} */
  ready = new Set();

  #store;
  #isWished;
  /** The least recently read first. @type {Map<string, Promise<Blob>>} */
  #known = new Map();
  /** `${root}:${index}` -> plaintext. @type {RecentMap<string, Bytes>} */
  #opened = new RecentMap(OPENED_KEPT);

  /**
   * @param {ChunkStore} store
   * @param {(blob: Blob) => boolean} isWished  it stays although nobody reads it now
   */
  constructor(store, isWished) {
    this.#store = store;
    this.#isWished = isWished;
  }

  /** @param {BlobRef} ref @returns {Promise<Blob>} */
  of(ref) {
    const name = toBase32(ref.root);
    const known = this.#known.get(name);
    if (known) {
      this.#known.delete(name);
      this.#known.set(name, known);
      return known;
    }
    const made = (async () => {
      const blob = /** @type {Blob} */ (new ReadBlob(ref, name, await blobCipher(ref)));
      blob.markHeld(await this.#store.held(name).catch(() => new Uint8Array(0)));
      this.ready.add(blob);
      return blob;
    })();
    made.catch(() => this.#known.delete(name));
    this.#known.set(name, made);
    this.#dropOld();
    return made;
  }

  #dropOld() {
    for (const blob of this.ready) {
      if (this.#known.size <= BLOBS_KEPT) return;
      if (!blob.busy && !this.#isWished(blob)) this.#drop(blob);
    }
  }

  /** @param {Blob} blob */
  #drop(blob) {
    this.ready.delete(blob);
    this.#known.delete(blob.name);
  }

  /** Blobs were removed from the store. @param {readonly string[]} names  roots in base32 */
  async forget(names) {
    for (const name of names) {
      const blob = await this.#known.get(name)?.catch(() => null);
      if (blob) this.#drop(blob);
    }
  }

  /**
   * A chunk's plaintext, if it is here.
   * @param {Blob} blob
   * @param {number} index
   * @returns {Promise<Bytes | null>}
   */
  async opened(blob, index) {
    const known = this.#opened.get(`${blob.name}:${index}`);
    if (known || !blob.held.has(index)) return known ?? null;
    try {
      const sealed = await this.#store.get(blob.name, index);
      if (sealed) {
        const plain = await blob.cipher.openChunk(index, sealed);
        this.#opened.set(`${blob.name}:${index}`, plain);
        this.found.emit(sealed.length);
        return plain;
      }
    } catch {
      // Damaged on this device's disk: fetched again.
    }
    blob.held.delete(index);
    return null;
  }

  /**
   * A chunk came, and opened.
   * @param {Blob} blob
   * @param {number} index
   * @param {{plain: Bytes, sealed: Bytes}} chunk
   */
  put(blob, index, { plain, sealed }) {
    this.#opened.set(`${blob.name}:${index}`, plain);
    blob.held.add(index);
    blob.trouble = null;
    this.#store.put(blob.name, index, sealed);
  }
}

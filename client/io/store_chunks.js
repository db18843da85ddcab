// Sealed chunks on this device's disk (OPFS, through a worker). Where a browser has none, memory serves for this visit.

/** @import {Bytes} from "../core/bytes.js" */
/** @import {ChunkStore} from "./opened_blobs.js" */

/** Chunks that memory stands in for: 64 MiB. */
const MEMORY_CHUNKS = 4_096;

/** @import {Stored} from "../core/held_music.js" */

/** @implements {ChunkStore} */
export class StoredChunks {
  /** Blobs that were to stay, and that the browser cleared away. */
  lost_kept = 0;
  #worker;
  #next = 1;
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();

  constructor() {
    this.#worker = new Worker(new URL("./store_worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", ({ data: { id, value, error } }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error));
      else waiting?.resolve(value);
    });
    this.#worker.addEventListener("error", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the store of this browser can't be used"));
      this.#waiting.clear();
    });
  }

  /**
   * @param {string} op
   * @param {Record<string, unknown>} [about]
   * @param {Transferable[]} [give]
   * @returns {Promise<any>}
   */
  #ask(op, about = {}, give = []) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, op, ...about }, give);
    });
  }

  /** @type {ChunkStore["held"]} */
  held(root) {
    return this.#ask("held", { root });
  }

  /** @type {ChunkStore["get"]} */
  get(root, index) {
    return this.#ask("get", { root, index });
  }

  /** @type {ChunkStore["put"]} */
  put(root, index, chunk) {
    // A full disk costs the memory of this song, not the song.
    this.#ask("put", { root, index, chunk }, [chunk.buffer]).catch(() => {});
  }

  /** @returns {Promise<Stored[]>} */
  async list() {
    const { stored, lost_kept } = await this.#ask("list");
    this.lost_kept += lost_kept;
    return stored;
  }

  /** It is being read: it goes later than others. @param {string} root */
  touch(root) {
    this.#ask("touch", { root }).catch(() => {});
  }

  /** @param {string} root @returns {Promise<void>} */
  remove(root) {
    return this.#ask("remove", { root });
  }

  /**
   * Say that a blob is to stay, or may go when room is needed.
   * @param {string} root
   * @param {boolean} kept
   * @returns {Promise<void>}
   */
  keep(root, kept) {
    return this.#ask("keep", { root, kept });
  }

  /** Write what is still on its way. */
  settled() {
    return this.#ask("settled");
  }

  /** @type {ChunkStore["clear"]} */
  clear() {
    return this.#ask("clear");
  }
}

/** @implements {ChunkStore} */
export class MemoryChunks {
  lost_kept = 0;
  /** The oldest first. @type {Map<string, Bytes>} */
  #chunks = new Map();

  /** @type {ChunkStore["held"]} */
  async held(root) {
    const bits = new Uint8Array(MEMORY_CHUNKS);
    for (const key of this.#chunks.keys()) {
      const [name, index] = key.split(":");
      if (name === root) bits[Number(index) >> 3] |= 1 << (Number(index) & 7);
    }
    return bits;
  }

  /** @type {ChunkStore["get"]} */
  async get(root, index) {
    return this.#chunks.get(`${root}:${index}`) ?? null;
  }

  /** @type {ChunkStore["put"]} */
  put(root, index, chunk) {
    this.#chunks.set(`${root}:${index}`, chunk);
    if (this.#chunks.size > MEMORY_CHUNKS) this.#chunks.delete(/** @type {string} */ (this.#chunks.keys().next().value));
  }

  /** @type {ChunkStore["clear"]} */
  async clear() {
    this.#chunks.clear();
  }

  /** Nothing of it lasts, so there is nothing to keep a record of. @returns {Promise<Stored[]>} */
  async list() {
    return [];
  }

  touch() {}

  async remove() {}

  async keep() {}
}

/** Whether this browser has a disk for us. */
export async function openChunkStore() {
  try {
    await navigator.storage.getDirectory();
    const store = new StoredChunks();
    await store.list();
    return store;
  } catch {
    return new MemoryChunks();
  }
}

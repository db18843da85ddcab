// The worker beside store_chunks.js: one file a blob in the origin's private file system, chunk i at i times 16,384 bytes, and in
// the database a bit for each chunk that is there. Bits are written after bytes; what a crash leaves half done doesn't open and is
// fetched again.

import { CHUNK_BYTES } from "../core/crypto_labels.js";
import { CHUNK_FOLDER, erase, read, readAll, write } from "./store_db.js";

/** @typedef {{bits: Uint8Array, size_bytes: number, used_ms: number, kept: boolean}} BlobRecord */

/** Chunks to be written, by blob. @type {Map<string, Map<number, Uint8Array>>} */
const queued = new Map();
/** Work on each blob goes one after the other. @type {Map<string, Promise<unknown>>} */
const turns = new Map();

const folder = async () => (await navigator.storage.getDirectory()).getDirectoryHandle(CHUNK_FOLDER, { create: true });

/**
 * Alone with one blob's file, among this worker's work and that of other tabs.
 * @template T
 * @param {string} root
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
function alone(root, work) {
  const before = turns.get(root) ?? Promise.resolve();
  const mine = /** @type {Promise<T>} */ (before.catch(() => {}).then(() => navigator.locks.request(`songkeep-blob-${root}`, work)));
  turns.set(root, mine);
  void mine.catch(() => {}).then(() => {
    if (turns.get(root) === mine) turns.delete(root);
  });
  return mine;
}

/** @param {string} root @returns {Promise<BlobRecord>} */
const recordOf = async (root) => (await read("blobs", root)) ?? { bits: new Uint8Array(0), size_bytes: 0, used_ms: 0, kept: false };

/**
 * @param {Uint8Array} bits
 * @param {number} index
 */
const has = (bits, index) => ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;

/** @param {string} root */
async function writeQueued(root) {
  const chunks = queued.get(root);
  queued.delete(root);
  if (!chunks?.size) return;
  const record = await recordOf(root);
  const bits = new Uint8Array(Math.max(record.bits.length, (Math.max(...chunks.keys()) >> 3) + 1));
  bits.set(record.bits);
  const file = await (await folder()).getFileHandle(root, { create: true });
  const handle = await /** @type {any} */ (file).createSyncAccessHandle();
  try {
    for (const [index, chunk] of chunks) {
      if (handle.write(chunk, { at: index * CHUNK_BYTES }) !== chunk.length) throw new Error("the disk is full");
      if (!has(bits, index)) record.size_bytes += chunk.length;
      bits[index >> 3] |= 1 << (index & 7);
    }
    handle.flush();
  } finally {
    handle.close();
  }
  await write("blobs", root, { ...record, bits, used_ms: Date.now() });
}

/**
 * @param {string} root
 * @param {number} index
 * @returns {Promise<Uint8Array | null>}
 */
async function readChunk(root, index) {
  const waiting = queued.get(root)?.get(index);
  if (waiting) return waiting.slice();
  const file = await (await folder()).getFileHandle(root).catch(() => null);
  if (!file) return null;
  const part = (await file.getFile()).slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
  return new Uint8Array(await part.arrayBuffer());
}

/** @param {string} root */
async function removeBlob(root) {
  queued.delete(root);
  await erase("blobs", root);
  await (await folder()).removeEntry(root).catch(() => {});
}

/** @type {Record<string, (about: any) => Promise<unknown>>} */
const OPS = {
  held: async ({ root }) => {
    const { bits } = await recordOf(root);
    return bits;
  },
  get: ({ root, index }) => alone(root, () => readChunk(root, index)),
  put: ({ root, index, chunk }) => {
    const chunks = queued.get(root) ?? new Map();
    queued.set(root, chunks);
    chunks.set(index, chunk);
    // What comes while another write is under way goes along with the next.
    return chunks.size > 1 ? Promise.resolve() : alone(root, () => writeQueued(root));
  },
  keep: ({ root, kept }) => alone(root, async () => {
    const record = await recordOf(root);
    if (record.size_bytes) await write("blobs", root, { ...record, kept });
  }),
  touch: ({ root }) => alone(root, async () => {
    const record = await recordOf(root);
    if (record.size_bytes) await write("blobs", root, { ...record, used_ms: Date.now() });
  }),
  list: async () => {
    // First the records: a write makes its file before its record, so a record alone means that the browser cleared the file.
    const records = await readAll("blobs");
    const files = new Set();
    for await (const name of /** @type {any} */ (await folder()).keys()) files.add(name);
    const lost = records.filter(([root]) => !files.has(root));
    for (const [root] of lost) await erase("blobs", root);
    const stored = records.filter(([root]) => files.has(root)).map(([root, record]) => ({ root, ...record }));
    return { stored, lost_kept: lost.filter(([, { kept }]) => kept).length };
  },
  remove: ({ root }) => alone(root, () => removeBlob(root)),
  settled: () => Promise.allSettled([...turns.values()]),
  clear: async () => {
    for (const [root] of await readAll("blobs")) await alone(root, () => removeBlob(root));
    await (await navigator.storage.getDirectory()).removeEntry(CHUNK_FOLDER, { recursive: true }).catch(() => {});
  },
};

addEventListener("message", async ({ data: { id, op, ...about } }) => {
  try {
    postMessage({ id, value: await OPS[op](about) });
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : "the store failed" });
  }
});

// Sealing, which only tests do in JavaScript: a blob of any size, and holders that give its chunks as a test says.

import { concat } from "../../client/core/bytes.js";
import { aesKey, derive, sealAes, sha256 } from "../../client/core/crypto.js";
import { shapeOf } from "../../client/core/crypto_blob.js";
import { CHUNK_PLAIN_BYTES, LABEL_BLOB_CIPHER } from "../../client/core/crypto_labels.js";
import { unavailable } from "../../client/core/wire_errors.js";

/** A plaintext of that size and what it is sealed to. `name` tells blobs of one size apart. */
export async function sealedBlob(size_bytes, name = 1) {
  const plain = Uint8Array.from({ length: size_bytes }, (_, at) => (at * 13 + name) & 0xff);
  const key = new Uint8Array(32).fill(name);
  const both = await derive(key, LABEL_BLOB_CIPHER, undefined, 64);
  const cipher = await aesKey(both.subarray(0, 32));
  const { padded_bytes, chunks: count } = shapeOf(size_bytes);
  const padded = concat(plain, new Uint8Array(padded_bytes - size_bytes));
  const chunks = [];
  for (let index = 0; index < count; index++) {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setUint32(7, index);
    nonce[11] = index === count - 1 ? 1 : 0;
    chunks.push(await sealAes(cipher, nonce, padded.subarray(index * CHUNK_PLAIN_BYTES, (index + 1) * CHUNK_PLAIN_BYTES)));
  }
  const ref = { root: new Uint8Array(32).fill(name), key, commitment: both.slice(32), size_bytes, sha256: await sha256(plain) };
  return { ref, plain, chunks };
}

/** A device that gives chunks of blobs. `asked` lists every chunk that it was asked for, `given` those that it gave. */
export class FakeHolder {
  heard_at_ms = 0;
  asked = [];
  given = [];
  cancelled = 0;
  closed = false;
  fails = [];
  /** Nothing comes while true. */
  silent = false;
  /** What to give instead. */
  spoil = (chunk) => chunk;

  constructor(blobs, { delay_ms = 0, refuses = null } = {}) {
    this.blobs = new Map(blobs.map((blob) => [blob.ref.root[0], blob]));
    this.delay_ms = delay_ms;
    this.refuses = refuses;
  }

  close() {
    this.closed = true;
    for (const fail of this.fails) fail(unavailable("lost"));
  }

  async get({ root, first, count }, chunk, signal) {
    for (let index = first; index < first + count; index++) this.asked.push(`${root[0]}:${index}`);
    const blob = this.blobs.get(root[0]);
    if (this.refuses || !blob) throw this.refuses ?? unavailable("not held");
    const failed = new Promise((_, reject) => {
      this.fails.push(reject);
      signal.addEventListener("abort", () => {
        this.cancelled++;
        reject(unavailable("no longer wanted"));
      });
    });
    failed.catch(() => {});
    for (let index = first; index < first + count; index++) {
      await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, this.delay_ms))]);
      if (this.silent) await failed;
      this.given.push(`${root[0]}:${index}`);
      this.heard_at_ms = performance.now();
      chunk(index, this.spoil(blob.chunks[index].slice(), index));
    }
  }
}

/** A store in memory that can be looked into. */
export class FakeStore {
  chunks = new Map();
  async held(root) {
    const bits = new Uint8Array(64);
    for (const key of this.chunks.keys()) {
      const [name, index] = key.split(":");
      if (name === root) bits[index >> 3] |= 1 << (index & 7);
    }
    return bits;
  }
  async get(root, index) {
    return this.chunks.get(`${root}:${index}`) ?? null;
  }
  put(root, index, chunk) {
    this.chunks.set(`${root}:${index}`, chunk.slice());
  }
}

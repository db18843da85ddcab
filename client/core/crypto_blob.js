// Opening a blob: sizes, chunks and keys, as docs/FORMAT.md ("Blobs") says.

import { equal } from "./bytes.js";
import { aesKey, derive, openAes } from "./crypto.js";
import { CHUNK_PLAIN_BYTES, KEY_BYTES, LABEL_BLOB_CIPHER, MAX_BLOB_BYTES, MIN_PADDED_BYTES, TAG_BYTES } from "./crypto_labels.js";
import { damaged, refused } from "./wire_errors.js";

/** @import {Bytes} from "./bytes.js" */

/**
 * @typedef {object} BlobRef  All that opens one sealed blob. Secret: it holds the key.
 * @property {Bytes} root  32 bytes: its name
 * @property {Bytes} key
 * @property {Bytes} commitment
 * @property {number} size_bytes  of the plaintext
 * @property {Bytes} sha256  of the plaintext
 */

/**
 * Padmé (Nikitin et al., PoPETS 2019): at most 12 % more, never under 1,024.
 * @param {number} size_bytes
 */
export function paddedSize(size_bytes) {
  const size = Math.max(size_bytes, MIN_PADDED_BYTES);
  const exponent = Math.floor(Math.log2(size));
  // log2 may round up just below a power of two.
  const exact = 2 ** exponent > size ? exponent - 1 : exponent;
  const step = 2 ** (exact - (Math.floor(Math.log2(exact)) + 1));
  return Math.ceil(size / step) * step;
}

/** @typedef {{size_bytes: number, padded_bytes: number, chunks: number, sealed_bytes: number}} Shape */

/**
 * What follows from a plaintext's size alone.
 * @param {number} size_bytes
 * @returns {Shape}
 */
export function shapeOf(size_bytes) {
  const padded_bytes = paddedSize(size_bytes);
  const chunks = Math.ceil(padded_bytes / CHUNK_PLAIN_BYTES);
  return { size_bytes, padded_bytes, chunks, sealed_bytes: padded_bytes + chunks * TAG_BYTES };
}

/**
 * Chunk index of a plaintext offset.
 * @param {number} offset_bytes
 */
export const chunkOf = (offset_bytes) => Math.floor(offset_bytes / CHUNK_PLAIN_BYTES);

/** Opens the chunks of one blob; made by `blobCipher`. */
export class BlobCipher {
  #key;

  /**
   * @param {CryptoKey} key
   * @param {Shape} shape
   */
  constructor(key, shape) {
    this.#key = key;
    this.shape = shape;
  }

  /**
   * Sealed length of a chunk.
   * @param {number} index
   */
  sealedLength(index) {
    return Math.min(CHUNK_PLAIN_BYTES, this.shape.padded_bytes - index * CHUNK_PLAIN_BYTES) + TAG_BYTES;
  }

  /**
   * Plaintext of one chunk, without padding. Throws a WireError "damaged" if a single bit differs.
   * @param {number} index
   * @param {Uint8Array} sealed
   * @returns {Promise<Bytes>}
   */
  async openChunk(index, sealed) {
    const { chunks, size_bytes } = this.shape;
    if (!Number.isInteger(index) || index < 0 || index >= chunks) throw damaged(`this blob has no chunk ${index}`);
    if (sealed.length !== this.sealedLength(index)) throw damaged(`chunk ${index} has the wrong length`);
    const plain = await openAes(this.#key, chunkNonce(index, index === chunks - 1), sealed);
    return plain.subarray(0, Math.max(0, size_bytes - index * CHUNK_PLAIN_BYTES));
  }
}

/**
 * Index in 11 bytes, then 1 for the last chunk only: truncated, reordered, spliced and extended blobs don't open.
 * @param {number} index
 * @param {boolean} last
 */
function chunkNonce(index, last) {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(7, index);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/**
 * Throws a WireError "refused" if the key is not the one that the catalog committed to.
 * @param {{key: Uint8Array, size_bytes: number, commitment: Uint8Array}} ref
 */
export async function blobCipher({ key, size_bytes, commitment }) {
  if (!Number.isSafeInteger(size_bytes) || size_bytes < 0 || size_bytes > MAX_BLOB_BYTES) {
    throw refused("a blob of that size is outside what Songkeep handles");
  }
  const both = await derive(key, LABEL_BLOB_CIPHER, undefined, 2 * KEY_BYTES);
  if (!equal(both.subarray(KEY_BYTES), commitment)) throw refused("a blob's key is not the one that the catalog committed to");
  return new BlobCipher(await aesKey(both.subarray(0, KEY_BYTES)), shapeOf(size_bytes));
}

// The primitives that the format is composed of, from WebCrypto.

import { concat } from "./bytes.js";
import { KEY_BYTES, TAG_BYTES } from "./crypto_labels.js";
import { damaged, peerError } from "./wire_errors.js";

/** @import {Bytes} from "./bytes.js" */

const ZERO = new Uint8Array(1);
const HASH_BYTES = 32;

/** @param {Uint8Array} data @returns {Promise<Bytes>} */
export const sha256 = async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", /** @type {Bytes} */ (data)));

/**
 * HMAC-SHA256 (RFC 2104), 32 bytes.
 * @param {Uint8Array} key
 * @param {Uint8Array} message
 * @returns {Promise<Bytes>}
 */
export async function hmac(key, message) {
  // WebCrypto takes no empty key; one of zeros is the same key.
  const raw = /** @type {Bytes} */ (key.length ? key : new Uint8Array(HASH_BYTES));
  const imported = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, /** @type {Bytes} */ (message)));
}

/**
 * HKDF-Extract (RFC 5869), 32 bytes.
 * @param {Uint8Array} salt
 * @param {Uint8Array} secret
 */
export const hkdfExtract = (salt, secret) => hmac(salt, secret);

/**
 * HKDF-Expand (RFC 5869).
 * @param {Uint8Array} pseudoRandomKey
 * @param {Uint8Array} info
 * @param {number} length_bytes
 */
export async function hkdfExpand(pseudoRandomKey, info, length_bytes) {
  /** @type {Bytes} */
  let block = new Uint8Array(0);
  /** @type {Bytes[]} */
  const blocks = [];
  for (let number = 1; blocks.length * HASH_BYTES < length_bytes; number++) {
    block = await hmac(pseudoRandomKey, concat(block, info, Uint8Array.of(number)));
    blocks.push(block);
  }
  return concat(...blocks).slice(0, length_bytes);
}

/**
 * HKDF-SHA256 without salt.
 * @param {Uint8Array} secret
 * @param {Uint8Array} info
 * @param {number} [length_bytes]
 */
export const hkdf = async (secret, info, length_bytes = KEY_BYTES) =>
  hkdfExpand(await hkdfExtract(new Uint8Array(0), secret), info, length_bytes);

/**
 * A label, a zero byte and what it is about: how every use of a key is named.
 * @param {Uint8Array} label
 * @param {...Uint8Array} context
 */
export const labelled = (label, ...context) => concat(label, ZERO, ...context);

/**
 * The format's key derivation: HKDF-SHA256 without salt, info = label, a zero byte, context.
 * @param {Uint8Array} secret
 * @param {Uint8Array} label
 * @param {Uint8Array} [context]
 * @param {number} [length_bytes]
 */
export const derive = (secret, label, context = new Uint8Array(0), length_bytes = KEY_BYTES) => hkdf(secret, labelled(label, context), length_bytes);

/**
 * An AES-GCM key that can be used and not read again.
 * @param {Uint8Array} raw  16 or 32 bytes
 */
export const aesKey = (raw) => crypto.subtle.importKey("raw", /** @type {Bytes} */ (raw), "AES-GCM", false, ["encrypt", "decrypt"]);

/**
 * @param {CryptoKey} key
 * @param {Uint8Array} nonce  12 bytes
 * @param {Uint8Array} plain
 * @param {Uint8Array} [associated]
 * @returns {Promise<Bytes>}  16 bytes longer
 */
export async function sealAes(key, nonce, plain, associated) {
  return new Uint8Array(await crypto.subtle.encrypt(aesParams(nonce, associated), key, /** @type {Bytes} */ (plain)));
}

/**
 * Throws a WireError "damaged" when a single bit differs.
 * @param {CryptoKey} key
 * @param {Uint8Array} nonce
 * @param {Uint8Array} sealed
 * @param {Uint8Array} [associated]
 * @returns {Promise<Bytes>}
 */
export async function openAes(key, nonce, sealed, associated) {
  if (sealed.length < TAG_BYTES) throw damaged("sealed bytes are too short");
  try {
    return new Uint8Array(await crypto.subtle.decrypt(aesParams(nonce, associated), key, /** @type {Bytes} */ (sealed)));
  } catch {
    throw damaged("sealed bytes are not what was sealed");
  }
}

/**
 * @param {Uint8Array} nonce
 * @param {Uint8Array} [associated]
 */
const aesParams = (nonce, associated) => ({
  name: "AES-GCM",
  iv: /** @type {Bytes} */ (nonce),
  tagLength: TAG_BYTES * 8,
  ...(associated ? { additionalData: /** @type {Bytes} */ (associated) } : {}),
});

/**
 * Check an Ed25519 signature (RFC 8032) over a label, a zero byte and a message. Throws a WireError "peer".
 * @param {Uint8Array} member  public key, 32 bytes
 * @param {Uint8Array} label
 * @param {Uint8Array} message
 * @param {Uint8Array} signature  64 bytes
 */
export async function verify(member, label, message, signature) {
  const good = await crypto.subtle
    .importKey("raw", /** @type {Bytes} */ (member), "Ed25519", false, ["verify"])
    .then((key) => crypto.subtle.verify("Ed25519", key, /** @type {Bytes} */ (signature), labelled(label, message)))
    .catch(() => false);
  if (!good) throw peerError("a signature is not by the key that it names");
}

/** @param {number} length @returns {Bytes} */
export const random = (length) => crypto.getRandomValues(new Uint8Array(length));

/** What this browser would have to have and lacks; "" when it has all. */
export async function missingCrypto() {
  if (!globalThis.crypto?.subtle) return "a secure (https) address";
  try {
    await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    await crypto.subtle.generateKey("X25519", false, ["deriveBits"]);
  } catch {
    return "Ed25519 and X25519 cryptography";
  }
  return "";
}


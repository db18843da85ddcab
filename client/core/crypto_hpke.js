// HPKE in base mode (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-GCM, one message a context.

import { bigEndian, concat, utf8 } from "./bytes.js";
import { aesKey, hkdfExpand, hkdfExtract, openAes, sealAes } from "./crypto.js";
import { KEY_BYTES, NONCE_BYTES } from "./crypto_labels.js";
import { refused } from "./wire_errors.js";

/** @import {Bytes} from "./bytes.js" */

const NOTHING = new Uint8Array(0);
const VERSION = utf8("HPKE-v1");
const MODE_BASE = 0;
const KEM_X25519 = bigEndian(0x0020, 2);
const KDF_HKDF_SHA256 = bigEndian(0x0001, 2);

/** @typedef {{id: number, key_bytes: number}} Aead  RFC 9180, section 7.3 */
/** The one that the format uses. @type {Aead} */
export const AES_256_GCM = { id: 0x0002, key_bytes: 32 };
/** For the RFC's own test vectors. @type {Aead} */
export const AES_128_GCM = { id: 0x0001, key_bytes: 16 };

const KEM_SUITE = concat(utf8("KEM"), KEM_X25519);
/** @param {Aead} aead */
const suiteOf = (aead) => concat(utf8("HPKE"), KEM_X25519, KDF_HKDF_SHA256, bigEndian(aead.id, 2));

/**
 * @param {Uint8Array} suite
 * @param {Uint8Array} salt
 * @param {string} label
 * @param {Uint8Array} secret
 */
const labeledExtract = (suite, salt, label, secret) => hkdfExtract(salt, concat(VERSION, suite, utf8(label), secret));

/**
 * @param {Uint8Array} suite
 * @param {Uint8Array} key
 * @param {string} label
 * @param {Uint8Array} info
 * @param {number} length_bytes
 */
const labeledExpand = (suite, key, label, info, length_bytes) =>
  hkdfExpand(key, concat(bigEndian(length_bytes, 2), VERSION, suite, utf8(label), info), length_bytes);

/**
 * X25519 (RFC 7748); throws for a public key that gives an all-zero secret, as WebCrypto does.
 * @param {CryptoKey} secret
 * @param {Uint8Array} publicKey
 */
export async function diffieHellman(secret, publicKey) {
  const theirs = await crypto.subtle.importKey("raw", /** @type {Bytes} */ (publicKey), "X25519", false, []);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: theirs }, secret, KEY_BYTES * 8));
}

/**
 * @param {Uint8Array} shared  the Diffie-Hellman result
 * @param {Uint8Array} enc
 * @param {Uint8Array} recipient
 */
async function kemSecret(shared, enc, recipient) {
  const key = await labeledExtract(KEM_SUITE, NOTHING, "eae_prk", shared);
  return labeledExpand(KEM_SUITE, key, "shared_secret", concat(enc, recipient), KEY_BYTES);
}

/**
 * @param {Uint8Array} shared  the KEM's secret
 * @param {Uint8Array} info
 * @param {Aead} aead
 */
async function schedule(shared, info, aead) {
  const suite = suiteOf(aead);
  const pskHash = await labeledExtract(suite, NOTHING, "psk_id_hash", NOTHING);
  const infoHash = await labeledExtract(suite, NOTHING, "info_hash", info);
  const context = concat(Uint8Array.of(MODE_BASE), pskHash, infoHash);
  const secret = await labeledExtract(suite, shared, "secret", NOTHING);
  const key = await labeledExpand(suite, secret, "key", context, aead.key_bytes);
  const nonce = await labeledExpand(suite, secret, "base_nonce", context, NONCE_BYTES);
  return { key: await aesKey(key), nonce };
}

/**
 * @param {Uint8Array} recipient  public key, 32 bytes
 * @param {Uint8Array} info
 * @param {Uint8Array} plain
 * @param {{aead?: Aead, ephemeral?: CryptoKeyPair, associated?: Uint8Array}} [fixed]  only test vectors fix the ephemeral keys
 * @returns {Promise<Bytes>}  enc (32) and the ciphertext: 48 bytes longer than `plain`
 */
export async function hpkeSeal(recipient, info, plain, { aead = AES_256_GCM, ephemeral, associated = NOTHING } = {}) {
  const pair = ephemeral ?? /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("X25519", false, ["deriveBits"]));
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const shared = await kemSecret(await diffieHellman(pair.privateKey, recipient), enc, recipient);
  const { key, nonce } = await schedule(shared, info, aead);
  return concat(enc, await sealAes(key, nonce, plain, associated));
}

/**
 * Throws a WireError "refused" for anything that was not sealed to this key, or was altered.
 * @param {{secret: CryptoKey, public: Uint8Array}} recipient
 * @param {Uint8Array} info
 * @param {Uint8Array} sealed
 * @param {{aead?: Aead, associated?: Uint8Array}} [fixed]
 * @returns {Promise<Bytes>}
 */
export async function hpkeOpen(recipient, info, sealed, { aead = AES_256_GCM, associated = NOTHING } = {}) {
  try {
    const enc = sealed.slice(0, KEY_BYTES);
    const shared = await kemSecret(await diffieHellman(recipient.secret, enc), enc, recipient.public);
    const { key, nonce } = await schedule(shared, info, aead);
    return await openAes(key, nonce, sealed.subarray(KEY_BYTES), associated);
  } catch {
    throw refused("a sealed secret does not open with this device's key");
  }
}

// A receiving key for browsers whose database loses X25519 keys (WebKitGTK 2.50 reads null): it rests sealed with an AES key, which the
// database does hold and no script can read.

import { aesKey, openAes, random, sealAes } from "../core/crypto.js";
import { erase, read, write } from "./store_db.js";

/** @import {SealedKey} from "../core/crypto_keys.js" */

const PROBE = "probe";
/** Where the AES key of devices lies that were paired before it was kept beside what it seals. */
const COVER = "receive_cover";

/** Whether this browser's database gives back an X25519 key that was put into it. */
export async function keysLast() {
  const { privateKey } = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("X25519", false, ["deriveBits"]));
  try {
    await write("self", PROBE, { key: privateKey });
    return (await read("self", PROBE))?.key instanceof CryptoKey;
  } catch {
    return false;
  } finally {
    await erase("self", PROBE);
  }
}

/** @param {CryptoKey} key  an extractable one @returns {Promise<SealedKey>} */
export async function sealKey(key) {
  const cover = await aesKey(random(32));
  const nonce = random(12);
  return { cover, nonce, sealed: await sealAes(cover, nonce, new Uint8Array(await crypto.subtle.exportKey("pkcs8", key))) };
}

/** The key again, which no script can carry away. @param {SealedKey} sealed */
export async function openKey({ cover, nonce, sealed }) {
  const plain = await openAes(cover ?? /** @type {CryptoKey} */ (await read("self", COVER)), nonce, sealed);
  return crypto.subtle.importKey("pkcs8", plain, "X25519", false, ["deriveBits"]);
}

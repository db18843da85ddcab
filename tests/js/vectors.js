// The vectors that Python wrote (tests/vectors/make.py), and keys of fixed secrets, which only tests have.

import { readFileSync } from "node:fs";
import { fromHex } from "../../client/core/bytes.js";
import { MemberKeys } from "../../client/core/crypto_keys.js";

/** @param {string} name */
export const vectors = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));

/** PKCS #8 (RFC 8410) around a raw secret. */
const pkcs8 = (oidLast, secret) => fromHex(`302e020100300506032b65${oidLast}04220420${secret}`);

export const x25519 = (secret) => crypto.subtle.importKey("pkcs8", pkcs8("6e", secret), "X25519", true, ["deriveBits"]);
export const ed25519 = (secret) => crypto.subtle.importKey("pkcs8", pkcs8("70", secret), "Ed25519", true, ["sign"]);

/** A pair whose secret is known. */
export const x25519Pair = async (secret, publicHex) => ({
  privateKey: await x25519(secret),
  publicKey: await crypto.subtle.importKey("raw", fromHex(publicHex), "X25519", true, []),
});

/** @returns {Promise<MemberKeys>} */
export const memberKeys = async ({ sign_secret, receive_secret, sign, receive }) =>
  new MemberKeys({
    sign: await ed25519(sign_secret),
    receive: await x25519(receive_secret),
    sign_public: fromHex(sign),
    receive_public: fromHex(receive),
  });

/** The fault of the WireError that `attempt` throws. */
export async function faultOf(attempt) {
  try {
    await attempt();
  } catch (error) {
    if (error.name === "WireError") return error.fault;
    throw error;
  }
  return "none";
}

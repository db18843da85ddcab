// What a member says to a seed over HTTP to be let in (docs/PROTOCOL.md, "Seeds"): bytes in, values out.

import { equal } from "./bytes.js";
import { LABEL_SIGN_SEED } from "./crypto_labels.js";
import { pack, unpack } from "./msgpack.js";
import { peerError } from "./wire_errors.js";
import { boundedText, fixedBytes, list } from "./wire_fields.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {MemberKeys} from "./crypto_keys.js" */

const NONCE_BYTES = 32;
const MAX_CAPABILITY_CHARS = 400;
/** Of an answer that is read whole. */
export const MAX_ANSWER_BYTES = 65_536;

/** The bytes to sign, which are good once within a minute. Throws a WireError "peer". @param {Uint8Array} answer */
export const readChallenge = (answer) => fixedBytes(unpack(answer, { max_bytes: MAX_ANSWER_BYTES }), NONCE_BYTES, "a challenge");

/**
 * Body of a request for a capability.
 * @param {MemberKeys} keys
 * @param {{nonce: Uint8Array, host: string, library: Uint8Array}} session  `host` as it is dialled, with its port if that isn't the scheme's own
 * @returns {Promise<Bytes>}
 */
export async function sessionRequest(keys, { nonce, host, library }) {
  return pack([library, keys.id, nonce, await keys.sign(LABEL_SIGN_SEED, pack([nonce, host, "session", library]))]);
}

/**
 * The capability that the seed gave for that library. Throws a WireError "peer".
 * @param {Uint8Array} answer
 * @param {Uint8Array} library
 */
export function readSession(answer, library) {
  for (const opened of list(unpack(answer, { max_bytes: MAX_ANSWER_BYTES }), 0, "a session")) {
    const [its_library, capability] = list(opened, 2, "a session");
    if (equal(fixedBytes(its_library, 32, "a library"), library)) return boundedText(capability, MAX_CAPABILITY_CHARS, "a capability");
  }
  throw peerError("the seed let this device into another library");
}

// The roster's entries, read with every field bounded (docs/FORMAT.md, "Roster"). Keys are named by their base32, hashes by their hex.

import { equal, toBase32, toHex } from "./bytes.js";
import { sha256, verify } from "./crypto.js";
import { KEY_BYTES, LABEL_SIGN_ROSTER, SIGNATURE_BYTES, TAG_BYTES } from "./crypto_labels.js";
import { unpack } from "./msgpack.js";
import { MAX_ENTRY_BYTES } from "./roster.js";
import { peerError, refused, unknownFormat } from "./wire_errors.js";
import { boundedBytes, boundedText, fixedBytes, list, natural, textMap } from "./wire_fields.js";

/** @import {Bytes} from "./bytes.js" */

/** @typedef {"owner" | "player" | "recovery" | "seed"} Role */
/** @typedef {"found" | "admit" | "revoke" | "recovery_add" | "recovery_remove" | "settle"} Kind */
/** @typedef {[number, Bytes]} SealedSecret  an epoch's number, and its secret sealed to one member */

/**
 * @typedef {object} Newcomer  a member that an entry lets in
 * @property {string} id  base32 of `sign`
 * @property {Bytes} sign  Ed25519 public key
 * @property {Bytes} receive  X25519 public key
 * @property {Role} role
 * @property {SealedSecret[]} sealed
 * @property {string[]} addresses
 */

/**
 * @typedef {object} Departure  members that an entry puts out, and the epoch that begins without them
 * @property {string[]} gone
 * @property {number} epoch
 * @property {Map<string, SealedSecret>} secrets
 */

/**
 * @typedef {object} Entry  one entry whose form and signature were checked; whether its signer may, the chain tells
 * @property {Bytes} data  as it was signed
 * @property {Bytes} payload_hash
 * @property {string} hash
 * @property {string} previous  "" for the first
 * @property {number} seq
 * @property {string} signer
 * @property {Kind} kind
 * @property {Newcomer[]} newcomers
 * @property {Departure | null} departure
 */

const VERSION = 1;
export const MAX_ENTRIES = 11_000;
/** Of these: places for the first recovery key alone. */
export const KEPT_FOR_PHRASE = 1_000;
export const MAX_MEMBERS = 1_000;
const MAX_EPOCHS = 10_000;
const MAX_EPOCH_NUMBER = 2 ** 31;
const MAX_LOGS = 1_024;
const LOG_ID_BYTES = KEY_BYTES + 4;
const MAX_ADDRESSES = 16;
const MAX_ADDRESS_CHARS = 300;
const MAX_TIME_MS = 2 ** 48;
const SEALED_SECRET_BYTES = 32 + KEY_BYTES + TAG_BYTES;
const KINDS = ["found", "admit", "revoke", "recovery_add", "recovery_remove", "settle"];
const DEVICE_ROLES = ["owner", "player", "seed"];

/** @param {Role} role */
export const reads = (role) => role !== "seed";
/** @param {Role} role */
export const rules = (role) => role === "owner" || role === "recovery";
/** @param {Entry} entry */
export const revokes = ({ kind }) => kind === "revoke" || kind === "recovery_remove";
/** @param {Entry} entry */
export const admits = ({ kind }) => kind === "admit" || kind === "recovery_add";
/** Whether it is a recovery key that takes itself away. @param {Entry} entry */
export const putsOutSigner = ({ departure, signer }) => departure !== null && departure.gone.includes(signer);

/**
 * Check an entry by itself: form, bounds, signature. Throws a WireError.
 * @param {Uint8Array} data
 * @returns {Promise<Entry>}
 */
export async function readEntry(data) {
  const limits = { max_bytes: MAX_ENTRY_BYTES, floats: false };
  const outer = list(unpack(data, limits), 2, "a roster entry");
  const payload = boundedBytes(outer[0], MAX_ENTRY_BYTES, "a roster entry's payload");
  const signature = fixedBytes(outer[1], SIGNATURE_BYTES, "a roster entry's signature");
  const [version, previous, seq, time_ms, signer, kind, rawBody] = list(unpack(payload, limits), 7, "a roster entry's payload");
  if (version !== VERSION) throw unknownFormat(`a roster entry has a version that this program doesn't know; it knows ${VERSION}`);
  natural(time_ms, MAX_TIME_MS, "a roster entry's time");
  fixedBytes(signer, KEY_BYTES, "a roster entry's signer");
  const body = textMap(rawBody, "a roster entry's body");
  await verify(signer, LABEL_SIGN_ROSTER, payload, signature);
  if (!KINDS.includes(kind)) throw unknownFormat("a roster entry is of a kind that this program doesn't know");
  const first = previous instanceof Uint8Array && previous.length === 0;
  const payload_hash = await sha256(payload);
  return {
    data: /** @type {Bytes} */ (data),
    payload_hash,
    hash: toHex(payload_hash),
    previous: first ? "" : toHex(fixedBytes(previous, KEY_BYTES, "a roster entry's previous one")),
    seq: natural(seq, MAX_ENTRIES, "a roster entry's number"),
    signer: toBase32(signer),
    kind,
    newcomers: newcomersOf(kind, body),
    departure: kind === "settle" || kind === "revoke" || kind === "recovery_remove" ? departureOf(body) : null,
  };
}

/**
 * @param {Kind} kind
 * @param {Record<string, unknown>} body
 * @returns {Newcomer[]}
 */
function newcomersOf(kind, body) {
  if (kind === "found") {
    fixedBytes(body.nonce, 16, "a founding's nonce");
    return [newcomerOf(body.founder, "owner"), newcomerOf(body.recovery, "recovery")];
  }
  if (kind === "recovery_add") return [newcomerOf(body.member, "recovery")];
  if (kind !== "admit") return [];
  if (body.role === "recovery") throw peerError("a recovery key is not admitted as a device");
  if (!DEVICE_ROLES.includes(/** @type {string} */ (body.role))) throw unknownFormat("a roster entry gives a role that this program doesn't know");
  const given = body.addresses ?? [];
  if (!Array.isArray(given) || given.length > MAX_ADDRESSES) throw peerError("a member's addresses are not a short list");
  const addresses = given.map((address) => boundedText(address, MAX_ADDRESS_CHARS, "an address"));
  return [newcomerOf(body.member, /** @type {Role} */ (body.role), addresses)];
}

/**
 * @param {unknown} value
 * @param {Role} role
 * @param {string[]} [addresses]
 * @returns {Newcomer}
 */
function newcomerOf(value, role, addresses = []) {
  const fields = list(value, 3, "a roster member");
  const sign = fixedBytes(fields[0], KEY_BYTES, "a member's signing key");
  const receive = fixedBytes(fields[1], KEY_BYTES, "a member's receiving key");
  const sealed = sealedSecrets(fields[2]);
  if (!reads(role) && sealed.length) throw refused("a roster entry gives secrets to a seed");
  const inOrder = sealed[0]?.[0] === 1 && sealed.every(([number], at) => at === 0 || number > sealed[at - 1][0]);
  if (reads(role) && !inOrder) throw peerError("a roster entry does not seal the epochs to its newcomer, in their order");
  return { id: toBase32(sign), sign, receive, role, sealed, addresses };
}

/** @param {unknown} value @returns {SealedSecret[]} */
function sealedSecrets(value) {
  if (!Array.isArray(value) || value.length > MAX_EPOCHS) throw peerError("a roster entry's sealed secrets are not a list");
  return value.map((item) => {
    const [number, secret] = list(item, 2, "a sealed secret");
    return [natural(number, MAX_EPOCH_NUMBER, "an epoch's number"), fixedBytes(secret, SEALED_SECRET_BYTES, "a sealed secret")];
  });
}

/** @param {Record<string, unknown>} body @returns {Departure} */
function departureOf(body) {
  if (!Array.isArray(body.gone) || !body.gone.length || body.gone.length > MAX_MEMBERS) throw peerError("a revocation names nobody");
  const gone = body.gone.map((id) => fixedBytes(id, KEY_BYTES, "a revoked member"));
  const names = gone.map(toBase32);
  if (new Set(names).size !== names.length) throw peerError("a revocation names somebody twice");
  const epoch = natural(body.epoch, MAX_EPOCH_NUMBER, "an epoch's number");
  const secrets = departureSecrets(body.secrets, epoch);
  checkMap(body.heads ?? {}, gone, { most: MAX_LOGS, key_bytes: LOG_ID_BYTES, what: "a revocation's heads" });
  checkMap(body.lists ?? {}, gone, { most: MAX_MEMBERS, key_bytes: KEY_BYTES, what: "a revocation's lists" });
  return { gone: names, epoch, secrets };
}

/**
 * @param {unknown} value
 * @param {number} epoch
 */
function departureSecrets(value, epoch) {
  if (!Array.isArray(value) || value.length > MAX_MEMBERS) throw peerError("a revocation's secrets are not a list");
  /** @type {Map<string, SealedSecret>} */
  const secrets = new Map();
  for (const item of value) {
    const [member, sealed] = list(item, 2, "a revocation's secret");
    const id = toBase32(fixedBytes(member, KEY_BYTES, "a member"));
    const pairs = sealedSecrets(sealed);
    if (pairs.length !== 1 || pairs[0][0] !== epoch || secrets.has(id)) {
      throw peerError("a revocation seals another epoch than its own, or twice to one member");
    }
    secrets.set(id, pairs[0]);
  }
  return secrets;
}

/**
 * A map from what belongs to those gone to numbers. The phone has no use for it, but must not believe what others refuse.
 * @param {unknown} value
 * @param {Bytes[]} gone
 * @param {{most: number, key_bytes: number, what: string}} bounds
 */
function checkMap(value, gone, { most, key_bytes, what }) {
  const pairs = value instanceof Map ? [...value] : Object.entries(textMap(value, what));
  if (pairs.length > most) throw peerError(`${what} are not a short map`);
  for (const [key, number] of pairs) {
    const owner = fixedBytes(key, key_bytes, what).subarray(0, KEY_BYTES);
    if (!gone.some((id) => equal(id, owner))) throw refused(`${what} name somebody that it does not revoke`);
    natural(number, Number.MAX_SAFE_INTEGER, what);
  }
}

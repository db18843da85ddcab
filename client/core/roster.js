// The roster: the signed chain that says who belongs to a library (docs/FORMAT.md, "Roster"). A phone reads it; owners write it.

import { bigEndian, equal, toBase32 } from "./bytes.js";
import { sha256, verify } from "./crypto.js";
import { EpochKeys } from "./crypto_keys.js";
import { KEY_BYTES, LABEL_HPKE_EPOCH, LABEL_SIGN_ROSTER, SIGNATURE_BYTES, TAG_BYTES } from "./crypto_labels.js";
import { unpack } from "./msgpack.js";
import { peerError, refused, unknownFormat } from "./wire_errors.js";
import { boundedBytes, boundedText, fixedBytes, list, natural, textMap } from "./wire_fields.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {MemberKeys} from "./crypto_keys.js" */

/** @typedef {"owner" | "player" | "recovery" | "seed"} Role */
/** @typedef {[number, Bytes]} SealedSecret  an epoch's number, and its secret sealed to one member */

/**
 * @typedef {object} Member
 * @property {Bytes} sign  Ed25519 public key: its identifier
 * @property {Bytes} receive  X25519 public key
 * @property {Role} role
 * @property {number} admitted_seq  the smaller, the more senior
 * @property {readonly string[]} addresses  of a seed: where it answers, as URLs
 * @property {number | null} revoked_seq
 */

const VERSION = 1;
const MAX_ENTRIES = 10_000;
export const MAX_ENTRY_BYTES = 262_144;
const MAX_MEMBERS = 1_000;
const MAX_EPOCHS = 10_000;
const MAX_ADDRESSES = 16;
const MAX_ADDRESS_CHARS = 300;
const MAX_TIME_MS = 2 ** 48;
const SEALED_SECRET_BYTES = 32 + KEY_BYTES + TAG_BYTES;
const NO_HASH = new Uint8Array(0);

/** @param {Role} role */
const reads = (role) => role !== "seed";
/** @param {Role} role */
const rules = (role) => role === "owner" || role === "recovery";

/** Where a chain of entries stands after its last one. Made by `readRoster`. */
export class Roster {
  /** @type {readonly Bytes[]} */
  entries;
  /** SHA-256 of the first payload. @type {Bytes} */
  library;
  /** SHA-256 of the last payload. @type {Bytes} */
  head;
  epoch = 1;
  /** By the identifier in base32. @type {Map<string, Member>} */
  members = new Map();
  /** @type {Map<string, SealedSecret[]>} */
  sealed = new Map();

  /**
   * @param {readonly Bytes[]} entries
   * @param {Bytes} library
   */
  constructor(entries, library) {
    this.entries = entries;
    this.library = library;
    this.head = library;
  }

  /**
   * The active member with that key. Throws a WireError "refused" for anyone else, revoked ones included.
   * @param {Uint8Array} id
   */
  member(id) {
    const found = this.members.get(toBase32(id));
    if (!found) throw refused("this device is not a member of the library");
    if (found.revoked_seq !== null) throw refused("this device was revoked");
    return found;
  }

  /**
   * Active members, most senior first; of the given roles only, if any are given.
   * @param {...Role} roles
   */
  active(...roles) {
    return [...this.members.values()]
      .filter((member) => member.revoked_seq === null && (!roles.length || roles.includes(member.role)))
      .sort((a, b) => a.admitted_seq - b.admitted_seq);
  }

  /**
   * Every epoch that was sealed to `keys`, by number. Throws a WireError "refused" if one doesn't open.
   * @param {MemberKeys} keys
   * @returns {Promise<Map<number, EpochKeys>>}
   */
  async epochsFor(keys) {
    const opened = new Map();
    for (const [number, sealed] of this.sealed.get(toBase32(keys.id)) ?? []) {
      opened.set(number, new EpochKeys(number, await keys.openSealed(LABEL_HPKE_EPOCH, sealed, bigEndian(number, 4))));
    }
    return opened;
  }
}

/**
 * Check a whole chain: form, links, signatures and rights. Throws a WireError.
 * @param {readonly Uint8Array[]} entries
 */
export async function readRoster(entries) {
  if (entries.length < 1 || entries.length > MAX_ENTRIES) throw peerError("a roster has between 1 and 10,000 entries");
  /** @type {Roster | null} */
  let roster = null;
  for (const [seq, entry] of entries.entries()) roster = await step(roster, seq, entry, /** @type {readonly Bytes[]} */ (entries));
  return /** @type {Roster} */ (roster);
}

/**
 * `roster` after `entries`, a whole chain that a peer sent. Throws a WireError "refused" if that is older than what is known,
 * or forks from it; "peer" if it is broken.
 * @param {Roster} roster
 * @param {readonly Uint8Array[]} entries
 */
export async function extendRoster(roster, entries) {
  const known = roster.entries;
  if (entries.length < known.length) throw refused("an older roster than the known one was offered");
  if (!known.every((entry, seq) => equal(entry, entries[seq]))) throw refused("a roster that forks from the known one was offered");
  return entries.length === known.length ? roster : readRoster(entries);
}

/**
 * @param {Roster | null} roster  is moved on by one entry
 * @param {number} seq
 * @param {Uint8Array} entry
 * @param {readonly Bytes[]} entries
 */
async function step(roster, seq, entry, entries) {
  const limits = { max_bytes: MAX_ENTRY_BYTES, floats: false };
  const outer = list(unpack(entry, limits), 2, "a roster entry");
  const payload = boundedBytes(outer[0], MAX_ENTRY_BYTES, "a roster entry's payload");
  const signature = fixedBytes(outer[1], SIGNATURE_BYTES, "a roster entry's signature");
  const [version, previous, itsSeq, time_ms, signer, kind, rawBody] = list(unpack(payload, limits), 7, "a roster entry's payload");
  if (version !== VERSION) throw unknownFormat(`a roster entry has a version that this program doesn't know; it knows ${VERSION}`);
  natural(time_ms, MAX_TIME_MS, "a roster entry's time");
  fixedBytes(signer, KEY_BYTES, "a roster entry's signer");
  const follows = itsSeq === seq && previous instanceof Uint8Array && equal(previous, roster ? roster.head : NO_HASH);
  if (!follows) throw peerError(`roster entry ${seq} does not follow from the one before`);
  const body = textMap(rawBody, "a roster entry's body");
  await verify(signer, LABEL_SIGN_ROSTER, payload, signature);
  const head = await sha256(payload);
  if (!roster) {
    if (kind !== "found") throw peerError("a roster does not begin with its founding");
    return founded(new Roster(entries, head), body, signer);
  }
  const signing = roster.member(signer);
  if (!rules(signing.role)) throw refused(`roster entry ${seq} is by a member that may not change the roster`);
  if (kind === "admit") admitted(roster, body, seq);
  else if (kind === "revoke") revoked(roster, body, seq, signing);
  else throw unknownFormat(`roster entry ${seq} is of a kind that this program doesn't know`);
  roster.head = head;
  return roster;
}

/**
 * @param {unknown} value
 * @param {Role} role
 * @param {{epoch: number, seq: number, addresses?: string[]}} admission
 * @returns {{member: Member, sealed: SealedSecret[]}}
 */
function memberOf(value, role, { epoch, seq, addresses = [] }) {
  const fields = list(value, 3, "a roster member");
  const sign = fixedBytes(fields[0], KEY_BYTES, "a member's signing key");
  const receive = fixedBytes(fields[1], KEY_BYTES, "a member's receiving key");
  const sealed = sealedSecrets(fields[2]);
  const everyEpoch = sealed.length === epoch && sealed.every(([number], at) => number === at + 1);
  if (reads(role) && !everyEpoch) throw peerError("a roster entry does not seal every epoch to its newcomer");
  if (!reads(role) && sealed.length) throw refused("a roster entry gives secrets to a seed");
  return { member: { sign, receive, role, admitted_seq: seq, addresses, revoked_seq: null }, sealed };
}

/** @param {unknown} value @returns {SealedSecret[]} */
function sealedSecrets(value) {
  if (!Array.isArray(value) || value.length > MAX_EPOCHS) throw peerError("a roster entry's sealed secrets are not a list");
  return value.map((item) => {
    const [number, secret] = list(item, 2, "a sealed secret");
    return [natural(number, MAX_EPOCHS, "an epoch's number"), fixedBytes(secret, SEALED_SECRET_BYTES, "a sealed secret")];
  });
}

/**
 * @param {Roster} roster
 * @param {{member: Member, sealed: SealedSecret[]}} entry
 */
function enter(roster, { member, sealed }) {
  const id = toBase32(member.sign);
  roster.members.set(id, member);
  roster.sealed.set(id, sealed);
}

/**
 * @param {Roster} roster
 * @param {Record<string, unknown>} body
 * @param {Bytes} signer
 */
function founded(roster, body, signer) {
  fixedBytes(body.nonce, 16, "a founding's nonce");
  const founder = memberOf(body.founder, "owner", { epoch: 1, seq: 0 });
  const recovery = memberOf(body.recovery, "recovery", { epoch: 1, seq: 0 });
  if (!equal(founder.member.sign, signer) || equal(founder.member.sign, recovery.member.sign)) {
    throw peerError("a founding is signed by another key than its founder's");
  }
  enter(roster, founder);
  enter(roster, recovery);
  return roster;
}

/**
 * @param {Roster} roster
 * @param {Record<string, unknown>} body
 * @param {number} seq
 */
function admitted(roster, body, seq) {
  const role = /** @type {Role} */ (body.role);
  if (!["owner", "player", "recovery", "seed"].includes(role)) throw unknownFormat(`roster entry ${seq} gives a role that this program doesn't know`);
  if (role === "recovery") throw peerError("a recovery key is not admitted as a device");
  const given = body.addresses ?? [];
  if (!Array.isArray(given) || given.length > MAX_ADDRESSES) throw peerError("a member's addresses are not a short list");
  const addresses = given.map((address) => boundedText(address, MAX_ADDRESS_CHARS, "an address"));
  const newcomer = memberOf(body.member, role, { epoch: roster.epoch, seq, addresses });
  if (roster.members.has(toBase32(newcomer.member.sign))) throw peerError("a roster entry admits a key that was already admitted");
  if (roster.members.size >= MAX_MEMBERS) throw peerError("a roster has too many members");
  enter(roster, newcomer);
}

/**
 * @param {Roster} roster
 * @param {Record<string, unknown>} body
 * @param {number} seq
 * @param {Member} signing
 */
function revoked(roster, body, seq, signing) {
  const { gone } = body;
  if (!Array.isArray(gone) || !gone.length || gone.length > MAX_MEMBERS) throw peerError("a revocation names nobody");
  const leaving = new Set();
  for (const id of gone) {
    const target = roster.member(fixedBytes(id, KEY_BYTES, "a revoked member"));
    if (target.role === "recovery") throw refused("a recovery key is not revoked like a device");
    if (signing.role !== "recovery" && target.admitted_seq <= signing.admitted_seq) {
      throw refused("a device may revoke only devices that were admitted after it");
    }
    leaving.add(toBase32(target.sign));
  }
  const epoch = natural(body.epoch, MAX_EPOCHS, "an epoch's number");
  if (epoch !== roster.epoch + 1) throw peerError("a revocation does not begin the next epoch");
  const secrets = revocationSecrets(roster, body.secrets, leaving, epoch);
  for (const id of leaving) roster.members.set(id, { .../** @type {Member} */ (roster.members.get(id)), revoked_seq: seq });
  for (const [id, pairs] of secrets) roster.sealed.set(id, [...(roster.sealed.get(id) ?? []), ...pairs]);
  roster.epoch = epoch;
}

/**
 * The new epoch's secret for each who stays and reads, once each and for nobody else.
 * @param {Roster} roster
 * @param {unknown} given
 * @param {Set<string>} leaving
 * @param {number} epoch
 */
function revocationSecrets(roster, given, leaving, epoch) {
  if (!Array.isArray(given) || given.length > MAX_MEMBERS) throw peerError("a revocation's secrets are not a list");
  const expected = new Set(roster.active().filter(({ role }) => reads(role)).map(({ sign }) => toBase32(sign)));
  for (const id of leaving) expected.delete(id);
  /** @type {[string, SealedSecret[]][]} */
  const secrets = [];
  for (const item of given) {
    const [member, sealed] = list(item, 2, "a revocation's secret");
    const pairs = sealedSecrets(sealed);
    const id = member instanceof Uint8Array ? toBase32(member) : "";
    if (!expected.delete(id) || pairs.length !== 1 || pairs[0][0] !== epoch) {
      throw peerError("a revocation seals its epoch to somebody else, or twice");
    }
    secrets.push([id, pairs]);
  }
  if (expected.size) throw peerError("a revocation leaves a member without the new epoch");
  return secrets;
}

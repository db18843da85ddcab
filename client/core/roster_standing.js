// What one line of roster entries adds up to, entry by entry: members, their rights, the epoch. Other branches don't count.

import { compareRanks } from "./roster.js";
import { MAX_MEMBERS, reads, rules } from "./roster_entries.js";
import { peerError, refused } from "./wire_errors.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {Departure, Entry, Newcomer, Role, SealedSecret} from "./roster_entries.js" */

/** @typedef {[number, number, number]} Rank  order of seniority, the smaller the more senior */

/**
 * @typedef {object} Member
 * @property {Bytes} sign  Ed25519 public key: its identifier
 * @property {Bytes} receive  X25519 public key
 * @property {Role} role
 * @property {number} admitted_seq
 * @property {Rank} rank
 * @property {string} admission  hash of the entry that let it in
 * @property {readonly string[]} addresses  of a seed: where it answers, as URLs
 * @property {number | null} revoked_seq
 */

export const MAX_EPOCH_STEP = 1_000;
/** @type {Rank} */
const FIRST_RECOVERY_RANK = [-1, 0, 0];

/** Where things stand after one entry, along its own line. Never changed: each entry makes the next one. */
export class Standing {
  epoch = 0;
  /** By identifier, in the order of their admission. @type {ReadonlyMap<string, Member>} */
  members = new Map();
  /** @type {ReadonlyMap<string, SealedSecret[]>} */
  sealed = new Map();

  /**
   * @param {string} id
   * @returns {Member}
   */
  member(id) {
    const found = this.members.get(id);
    if (!found) throw refused("this device is not a member of the library");
    if (found.revoked_seq !== null) throw refused("this device was revoked");
    return found;
  }

  /**
   * @param {Entry} entry
   * @returns {Standing}
   */
  follow(entry) {
    if (entry.kind === "found") {
      if (this.members.size) throw peerError("a roster is founded twice");
      return founded(entry);
    }
    if (!this.members.size) throw peerError("a roster does not begin with its founding");
    const signing = this.member(entry.signer);
    if (!rules(signing.role)) throw refused(`roster entry ${entry.seq} is by a member that may not change the roster`);
    if (entry.departure) {
      for (const gone of entry.departure.gone) checkMayPutOut(entry.kind, signing, this.member(gone), this);
      return this.#without(entry.departure, entry.seq);
    }
    // A phrase stands just above the device that added it, or just below the phrase that did.
    const rank = /** @type {Rank} */ (entry.kind === "recovery_add" ? [signing.rank[0], 0, entry.seq] : [entry.seq, 1, 0]);
    return this.with(entry.newcomers[0], entry, rank);
  }

  /**
   * @param {Newcomer} newcomer
   * @param {Entry} entry
   * @param {Rank} rank
   */
  with({ id, sign, receive, role, sealed, addresses }, entry, rank) {
    if (this.members.has(id)) throw peerError("a roster entry admits a key that was already admitted");
    if (this.members.size >= MAX_MEMBERS) throw peerError("a roster has too many members");
    if (reads(role) && !sealed.some(([number]) => number === this.epoch)) {
      throw peerError("a roster entry does not seal the present epoch to its newcomer");
    }
    const member = { sign, receive, role, admitted_seq: entry.seq, rank, admission: entry.hash, addresses, revoked_seq: null };
    const after = new Standing();
    after.epoch = this.epoch;
    after.members = new Map(this.members).set(id, member);
    after.sealed = new Map(this.sealed).set(id, sealed);
    return after;
  }

  /**
   * @param {Departure} departure
   * @param {number} seq
   */
  #without({ gone, epoch, secrets }, seq) {
    if (epoch <= this.epoch || epoch > this.epoch + MAX_EPOCH_STEP) throw peerError("a revocation does not begin the next epoch");
    const members = new Map(this.members);
    for (const id of gone) members.set(id, { .../** @type {Member} */ (members.get(id)), revoked_seq: seq });
    const readers = [...members].filter(([, { role, revoked_seq }]) => revoked_seq === null && reads(role));
    if (readers.length !== secrets.size || !readers.every(([id]) => secrets.has(id))) {
      throw peerError("a revocation seals its epoch to somebody else, or leaves a member without it");
    }
    const sealed = new Map(this.sealed);
    for (const [id, secret] of secrets) sealed.set(id, [...(sealed.get(id) ?? []), secret]);
    return Object.assign(new Standing(), { epoch, members, sealed });
  }
}

/** @param {Entry} entry */
function founded(entry) {
  const [founder, recovery] = entry.newcomers;
  if (founder.id !== entry.signer || founder.id === recovery.id) throw peerError("a founding is signed by another key than its founder's");
  if (founder.sealed.length !== 1 || recovery.sealed.length !== 1) throw peerError("a founding begins with another epoch than the first");
  const empty = new Standing();
  empty.epoch = 1;
  return empty.with(founder, entry, [0, 1, 0]).with(recovery, entry, FIRST_RECOVERY_RANK);
}

/**
 * @param {string} kind
 * @param {Member} signing
 * @param {Member} target
 * @param {Standing} standing
 */
function checkMayPutOut(kind, signing, target, standing) {
  if (kind === "settle") return; // that another branch revoked them is checked where all branches are known
  if ((kind === "recovery_remove") !== (target.role === "recovery")) {
    throw refused("a recovery key is not revoked like a device, nor a device like a recovery key");
  }
  if (kind === "recovery_remove" && signing === target) {
    const left = [...standing.members.values()].filter(({ role, revoked_seq }) => role === "recovery" && revoked_seq === null);
    if (left.length < 2) throw refused("the last recovery key can't be removed");
  } else if (compareRanks(target.rank, signing.rank) <= 0) {
    throw refused("a member may revoke only those that it is senior to");
  }
}

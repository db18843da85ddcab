// The roster: who belongs to a library, and how two rosters become one (docs/FORMAT.md, "Roster"). A phone reads it; owners
// write it. node/wire/roster/chain.py does the same.

import { bigEndian, concat, equal, toBase32, toHex } from "./bytes.js";
import { sha256 } from "./crypto.js";
import { EpochKeys } from "./crypto_keys.js";
import { LABEL_HPKE_EPOCH, SIGNATURE_BYTES } from "./crypto_labels.js";
import { resolve } from "./roster_branches.js";
import { admits, MAX_ENTRIES, putsOutSigner, readEntry } from "./roster_entries.js";
import { compareRanks, MAX_EPOCH_STEP } from "./roster_standing.js";
import { peerError, refused, WireError } from "./wire_errors.js";

export { MAX_ENTRY_BYTES } from "./roster_entries.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {MemberKeys} from "./crypto_keys.js" */
/** @import {Resolved} from "./roster_branches.js" */
/** @import {Entry, Role, SealedSecret} from "./roster_entries.js" */
/** @import {Member} from "./roster_standing.js" */

/** Kept of what revoked members sign; more of it is passed over, else they could fill the roster for ever. */
const MAX_VOID_ENTRIES = 128;
const MAX_VOID_BYTES = 512 * 1024;

/** What all known entries come to. Made by `readRoster`; never changed. */
export class Roster {
  /**
   * @param {Entry[]} known  of every branch, each after the one it follows
   * @param {Resolved} resolved
   * @param {Bytes} digest
   */
  constructor(known, { line, standing, revocations, aside, void_entries }, digest) {
    const last = line[line.length - 1];
    this.known = known;
    /** As they were signed. @type {readonly Bytes[]} */
    this.entries = known.map(({ data }) => data);
    this.library = line[0].payload_hash;
    /** Hash of the last entry that stands; the next one follows it. */
    this.head = last.payload_hash;
    this.seq = last.seq;
    this.epoch = standing.epoch;
    /** The same for everyone who knows the same entries. */
    this.digest = digest;
    this.void_entries = void_entries;
    /** By the identifier in base32. @type {Map<string, Member>} */
    this.members = new Map(standing.members);
    /** @type {Map<string, SealedSecret[]>} */
    this.sealed = withAside(standing.sealed, aside);
    /** Revoked on another branch alone, so that they have the present epoch's secret. @type {Bytes[]} */
    this.unsettled = [];
    for (const [gone, by] of revocations) {
      const member = this.members.get(gone);
      if (!member || member.revoked_seq !== null) continue;
      this.members.set(gone, { ...member, revoked_seq: by[0].seq });
      this.unsettled.push(member.sign);
    }
    this.unsettled.sort((a, b) => (toHex(a) < toHex(b) ? -1 : 1));
    /** Admissions on branches that don't stand. */
    this.lost = aside.filter((entry) => {
      const newcomer = admits(entry) ? entry.newcomers[0].id : "";
      return newcomer && !this.members.has(newcomer) && !revocations.has(newcomer);
    });
    /** A number that no branch has used. */
    this.next_epoch = freeNumber(this.epoch, new Set(known.flatMap(({ departure }) => (departure ? [departure.epoch] : []))));
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
      .sort((a, b) => compareRanks(a.rank, b.rank));
  }

  /**
   * Every epoch secret that was sealed to `keys` and opens, by number. One that doesn't was sealed by a member that means harm.
   * @param {MemberKeys} keys
   * @returns {Promise<Map<number, EpochKeys>>}
   */
  async epochsFor(keys) {
    const opened = new Map();
    for (const [number, sealed] of this.sealed.get(toBase32(keys.id)) ?? []) {
      try {
        opened.set(number, new EpochKeys(number, await keys.openSealed(LABEL_HPKE_EPOCH, sealed, bigEndian(number, 4))));
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    }
    return opened;
  }
}

/**
 * Check all entries of a roster: form, links, signatures and rights; find what stands if it has forked. Throws a WireError.
 * @param {readonly Uint8Array[]} entries
 */
export const readRoster = (entries) => readKnowing(entries, []);

/**
 * What `roster` and a whole roster that a peer sent come to together; `roster` if there is nothing new. Throws a WireError
 * "refused" if the other one is only older, or another library's; "peer" if it is broken.
 * @param {Roster} roster
 * @param {readonly Uint8Array[]} entries
 */
export async function extendRoster(roster, entries) {
  const offered = await readKnowing(entries, roster.known);
  if (!equal(offered.library, roster.library)) throw refused("a roster of another library was offered");
  const fresh = news(roster, offered);
  if (!fresh.length) {
    if (offered.entries.length < roster.entries.length) throw refused("an older roster than the known one was offered: nothing in it is news");
    return roster;
  }
  return withoutSurplus(roster, await made([...roster.known, ...fresh]));
}

/**
 * Entries that are not known here, but for those of phrases that had taken themselves away as far as is known: nobody outranks
 * a phrase but itself, so this alone goes by what was known first.
 * @param {Roster} roster
 * @param {Roster} offered
 */
function news(roster, offered) {
  const hashes = new Set(roster.known.map(({ hash }) => hash));
  const away = new Set(roster.known.filter((entry) => putsOutSigner(entry) && !roster.void_entries.has(entry.hash)).map(({ signer }) => signer));
  const passed = new Set();
  return offered.known.filter(({ hash, signer, previous }) => {
    if (hashes.has(hash)) return false;
    if (!away.has(signer) && !passed.has(previous)) return true;
    passed.add(hash);
    return false;
  });
}

/**
 * @param {readonly Uint8Array[]} entries
 * @param {readonly Entry[]} known  need no second look
 */
async function readKnowing(entries, known) {
  if (entries.length < 1 || entries.length > MAX_ENTRIES) throw peerError("a roster has between 1 and 10,000 entries");
  /** By their signature, which is what an entry ends with. */
  const before = new Map(known.map((entry) => [toHex(entry.data.subarray(-SIGNATURE_BYTES)), entry]));
  /** @type {Entry[]} */
  const read = [];
  for (const data of entries) {
    const found = before.get(toHex(data.subarray(-SIGNATURE_BYTES)));
    read.push(found && equal(found.data, data) ? found : await readEntry(data));
  }
  return made(read);
}

/** @param {Entry[]} known */
async function made(known) {
  if (known.length > MAX_ENTRIES) throw peerError("a roster has between 1 and 10,000 entries");
  const resolved = resolve(known);
  const hashes = known.map(({ hash, payload_hash }) => ({ hash, payload_hash })).sort((a, b) => (a.hash < b.hash ? -1 : 1));
  return new Roster(known, resolved, await sha256(concat(...hashes.map(({ payload_hash }) => payload_hash))));
}

/**
 * `after`, unless revoked members make it grow without end: then without what is new of theirs.
 * @param {Roster} before
 * @param {Roster} after
 */
async function withoutSurplus(before, after) {
  const nothing = after.known.filter(({ hash }) => after.void_entries.has(hash));
  const size = nothing.reduce((sum, { data }) => sum + data.length, 0);
  if (nothing.length <= MAX_VOID_ENTRIES && size <= MAX_VOID_BYTES) return after;
  const had = new Set(before.known.map(({ hash }) => hash));
  const dropped = new Set(nothing.filter(({ hash }) => !had.has(hash)).map(({ hash }) => hash));
  const kept = after.known.filter(({ hash, previous }) => {
    if (!dropped.has(hash) && !dropped.has(previous)) return true;
    dropped.add(hash);
    return false;
  });
  return kept.length === before.known.length ? before : made(kept);
}

/**
 * Epochs of a branch that doesn't stand stay readable, as far as their numbers are not taken.
 * @param {ReadonlyMap<string, SealedSecret[]>} standing
 * @param {Entry[]} aside
 */
function withAside(standing, aside) {
  const sealed = new Map(standing);
  for (const { departure } of aside) {
    for (const [id, secret] of departure?.secrets ?? []) {
      const have = sealed.get(id);
      if (have && !have.some(([number]) => number === secret[0])) sealed.set(id, [...have, secret].sort((a, b) => a[0] - b[0]));
    }
  }
  return sealed;
}

/**
 * @param {number} epoch
 * @param {Set<number>} taken
 */
function freeNumber(epoch, taken) {
  for (let number = epoch + 1; number <= epoch + MAX_EPOCH_STEP; number++) if (!taken.has(number)) return number;
  return epoch + 1;
}

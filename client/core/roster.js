// The roster as far as this device knows it: who belongs to a library, and in which epoch it is. What reads and joins rosters
// (roster_reading.js) is fetched when there is something to read: what was kept has been checked.

import { bigEndian, toBase32 } from "./bytes.js";
import { EpochKeys } from "./crypto_keys.js";
import { LABEL_HPKE_EPOCH } from "./crypto_labels.js";
import { refused, WireError } from "./wire_errors.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {MemberKeys} from "./crypto_keys.js" */
/** @import {Role, SealedSecret} from "./roster_entries.js" */
/** @import {Member, Rank} from "./roster_standing.js" */

export const MAX_ENTRY_BYTES = 262_144;

/**
 * @typedef {object} RosterState  What all known entries come to; may be kept as it is.
 * @property {readonly Bytes[]} entries  as they were signed, of every branch, each after the one it follows
 * @property {Bytes} library
 * @property {Bytes} head  hash of the last entry that stands; the next one follows it
 * @property {number} seq  of that entry
 * @property {number} epoch
 * @property {number} next_epoch  a number that no branch has used
 * @property {Bytes} digest  the same for everyone who knows the same entries
 * @property {Map<string, Member>} members  by the identifier in base32
 * @property {Map<string, SealedSecret[]>} sealed
 * @property {string[]} lost  hashes of admissions on branches that don't stand
 * @property {Bytes[]} unsettled  revoked on another branch alone, so that they have the present epoch's secret
 * @property {string[]} void_entries  hashes of what counts for nothing
 */

/**
 * @param {Rank} a
 * @param {Rank} b
 */
export const compareRanks = (a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

/** Made by `readRoster`, or from a state that was kept; never changed. */
export class Roster {
  /** @param {RosterState} state */
  constructor(state) {
    this.state = state;
    this.entries = state.entries;
    this.library = state.library;
    this.head = state.head;
    this.epoch = state.epoch;
    this.digest = state.digest;
    this.members = state.members;
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
    for (const [number, sealed] of this.state.sealed.get(toBase32(keys.id)) ?? []) {
      try {
        opened.set(number, new EpochKeys(number, await keys.openSealed(LABEL_HPKE_EPOCH, sealed, bigEndian(number, 4))));
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    }
    return opened;
  }
}

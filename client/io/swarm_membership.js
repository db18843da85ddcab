// This device's place in its library: keys, roster, epochs, and where its rooms are. Kept in IndexedDB.

import { equal, toBase32 } from "../core/bytes.js";
import { MemberKeys } from "../core/crypto_keys.js";
import { Emitter } from "../core/emitter.js";
import { Roster } from "../core/roster.js";
import { nextCounter } from "../core/envelope.js";
import { read, rewrite, write } from "./store_db.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {EpochKeys, KeptKeys} from "../core/crypto_keys.js" */
/** @import {RosterState} from "../core/roster.js" */

/**
 * @typedef {object} Kept
 * @property {KeptKeys} keys
 * @property {Bytes[]} entries  the roster's
 * @property {RosterState} [roster]  what they come to, checked when they came
 * @property {string[]} trackers  WebSocket addresses
 * @property {Record<string, string[]>} [told]  computer in base32 -> the trackers that it said last
 * @property {string} name  of this device
 */

const RECORD = "membership";

export class Membership {
  /** Emitted when the roster grew. @type {Emitter<void>} */
  changed = new Emitter();
  /** @type {ReadonlyMap<number, EpochKeys>} */
  epochs = new Map();
  #counter = 0;

  /**
   * @param {MemberKeys} keys
   * @param {Roster} roster
   * @param {Pick<Kept, "trackers" | "told" | "name">} about
   */
  constructor(keys, roster, { trackers, told = {}, name }) {
    this.keys = keys;
    this.roster = roster;
    this.trackers = trackers;
    this.told = told;
    this.name = name;
  }

  /** What an earlier visit kept; null when this browser is not paired. @returns {Promise<Membership | null>} */
  static async load() {
    const kept = /** @type {Kept | undefined} */ (await read("self", RECORD));
    if (!kept) return null;
    const { receive_sealed } = kept.keys;
    const keys = receive_sealed ? { ...kept.keys, receive: await (await import("./sealed_key.js")).openKey(receive_sealed) } : kept.keys;
    const membership = new Membership(new MemberKeys(keys), await rosterOf(kept), kept);
    await membership.#openEpochs();
    return membership;
  }

  /**
   * Become a member, for good.
   * @param {MemberKeys} keys
   * @param {Roster} roster
   * @param {{trackers: string[], name: string}} about
   */
  static async begin(keys, roster, about) {
    const membership = new Membership(keys, roster, about);
    await membership.#openEpochs();
    await membership.#keep();
    return membership;
  }

  get id() {
    return this.keys.id;
  }

  get library() {
    return this.roster.library;
  }

  /** Whether the library has let this device go. */
  get revoked() {
    return this.roster.members.get(toBase32(this.id))?.revoked_seq !== null;
  }

  /** The roster's; if this device was given nothing that opens, the newest before it. @returns {EpochKeys} */
  get epoch() {
    const newest = this.epochs.get(Math.max(...[...this.epochs.keys()].filter((number) => number <= this.roster.epoch)));
    if (!newest) throw new Error("a member without an epoch");
    return newest;
  }

  /** Number for the next message: it rises over restarts and over all rooms. */
  nextCounter() {
    return (this.#counter = nextCounter(this.#counter, Date.now()));
  }

  /**
   * Take in what somebody else knows of the roster. Throws a WireError for one that is only older, or broken.
   * @param {readonly Uint8Array[]} entries
   */
  async learn(entries) {
    const { extendRoster } = await import("../core/roster_reading.js");
    const roster = await extendRoster(this.roster, entries);
    if (roster === this.roster) return;
    this.roster = roster;
    await this.#openEpochs();
    await this.#change({ entries: [...roster.entries], roster: roster.state });
  }

  /**
   * Meet the other devices at these trackers too, and at no others.
   * @param {string[]} trackers  WebSocket addresses
   * @param {Record<string, string[]>} [told]  what computers said of theirs
   */
  async meetAt(trackers, told = this.told) {
    this.trackers = trackers;
    this.told = told;
    await this.#change({ trackers, told });
  }

  /** @param {Partial<Kept>} what */
  async #change(what) {
    const same = await rewrite("self", RECORD, (/** @type {Kept | undefined} */ kept) => (kept && equal(kept.keys.sign_public, this.id) ? { ...kept, ...what } : undefined));
    // Another tab forgot this device, or paired it anew: this page is of what is no more.
    if (same) this.changed.emit();
    else location.reload();
  }

  async #openEpochs() {
    this.epochs = await this.roster.epochsFor(this.keys);
  }

  #keep() {
    const { receive, ...keys } = this.keys.kept;
    /** @type {Kept} */
    const kept = { keys: /** @type {KeptKeys} */ (keys.receive_sealed ? keys : { ...keys, receive }), entries: [...this.roster.entries], roster: this.roster.state, trackers: this.trackers, name: this.name };
    return write("self", RECORD, kept);
  }
}

/** @param {Kept} kept */
async function rosterOf({ entries, roster }) {
  if (roster) return new Roster(roster);
  const { readRoster } = await import("../core/roster_reading.js");
  return readRoster(entries);
}

// Who is reachable: the rooms of the library, who is in them, and a connection to each that gives music.

import { equal, toBase32, toHex } from "../core/bytes.js";
import { random } from "../core/crypto.js";
import { Emitter } from "../core/emitter.js";
import { WireError } from "../core/wire_errors.js";
import { boundedText, fixedBytes, list, textMap } from "../core/wire_fields.js";
import { blobRefOf, headsOf } from "../core/catalog_values.js";
import { Peer } from "./peer.js";
import { Room } from "./room.js";
import { recall, remember } from "./shelf.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {Message} from "../core/envelope.js" */
/** @import {BlobRef} from "../core/crypto_blob.js" */
/** @import {Way} from "../core/source.js" */
/** @import {Holder} from "./swarm_chunks.js" */
/** @import {Detour} from "./detours.js" */
/** @import {Membership} from "./swarm_membership.js" */

export const MAX_ROOMS = 8;
const MAX_SDP_CHARS = 32_768;
const RETRY_FIRST_MS = 1_500;
const RETRY_LONGEST_MS = 60_000;
/** A direct way that has not opened by then probably never will: one through a server is made beside it. */
const DETOUR_AFTER_MS = 3_000;
/** One that ended is made anew, if there is still no direct way. */
const DETOUR_AGAIN_MS = 1_000;

/**
 * @typedef {object} Presence  What a device says of itself.
 * @property {string} name
 * @property {string} role  "node" or "phone"
 * @property {boolean} asleep
 * @property {number} time_ms  when it said so, by its clock
 * @property {BlobRef | null} snapshot  of the catalog
 * @property {ReadonlyMap<string, number>} heads  log in base32 -> number of its last batch
 */

/**
 * @typedef {object} Link  One device that gives music, and how we stand with it.
 * @property {Bytes} member
 * @property {Peer | null} peer
 * @property {Detour | null} detour  the way through a server, while there is no direct one
 * @property {boolean} direct  a direct way is being tried, or there is one; false: a seed that is in no room that was joined
 * @property {string} session  hex
 * @property {number} retry_ms
 * @property {number} timer
 * @property {number} detour_timer
 */

export class Swarm {
  /** A connection opened or closed, or who is here changed. @type {Emitter<void>} */
  changed = new Emitter();
  /** A device said something new of itself. @type {Emitter<{member: Bytes, presence: Presence}>} */
  told = new Emitter();
  /** By the member in base32. @type {Map<string, Presence>} */
  presences = new Map();

  #membership;
  /** @type {Room[]} */
  #rooms = [];
  /** @type {Map<string, Link>} */
  #links = new Map();
  /** A connection that gathers its candidates before anybody is there to offer it to. @type {Peer | null} */
  #spare = null;
  /** @type {() => Record<string, unknown>} */
  #about;

  /**
   * @param {Membership} membership
   * @param {() => Record<string, unknown>} about  what this device adds to its presence
   */
  constructor(membership, about) {
    this.#membership = membership;
    this.#about = about;
  }

  /** Join the rooms and stay, until the signal aborts. @param {AbortSignal} signal */
  open(signal) {
    const join = () => {
      const before = this.#rooms;
      this.#rooms = this.#bases().map((base) => before.find((room) => room.base === base) ?? this.#room(base, signal));
      for (const room of before) if (!this.#rooms.includes(room)) room.close();
    };
    join();
    this.#membership.changed.on(join, signal);
    this.#spare = new Peer(lastStun());
    signal.addEventListener("abort", () => {
      for (const link of this.#links.values()) this.#drop(link);
      this.#spare?.close();
    });
  }

  /** Trackers that were named at pairing, and the library's seeds. */
  #bases() {
    const seeds = this.#membership.roster.active("seed").flatMap(({ addresses }) => addresses.map((url) => url.replace(/^http/, "ws")));
    const usable = [...this.#membership.trackers, ...seeds].filter((url) => URL.canParse(url) && isUsable(url));
    return [...new Set(usable.map((url) => url.replace(/\/+$/, "")))].slice(0, MAX_ROOMS);
  }

  /**
   * @param {string} base
   * @param {AbortSignal} signal
   */
  #room(base, signal) {
    const room = new Room(base, this.#membership);
    room.greeted.on((greeting) => void room.announce(this.#presence(), greeting), signal);
    room.changed.on(() => this.#look(), signal);
    room.heard.on(({ message }) => void this.#heard(message).catch(passOver), signal);
    room.open(signal);
    return room;
  }

  #presence() {
    const { name, roster } = this.#membership;
    return { name, role: "phone", roster: roster.entries.length, roster_digest: roster.digest, heads: {}, snapshot: null, addresses: [], asleep: false, ...this.#about() };
  }

  /** Rooms joined now. */
  get joined() {
    return this.#rooms.filter(({ joined }) => joined).length;
  }

  /** Where this device meets the others, and how each place stands. */
  rooms() {
    return this.#rooms.map(({ base, joined, trouble }) => ({ server: base, joined, trouble }));
  }

  /** Whether a member stands in a room now, as its server says. @param {string} id  in base32 */
  isHere(id) {
    return this.#rooms.some(({ present }) => [...present.values()].some((member) => toBase32(member) === id));
  }

  /** Why no room is joined, for the person. */
  get trouble() {
    return this.#rooms.find(({ trouble }) => trouble)?.trouble ?? "";
  }

  /** Open connections, with whom: direct ones first, and of those to computers; what a computer sends through a seed last. @returns {{member: Bytes, peer: Peer | Detour}[]} */
  get holders() {
    const open = [...this.#links.values()].flatMap(({ member, peer, detour }) => {
      const way = peer?.open ? peer : detour?.open ? detour : null;
      return way ? [{ member, peer: way }] : [];
    });
    const rank = (/** @type {typeof open[0]} */ { member, peer: { path } }) => (path === "relay" ? 3 : path === "ranges" ? 2 : Number(this.#isSeed(member)));
    return open.sort((a, b) => rank(a) - rank(b));
  }

  /** Who gives music now. @returns {Way[]} */
  ways() {
    return this.holders.map(({ member, peer }) => {
      const id = toBase32(member);
      const role = this.roleOf(peer);
      return { id, name: this.presences.get(id)?.name || (role === "seed" ? "Seed" : "Computer"), role, path: peer.path };
    });
  }

  /** Open connections to seeds, which have no keys and answer one question: what devices left there. */
  get seeds() {
    return this.holders.filter(({ member }) => this.#isSeed(member)).map(({ peer }) => peer);
  }

  /** @param {unknown} holder  one of the open connections @returns {"node" | "seed"} */
  roleOf(holder) {
    const link = [...this.#links.values()].find(({ peer, detour }) => peer === holder || detour === holder);
    return link && this.#isSeed(link.member) ? "seed" : "node";
  }

  /** @param {Bytes} member */
  #isSeed(member) {
    return this.#membership.roster.members.get(toBase32(member))?.role === "seed";
  }

  /** Where what a connection gives comes from. @param {Holder} holder  one of the open connections @returns {"node" | "seed" | "relay"} */
  originOf(holder) {
    return holder.path === "relay" ? "relay" : this.roleOf(holder);
  }

  /**
   * Ask a computer of the library, which has the keys; a seed could not answer. Rejects with a WireError.
   * @param {string} kind
   * @param {unknown} body
   * @param {number} timeout_ms
   */
  async ask(kind, body, timeout_ms) {
    const holder = this.holders.find(({ member }) => this.presences.get(toBase32(member))?.role === "node");
    if (!holder) throw new WireError("unavailable", "no computer of the library can be reached");
    return holder.peer.ask(kind, body, AbortSignal.timeout(timeout_ms));
  }

  /** Whether a connection is on its way. */
  get connecting() {
    return [...this.#links.values()].some(({ peer }) => peer !== null && !peer.open && !peer.closed);
  }

  /** Connect to those who give music and are here; forget those who are gone. A seed gives by HTTP also where its room can’t be joined. */
  #look() {
    const here = new Map();
    for (const room of this.#rooms) {
      if (room.stun) remember("stun", room.stun);
      for (const member of room.present.values()) if (this.#gives(member)) here.set(toBase32(member), member);
    }
    const seeds = new Map(this.#membership.roster.active("seed").map(({ sign }) => [toBase32(sign), sign]));
    for (const [id, link] of this.#links) {
      if (here.has(id) || seeds.has(id) || link.peer?.open || link.detour?.open) continue;
      this.#links.delete(id);
      this.#drop(link);
    }
    for (const [id, member] of new Map([...seeds, ...here])) {
      const known = this.#links.get(id);
      const link = known ?? { member, peer: null, detour: null, direct: false, session: "", retry_ms: RETRY_FIRST_MS, timer: 0, detour_timer: 0 };
      this.#links.set(id, link);
      if (here.has(id) && !link.direct) void this.#connect(link);
      else if (!known) this.#goAroundIn(link, this.#aroundAfterMs);
    }
    this.changed.emit();
  }

  /** Owners are taken for nodes until they say otherwise, so that the first song need not wait for their word. @param {Bytes} member */
  #gives(member) {
    const known = this.#membership.roster.members.get(toBase32(member));
    if (!known || known.revoked_seq !== null) return false;
    const presence = this.presences.get(toBase32(member));
    return known.role === "seed" || (presence ? presence.role === "node" : known.role === "owner");
  }

  /** @param {Link} link */
  #drop({ peer, detour, timer, detour_timer }) {
    clearTimeout(timer);
    clearTimeout(detour_timer);
    peer?.close();
    detour?.close();
  }

  /** Where no direct way opened last time, as in the same office or train, none is waited for. */
  get #aroundAfterMs() {
    return recall("around") ? 0 : DETOUR_AFTER_MS;
  }

  /** @param {Link} link */
  async #connect(link) {
    link.direct = true;
    this.#goAroundIn(link, this.#aroundAfterMs);
    const stun = this.#rooms.flatMap((room) => (room.stun ? [room.stun] : []));
    const peer = this.#spare && !this.#spare.closed ? this.#spare : new Peer(stun);
    this.#spare = null;
    const session = random(16);
    link.peer = peer;
    link.session = toHex(session);
    peer.changed.on(() => this.#linkChanged(link, peer));
    try {
      const sdp = await peer.offer();
      const room = this.#rooms.find((each) => each.joined && each.has(link.member));
      if (!room) throw new WireError("unavailable", "nobody carries the offer");
      await room.tell(link.member, "offer", { session, sdp });
    } catch {
      peer.close();
    }
  }

  /**
   * @param {Link} link
   * @param {Peer} peer
   */
  #linkChanged(link, peer) {
    if (link.peer !== peer) return;
    if (peer.open) {
      link.retry_ms = RETRY_FIRST_MS;
      link.detour?.close();
      remember("around", null);
    }
    if (peer.closed) {
      link.peer = null;
      this.#goAroundIn(link, 0);
      clearTimeout(link.timer);
      link.timer = setTimeout(() => this.#retry(link), waitOf(link));
    }
    this.changed.emit();
  }

  /**
   * @param {Link} link
   * @param {number} wait_ms
   */
  #goAroundIn(link, wait_ms) {
    clearTimeout(link.detour_timer);
    link.detour_timer = /** @type {any} */ (setTimeout(() => void this.#goAround(link).catch(() => {}), wait_ms));
  }

  /** No direct way has opened: one through a server that both reach, until a direct one does. @param {Link} link */
  async #goAround(link) {
    const { detourTo } = await import("./detours.js");
    if (link.detour || link.peer?.open || this.#links.get(toBase32(link.member)) !== link) return;
    const detour = detourTo(link.member, { membership: this.#membership, rooms: this.#rooms, isUsable });
    if (!detour) return;
    link.detour = detour;
    let opened = false;
    detour.changed.on(() => {
      opened ||= detour.open;
      if (detour.open && !link.direct) link.retry_ms = RETRY_FIRST_MS;
      if (opened && link.direct) remember("around", true);
      if (detour.closed) {
        link.detour = null;
        // One that never opened is tried again when the direct way is.
        if (opened && !link.peer?.open) this.#goAroundIn(link, DETOUR_AGAIN_MS);
        else if (!link.direct) this.#goAroundIn(link, waitOf(link));
      }
      this.changed.emit();
    });
    detour.begin();
  }

  /** @param {Link} link */
  #retry(link) {
    const id = toBase32(link.member);
    if (this.#links.get(id) !== link || link.peer) return;
    if (this.#rooms.some((room) => room.joined && room.has(link.member))) void this.#connect(link);
    else {
      link.direct = false;
      this.#goAroundIn(link, 0);
      this.#look();
    }
  }

  /**
   * @param {Message} message
   */
  async #heard({ sender, kind, body, to_room, time_ms }) {
    if (kind === "presence") return this.#presenceOf(sender, body, time_ms);
    if (kind === "roster") return this.#membership.learn(list(body, 1, "a roster").map((entry) => fixedOrThrow(entry)));
    if (to_room) return undefined;
    if (kind === "relay") return this.#links.get(toBase32(sender))?.detour?.hear(body);
    if (kind !== "answer") return undefined;
    const { session, sdp } = textMap(body, "an answer");
    const name = toHex(fixedBytes(session, 16, "a session"));
    const link = this.#links.get(toBase32(sender));
    if (link?.session === name) await link.peer?.accept(boundedText(sdp, MAX_SDP_CHARS, "an answer"));
    return undefined;
  }

  /**
   * @param {Bytes} member
   * @param {unknown} body
   * @param {number} time_ms
   */
  #presenceOf(member, body, time_ms) {
    if (equal(member, this.#membership.id)) return;
    const said = textMap(body, "a presence");
    /** @type {Presence} */
    const presence = {
      name: boundedText(said.name ?? "", 200, "a device's name"),
      role: boundedText(said.role ?? "", 40, "a device's role"),
      asleep: said.asleep === true,
      time_ms,
      snapshot: said.snapshot ? blobRefOf(said.snapshot) : null,
      heads: headsOf(said.heads),
    };
    this.presences.set(toBase32(member), presence);
    this.told.emit({ member, presence });
    if (said.trackers) void import("./swarm_trackers.js").then(({ followTrackers }) => followTrackers(this.#membership, member, said.trackers)).catch(() => {});
    this.#look();
  }

  /** Tell everybody anew what this device is. */
  announce() {
    for (const room of this.#rooms) if (room.joined) void room.announce(this.#presence());
  }
}

/** Before the next try; each doubles it. @param {Link} link */
function waitOf(link) {
  const wait_ms = link.retry_ms * (0.5 + Math.random() / 2);
  link.retry_ms = Math.min(link.retry_ms * 2, RETRY_LONGEST_MS);
  return wait_ms;
}

/** Whether the browser lets this page speak to that address. @param {string} url */
const isUsable = (url) => (location.protocol === "https:" ? /^(https|wss):/ : /^(http|ws)s?:/).test(url);

/** @param {unknown} entry @returns {Bytes} */
function fixedOrThrow(entry) {
  if (!(entry instanceof Uint8Array)) throw new WireError("peer", "a roster entry is not bytes");
  return /** @type {Bytes} */ (entry);
}

/** What one member got wrong is its own trouble. @param {unknown} error */
function passOver(error) {
  if (!(error instanceof WireError)) throw error;
}

/** So that the next start can gather candidates before any room has answered. @returns {string[]} */
function lastStun() {
  const server = recall("stun");
  return typeof server === "string" ? [server] : [];
}

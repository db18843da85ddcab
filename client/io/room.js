// One room on one server, kept joined: the WebSocket, its coming back, and what is said in it.

import { Attendance, FRESH_BYTES } from "../core/attendance.js";
import { equal, toBase32 } from "../core/bytes.js";
import { random } from "../core/crypto.js";
import { Emitter } from "../core/emitter.js";
import { openMessage, sealToMember, sealToRoom } from "../core/envelope.js";
import { WireError } from "../core/wire_errors.js";
import { joinFrame, RoomReader, roomUrl, rosterFrames, sendFrame } from "../core/wire_room.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {Message} from "../core/envelope.js" */
/** @import {RoomEvent} from "../core/wire_room.js" */
/** @import {Membership} from "./swarm_membership.js" */

const OPEN_TIMEOUT_MS = 10_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_LONGEST_MS = 60_000;
/** After so long out of sight a socket may be dead without knowing it. */
const STALE_AFTER_MS = 20_000;

/** @typedef {{message: Message, connection: number}} Heard */
/** @typedef {{connection: number, echo: Bytes | null}} Greeting */

export class Room {
  /** Checked messages of members. @type {Emitter<Heard>} */
  heard = new Emitter();
  /** Joined or lost, or somebody came or left. @type {Emitter<void>} */
  changed = new Emitter();
  /** This device should say what it is: to all (connection 0), or in answer to somebody. @type {Emitter<Greeting>} */
  greeted = new Emitter();
  /** Connection -> member, without this one, as the server says. @type {Map<number, Bytes>} */
  present = new Map();
  /** "host:port" of the server's STUN answerer. @type {string | null} */
  stun = null;
  /** Why the last try ended, for the person; "" while joined. */
  trouble = "";

  #base;
  #membership;
  #attendance = new Attendance(random(FRESH_BYTES));
  /** @type {WebSocket | null} */
  #socket = null;
  #joined = false;
  #life = new AbortController();
  #hidden_at_ms = 0;
  #saying = Promise.resolve();
  /** @type {() => void} */
  #hurry = () => {};

  /**
   * @param {string} base  the server's WebSocket address
   * @param {Membership} membership
   */
  constructor(base, membership) {
    this.#base = base;
    this.#membership = membership;
  }

  get joined() {
    return this.#joined;
  }

  get base() {
    return this.#base;
  }

  /** Stay joined until the signal aborts, or this is closed. @param {AbortSignal} outer */
  open(outer) {
    const signal = AbortSignal.any([outer, this.#life.signal]);
    const again = () => this.#again();
    addEventListener("online", again, { signal });
    document.addEventListener("visibilitychange", () => this.#seen(), { signal });
    // A new epoch has another room.
    let { epoch } = this.#membership;
    this.#membership.changed.on(() => {
      if (this.#membership.epoch.number === epoch.number) return;
      epoch = this.#membership.epoch;
      this.#again();
    }, signal);
    signal.addEventListener("abort", () => this.#socket?.close());
    void this.#stay(signal);
  }

  /** Leave it, for good. */
  close() {
    this.#life.abort();
  }

  /** Drop what there is and join at once. */
  #again() {
    this.#socket?.close();
    this.#hurry();
  }

  #seen() {
    if (document.visibilityState === "hidden") this.#hidden_at_ms = performance.now();
    else if (!this.#joined) this.#hurry();
    else if (performance.now() - this.#hidden_at_ms > STALE_AFTER_MS) this.#again();
  }

  /** @param {AbortSignal} signal */
  async #stay(signal) {
    let wait_ms = RETRY_FIRST_MS;
    while (!signal.aborted && !this.#membership.revoked) {
      if (await this.#visit(signal)) wait_ms = RETRY_FIRST_MS;
      if (signal.aborted) return;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, wait_ms * (0.5 + Math.random() / 2));
        this.#hurry = () => {
          clearTimeout(timer);
          resolve(undefined);
        };
      });
      this.#hurry = () => {};
      wait_ms = Math.min(wait_ms * 2, RETRY_LONGEST_MS);
    }
  }

  /**
   * One connection, to its end.
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>}  whether it was joined
   */
  #visit(signal) {
    return new Promise((resolve) => {
      let was = false;
      const url = roomUrl(this.#base, "room");
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      this.#socket = socket;
      const timer = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
      const reader = new RoomReader();
      /** Frames are worked through one after the other, although opening them takes turns. */
      let turn = Promise.resolve();
      socket.addEventListener("message", ({ data }) => {
        turn = turn
          .then(() => (signal.aborted || socket.readyState !== WebSocket.OPEN ? undefined : this.#frame(reader.read(new Uint8Array(data)), socket)))
          .then(() => {
            if (this.#joined) clearTimeout(timer);
            was ||= this.#joined;
          })
          .catch((error) => {
            // A frame that breaks the protocol: this server is not to be talked to now.
            this.trouble = error instanceof WireError ? error.message : "this room could not be read";
            socket.close();
          });
      });
      socket.addEventListener("close", () => {
        clearTimeout(timer);
        if (this.#socket === socket) this.#lost();
        resolve(was);
      });
    });
  }

  #lost() {
    this.#socket = null;
    this.#joined = false;
    this.present = new Map();
    this.changed.emit();
  }

  /**
   * @param {RoomEvent} event
   * @param {WebSocket} socket
   */
  async #frame(event, socket) {
    switch (event.kind) {
      case "challenge":
        return this.#join(event.nonce, socket);
      case "roster":
        if (event.entries.length) await this.#membership.learn(event.entries);
        return undefined;
      case "more":
        for (const frame of rosterFrames(this.#membership.roster.entries)) socket.send(frame);
        return undefined;
      case "joined":
        return this.#entered(event);
      case "came":
        if (equal(event.present.member, this.#membership.id)) return undefined;
        this.present.set(event.present.connection, event.present.member);
        return this.changed.emit();
      case "left":
        this.present.delete(event.connection);
        this.#attendance.left(event.connection);
        return this.changed.emit();
      case "from":
        return this.#open(event.message, event.connection);
      case "refused":
        this.trouble = event.text;
        return socket.close();
      default:
        return undefined;
    }
  }

  /**
   * @param {Bytes} nonce
   * @param {WebSocket} socket
   */
  async #join(nonce, socket) {
    const { keys, library, epoch, roster } = this.#membership;
    const room = { nonce, host: new URL(this.#base).host, library, name: await epoch.roomName(), roster_length: roster.entries.length, roster_digest: roster.digest };
    socket.send(await joinFrame(keys, room));
  }

  /** @param {Extract<RoomEvent, {kind: "joined"}>} event */
  #entered({ present, stun_port }) {
    this.#joined = true;
    this.#attendance = new Attendance(random(FRESH_BYTES));
    this.trouble = "";
    const { hostname } = new URL(this.#base);
    this.stun = stun_port ? `${hostname}:${stun_port}` : null;
    this.present = new Map();
    for (const { connection, member } of present) {
      if (!equal(member, this.#membership.id)) this.present.set(connection, member);
    }
    this.greeted.emit({ connection: 0, echo: null });
    this.changed.emit();
  }

  /**
   * @param {Bytes} data
   * @param {number} connection
   */
  async #open(data, connection) {
    try {
      const message = await openMessage(data, this.#membership);
      this.#attendance.check(connection, message);
      if (message.kind === "presence") {
        const { proved, answer } = this.#attendance.presence(connection, message);
        if (answer) this.greeted.emit({ connection, echo: answer });
        if (!proved) return;
      }
      this.heard.emit({ message, connection });
    } catch (error) {
      // One member's bad message is no reason to leave the others.
      if (!(error instanceof WireError)) throw error;
    }
  }

  /**
   * Say what this device is, as `greeted` asked.
   * @param {Record<string, unknown>} presence
   * @param {Greeting} [greeting]
   */
  announce(presence, { connection, echo } = { connection: 0, echo: null }) {
    return this.say("presence", { ...presence, fresh: this.#attendance.fresh, echo }, connection);
  }

  /**
   * Sealed for all that read; sent to one connection, or to everybody (0).
   * @param {string} kind
   * @param {unknown} body
   * @param {number} [connection]
   */
  say(kind, body, connection = 0) {
    return this.#inOrder(async () => {
      const { keys, epoch, library } = this.#membership;
      const message = await sealToRoom(keys, { epoch, library, nonce: random(12) }, this.#said(kind, body));
      this.#send(connection, message);
    });
  }

  /**
   * Sealed for one member alone. Rejects with a WireError if it is no member any more.
   * @param {Uint8Array} member
   * @param {string} kind
   * @param {unknown} body
   */
  tell(member, kind, body) {
    return this.#inOrder(async () => {
      const { keys, library, roster } = this.#membership;
      const message = await sealToMember(keys, { ...roster.member(member), library }, this.#said(kind, body));
      for (const [connection, other] of this.present) if (equal(other, member)) this.#send(connection, message);
    });
  }

  /**
   * Numbered, sealed and sent before the next one is: one that comes after a higher number is refused.
   * @param {() => Promise<void>} work
   * @returns {Promise<void>}
   */
  #inOrder(work) {
    const done = this.#saying.then(work);
    this.#saying = done.catch(() => {});
    return done;
  }

  /** Whether that member is here. @param {Uint8Array} member */
  has(member) {
    const id = toBase32(member);
    return [...this.present.values()].some((other) => toBase32(other) === id);
  }

  /**
   * @param {string} kind
   * @param {unknown} body
   */
  #said(kind, body) {
    return { kind, body, counter: this.#membership.nextCounter(), time_ms: Date.now() };
  }

  /**
   * @param {number} connection
   * @param {Bytes} message
   */
  #send(connection, message) {
    if (this.#joined && this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(sendFrame(connection, message));
  }
}

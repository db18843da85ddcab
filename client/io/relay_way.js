// The last resort: the chunk channel to a computer, message by message and sealed, through the room of a seed (docs/PROTOCOL.md, `relay`).

import { ChannelRequests } from "../core/channel_requests.js";
import { random } from "../core/crypto.js";
import { equal } from "../core/bytes.js";
import { Emitter } from "../core/emitter.js";
import { boundedBytes, fixedBytes, textMap } from "../core/wire_fields.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {Room} from "./room.js" */

const SESSION_BYTES = 16;
const MAX_DATA_BYTES = 17 * 1_024 + 64;
const ANSWER_TIMEOUT_MS = 10_000;
/** Who doesn't know yet that this device is here answers no greeting. */
const GREET_EVERY_MS = 1_000;
/** Between two messages of this device: 22 a second. */
const EVERY_MS = 45;
/** The other side ends it after ten minutes: sooner here, so that nothing is asked of one that has ended. */
const LIFETIME_MS = 580_000;

export class RelayWay {
  /** Opened or closed. @type {Emitter<void>} */
  changed = new Emitter();
  /** When anything last came, for those who wait. */
  heard_at_ms = 0;
  path = /** @type {const} */ ("relay");
  open = false;
  closed = false;

  #room;
  #member;
  #session = random(SESSION_BYTES);
  #requests = new ChannelRequests((message) => this.#say(message), () => this.open);
  #turn = Promise.resolve();
  #life = new AbortController();
  #deadline = 0;
  #greeting = 0;

  /**
   * @param {Room} room  a seed's
   * @param {Bytes} member
   */
  constructor(room, member) {
    this.#room = room;
    this.#member = member;
  }

  /** Greet; `changed` tells whether the other side greets back. */
  begin() {
    this.#endAfter(ANSWER_TIMEOUT_MS);
    this.#room.changed.on(() => {
      if (!this.#room.joined || !this.#room.has(this.#member)) this.close();
    }, this.#life.signal);
    this.#greet();
  }

  #greet() {
    this.#say(new Uint8Array(0));
    this.#greeting = /** @type {any} */ (setTimeout(() => this.#greet(), GREET_EVERY_MS));
  }

  /** @param {number} wait_ms */
  #endAfter(wait_ms) {
    clearTimeout(this.#deadline);
    this.#deadline = /** @type {any} */ (setTimeout(() => this.close(), wait_ms));
  }

  close() {
    if (this.closed) return;
    this.open = false;
    this.closed = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#greeting);
    this.#life.abort();
    this.#requests.end();
    this.changed.emit();
  }

  /** What the member said through the room. Throws a WireError "peer". @param {unknown} body */
  hear(body) {
    const fields = textMap(body, "a relayed message");
    if (this.closed || !equal(fixedBytes(fields.session, SESSION_BYTES, "a session"), this.#session)) return;
    const data = boundedBytes(fields.data, MAX_DATA_BYTES, "a relayed message");
    this.heard_at_ms = performance.now();
    if (data.length) return this.#take(data);
    if (this.open) return;
    this.open = true;
    clearTimeout(this.#greeting);
    this.#endAfter(LIFETIME_MS);
    this.changed.emit();
  }

  /** @param {Bytes} data */
  #take(data) {
    try {
      this.#requests.take(data);
    } catch {
      this.close();
    }
  }

  /** One after the other, and no faster than a seed's room takes them. @param {Bytes} data */
  #say(data) {
    this.#turn = this.#turn.then(async () => {
      if (this.closed) return;
      await this.#room.tell(this.#member, "relay", { session: this.#session, data }).catch(() => this.close());
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    });
  }

  /** @type {ChannelRequests["get"]} */
  get(range, chunk, signal) {
    return this.#requests.get(range, chunk, signal);
  }

  /** @type {ChannelRequests["ask"]} */
  ask(kind, body, signal) {
    return this.#requests.ask(kind, body, signal);
  }
}

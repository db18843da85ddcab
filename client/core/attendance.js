// Who is in a room by their own word (docs/PROTOCOL.md, "Presence"): a server's word alone makes nobody believed.

import { equal, toBase32 } from "./bytes.js";
import { refused } from "./wire_errors.js";
import { fixedBytes, textMap } from "./wire_fields.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {Message} from "./envelope.js" */

export const FRESH_BYTES = 16;
const MAX_GUESTS = 1_000;

/**
 * @typedef {object} Guest
 * @property {string} member
 * @property {number} counter
 * @property {boolean} proved
 * @property {Bytes | null} answered
 */

/** One stay in one room. */
export class Attendance {
  /** @type {Map<number, Guest>} */
  #guests = new Map();
  /** The highest counter of each member that has proved to be here. @type {Map<string, number>} */
  #highest = new Map();

  /** @param {Bytes} fresh  16 random bytes, which others must answer to be believed */
  constructor(fresh) {
    this.fresh = fresh;
  }

  /**
   * Take a message's counter. Throws a WireError "refused" for a message that is repeated, out of order, or of another
   * sender than that connection's.
   * @param {number} connection
   * @param {Message} message
   */
  check(connection, message) {
    const member = toBase32(message.sender);
    const guest = this.#guests.get(connection) ?? { member, counter: -1, proved: false, answered: null };
    if (guest.member !== member) throw refused("a connection speaks for two devices");
    const counts = guest.proved || this.#proves(message);
    const highest = counts ? (this.#highest.get(member) ?? -1) : -1;
    if (message.counter <= Math.max(guest.counter, highest)) throw refused("a message was repeated or came out of order");
    if (!this.#guests.has(connection) && this.#guests.size >= MAX_GUESTS) throw refused("a room has an impossible number of members");
    this.#guests.set(connection, guest);
    guest.counter = message.counter;
    if (counts) this.#highest.set(member, message.counter);
  }

  /**
   * After `check` of a presence: whether its sender is here now, and what to answer it, if it hasn't had that answer yet.
   * @param {number} connection
   * @param {Message} message
   * @returns {{proved: boolean, answer: Bytes | null}}
   */
  presence(connection, message) {
    const guest = this.#guests.get(connection);
    if (!guest) throw new RangeError("a presence that was not checked");
    const { fresh } = freshness(message);
    guest.proved ||= this.#proves(message);
    const answer = fresh && !(guest.answered && equal(fresh, guest.answered)) ? fresh : null;
    if (answer) guest.answered = answer;
    return { proved: guest.proved, answer };
  }

  /** @param {number} connection */
  left(connection) {
    this.#guests.delete(connection);
  }

  /** @param {Message} message */
  #proves(message) {
    if (message.kind !== "presence") return false;
    const { echo } = freshness(message);
    return echo !== null && equal(echo, this.fresh);
  }
}

/** What a presence asks and answers. @param {Message} message @returns {{fresh: Bytes | null, echo: Bytes | null}} */
function freshness({ body }) {
  const { fresh, echo } = textMap(body, "a presence");
  return {
    fresh: fresh ? fixedBytes(fresh, FRESH_BYTES, "a presence's fresh value") : null,
    echo: echo ? fixedBytes(echo, FRESH_BYTES, "a presence's answer") : null,
  };
}

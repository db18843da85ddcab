// One connection to a room (docs/PROTOCOL.md, "Rooms"): frames in, frames and events out. No socket, no clock.

import { LABEL_SIGN_JOIN } from "./crypto_labels.js";
import { pack, unpack } from "./msgpack.js";
import { MAX_ENTRY_BYTES } from "./roster.js";
import { peerError } from "./wire_errors.js";
import { boundedBytes, boundedText, fixedBytes, list, natural, textMap } from "./wire_fields.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {MemberKeys} from "./crypto_keys.js" */

const MAX_FRAME_BYTES = 320 * 1024;
const MAX_CONNECTION = 2 ** 53 - 1;
const MAX_IN_ROOM = 2_000;
const MAX_ENTRIES = 11_000;
/** Entries are packed into frames of this much at most, well under what a server takes. */
const ROSTER_FRAME_BYTES = 300 * 1024;

/** @typedef {{connection: number, member: Bytes}} Present */
/**
 * @typedef {{kind: "challenge", nonce: Bytes, server_ms: number}
 *   | {kind: "roster", entries: Bytes[]}
 *   | {kind: "more", known: number}
 *   | {kind: "joined", own: number, present: Present[], stun_port: number | null}
 *   | {kind: "came", present: Present}
 *   | {kind: "left", connection: number}
 *   | {kind: "from", connection: number, message: Bytes}
 *   | {kind: "refused", code: number, text: string}
 *   | {kind: "nothing"}} RoomEvent
 *   nothing: part of a longer roster, or a word of a later version.
 */

/** Reads a server's frames; holds the parts of a long roster until it is whole. */
export class RoomReader {
  /** @type {Bytes[]} */
  #entries = [];

  /** Throws a WireError "peer" for a malformed frame. @param {Uint8Array} data @returns {RoomEvent} */
  read(data) {
    const frame = list(unpack(data, { max_bytes: MAX_FRAME_BYTES }), 1, "a room's frame");
    switch (frame[0]) {
      case "challenge":
        return { kind: "challenge", nonce: fixedBytes(frame[1], 32, "a challenge"), server_ms: natural(frame[2] ?? 0, 2 ** 48, "a server's time") };
      case "roster":
        return this.#roster(frame);
      case "more":
        return { kind: "more", known: natural(frame[1], MAX_ENTRIES, "a roster's length") };
      case "joined":
        return joined(frame);
      case "came":
        return { kind: "came", present: present(frame.slice(1)) };
      case "left":
        return { kind: "left", connection: natural(frame[1], MAX_CONNECTION, "a connection") };
      case "from":
        list(frame, 4, "a room's frame");
        return { kind: "from", connection: natural(frame[1], MAX_CONNECTION, "a connection"), message: boundedBytes(frame[3], 65_536, "a message") };
      case "refused":
        return { kind: "refused", code: natural(frame[1], 10_000, "a refusal's code"), text: boundedText(frame[2] ?? "", 500, "a refusal") };
      default:
        return { kind: "nothing" };
    }
  }

  /** @param {any[]} frame @returns {RoomEvent} */
  #roster(frame) {
    for (const entry of list(frame[1], 0, "a roster")) this.#entries.push(boundedBytes(entry, MAX_ENTRY_BYTES, "a roster entry"));
    if (this.#entries.length > MAX_ENTRIES) throw peerError("a roster has too many entries");
    if (natural(frame[2] ?? 0, MAX_ENTRIES, "a roster's rest") > 0) return { kind: "nothing" };
    const entries = this.#entries;
    this.#entries = [];
    return { kind: "roster", entries };
  }
}

/** @param {unknown} value @returns {Present} */
function present(value) {
  const [connection, member] = list(value, 2, "a member's connection");
  return { connection: natural(connection, MAX_CONNECTION, "a connection"), member: fixedBytes(member, 32, "a member") };
}

/** @param {any[]} frame @returns {RoomEvent} */
function joined(frame) {
  list(frame, 3, "a room's frame");
  const here = list(frame[2], 0, "those present");
  if (here.length > MAX_IN_ROOM) throw peerError("a room has too many connections");
  const about = frame[3] === undefined || frame[3] === null ? {} : textMap(frame[3], "what a server says of itself");
  return {
    kind: "joined",
    own: natural(frame[1], MAX_CONNECTION, "a connection"),
    present: here.map(present),
    stun_port: about.stun ? natural(about.stun, 65_535, "a port") : null,
  };
}

/**
 * @param {MemberKeys} keys
 * @param {object} room
 * @param {Uint8Array} room.nonce  the server's challenge
 * @param {string} room.host  what was dialled, as `new URL(url).host` has it
 * @param {Uint8Array} room.library
 * @param {Uint8Array} room.name
 * @param {number} room.roster_length
 * @param {Bytes} room.roster_digest  so that a server notices another branch of that length
 */
export async function joinFrame(keys, { nonce, host, library, name, roster_length, roster_digest }) {
  const signature = await keys.sign(LABEL_SIGN_JOIN, pack([nonce, host, library, name]));
  return pack(["join", library, name, keys.id, roster_length, signature, { roster: roster_digest }]);
}

/**
 * @param {number} connection  0: everybody
 * @param {Uint8Array} message
 */
export const sendFrame = (connection, message) => pack(["send", connection, message]);

/**
 * A whole chain, in as many frames as it needs.
 * @param {readonly Uint8Array[]} entries
 * @returns {Bytes[]}
 */
export function rosterFrames(entries) {
  /** @type {Uint8Array[][]} */
  const parts = [[]];
  let size = 0;
  for (const entry of entries) {
    if (size + entry.length > ROSTER_FRAME_BYTES && size > 0) {
      parts.push([]);
      size = 0;
    }
    parts[parts.length - 1].push(entry);
    size += entry.length;
  }
  let left = entries.length;
  return parts.map((part) => pack(["roster", part, (left -= part.length)]));
}

/**
 * Address of a room or of a pairing room on a server.
 * @param {string} base  wss://host[:port][/prefix]
 * @param {string} path  "room" or "pair/<name>"
 */
export const roomUrl = (base, path) => `${base.replace(/\/+$/, "")}/v1/${path}`;

/** WebSocket address of the server that a page came from. @param {string} pageUrl */
export function ownServer(pageUrl) {
  const url = new URL(".", pageUrl);
  url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  return url.href.replace(/\/$/, "");
}


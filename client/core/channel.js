// The chunk channel's messages (docs/PROTOCOL.md, "Chunk channel"): bytes in, values out.

import { concat } from "./bytes.js";
import { CHUNK_BYTES } from "./crypto_labels.js";
import { pack } from "./msgpack.js";
import { peerError } from "./wire_errors.js";

/** @import {Bytes} from "./bytes.js" */

/** @typedef {"not_held" | "not_allowed" | "too_many" | "damaged" | "later"} No  why a request was turned down */
/**
 * @typedef {{kind: "data", request: number, index: number, chunk: Bytes}
 *   | {kind: "end", request: number}
 *   | {kind: "no", request: number, reason: No}
 *   | {kind: "reply", request: number, more: boolean, bytes: Bytes}
 *   | {kind: "asked", request: number}
 *   | {kind: "nothing"}} Incoming
 *   asked: the other side wants something; a phone gives nothing away.
 */

export const MAX_CHANNEL_MESSAGE_BYTES = 17 * 1024;
/** Open at once on one channel. */
export const MAX_REQUESTS = 64;
/** Of one request. */
export const MAX_CHUNKS = 256;

const GET = 0x01;
const CANCEL = 0x02;
const DATA = 0x03;
const END = 0x04;
const NO = 0x05;
const ASK = 0x06;
const REPLY = 0x07;

/** By their number on the wire, from 1. @type {No[]} */
const REASONS = ["not_held", "not_allowed", "too_many", "damaged", "later"];

/**
 * @param {number} kind
 * @param {...number} numbers  4 bytes each
 */
function message(kind, ...numbers) {
  const bytes = new Uint8Array(1 + 4 * numbers.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = kind;
  numbers.forEach((number, at) => view.setUint32(1 + 4 * at, number));
  return bytes;
}

/**
 * @param {number} request
 * @param {{root: Uint8Array, first: number, count: number}} wanted
 */
export const getMessage = (request, { root, first, count }) => concat(message(GET, request), root, message(0, first, count).subarray(1));

/** @param {number} request */
export const cancelMessage = (request) => message(CANCEL, request);

/**
 * @param {number} request
 * @param {string} kind
 * @param {unknown} body
 */
export const askMessage = (request, kind, body) => concat(message(ASK, request), pack([kind, body]));

/** Turns a request down: not held here. @param {number} request */
export const notHeldMessage = (request) => concat(message(NO, request), Uint8Array.of(1));

/**
 * Throws a WireError "peer" for what no honest peer sends.
 * @param {Uint8Array} data
 * @returns {Incoming}
 */
export function readChannel(data) {
  if (data.length < 5 || data.length > MAX_CHANNEL_MESSAGE_BYTES) throw peerError("a channel message has a length that none has");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const request = view.getUint32(1);
  switch (data[0]) {
    case DATA: {
      const chunk = data.slice(9);
      if (data.length < 10 || chunk.length > CHUNK_BYTES) throw peerError("a channel message holds no chunk");
      return { kind: "data", request, index: view.getUint32(5), chunk };
    }
    case END:
      if (data.length !== 5) throw peerError("a channel message has the wrong length");
      return { kind: "end", request };
    case NO:
      if (data.length !== 6) throw peerError("a channel message has the wrong length");
      return { kind: "no", request, reason: REASONS[data[5] - 1] ?? "later" };
    case REPLY:
      if (data.length < 6 || data[5] > 1 || data.length > 6 + CHUNK_BYTES) throw peerError("a part of an answer is out of bounds");
      return { kind: "reply", request, more: data[5] === 1, bytes: data.slice(6) };
    case GET:
    case ASK:
      return { kind: "asked", request };
    case CANCEL:
      return { kind: "nothing" };
    default:
      throw peerError("a channel message is of an unknown kind");
  }
}

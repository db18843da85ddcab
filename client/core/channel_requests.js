// What this side has asked for over a chunk channel, and who waits for it. No socket: messages go out through a function.

import { askMessage, cancelMessage, getMessage, MAX_REQUESTS, notHeldMessage, readChannel } from "./channel.js";
import { concat } from "./bytes.js";
import { unavailable, WireError } from "./wire_errors.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {No} from "./channel.js" */

const MAX_REPLY_BYTES = 64 << 20;
const LOST = "the connection to the other device was lost";

/**
 * @typedef {object} Wanted  One open request.
 * @property {(index: number, chunk: Bytes) => void} [chunk]
 * @property {(bytes: Bytes) => void} [part]
 * @property {() => void} end
 * @property {(error: WireError) => void} fail
 * @property {number} first
 * @property {number} left  chunks, or bytes of an answer, that may still come
 */

/** @type {Record<No, string>} */
const NO = {
  not_held: "the other device doesn’t hold that music",
  not_allowed: "the other device refuses: this one may no longer be a member",
  too_many: "the other device has too much to do",
  damaged: "the other device’s copy is damaged",
  later: "the other device can’t answer now",
};

export class ChannelRequests {
  #send;
  #isOpen;
  /** @type {Map<number, Wanted>} */
  #wanted = new Map();
  #next = 1;

  /**
   * @param {(message: Bytes) => void} send
   * @param {() => boolean} isOpen
   */
  constructor(send, isOpen) {
    this.#send = send;
    this.#isOpen = isOpen;
  }

  /** A message of the other side. Throws a WireError for what no honest one sends. @param {Uint8Array} data */
  take(data) {
    const message = readChannel(data);
    if (message.kind === "nothing") return;
    // A phone gives nothing away.
    if (message.kind === "asked") return this.#send(notHeldMessage(message.request));
    const wanted = this.#wanted.get(message.request);
    // Cancelled while it was on its way.
    if (!wanted) return;
    if (message.kind === "data" && wanted.chunk && message.index === wanted.first && wanted.left > 0) {
      wanted.first++;
      wanted.left--;
      wanted.chunk(message.index, message.chunk);
    } else if (message.kind === "end" && wanted.chunk && wanted.left === 0) {
      this.#wanted.delete(message.request);
      wanted.end();
    } else if (message.kind === "reply" && wanted.part && message.bytes.length <= wanted.left) {
      wanted.left -= message.bytes.length;
      wanted.part(message.bytes);
      if (message.more) return;
      this.#wanted.delete(message.request);
      wanted.end();
    } else if (message.kind === "no") {
      this.#wanted.delete(message.request);
      wanted.fail(new WireError(message.reason === "damaged" ? "damaged" : message.reason === "not_allowed" ? "refused" : "unavailable", NO[message.reason]));
    } else throw new WireError("peer", "an answer doesn’t belong to what was asked");
  }

  /** The way there has ended. */
  end() {
    const wanted = [...this.#wanted.values()];
    this.#wanted.clear();
    for (const { fail } of wanted) fail(unavailable(LOST));
  }

  /**
   * Ask for sealed chunks; they come in order through `chunk`. Rejects with a WireError when the other side can't give them all.
   * @param {{root: Uint8Array, first: number, count: number}} range  at most 256
   * @param {(index: number, chunk: Bytes) => void} chunk
   * @param {AbortSignal} signal  cancels what has not come
   * @returns {Promise<void>}
   */
  get(range, chunk, signal) {
    return this.#request((request) => getMessage(request, range), { chunk, first: range.first, left: range.count }, signal);
  }

  /**
   * Ask a question; the whole answer, at most 64 MiB.
   * @param {string} kind
   * @param {unknown} body
   * @param {AbortSignal} signal
   * @returns {Promise<Bytes>}
   */
  async ask(kind, body, signal) {
    /** @type {Bytes[]} */
    const parts = [];
    await this.#request((request) => askMessage(request, kind, body), { part: (bytes) => parts.push(bytes), first: 0, left: MAX_REPLY_BYTES }, signal);
    return concat(...parts);
  }

  /**
   * @param {(request: number) => Bytes} message
   * @param {Omit<Wanted, "end" | "fail">} wanted
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  #request(message, wanted, signal) {
    if (!this.#isOpen()) return Promise.reject(unavailable(LOST));
    if (this.#wanted.size >= MAX_REQUESTS) return Promise.reject(unavailable("too much is being asked of one device at once"));
    const request = this.#next;
    this.#next = (request % 0xffffffff) + 1;
    return new Promise((resolve, reject) => {
      const cancel = () => {
        if (!this.#wanted.delete(request)) return;
        if (this.#isOpen()) this.#send(cancelMessage(request));
        reject(unavailable("no longer wanted"));
      };
      /** @param {() => void} then */
      const done = (then) => {
        signal.removeEventListener("abort", cancel);
        then();
      };
      if (signal.aborted) return reject(unavailable("no longer wanted"));
      signal.addEventListener("abort", cancel, { once: true });
      this.#wanted.set(request, { ...wanted, end: () => done(() => resolve(undefined)), fail: (error) => done(() => reject(error)) });
      this.#send(message(request));
    });
  }
}

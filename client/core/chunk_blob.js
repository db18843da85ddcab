// One blob that is being read: which of its chunks are here, under way, waited for. No socket, no clock.

import { unavailable } from "./wire_errors.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {BlobCipher, BlobRef} from "./crypto_blob.js" */
/** @import {WireError} from "./wire_errors.js" */

/** @typedef {{index: number, since_ms: number, resolve: (plain: Bytes) => void, reject: (error: unknown) => void}} Waiter */

/**
 * One request under way.
 * @template H
 * @typedef {object} Flight
 * @property {H} holder
 * @property {ReadBlob<H>} blob
 * @property {Set<number>} left
 * @property {number} began_ms
 * @property {AbortController} stop
 */

/** @template H  whoever gives chunks */
export class ReadBlob {
  /** @type {Set<number>} */
  held = new Set();
  /** Here, and being opened. @type {Set<number>} */
  opening = new Set();
  /** Somebody reads these. @type {Waiter[]} */
  waiters = [];
  /** @type {Set<Flight<H>>} */
  flights = new Set();
  /** Where it is being read. */
  cursor = 0;
  /** Streams that read it now. */
  readers = 0;
  /** Why the last request failed. @type {WireError | null} */
  trouble = null;
  /** Who doesn't give it now, and until when. @type {Map<H, number>} */
  #refused = new Map();

  /**
   * @param {BlobRef} ref
   * @param {string} name
   * @param {BlobCipher} cipher
   */
  constructor(ref, name, cipher) {
    this.ref = ref;
    this.name = name;
    this.cipher = cipher;
    this.chunks = cipher.shape.chunks;
  }

  /** @param {Uint8Array} bits  one a chunk, the lowest first */
  markHeld(bits) {
    for (let index = 0; index < this.chunks; index++) if ((bits[index >> 3] ?? 0) & (1 << (index & 7))) this.held.add(index);
  }

  /** Whether the first `count` chunks are here. @param {number} count */
  hasFirst(count) {
    if (count >= this.chunks) return this.held.size >= this.chunks;
    for (let index = 0; index < count; index++) if (!this.held.has(index)) return false;
    return true;
  }

  get busy() {
    return this.waiters.length > 0 || this.opening.size > 0 || this.flights.size > 0;
  }

  /** Requests that were not given up. */
  get live() {
    return [...this.flights].filter(({ stop }) => !stop.signal.aborted);
  }

  get underWay() {
    return this.live.reduce((sum, { left }) => sum + left.size, 0);
  }

  /** @param {number} index */
  isMissing(index) {
    return !this.held.has(index) && !this.opening.has(index) && !this.live.some(({ left }) => left.has(index));
  }

  /**
   * The next chunk that nobody was asked for, from `from` on and then from the beginning; -1: none.
   * @param {number} from
   * @param {number} count  of those that are wanted at all, from the first
   */
  nextMissing(from, count) {
    const wanted = Math.min(count, this.chunks);
    for (let step = 0; step < wanted; step++) {
      const index = (from + step) % wanted;
      if (this.isMissing(index)) return index;
    }
    return -1;
  }

  /**
   * How many missing chunks follow each other from `first`, at most `most`.
   * @param {number} first
   * @param {number} most
   */
  run(first, most) {
    let count = 1;
    while (count < most && first + count < this.chunks && this.isMissing(first + count)) count++;
    return count;
  }

  /** The first chunk that somebody waits for. */
  get waitedFrom() {
    return Math.min(...this.waiters.map(({ index }) => index));
  }

  /** @param {number} index */
  isWaitedFor(index) {
    return this.waiters.some((waiter) => waiter.index === index);
  }

  /** Give up requests whose chunks nobody waits for. */
  yield() {
    for (const { left, stop } of this.flights) if (!this.waiters.some(({ index }) => left.has(index))) stop.abort();
  }

  /**
   * @param {number} index
   * @param {Bytes} plain
   */
  serve(index, plain) {
    const served = this.waiters.filter((waiter) => waiter.index === index);
    this.waiters = this.waiters.filter((waiter) => waiter.index !== index);
    for (const { resolve } of served) resolve(plain);
  }

  /** Those who have waited since before then are told why. @param {number} before_ms */
  giveUp(before_ms) {
    const late = this.waiters.filter(({ since_ms }) => since_ms < before_ms);
    this.waiters = this.waiters.filter((waiter) => !late.includes(waiter));
    for (const { reject } of late) reject(this.trouble ?? unavailable("No device that has this music can be reached."));
  }

  /**
   * @param {H} holder
   * @param {WireError} error
   * @param {number} until_ms
   */
  refuse(holder, error, until_ms) {
    this.trouble = error;
    this.#refused.set(holder, until_ms);
  }

  /**
   * @param {H} holder
   * @param {number} now_ms
   */
  mayAsk(holder, now_ms) {
    return (this.#refused.get(holder) ?? 0) <= now_ms;
  }
}

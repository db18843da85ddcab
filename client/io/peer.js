// One direct connection to one device: WebRTC, a data channel, and the requests that are open on it.

import { askMessage, cancelMessage, getMessage, MAX_REQUESTS, notHeldMessage, readChannel } from "../core/channel.js";
import { concat } from "../core/bytes.js";
import { Emitter } from "../core/emitter.js";
import { isNearby } from "../core/nearby.js";
import { unavailable, WireError } from "../core/wire_errors.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {Incoming, No} from "../core/channel.js" */

const CHANNEL = "songkeep/1";
/** An offer goes out with what was found by then. */
const GATHER_LIMIT_MS = 1_000;
/** Once our address as the world sees it is known, little more is worth waiting for. */
const GATHER_REST_MS = 60;
const CONNECT_TIMEOUT_MS = 15_000;
/** A disconnected path often heals; this long it may take. */
const HEAL_MS = 3_000;
const MAX_REPLY_BYTES = 64 << 20;

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

export class Peer {
  /** Opened, closed, or the path changed. @type {Emitter<void>} */
  changed = new Emitter();
  /** When anything last came, for those who wait. */
  heard_at_ms = 0;
  /** How the way goes: "lan", "direct" or "relay"; "" until known. @type {"" | "lan" | "direct" | "relay"} */
  path = "";

  #connection;
  #channel;
  #closed = false;
  /** @type {Promise<string>} */
  #offer;
  /** @type {Map<number, Wanted>} */
  #wanted = new Map();
  #next = 1;
  #heal = 0;
  #deadline = 0;

  /** @param {string[]} stun  "host:port" each; none is fine on a LAN */
  constructor(stun) {
    this.#connection = new RTCPeerConnection({ iceServers: stun.length ? [{ urls: stun.map((server) => `stun:${server}`) }] : [] });
    this.#channel = this.#connection.createDataChannel(CHANNEL);
    this.#channel.binaryType = "arraybuffer";
    this.#channel.addEventListener("open", () => this.#opened());
    this.#channel.addEventListener("close", () => this.close());
    this.#channel.addEventListener("message", ({ data }) => this.#message(data));
    this.#connection.addEventListener("connectionstatechange", () => this.#stateChanged());
    this.#offer = this.#gather();
    this.#offer.catch(() => this.close());
  }

  get open() {
    return !this.#closed && this.#channel.readyState === "open";
  }

  get closed() {
    return this.#closed;
  }

  /** Requests that are open now. */
  get load() {
    return this.#wanted.size;
  }

  /** The offer's SDP with its candidates. @returns {Promise<string>} */
  offer() {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      if (!this.open) this.close();
    }, CONNECT_TIMEOUT_MS);
    return this.#offer;
  }

  /** @param {string} sdp  the other side's answer */
  async accept(sdp) {
    if (this.#closed || this.#connection.signalingState !== "have-local-offer") return;
    await this.#connection.setRemoteDescription({ type: "answer", sdp }).catch(() => this.close());
  }

  async #gather() {
    const connection = this.#connection;
    const gathered = new Promise((resolve) => {
      let timer = setTimeout(resolve, GATHER_LIMIT_MS);
      connection.addEventListener("icecandidate", ({ candidate }) => {
        if (!candidate) resolve(undefined);
        else if (candidate.type === "srflx") {
          clearTimeout(timer);
          timer = setTimeout(resolve, GATHER_REST_MS);
        }
      });
    });
    await connection.setLocalDescription();
    await gathered;
    if (!connection.localDescription) throw unavailable("no offer could be made");
    return connection.localDescription.sdp;
  }

  #opened() {
    clearTimeout(this.#deadline);
    this.heard_at_ms = performance.now();
    this.changed.emit();
    // A way may be named late, and browsers change to a better one in the first seconds.
    for (const wait_ms of [0, 1_000, 5_000]) setTimeout(() => void this.#learnPath(), wait_ms);
  }

  async #learnPath() {
    const stats = await this.#connection.getStats().catch(() => null);
    /** @type {Map<string, any>} */
    const reports = new Map();
    stats?.forEach((report) => reports.set(report.id, report));
    const transport = [...reports.values()].find(({ type }) => type === "transport");
    const pair = reports.get(transport?.selectedCandidatePairId);
    const [local, remote] = [reports.get(pair?.localCandidateId), reports.get(pair?.remoteCandidateId)];
    if (!pair || this.#closed) return;
    const relayed = local?.candidateType === "relay" || remote?.candidateType === "relay";
    this.path = relayed ? "relay" : isNearby(remote?.candidateType, remote?.address ?? "") ? "lan" : "direct";
    this.changed.emit();
  }

  #stateChanged() {
    clearTimeout(this.#heal);
    const state = this.#connection.connectionState;
    if (state === "failed" || state === "closed") this.close();
    else if (state === "disconnected") this.#heal = setTimeout(() => this.close(), HEAL_MS);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#heal);
    this.#channel.close();
    this.#connection.close();
    const wanted = [...this.#wanted.values()];
    this.#wanted.clear();
    for (const { fail } of wanted) fail(unavailable("the connection to the other device was lost"));
    this.changed.emit();
  }

  /** @param {ArrayBuffer | string} data */
  #message(data) {
    this.heard_at_ms = performance.now();
    try {
      if (typeof data === "string") throw new WireError("peer", "a text came over the chunk channel");
      this.#take(readChannel(new Uint8Array(data)));
    } catch {
      this.close();
    }
  }

  /** @param {Incoming} message */
  #take(message) {
    if (message.kind === "nothing") return;
    if (message.kind === "asked") return this.#channel.send(notHeldMessage(message.request));
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
   * Ask a question; the whole answer.
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
    if (!this.open) return Promise.reject(unavailable("the connection to the other device was lost"));
    if (this.#wanted.size >= MAX_REQUESTS) return Promise.reject(unavailable("too much is being asked of one device at once"));
    const request = this.#next;
    this.#next = (request % 0xffffffff) + 1;
    return new Promise((resolve, reject) => {
      const cancel = () => {
        if (!this.#wanted.delete(request)) return;
        if (this.open) this.#channel.send(cancelMessage(request));
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
      this.#channel.send(message(request));
    });
  }
}

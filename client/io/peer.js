// One direct connection to one device: WebRTC, a data channel, and the requests that are open on it.

import { ChannelRequests } from "../core/channel_requests.js";
import { Emitter } from "../core/emitter.js";
import { isNearby } from "../core/nearby.js";
import { unavailable, WireError } from "../core/wire_errors.js";

const CHANNEL = "songkeep/1";
/** An offer goes out with what was found by then. */
const GATHER_LIMIT_MS = 1_000;
/** Once our address as the world sees it is known, little more is worth waiting for. */
const GATHER_REST_MS = 60;
const CONNECT_TIMEOUT_MS = 15_000;
/** A disconnected path often heals; this long it may take. */
const HEAL_MS = 3_000;

export class Peer {
  /** Opened, closed, or the path changed. @type {Emitter<void>} */
  changed = new Emitter();
  /** When anything last came, for those who wait. */
  heard_at_ms = 0;
  /** How the way goes; "" until known. @type {"" | "lan" | "direct"} */
  path = "";

  #connection;
  #channel;
  #closed = false;
  /** @type {Promise<string>} */
  #offer;
  #requests;
  #heal = 0;
  #deadline = 0;

  /** @param {string[]} stun  "host:port" each; none is fine on a LAN */
  constructor(stun) {
    this.#connection = new RTCPeerConnection({ iceServers: stun.length ? [{ urls: stun.map((server) => `stun:${server}`) }] : [] });
    this.#channel = this.#connection.createDataChannel(CHANNEL);
    this.#channel.binaryType = "arraybuffer";
    this.#requests = new ChannelRequests((message) => this.#channel.send(message), () => this.open);
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
    const remote = reports.get(pair?.remoteCandidateId);
    if (!pair || this.#closed) return;
    this.path = isNearby(remote?.candidateType, remote?.address ?? "") ? "lan" : "direct";
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
    this.#requests.end();
    this.changed.emit();
  }

  /** @param {ArrayBuffer | string} data */
  #message(data) {
    this.heard_at_ms = performance.now();
    try {
      if (typeof data === "string") throw new WireError("peer", "a text came over the chunk channel");
      this.#requests.take(new Uint8Array(data));
    } catch {
      this.close();
    }
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

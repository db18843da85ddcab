// Sealed chunks from a seed by HTTP: ranges of its blobs, where no direct connection to it opens. They are opened, and so checked, like any others.

import { toBase32 } from "../core/bytes.js";
import { CHUNK_BYTES } from "../core/crypto_labels.js";
import { Emitter } from "../core/emitter.js";
import { MAX_ANSWER_BYTES, readChallenge, readSession, sessionRequest } from "../core/seed_session.js";
import { peerError, unavailable, WireError } from "../core/wire_errors.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {WireFault} from "../core/wire_errors.js" */
/** @import {Holder} from "./swarm_chunks.js" */
/** @import {Membership} from "./swarm_membership.js" */

const SIGN_IN_TIMEOUT_MS = 10_000;
const MAX_HEADS_BYTES = 8 << 20;

/** @type {Record<number, [WireFault, string]>} */
const NO = {
  403: ["refused", "the seed refuses: this device may no longer be a member"],
  404: ["unavailable", "the seed doesn’t hold that music"],
  409: ["damaged", "the seed’s copy is damaged"],
};

export class SeedRanges {
  /** Opened or closed. @type {Emitter<void>} */
  changed = new Emitter();
  /** When anything last came, for those who wait. */
  heard_at_ms = 0;
  path = /** @type {const} */ ("ranges");
  open = false;
  closed = false;

  #base;
  #membership;
  #life = new AbortController();
  #capability = "";
  /** @type {Promise<void> | null} */
  #entering = null;

  /**
   * @param {string} base  the seed's HTTP address
   * @param {Pick<Membership, "keys" | "library">} membership
   */
  constructor(base, membership) {
    this.#base = base.replace(/\/+$/, "");
    this.#membership = membership;
  }

  /** Sign in; `changed` tells how that went. */
  begin() {
    this.#enter().then(
      () => {
        if (this.closed) return;
        this.open = true;
        this.changed.emit();
      },
      () => this.close(),
    );
  }

  close() {
    if (this.closed) return;
    this.open = false;
    this.closed = true;
    this.#life.abort();
    this.changed.emit();
  }

  /**
   * A seed has no keys, and answers one question: `heads`. Rejects with a WireError.
   * @param {string} kind
   * @param {unknown} _body
   * @param {AbortSignal} signal
   * @returns {Promise<Bytes>}
   */
  async ask(kind, _body, signal) {
    if (kind !== "heads") throw unavailable("a seed answers no such question");
    return this.#body(await this.#entered("heads", { signal: AbortSignal.any([signal, this.#life.signal]) }), MAX_HEADS_BYTES);
  }

  /** Nothing for a seed comes through a room. */
  hear() {}

  /** A capability is good for an hour: many requests that find it run out ask for another together. */
  #enter() {
    return (this.#entering ??= this.#signIn().finally(() => (this.#entering = null)));
  }

  async #signIn() {
    const { keys, library } = this.#membership;
    const signal = AbortSignal.any([this.#life.signal, AbortSignal.timeout(SIGN_IN_TIMEOUT_MS)]);
    const nonce = readChallenge(await this.#whole("challenge", { signal }));
    const body = await sessionRequest(keys, { nonce, host: new URL(this.#base).host, library });
    this.#capability = readSession(await this.#whole("session", { signal, method: "POST", body }), library);
  }

  /**
   * @param {string} path
   * @param {RequestInit} how
   * @returns {Promise<Response>}
   */
  async #fetch(path, how) {
    try {
      const response = await fetch(`${this.#base}/v1/${path}`, { ...how, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" });
      this.heard_at_ms = performance.now();
      return response;
    } catch {
      // It is not there now: whoever made this way makes another in a while.
      if (!how.signal?.aborted) this.close();
      throw unavailable("the seed can’t be reached");
    }
  }

  /**
   * With the capability: in the address it needs no question in advance, which browsers ask for each address anew.
   * @param {string} path
   * @param {RequestInit} how
   */
  async #entered(path, how) {
    const ask = () => this.#fetch(`${path}?cap=${encodeURIComponent(this.#capability)}`, how);
    const response = await ask();
    if (response.status !== 401) return response;
    await this.#enter();
    return ask();
  }

  /**
   * @param {string} path
   * @param {RequestInit} how
   */
  async #whole(path, how) {
    return this.#body(await this.#fetch(path, how), MAX_ANSWER_BYTES);
  }

  /**
   * @param {Response} response
   * @param {number} max_bytes
   */
  async #body(response, max_bytes) {
    if (response.status !== 200) throw no(response.status);
    /** @type {Bytes[]} */
    const parts = [];
    let size_bytes = 0;
    await this.#read(response, (part) => {
      size_bytes += part.length;
      if (size_bytes > max_bytes) throw peerError("the seed’s answer is too long");
      parts.push(part);
    });
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  }

  /**
   * @param {Response} response
   * @param {(part: Bytes) => void} take
   */
  async #read(response, take) {
    const reader = response.body?.getReader();
    if (!reader) throw unavailable("the seed gave nothing");
    try {
      for (;;) {
        const { done, value } = await reader.read().catch(() => Promise.reject(unavailable("the connection to the seed was lost")));
        if (done) return;
        this.heard_at_ms = performance.now();
        take(value);
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /**
   * Ask for sealed chunks; they come in order through `chunk`. Rejects with a WireError when the seed can't give them all.
   * @type {Holder["get"]}
   */
  async get({ root, first, count }, chunk, signal) {
    const both = AbortSignal.any([signal, this.#life.signal]);
    const response = await this.#entered(`blobs/${toBase32(root)}`, {
      headers: { Range: `bytes=${first * CHUNK_BYTES}-${(first + count) * CHUNK_BYTES - 1}` },
      signal: both,
    });
    if (response.status !== 206) throw no(response.status);
    const cut = new Cutter(count, (bytes, at) => both.aborted || chunk(first + at, bytes));
    await this.#read(response, (part) => cut.take(part));
    cut.end();
  }
}

/** @param {number} status */
function no(status) {
  const [fault, text] = NO[status] ?? ["unavailable", "the seed can’t answer now"];
  return new WireError(fault, text);
}

/** Bytes as they come, cut into chunks; a blob's last one is shorter. */
class Cutter {
  #filling = new Uint8Array(CHUNK_BYTES);
  #filled = 0;
  #at = 0;

  /**
   * @param {number} count  chunks that were asked for
   * @param {(chunk: Bytes, at: number) => void} give
   */
  constructor(count, give) {
    this.count = count;
    this.give = give;
  }

  /** Throws a WireError "peer" if more comes than was asked for. @param {Uint8Array} part */
  take(part) {
    for (let from = 0; from < part.length; ) {
      if (this.#at >= this.count) throw peerError("the seed gave more than was asked for");
      const some = part.subarray(from, from + CHUNK_BYTES - this.#filled);
      this.#filling.set(some, this.#filled);
      this.#filled += some.length;
      from += some.length;
      if (this.#filled === CHUNK_BYTES) this.#give();
    }
  }

  /** Throws a WireError "unavailable" if less came. */
  end() {
    if (this.#filled) this.#give();
    if (this.#at < this.count) throw unavailable("the seed gave less than was asked for");
  }

  #give() {
    this.give(this.#filling.slice(0, this.#filled), this.#at++);
    this.#filled = 0;
  }
}

// Chunks of blobs, from this device's store or from the devices that hold them: each fetched once, in the order in which they are needed.

import { toBase32 } from "../core/bytes.js";
import { blobCipher } from "../core/crypto_blob.js";
import { unavailable, WireError } from "../core/wire_errors.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {BlobCipher, BlobRef} from "../core/crypto_blob.js" */

/**
 * @typedef {object} Holder  A device that gives chunks: an open connection.
 * @property {(range: {root: Uint8Array, first: number, count: number}, chunk: (index: number, chunk: Bytes) => void, signal: AbortSignal) => Promise<void>} get
 * @property {number} heard_at_ms
 * @property {() => void} close
 */

/**
 * @typedef {object} ChunkStore  Sealed chunks kept on this device. What it gives is opened, and so checked, like any other.
 * @property {(root: string) => Promise<Uint8Array>} held  one bit a chunk, the lowest first; may be shorter
 * @property {(root: string, index: number) => Promise<Bytes | null>} get
 * @property {(root: string, index: number, chunk: Bytes) => void} put
 * @property {() => Promise<void>} clear
 */

/** Chunks under way in all, to begin with and at most. */
const WINDOW_FIRST = 12;
const WINDOW_MOST = 96;
/** So much of what a holder gives in a second is kept under way. */
const WINDOW_S = 0.35;
/** Of one request. */
const REQUEST_CHUNKS = 8;
/** A chunk somebody waits for this long is asked of a second holder. */
const RACE_AFTER_MS = 250;
/** A holder that owes chunks and says nothing for so long is left; the only one is given longer. */
const SILENT_MS = 2_000;
const SILENT_ALONE_MS = 6_000;
/** Somebody waits this long for a chunk while nobody can give it. */
const PATIENCE_MS = 20_000;
/** A holder that said no is asked again for that blob after this. */
const ASK_AGAIN_MS = 3_000;
const TICK_MS = 100;
/** Opened chunks kept in memory: 24 MiB. */
const OPENED_KEPT = 1_536;
const BLOBS_KEPT = 64;

/** @typedef {{index: number, since_ms: number, resolve: (plain: Bytes) => void, reject: (error: unknown) => void}} Waiter */

/**
 * @typedef {object} Flight  One request under way.
 * @property {Holder} holder
 * @property {Blob} blob
 * @property {Set<number>} left
 * @property {number} began_ms
 * @property {AbortController} stop
 */

/** One blob that is being read. */
class Blob {
  /** @type {Set<number>} */
  held = new Set();
  /** Here, and being opened. @type {Set<number>} */
  opening = new Set();
  /** @type {Waiter[]} */
  waiters = [];
  /** Holders that don't have it now, and until when. @type {Map<Holder, number>} */
  refused = new Map();
  /** Where it is being read. */
  cursor = 0;
  /** Why the last request failed. @type {WireError | null} */
  trouble = null;

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

  get whole() {
    return this.held.size >= this.chunks;
  }
}

export class Chunks {
  /** Bytes that came from each holder. @type {(holder: Holder, size_bytes: number) => void} */
  counted = () => {};

  #holders;
  #store;
  #now;
  /** The least recently read first. @type {Map<string, Promise<Blob>>} */
  #blobs = new Map();
  /** Those of them that are ready. @type {Set<Blob>} */
  #ready = new Set();
  /** To be fetched whole, the first first. @type {Blob[]} */
  #wished = [];
  /** @type {Set<Flight>} */
  #flights = new Set();
  /** `${root}:${index}` -> plaintext, the least recently read first. @type {Map<string, Bytes>} */
  #opened = new Map();
  #window = WINDOW_FIRST;
  #rate = { since_ms: 0, chunks: 0 };
  #ticking = 0;
  #wishes = 0;

  /**
   * @param {() => Holder[]} holders  open connections, the preferred first
   * @param {ChunkStore} store
   * @param {() => number} [now]
   */
  constructor(holders, store, now = () => performance.now()) {
    this.#holders = holders;
    this.#store = store;
    this.#now = now;
  }

  /** Connections came or went: what waits may go on. */
  holdersChanged() {
    this.#pump();
  }

  /**
   * Plaintext of one chunk. Rejects with a WireError when nobody gives it in time.
   * @param {BlobRef} ref
   * @param {number} index
   * @param {AbortSignal} [signal]
   * @returns {Promise<Bytes>}
   */
  async read(ref, index, signal) {
    const blob = await this.#blob(ref);
    blob.cursor = index;
    const opened = await this.#openedHere(blob, index);
    if (opened) return opened;
    return new Promise((resolve, reject) => {
      const waiter = { index, since_ms: this.#now(), resolve, reject };
      const leave = () => {
        blob.waiters = blob.waiters.filter((each) => each !== waiter);
        reject(unavailable("no longer wanted"));
      };
      if (signal?.aborted) return leave();
      signal?.addEventListener("abort", leave, { once: true });
      blob.waiters.push(waiter);
      this.#pump();
    });
  }

  /**
   * Fetch these whole, one after the other, and nothing else but what is read: what was wished before and isn't named now stops.
   * @param {BlobRef[]} refs
   */
  async wish(refs) {
    const mine = ++this.#wishes;
    const blobs = await Promise.all(refs.map((ref) => this.#blob(ref)));
    if (mine !== this.#wishes) return;
    this.#wished = blobs;
    for (const flight of this.#flights) {
      const wanted = blobs.includes(flight.blob) || flight.blob.waiters.some(({ index }) => flight.left.has(index));
      if (!wanted) flight.stop.abort();
    }
    this.#pump();
  }

  /**
   * A whole blob's plaintext, for what is small.
   * @param {BlobRef} ref
   * @param {AbortSignal} [signal]
   * @returns {Promise<Bytes>}
   */
  async readAll(ref, signal) {
    const { chunks } = await this.#blob(ref);
    const whole = new Uint8Array(ref.size_bytes);
    let at = 0;
    /** A few are waited for at a time, so that they come in large requests. @type {Promise<Bytes>[]} */
    const ahead = [];
    for (let index = 0, next = 0; index < chunks; index++) {
      while (next < chunks && ahead.length < 4 * REQUEST_CHUNKS) {
        const reading = this.read(ref, next++, signal);
        // One that fails while an earlier one is awaited is told when its turn comes.
        reading.catch(() => {});
        ahead.push(reading);
      }
      const plain = await /** @type {Promise<Bytes>} */ (ahead.shift());
      whole.set(plain, at);
      at += plain.length;
    }
    return whole;
  }

  /** How much of a blob is here: 0 to 1. @param {BlobRef} ref */
  async progress(ref) {
    const { held, chunks } = await this.#blob(ref);
    return held.size / chunks;
  }

  /** @param {BlobRef} ref @returns {Promise<Blob>} */
  #blob(ref) {
    const name = toBase32(ref.root);
    const known = this.#blobs.get(name);
    if (known) {
      this.#blobs.delete(name);
      this.#blobs.set(name, known);
      return known;
    }
    const made = (async () => {
      const blob = new Blob(ref, name, await blobCipher(ref));
      const bits = await this.#store.held(name).catch(() => new Uint8Array(0));
      for (let index = 0; index < blob.chunks; index++) if ((bits[index >> 3] ?? 0) & (1 << (index & 7))) blob.held.add(index);
      this.#ready.add(blob);
      return blob;
    })();
    made.catch(() => this.#blobs.delete(name));
    this.#blobs.set(name, made);
    void this.#forgetOld();
    return made;
  }

  async #forgetOld() {
    for (const [name, made] of [...this.#blobs]) {
      if (this.#blobs.size <= BLOBS_KEPT) return;
      const blob = await made.catch(() => null);
      const busy = blob && (blob.waiters.length || blob.opening.size || this.#wished.includes(blob) || [...this.#flights].some((flight) => flight.blob === blob));
      if (busy) continue;
      this.#blobs.delete(name);
      if (blob) this.#ready.delete(blob);
    }
  }

  /**
   * @param {Blob} blob
   * @param {number} index
   * @returns {Promise<Bytes | null>}
   */
  async #openedHere(blob, index) {
    const key = `${blob.name}:${index}`;
    const known = this.#opened.get(key);
    if (known) {
      this.#opened.delete(key);
      this.#opened.set(key, known);
      return known;
    }
    if (!blob.held.has(index)) return null;
    try {
      const sealed = await this.#store.get(blob.name, index);
      if (sealed) return this.#keepOpened(key, await blob.cipher.openChunk(index, sealed));
    } catch {
      // Damaged on this device's disk: fetched again.
    }
    blob.held.delete(index);
    return null;
  }

  /**
   * @param {string} key
   * @param {Bytes} plain
   */
  #keepOpened(key, plain) {
    this.#opened.set(key, plain);
    if (this.#opened.size > OPENED_KEPT) this.#opened.delete(/** @type {string} */ (this.#opened.keys().next().value));
    return plain;
  }

  /** Send what requests there is room for, the most urgent first. */
  #pump() {
    const now = this.#now();
    for (const blob of this.#urgent) this.#fly(blob, Math.min(...blob.waiters.map(({ index }) => index)), now, true);
    for (const blob of this.#wished) {
      if (blob.whole) continue;
      if (!this.#fly(blob, blob.cursor, now, false)) break;
    }
    this.#tickWhile();
  }

  /** Blobs that somebody waits for, the longest wait first. */
  get #urgent() {
    return this.#waited.sort((a, b) => a.waiters[0].since_ms - b.waiters[0].since_ms);
  }

  /**
   * Ask for missing chunks from `from` on, then from the beginning.
   * @param {Blob} blob
   * @param {number} from
   * @param {number} now
   * @param {boolean} urgent  somebody waits: one request goes out even when the window is full
   * @returns {boolean}  whether this blob has all that is missing under way
   */
  #fly(blob, from, now, urgent) {
    for (;;) {
      const first = this.#nextMissing(blob, from);
      if (first < 0) return true;
      const waitedFor = urgent && blob.waiters.some(({ index }) => index === first);
      if (waitedFor) this.#makeWay();
      else if (this.#underWay() >= this.#window) return false;
      const holder = this.#holderFor(blob, now);
      if (!holder) return false;
      let count = 1;
      while (count < REQUEST_CHUNKS && first + count < blob.chunks && this.#isMissing(blob, first + count)) count++;
      this.#send(holder, blob, first, count);
    }
  }

  /** Somebody waits for what was not asked for yet: what nobody waits for is asked for again later. */
  #makeWay() {
    for (const { blob, left, stop } of this.#flights) if (!blob.waiters.some(({ index }) => left.has(index))) stop.abort();
  }

  #underWay() {
    let sum = 0;
    for (const { left, stop } of this.#flights) if (!stop.signal.aborted) sum += left.size;
    return sum;
  }

  /**
   * @param {Blob} blob
   * @param {number} index
   */
  #isMissing(blob, index) {
    if (blob.held.has(index) || blob.opening.has(index)) return false;
    for (const flight of this.#flights) if (flight.blob === blob && flight.left.has(index) && !flight.stop.signal.aborted) return false;
    return true;
  }

  /**
   * @param {Blob} blob
   * @param {number} from
   */
  #nextMissing(blob, from) {
    for (let step = 0; step < blob.chunks; step++) {
      const index = (from + step) % blob.chunks;
      if (this.#isMissing(blob, index)) return index;
    }
    return -1;
  }

  /**
   * @param {Blob} blob
   * @param {number} now
   * @param {Holder} [not]
   */
  #holderFor(blob, now, not) {
    return this.#holders().find((holder) => holder !== not && (blob.refused.get(holder) ?? 0) <= now);
  }

  /**
   * @param {Holder} holder
   * @param {Blob} blob
   * @param {number} first
   * @param {number} count
   */
  #send(holder, blob, first, count) {
    /** @type {Flight} */
    const flight = { holder, blob, left: new Set(Array.from({ length: count }, (_, at) => first + at)), began_ms: this.#now(), stop: new AbortController() };
    this.#flights.add(flight);
    holder
      .get({ root: blob.ref.root, first, count }, (index, chunk) => void this.#arrived(flight, index, chunk), flight.stop.signal)
      .catch((error) => this.#failed(flight, error))
      .finally(() => {
        this.#flights.delete(flight);
        this.#pump();
      });
  }

  /**
   * @param {Flight} flight
   * @param {number} index
   * @param {Bytes} sealed
   */
  async #arrived({ holder, blob, left }, index, sealed) {
    this.counted(holder, sealed.length);
    this.#measure();
    left.delete(index);
    // The loser of a race.
    if (blob.held.has(index) || blob.opening.has(index)) return;
    blob.opening.add(index);
    try {
      const plain = await blob.cipher.openChunk(index, sealed);
      this.#keepOpened(`${blob.name}:${index}`, plain);
      blob.held.add(index);
      blob.trouble = null;
      this.#store.put(blob.name, index, sealed);
      this.#serve(blob, index, plain);
    } catch (error) {
      this.#refuse(blob, holder, /** @type {WireError} */ (error));
    }
    blob.opening.delete(index);
    this.#pump();
  }

  /**
   * @param {Blob} blob
   * @param {number} index
   * @param {Bytes} plain
   */
  #serve(blob, index, plain) {
    const served = blob.waiters.filter((waiter) => waiter.index === index);
    blob.waiters = blob.waiters.filter((waiter) => waiter.index !== index);
    for (const { resolve } of served) resolve(plain);
  }

  /**
   * @param {Flight} flight
   * @param {unknown} error
   */
  #failed({ holder, blob, stop }, error) {
    if (!stop.signal.aborted) this.#refuse(blob, holder, error instanceof WireError ? error : unavailable("the other device failed"));
  }

  /**
   * @param {Blob} blob
   * @param {Holder} holder
   * @param {WireError} error
   */
  #refuse(blob, holder, error) {
    blob.trouble = error;
    blob.refused.set(holder, this.#now() + ASK_AGAIN_MS);
  }

  /** Keep so much under way as comes in a third of a second. */
  #measure() {
    const now = this.#now();
    this.#rate.chunks++;
    const passed_s = (now - this.#rate.since_ms) / 1000;
    if (passed_s < 0.25) return;
    const fresh = passed_s < 2 ? (this.#rate.chunks / passed_s) * WINDOW_S : WINDOW_FIRST;
    this.#window = Math.max(WINDOW_FIRST, Math.min(WINDOW_MOST, Math.round((this.#window + fresh * 2) / 2)));
    this.#rate = { since_ms: now, chunks: 0 };
  }

  /** While anything is waited for, look now and then whether somebody else should be asked. */
  #tickWhile() {
    const busy = this.#flights.size > 0 || this.#waited.length > 0 || this.#wished.some((blob) => !blob.whole);
    if (!busy || this.#ticking) return;
    this.#ticking = /** @type {any} */ (
      setTimeout(() => {
        this.#ticking = 0;
        this.#tick();
      }, TICK_MS)
    );
  }

  get #waited() {
    return [...this.#ready].filter(({ waiters }) => waiters.length);
  }

  #tick() {
    const now = this.#now();
    const alone = this.#holders().length < 2;
    for (const flight of this.#flights) {
      const quiet_ms = now - Math.max(flight.began_ms, flight.holder.heard_at_ms);
      if (quiet_ms > (alone ? SILENT_ALONE_MS : SILENT_MS)) flight.holder.close();
    }
    for (const blob of this.#waited) {
      this.#giveUp(blob, now);
      for (const { index, since_ms } of blob.waiters) if (now - since_ms > RACE_AFTER_MS) this.#race(blob, index, now);
    }
    this.#pump();
  }

  /**
   * @param {Blob} blob
   * @param {number} now
   */
  #giveUp(blob, now) {
    const late = blob.waiters.filter(({ since_ms }) => now - since_ms > PATIENCE_MS);
    blob.waiters = blob.waiters.filter((waiter) => !late.includes(waiter));
    for (const { reject } of late) reject(blob.trouble ?? unavailable("No device that has this music can be reached."));
  }

  /**
   * Ask a second holder for what the first is slow to give.
   * @param {Blob} blob
   * @param {number} index
   * @param {number} now
   */
  #race(blob, index, now) {
    const asked = [...this.#flights].filter((flight) => flight.blob === blob && flight.left.has(index));
    if (asked.length !== 1 || now - asked[0].began_ms < RACE_AFTER_MS) return;
    const second = this.#holderFor(blob, now, asked[0].holder);
    if (second) this.#send(second, blob, index, Math.min(2, blob.chunks - index));
  }
}

// Chunks of blobs, from this device's store or from the devices that hold them: each fetched once, in the order in which they are needed.

import { MAX_CHUNKS } from "../core/channel.js";
import { ChunkWindow } from "../core/chunk_window.js";
import { Emitter } from "../core/emitter.js";
import { unavailable, WireError } from "../core/wire_errors.js";
import { OpenedBlobs } from "./opened_blobs.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {Flight, Waiter} from "../core/chunk_blob.js" */
/** @import {BlobRef} from "../core/crypto_blob.js" */
/** @import {Blob, ChunkStore} from "./opened_blobs.js" */

/**
 * @typedef {object} Holder  A device that gives chunks: an open connection.
 * @property {(range: {root: Uint8Array, first: number, count: number}, chunk: (index: number, chunk: Bytes) => void, signal: AbortSignal) => Promise<void>} get
 * @property {number} heard_at_ms
 * @property {string} [path]  how bytes travel
 * @property {() => void} close
 */

/** @typedef {{ref: BlobRef, chunks?: number}} Wish  to be fetched: the first so many chunks, or all */

/** Of the first request for a blob, and of one that somebody waits for. */
const FIRST_CHUNKS = 8;
/** A chunk somebody waits for this long is asked of a second holder. */
const RACE_AFTER_MS = 250;
const RACE_CHUNKS = 2;
/** A holder that owes chunks and says nothing for so long is left; the only one is given longer. */
const SILENT_MS = 2_000;
const SILENT_ALONE_MS = 6_000;
/** Somebody waits this long for a chunk while nobody can give it. */
const PATIENCE_MS = 20_000;
/** A holder that said no is asked again for that blob after this. */
const ASK_AGAIN_MS = 3_000;
const TICK_MS = 100;
/** `readAll` reads so far ahead. */
const AHEAD_CHUNKS = 4 * FIRST_CHUNKS;

export class Chunks {
  /** Bytes came. @type {Emitter<{holder: Holder, size_bytes: number}>} */
  came = new Emitter();
  /** All that was wished is here. @type {Emitter<void>} */
  fulfilled = new Emitter();

  #holders;
  #blobs;
  #now;
  /** The first first. @type {{blob: Blob, chunks: number}[]} */
  #wished = [];
  #wishes = 0;
  #deciding = false;
  #window = new ChunkWindow();
  #ticking = false;

  /**
   * @param {() => Holder[]} holders  open connections, the preferred first
   * @param {ChunkStore} store
   * @param {() => number} [now]
   */
  constructor(holders, store, now = () => performance.now()) {
    this.#holders = holders;
    this.#blobs = new OpenedBlobs(store, (blob) => this.#wished.some((each) => each.blob === blob));
    this.#now = now;
  }

  /** Bytes were here already. @type {Emitter<number>} */
  get found() {
    return this.#blobs.found;
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
    const blob = await this.#blobs.of(ref);
    blob.cursor = index;
    const opened = await this.#blobs.opened(blob, index);
    if (opened) return opened;
    return new Promise((resolve, reject) => {
      /** @type {Waiter} */
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
   * Say that a stream reads this blob, until what is returned is called: it goes before what is only wished.
   * @param {BlobRef} ref
   * @returns {() => void}
   */
  reads(ref) {
    const blob = this.#blobs.of(ref);
    blob.then((opened) => opened.readers++).catch(() => {});
    return () => void blob.then((opened) => opened.readers--).catch(() => {});
  }

  /**
   * A whole blob's plaintext, for what is small.
   * @param {BlobRef} ref
   * @param {AbortSignal} [signal]
   * @returns {Promise<Bytes>}
   */
  async readAll(ref, signal) {
    const { chunks } = await this.#blobs.of(ref);
    const whole = new Uint8Array(ref.size_bytes);
    let at = 0;
    /** @type {Promise<Bytes>[]} */
    const ahead = [];
    for (let index = 0, next = 0; index < chunks; index++) {
      while (next < chunks && ahead.length < AHEAD_CHUNKS) {
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

  /** Another wish is on its way: until it comes, only what a stream waits for is fetched, the first of them. */
  decide() {
    this.#deciding = true;
    this.#wished = [];
  }

  /**
   * Fetch these, one after the other, and nothing else but what is read: what was wished before and isn't named now stops.
   * @param {Wish[]} wishes
   */
  async wish(wishes) {
    const mine = ++this.#wishes;
    const wished = await Promise.all(wishes.map(async ({ ref, chunks = Infinity }) => ({ blob: await this.#blobs.of(ref), chunks })));
    if (mine !== this.#wishes) return;
    this.#deciding = false;
    this.#wished = wished;
    for (const blob of this.#blobs.ready) if (blob.flights.size && !wished.some((each) => each.blob === blob)) blob.yield();
    this.#pump();
  }

  /** How much of a blob is here: 0 to 1. @param {BlobRef} ref */
  async progress(ref) {
    const { held, chunks } = await this.#blobs.of(ref);
    return held.size / chunks;
  }

  /** Blobs were removed from the store. @param {readonly string[]} names  roots in base32 */
  forget(names) {
    return this.#blobs.forget(names);
  }

  get #waited() {
    return [...this.#blobs.ready].filter(({ waiters }) => waiters.length).sort((a, b) => a.waiters[0].since_ms - b.waiters[0].since_ms);
  }

  /** What is read goes first, then what is only wished. */
  get #ranked() {
    return [...this.#wished].sort((a, b) => Number(b.blob.readers > 0) - Number(a.blob.readers > 0));
  }

  /** Send what requests there is room for, the most urgent first. */
  #pump() {
    const [first, ...rest] = this.#ranked;
    const later = new Set(rest.map(({ blob }) => blob));
    if (this.#deciding) for (const blob of this.#waited.filter(({ readers }) => readers).slice(1)) later.add(blob);
    // What is read and was not wished, such as covers, is small and waited for.
    for (const blob of this.#waited) if (!later.has(blob)) this.#fly(blob, blob.waitedFrom, Infinity, blob === first?.blob ? later : null);
    let fulfilled = first !== undefined;
    for (const { blob, chunks } of first ? [first, ...rest] : []) {
      if (blob.hasFirst(chunks)) continue;
      fulfilled = false;
      if (!this.#fly(blob, blob.waiters.length ? blob.waitedFrom : blob.cursor, chunks)) break;
    }
    if (fulfilled) {
      this.#wished = [];
      queueMicrotask(() => this.fulfilled.emit());
    }
    this.#tickWhile();
  }

  /**
   * Ask for missing chunks from `from` on, then from the beginning.
   * @param {Blob} blob
   * @param {number} from
   * @param {number} count  of those that are wanted at all, from the first
   * @param {ReadonlySet<Blob> | null} [behind]  given: what is waited for need not fit the window; a set: these give way to it
   * @returns {boolean}  whether there is room for what comes after it
   */
  #fly(blob, from, count, behind) {
    for (;;) {
      const first = blob.nextMissing(from, count);
      if (first < 0) return true;
      const urgent = behind !== undefined && blob.isWaitedFor(first);
      if (urgent && behind) this.#makeWay(blob, behind);
      const room = this.#window.size - this.#underWay();
      // One request a blob, the next one soon enough: a holder gives those that are open turn by turn, the later chunks too soon.
      if (!urgent && (room <= 0 || blob.underWay > this.#window.size / 2)) return false;
      const holder = this.#holderFor(blob);
      if (!holder) return true;
      const most = urgent || !blob.held.size ? FIRST_CHUNKS : Math.max(FIRST_CHUNKS, Math.min(room, MAX_CHUNKS));
      this.#send(holder, blob, first, blob.run(first, Math.min(most, Math.max(1, count - first))));
    }
  }

  /**
   * What plays waits for what was not asked for yet: what nobody waits for is asked for again later.
   * @param {Blob} blob
   * @param {ReadonlySet<Blob>} behind
   */
  #makeWay(blob, behind) {
    blob.yield();
    for (const other of behind) other.yield();
  }

  #underWay() {
    let sum = 0;
    for (const blob of this.#blobs.ready) sum += blob.underWay;
    return sum;
  }

  /**
   * @param {Blob} blob
   * @param {Holder} [not]
   */
  #holderFor(blob, not) {
    const now = this.#now();
    return this.#holders().find((holder) => holder !== not && blob.mayAsk(holder, now));
  }

  /**
   * @param {Holder} holder
   * @param {Blob} blob
   * @param {number} first
   * @param {number} count
   */
  #send(holder, blob, first, count) {
    /** @type {Flight<Holder>} */
    const flight = { holder, blob, left: new Set(Array.from({ length: count }, (_, at) => first + at)), began_ms: this.#now(), stop: new AbortController() };
    blob.flights.add(flight);
    holder
      .get({ root: blob.ref.root, first, count }, (index, chunk) => void this.#arrived(flight, index, chunk), flight.stop.signal)
      .catch((error) => {
        if (!flight.stop.signal.aborted) this.#refuse(flight, error instanceof WireError ? error : unavailable("the other device failed"));
      })
      .finally(() => {
        blob.flights.delete(flight);
        this.#pump();
      });
  }

  /**
   * @param {Flight<Holder>} flight
   * @param {number} index
   * @param {Bytes} sealed
   */
  async #arrived(flight, index, sealed) {
    const { holder, blob, left } = flight;
    this.came.emit({ holder, size_bytes: sealed.length });
    this.#window.came(this.#now());
    left.delete(index);
    // The loser of a race.
    if (blob.held.has(index) || blob.opening.has(index)) return;
    blob.opening.add(index);
    try {
      const plain = await blob.cipher.openChunk(index, sealed);
      this.#blobs.put(blob, index, { plain, sealed });
      blob.serve(index, plain);
    } catch (error) {
      this.#refuse(flight, /** @type {WireError} */ (error));
    }
    blob.opening.delete(index);
    this.#pump();
  }

  /**
   * @param {Flight<Holder>} flight
   * @param {WireError} error
   */
  #refuse({ blob, holder }, error) {
    blob.refuse(holder, error, this.#now() + ASK_AGAIN_MS);
  }

  /** While anything is waited for, look now and then whether somebody else should be asked. */
  #tickWhile() {
    const busy = this.#wished.length > 0 || [...this.#blobs.ready].some((blob) => blob.busy);
    if (!busy || this.#ticking) return;
    this.#ticking = true;
    setTimeout(() => {
      this.#ticking = false;
      this.#tick();
    }, TICK_MS);
  }

  #tick() {
    const now = this.#now();
    const patience_ms = this.#holders().length < 2 ? SILENT_ALONE_MS : SILENT_MS;
    for (const { flights } of this.#blobs.ready) {
      for (const { holder, began_ms } of flights) if (now - Math.max(began_ms, holder.heard_at_ms) > patience_ms) holder.close();
    }
    for (const blob of this.#waited) {
      blob.giveUp(now - PATIENCE_MS);
      for (const { index, since_ms } of blob.waiters) if (now - since_ms > RACE_AFTER_MS) this.#race(blob, index, now);
    }
    this.#pump();
  }

  /**
   * Ask a second holder for what the first is slow to give.
   * @param {Blob} blob
   * @param {number} index
   * @param {number} now
   */
  #race(blob, index, now) {
    const asked = blob.live.filter(({ left }) => left.has(index));
    if (asked.length !== 1 || now - asked[0].began_ms < RACE_AFTER_MS) return;
    const second = this.#holderFor(blob, asked[0].holder);
    if (second) this.#send(second, blob, index, Math.min(RACE_CHUNKS, blob.chunks - index));
  }
}

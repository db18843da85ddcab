// Music on this phone: songs that are to stay, warm beginnings of others, and the room that both may take.

import { toBase32 } from "../core/bytes.js";
import { shapeOf } from "../core/crypto_blob.js";
import { CHUNK_BYTES } from "../core/crypto_labels.js";
import { Emitter } from "../core/emitter.js";
import { HEAD_CHUNKS, headsIn, isHere, likely, mayWarm, toLetGo } from "../core/held_music.js";
import { read, write } from "./store_db.js";

/** @import {BlobRef} from "../core/crypto_blob.js" */
/** @import {Stored} from "../core/held_music.js" */
/** @import {Held, Keeping} from "../core/source.js" */
/** @import {CatalogLibrary} from "../core/catalog_library.js" */
/** @import {Wish} from "./swarm_chunks.js" */

const RECORD = "keeping";
const BUDGET_FIRST_BYTES = 1_000_000_000;
/** Of the budget, and of any. */
const HEADS_SHARE = 0.3;
const HEADS_MOST_BYTES = 300_000_000;
/** No more than this part of what the browser would give. */
const QUOTA_SHARE = 0.6;
/** Beginnings asked for together, so that a long way is full. */
const HEADS_AT_ONCE = 8;
const KEPT_AT_ONCE = 3;
const LOOK_EVERY_MS = 60_000;
/** The store is looked at earlier when this part of the budget has come since. */
const LOOK_AFTER_SHARE = 0.05;
const PLAYED_KEPT = 200;

/** @typedef {{kept: string[], played: string[], budget_bytes: number}} Record_ */

/**
 * @typedef {object} KeepingStore
 * @property {() => Promise<Stored[]>} list
 * @property {(root: string) => Promise<void>} remove
 * @property {(root: string, kept: boolean) => Promise<void>} keep
 */

/**
 * @typedef {object} KeepingParts
 * @property {KeepingStore} store
 * @property {() => CatalogLibrary | null} library
 * @property {(id: string) => BlobRef | null} music  what plays of a track as a rule
 * @property {(id: string) => void} make  nothing of it plays here yet: a computer is asked to make what does
 * @property {() => ReadonlySet<string>} needed  roots that are in use now
 * @property {(roots: readonly string[]) => Promise<void>} forgotten  these were removed
 * @property {() => Pick<Held, "ways" | "month_bytes">} reach
 */

/** @implements {Keeping} */
export class SwarmKeeping {
  /** What is to be fetched has changed. @type {Emitter<void>} */
  wishesChanged = new Emitter();

  #parts;
  /** @type {Set<string>} */
  #kept = new Set();
  /** The latest first. @type {string[]} */
  #played = [];
  #budget_bytes = BUDGET_FIRST_BYTES;
  /** By root, as of the last look. @type {Map<string, Stored>} */
  #stored = new Map();
  /** Tracks whose beginnings are still to be fetched; null: to be chosen. @type {string[] | null} */
  #heads = null;
  #turn = 0;
  /** What `next` gave last. @type {Wish[]} */
  #wished = [];
  #looked_at_ms = 0;
  #grown_bytes = 0;
  /** @type {Emitter<void>} */
  #changed = new Emitter();

  /** @param {KeepingParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @type {Keeping["kept"]} */
  get kept() {
    return this.#kept;
  }

  async load() {
    const record = /** @type {Record_ | undefined} */ (await read("self", RECORD));
    this.#kept = new Set(record?.kept);
    this.#played = record?.played ?? [];
    this.#budget_bytes = record?.budget_bytes ?? BUDGET_FIRST_BYTES;
    await this.look();
  }

  /** See anew what is stored, and let go of what is too much. */
  async look() {
    this.#looked_at_ms = performance.now();
    this.#grown_bytes = 0;
    const stored = await this.#parts.store.list();
    const gone = toLetGo(stored, await this.#budget(), this.#parts.needed());
    for (const root of gone) await this.#parts.store.remove(root);
    if (gone.length) await this.#parts.forgotten(gone);
    this.#stored = new Map(stored.filter(({ root }) => !gone.includes(root)).map((each) => [each.root, each]));
    this.#changed.emit();
  }

  async #budget() {
    const { quota = Infinity } = await room();
    return Math.min(this.#budget_bytes, quota * QUOTA_SHARE);
  }

  /** Another catalog: other songs may be likely. */
  catalogChanged() {
    this.#heads = null;
  }

  /** @param {string} id */
  played(id) {
    if (this.#played[0] === id) return;
    this.#played = [id, ...this.#played.filter((other) => other !== id)].slice(0, PLAYED_KEPT);
    this.#heads = null;
    void this.#save();
  }

  /** What to fetch when nothing else is due. @returns {Wish[]} */
  next() {
    const missing = [...this.#kept].flatMap((id) => {
      const ref = this.#parts.music(id);
      return ref && !isHere(this.#stored.get(toBase32(ref.root)), ref) ? [{ ref }] : [];
    });
    const unmade = [...this.#kept].filter((id) => !this.#parts.music(id));
    const turn = this.#turn++;
    for (const id of someOf(unmade, turn)) this.#parts.make(id);
    const some = someOf(missing, turn);
    this.#wished = [...some, ...(missing.length > KEPT_AT_ONCE ? [] : this.#nextHeads())];
    return this.#wished;
  }

  /** @returns {Wish[]} */
  #nextHeads() {
    const library = this.#parts.library();
    if (!library || sparing() || !mayWarm(this.#parts.reach().ways)) return [];
    const budget_bytes = Math.min(this.#budget_bytes * HEADS_SHARE, HEADS_MOST_BYTES);
    this.#heads ??= likely(library.forWarming(), this.#played, headsIn(budget_bytes));
    /** @type {Wish[]} */
    const wishes = [];
    while (this.#heads.length && wishes.length < HEADS_AT_ONCE) {
      const ref = this.#parts.music(/** @type {string} */ (this.#heads.shift()));
      if (ref && !isHere(this.#stored.get(toBase32(ref.root)), ref, HEAD_CHUNKS)) wishes.push({ ref, chunks: HEAD_CHUNKS });
    }
    return wishes;
  }

  /** Bytes were written into the store. @param {number} size_bytes */
  grew(size_bytes) {
    this.#grown_bytes += size_bytes;
  }

  /** What was wished last is here. */
  async fulfilled() {
    for (const { ref, chunks = Infinity } of this.#wished) this.#note(ref, chunks);
    this.#wished = [];
    for (const id of this.#kept) await this.#mark(id, true);
    const due = this.#grown_bytes > this.#budget_bytes * LOOK_AFTER_SHARE || performance.now() - this.#looked_at_ms > LOOK_EVERY_MS;
    if (due) await this.look();
    this.#changed.emit();
  }

  /**
   * The store has these chunks now; it is asked itself only now and then.
   * @param {BlobRef} ref
   * @param {number} chunks
   */
  #note(ref, chunks) {
    const root = toBase32(ref.root);
    const known = this.#stored.get(root);
    const { chunks: all, sealed_bytes } = shapeOf(ref.size_bytes);
    const count = Math.min(chunks, all);
    const bits = new Uint8Array(Math.ceil(all / 8));
    bits.set(known?.bits.subarray(0, bits.length) ?? []);
    for (let index = 0; index < count; index++) bits[index >> 3] |= 1 << (index & 7);
    const size_bytes = Math.max(known?.size_bytes ?? 0, Math.min(sealed_bytes, count * CHUNK_BYTES));
    this.#stored.set(root, { root, bits, size_bytes, used_ms: Date.now(), kept: known?.kept ?? false });
  }

  /**
   * @param {string} id
   * @param {boolean} on
   */
  async #mark(id, on) {
    const ref = this.#parts.music(id);
    const stored = ref && this.#stored.get(toBase32(ref.root));
    if (!stored || stored.kept === on) return;
    stored.kept = on;
    await this.#parts.store.keep(stored.root, on);
  }

  /** @type {Keeping["set"]} */
  async set(tracks, on) {
    for (const id of tracks) {
      if (on) this.#kept.add(id);
      else this.#kept.delete(id);
      await this.#mark(id, on);
    }
    await this.#save();
    if (on) await navigator.storage.persist?.();
    this.wishesChanged.emit();
    this.#changed.emit();
  }

  /** @type {Keeping["setBudget"]} */
  async setBudget(budget_bytes) {
    this.#budget_bytes = budget_bytes;
    this.#heads = null;
    await this.#save();
    await this.look();
    this.wishesChanged.emit();
  }

  /** @type {Keeping["held"]} */
  async held() {
    const { quota = 0, usage = 0 } = await room();
    const refs = [...this.#kept].map((id) => this.#parts.music(id));
    return {
      kept_tracks: this.#kept.size,
      kept_ready: refs.filter((ref) => ref && isHere(this.#stored.get(toBase32(ref.root)), ref)).length,
      used_bytes: [...this.#stored.values()].reduce((sum, { size_bytes }) => sum + size_bytes, 0),
      budget_bytes: this.#budget_bytes,
      free_bytes: Math.max(0, quota - usage),
      lasting: (await navigator.storage.persisted?.()) ?? false,
      ...this.#parts.reach(),
    };
  }

  /** @type {Keeping["onChange"]} */
  onChange(listener, signal) {
    this.#changed.on(listener, signal);
  }

  #save() {
    /** @type {Record_} */
    const record = { kept: [...this.#kept], played: this.#played, budget_bytes: this.#budget_bytes };
    return write("self", RECORD, record);
  }
}

/**
 * Others each time: one that nobody gives must not hold up the rest.
 * @template T
 * @param {readonly T[]} all
 * @param {number} turn
 */
function someOf(all, turn) {
  const from = all.length ? turn % all.length : 0;
  return [...all.slice(from), ...all.slice(0, from)].slice(0, KEPT_AT_ONCE);
}

/** What the browser gives and what is used of it. @returns {Promise<StorageEstimate>} */
const room = () => navigator.storage.estimate().catch(() => ({}));

/** Whether bytes cost money here: then only what was asked for is fetched. */
function sparing() {
  const { connection } = /** @type {{connection?: {saveData?: boolean, type?: string}}} */ (navigator);
  return connection?.saveData === true || connection?.type === "cellular";
}

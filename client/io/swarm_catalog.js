// The library's catalog on this phone: the newest snapshot that a device announced, kept for the next start.

import { equal, toBase32 } from "../core/bytes.js";
import { aesKey, openAes, random, sealAes } from "../core/crypto.js";
import { blobRefOf, blobRefValue } from "../core/catalog_values.js";
import { CatalogLibrary } from "../core/catalog_library.js";
import { PersonalTables } from "../core/catalog_personal.js";
import { readSnapshot } from "../core/catalog_snapshot.js";
import { Emitter } from "../core/emitter.js";
import { pack, unpack } from "../core/msgpack.js";
import { read, write } from "./store_db.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {BlobRef} from "../core/crypto_blob.js" */
/** @import {Chunks} from "./swarm_chunks.js" */
/** @import {Presence} from "./swarm.js" */
/** @import {SwarmLog} from "./swarm_log.js" */

const RECORD = "catalog";
const KEY = "catalog_key";
const MAX_RECORD_BYTES = 65_536;
const RETRY_MS = 5_000;

export class SwarmCatalog {
  /** Another catalog is shown. @type {Emitter<void>} */
  changed = new Emitter();
  /** @type {CatalogLibrary | null} */
  library = null;
  /** What the person did with it. @type {PersonalTables} */
  personal = new PersonalTables([]);
  revision = 0;

  #chunks;
  #log;
  /** @type {BlobRef | null} */
  #ref = null;
  /** How many batches of all logs are in it. */
  #weight = -1;
  /** The next one to read. @type {{ref: BlobRef, weight: number} | null} */
  #next = null;
  #reading = false;

  /**
   * @param {Chunks} chunks
   * @param {SwarmLog} log
   */
  constructor(chunks, log) {
    this.#chunks = chunks;
    this.#log = log;
    log.wrote.on((ops) => {
      for (const op of ops) this.personal.apply(op);
      this.#tell();
    });
  }

  /** Show what an earlier visit kept, if it kept anything. */
  async load() {
    const kept = /** @type {{nonce: Bytes, sealed: Bytes} | undefined} */ (await read("self", RECORD));
    if (!kept) return;
    const [ref, weight] = unpack(await openAes(await deviceKey(), kept.nonce, kept.sealed), { max_bytes: MAX_RECORD_BYTES });
    await this.#show(blobRefOf(ref), weight);
  }

  /**
   * A device said which snapshot it has.
   * @param {Pick<Presence, "snapshot" | "heads"> & {kept?: boolean}} said  kept: left at a seed; of as much, what a device says itself is shown
   */
  offered({ snapshot, heads, kept = false }) {
    if (!snapshot || (this.#ref && equal(snapshot.root, this.#ref.root))) return;
    const weight = [...heads.values()].reduce((sum, seq) => sum + seq, 0);
    if (weight < Math.max(this.#weight, this.#next?.weight ?? -1) + Number(kept)) return;
    this.#next = { ref: snapshot, weight };
    void this.#readNext();
  }

  async #readNext() {
    if (this.#reading || !this.#next) return;
    this.#reading = true;
    try {
      while (this.#next) {
        /** @type {{ref: BlobRef, weight: number}} */
        const { ref, weight } = this.#next;
        await this.#show(ref, weight);
        if (this.#next?.ref === ref) this.#next = null;
      }
    } catch {
      // Nobody gives it now. Should it be malformed, the next one that is announced takes its place.
      setTimeout(() => void this.#readNext(), RETRY_MS);
    } finally {
      this.#reading = false;
    }
  }

  /** The snapshot's blob, so that it is not cleared away. */
  get root() {
    return this.#ref ? toBase32(this.#ref.root) : "";
  }

  /**
   * @param {BlobRef} ref
   * @param {number} weight
   */
  async #show(ref, weight) {
    const snapshot = await readSnapshot(await this.#chunks.readAll(ref));
    const library = await CatalogLibrary.build(snapshot.rows);
    const personal = new PersonalTables(snapshot.rows);
    // What an earlier visit kept is read beside what devices announce: the newer one stays, whichever is ready first.
    if (weight < this.#weight) return;
    this.#weight = weight;
    for (const op of await this.#log.follow(snapshot)) personal.apply(op);
    if (weight < this.#weight) return;
    // Before it is shown, so that what was seen once is there at the next visit; a full disk hides nothing.
    await keep(ref, weight).catch(() => {});
    if (weight < this.#weight) return;
    this.library = library;
    this.personal = personal;
    this.#ref = ref;
    this.#tell();
  }

  #tell() {
    this.revision++;
    this.changed.emit();
  }
}

/**
 * The reference opens the whole catalog, so it rests sealed with a key that only this browser can use.
 * @param {BlobRef} ref
 * @param {number} weight
 */
async function keep(ref, weight) {
  const nonce = random(12);
  await write("self", RECORD, { nonce, sealed: await sealAes(await deviceKey(), nonce, pack([blobRefValue(ref), weight])) });
}

/** @returns {Promise<CryptoKey>} */
async function deviceKey() {
  const known = /** @type {CryptoKey | undefined} */ (await read("self", KEY));
  if (known) return known;
  const made = await aesKey(random(32));
  await write("self", KEY, made);
  return made;
}

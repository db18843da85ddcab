// What was changed on this phone: batches of its own log, kept until the catalog has them, brought to a computer of the library.

import { equal, toBase32 } from "../core/bytes.js";
import { logId, makeBatch, nextStamp, NO_HASH } from "../core/catalog_batch.js";
import { Emitter } from "../core/emitter.js";
import { pack, unpack } from "../core/msgpack.js";
import { WireError } from "../core/wire_errors.js";
import { read, write } from "./store_db.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {Head, Op} from "../core/catalog_batch.js" */
/** @import {Snapshot} from "../core/catalog_snapshot.js" */
/** @import {Membership} from "./swarm_membership.js" */
/** @import {Ask} from "./swarm_covers.js" */

const RECORD = "log";
const LOCK = "songkeep-log";
/** Of one batch, so that a question with it fits into a message of the channel. */
const MAX_OPS_BYTES = 8_000;
const MAX_QUESTION_BYTES = 15_000;
const MAX_ANSWER_BYTES = 65_536;
const ASK_TIMEOUT_MS = 15_000;

/** @typedef {{seq: number, signed: Bytes, ops: Op[], told: boolean}} Written */
/** @typedef {{incarnation: number, head: Head, newest: bigint, written: Written[]}} Kept */

/** @returns {Kept} */
const begin = () => ({ incarnation: crypto.getRandomValues(new Uint32Array(1))[0], head: { seq: 0, hash: NO_HASH }, newest: 0n, written: [] });

export class SwarmLog {
  /** Something was written here. @type {Emitter<readonly Op[]>} */
  wrote = new Emitter();

  #membership;
  #ask;
  /** What the catalog has seen of every log. @type {Pick<Snapshot, "heads" | "newest">} */
  #seen = { heads: [], newest: 0n };
  #telling = false;

  /**
   * @param {Membership} membership
   * @param {Ask} ask
   */
  constructor(membership, ask) {
    this.#membership = membership;
    this.#ask = ask;
  }

  /** The name of this phone's log, in base32. */
  async name() {
    return this.#change((kept) => toBase32(this.#log(kept)));
  }

  /** @param {Kept} kept */
  #log({ incarnation }) {
    return logId(this.#membership.id, incarnation);
  }

  /**
   * A catalog is shown; what was written here and isn't in it yet.
   * @param {Snapshot} snapshot
   * @returns {Promise<Op[]>}
   */
  async follow({ heads, newest }) {
    this.#seen = { heads, newest };
    const ops = await this.#change((kept) => {
      const own = this.#log(kept);
      const known = heads.find(({ log }) => equal(log, own))?.seq ?? 0;
      kept.written = kept.written.filter(({ seq }) => seq > known);
      return kept.written.flatMap((batch) => batch.ops);
    });
    void this.tell();
    return ops;
  }

  /** Write into the catalog. @param {readonly Op[]} ops */
  async write(ops) {
    if (!ops.length) return;
    await this.#change(async (kept) => {
      for (const part of parted(ops)) await this.#append(kept, part);
    });
    this.wrote.emit(ops);
    void this.tell();
  }

  /**
   * @param {Kept} kept
   * @param {Op[]} ops
   */
  async #append(kept, ops) {
    const { heads, newest } = this.#seen;
    const own = this.#log(kept);
    const stamp = nextStamp(Date.now(), newest > kept.newest ? newest : kept.newest);
    const seen = heads.filter(({ log }) => !equal(log, own)).map(({ log, seq }) => /** @type {[Bytes, number]} */ ([log, seq]));
    const { signed, head } = await makeBatch(this.#membership.keys, { incarnation: kept.incarnation, head: kept.head, stamp, seen, ops });
    kept.head = head;
    if (stamp > kept.newest) kept.newest = stamp;
    kept.written.push({ seq: head.seq, signed, ops, told: false });
  }

  /** Bring what nobody has yet to a computer of the library, if one can be reached. */
  async tell() {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let some = await this.#untold(); some.length; some = await this.#untold()) {
        const answer = await this.#ask("changes", { batches: some }, ASK_TIMEOUT_MS);
        await this.#told(unpack(answer, { max_bytes: MAX_ANSWER_BYTES }));
      }
    } catch (error) {
      // Later: when a computer can be reached again.
      if (!(error instanceof WireError)) throw error;
    } finally {
      this.#telling = false;
    }
  }

  /** The next batches to tell, as many as fit. @returns {Promise<Bytes[]>} */
  #untold() {
    return this.#change(({ written }) => {
      let size = 0;
      return written.filter(({ told, signed }) => !told && (size += signed.length) <= MAX_QUESTION_BYTES).map(({ signed }) => signed);
    });
  }

  /** @param {unknown} heads  where every log stands at the one who was told */
  async #told(heads) {
    await this.#change((kept) => {
      const own = this.#log(kept);
      const known = heads instanceof Map ? [...heads].find(([log]) => log instanceof Uint8Array && equal(log, own))?.[1] : 0;
      const first = kept.written.find(({ told }) => !told);
      if (!first || !(known >= first.seq)) throw new WireError("peer", "what was changed here was not taken over");
      for (const batch of kept.written) if (batch.seq <= known) batch.told = true;
    });
  }

  /**
   * Alone with the record, among this browser's tabs.
   * @template T
   * @param {(kept: Kept) => T | Promise<T>} work  may change it
   * @returns {Promise<T>}
   */
  #change(work) {
    return /** @type {Promise<T>} */ (
      navigator.locks.request(LOCK, async () => {
        const kept = /** @type {Kept | undefined} */ (await read("self", RECORD)) ?? begin();
        const result = await work(kept);
        await write("self", RECORD, kept);
        return result;
      })
    );
  }
}

/**
 * @param {readonly Op[]} ops
 * @returns {Op[][]}
 */
function parted(ops) {
  /** @type {Op[][]} */
  const parts = [[]];
  let size = 0;
  for (const op of ops) {
    const weight = pack(op).length;
    if (size + weight > MAX_OPS_BYTES && size > 0) {
      parts.push([]);
      size = 0;
    }
    parts[parts.length - 1].push(op);
    size += weight;
  }
  return parts;
}

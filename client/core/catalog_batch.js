// Batches: what this phone writes into the catalog, signed and chained as every device's (docs/FORMAT.md, "Catalog").

import { bigEndian, concat } from "./bytes.js";
import { sha256 } from "./crypto.js";
import { LABEL_SIGN_BATCH } from "./crypto_labels.js";
import { pack } from "./msgpack.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {MemberKeys} from "./crypto_keys.js" */

/** @typedef {[table: string, id: string, field: string, value: unknown]} Op  a value of null removes */
/** @typedef {{seq: number, hash: Bytes}} Head  where a log stands: number and hash of its last batch */

const VERSION = 1;
const COUNTER_BITS = 16n;
const DOUBT_MS = 31n * 24n * 3_600_000n;
const MIN_STAMP = -(2n ** 63n);
/** The hash that stands for the batch before the first. */
export const NO_HASH = new Uint8Array(32);

/**
 * Name of a log: a device's identifier and the incarnation of its log.
 * @param {Uint8Array} device
 * @param {number} incarnation
 */
export const logId = (device, incarnation) => concat(device, bigEndian(incarnation, 4));

/**
 * The clock of the next batch: its milliseconds and a counter. One that stands a month past everything seen is not believed: its
 * stamps are negative and lose to every other.
 * @param {number} now_ms
 * @param {bigint} newest  the newest believed stamp seen; 0: none
 */
export function nextStamp(now_ms, newest) {
  const now = BigInt(Math.max(0, Math.floor(now_ms)));
  const stamp = now << COUNTER_BITS;
  if (newest > 0n && now > (newest >> COUNTER_BITS) + DOUBT_MS) return stamp + MIN_STAMP;
  return stamp > newest ? stamp : newest + 1n;
}

/**
 * @param {MemberKeys} keys
 * @param {object} batch
 * @param {number} batch.incarnation
 * @param {Head} batch.head  of this log
 * @param {bigint} batch.stamp
 * @param {readonly [Bytes, number][]} batch.seen  of other logs, in their order
 * @param {readonly Op[]} batch.ops
 * @returns {Promise<{signed: Bytes, head: Head}>}
 */
export async function makeBatch(keys, { incarnation, head, stamp, seen, ops }) {
  const seq = head.seq + 1;
  const body = pack([VERSION, keys.id, incarnation, seq, head.hash, stamp, seen, ops]);
  const signature = await keys.sign(LABEL_SIGN_BATCH, body);
  return { signed: concat(signature, body), head: { seq, hash: await sha256(body) } };
}

// A catalog snapshot, read row by row (docs/FORMAT.md, "Catalog").

import { unpack, unpackMany } from "./msgpack.js";
import { peerError, unknownFormat, WireError } from "./wire_errors.js";
import { boundedText, fixedBytes, list, natural } from "./wire_fields.js";

/** @import {Bytes} from "./bytes.js" */

const VERSION = 1;
/** Unpacked. */
const MAX_SNAPSHOT_BYTES = 2 ** 30;
const MAX_ROW_BYTES = 2 ** 24;
const MAX_LOGS = 1_024;
const LOG_BYTES = 36;

/** @typedef {{table: string, id: string, raw: Uint8Array}} Row  `raw`: its fields as they came, read again when they are needed */

/** @typedef {{log: Bytes, seq: number}} LogHead */
/** @typedef {{rows: Row[], heads: LogHead[], newest: bigint}} Snapshot  `newest`: the newest believed stamp */

/**
 * Throws a WireError: "peer" for a malformed one, "unknown_format" for one of a later version.
 * @param {Uint8Array} document
 * @returns {Promise<Snapshot>}
 */
export async function readSnapshot(document) {
  if (document[0] !== VERSION) throw unknownFormat("a snapshot of the catalog was written by a newer version; update Songkeep here");
  const plain = await inflate(document.subarray(1));
  const values = unpackMany(plain);
  const [logs, newest] = list(values.next().value?.value, 2, "a snapshot's header");
  const heads = list(logs, 0, "a snapshot's logs").map((entry) => {
    const [log, seq] = list(entry, 3, "a snapshot's log");
    return { log: fixedBytes(log, LOG_BYTES, "a snapshot's log"), seq: natural(seq, Number.MAX_SAFE_INTEGER, "a snapshot's log") };
  });
  if (typeof newest !== "number" && typeof newest !== "bigint") throw peerError("a clock is not a number");
  /** @type {Row[]} */
  const rows = [];
  for (const { value, start, end } of values) {
    if (typeof value === "number") {
      if (value !== rows.length || !values.next().done) throw peerError("a snapshot does not end where it says");
      return { rows, heads, newest: BigInt(newest) };
    }
    const [table, id] = list(value, 3, "a snapshot's row");
    rows.push({ table: boundedText(table, 32, "a table's name"), id: boundedText(id, 256, "a row's name"), raw: plain.subarray(start, end) });
  }
  throw peerError("a snapshot ends in the middle");
}

/**
 * The shown value of each register of a row, by its field. What is malformed counts as absent.
 * @param {Uint8Array} raw
 * @returns {Map<string, unknown>}
 */
export function rowFields(raw) {
  /** @type {Map<string, unknown>} */
  const fields = new Map();
  for (const field of list(unpack(raw, { max_bytes: MAX_ROW_BYTES })[2], 0, "a snapshot's row")) {
    const [name, dots] = list(field, 2, "a snapshot's field");
    const shown = shownOf(list(dots, 0, "a snapshot's field"));
    if (shown !== undefined) fields.set(boundedText(name, 128, "a field's name"), shown);
  }
  return fields;
}

/**
 * The value of the latest stamp, then of the greatest log: logs stand in their order in the header.
 * @param {any[]} dots
 */
function shownOf(dots) {
  let latest;
  let latestLog = -1;
  let shown;
  for (const dot of dots) {
    const [rawLog, , stamp, value] = list(dot, 4, "a snapshot's value");
    const log = natural(rawLog, MAX_LOGS, "a snapshot's log");
    if (typeof stamp !== "number" && typeof stamp !== "bigint") throw peerError("a clock is not a number");
    if (latest === undefined || stamp > latest || (stamp == latest && log > latestLog)) {
      latest = stamp;
      latestLog = log;
      shown = value;
    }
  }
  return shown;
}

/** @param {Uint8Array} deflated @returns {Promise<Bytes>} */
async function inflate(deflated) {
  /** @type {Uint8Array[]} */
  const parts = [];
  let size = 0;
  try {
    const stream = new Blob([/** @type {Bytes} */ (deflated)]).stream().pipeThrough(new DecompressionStream("deflate"));
    const reader = stream.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size > MAX_SNAPSHOT_BYTES) throw peerError("a snapshot is larger than any catalog");
      parts.push(part.value);
    }
  } catch (error) {
    if (error instanceof WireError) throw error;
    throw peerError("a snapshot is damaged");
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

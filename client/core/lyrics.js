import { list } from "./wire_fields.js";

/** @import {Lyrics} from "./model.js" */

const MAX_LINES = 5_000;
const MAX_LINE_CHARS = 2_000;

/**
 * Index of the line being sung, -1 before the first. Lines are in time order.
 * @param {Lyrics["lines"]} lines
 * @param {number} now_ms
 */
export function lineAt(lines, now_ms) {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle].time_ms ?? 0) <= now_ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Lyrics as a node tells them (docs/PROTOCOL.md, "Questions"). Throws a WireError "peer".
 * @param {unknown} value  nil: none; else [[time in ms or nil, text], ...]
 * @returns {Lyrics | null}
 */
export function readWords(value) {
  if (value === null) return null;
  const lines = list(value, 0, "lyrics").slice(0, MAX_LINES).map((line) => {
    const [time_ms, text] = list(line, 2, "a line of lyrics");
    return { time_ms: Number.isSafeInteger(time_ms) && time_ms >= 0 ? time_ms : null, text: String(text ?? "").slice(0, MAX_LINE_CHARS) };
  });
  return { synced: lines.some(({ time_ms }) => time_ms !== null), lines };
}

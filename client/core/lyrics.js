/** @import {Lyrics} from "./model.js" */

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

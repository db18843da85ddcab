// What a phone fetches when nothing is due: songs that are to stay, then the beginnings of those that may be played next.

import { shapeOf } from "./crypto_blob.js";

/** @import {BlobRef} from "./crypto_blob.js" */
/** @import {Way} from "./source.js" */

/** Of a song: ten seconds of its mobile rendition, which is what a network needs to begin to answer. */
export const HEAD_CHUNKS = 4;
const HEAD_BYTES = HEAD_CHUNKS * 16_384;

/** @typedef {{root: string, bits: Uint8Array, size_bytes: number, used_ms: number, kept: boolean}} Stored  one blob in the store */

/**
 * Whether the first `count` chunks of a blob are in the store.
 * @param {Stored | undefined} stored
 * @param {BlobRef} ref
 * @param {number} [count]
 */
export function isHere(stored, ref, count = Infinity) {
  const wanted = Math.min(count, shapeOf(ref.size_bytes).chunks);
  for (let index = 0; index < wanted; index++) if (!((stored?.bits[index >> 3] ?? 0) & (1 << (index & 7)))) return false;
  return true;
}

/**
 * In which order songs are likely to be played: those played here lately, then the others of their albums, then the newest.
 * @param {readonly {id: string, album: string | null, added_ms: number}[]} tracks
 * @param {readonly string[]} played  the latest first
 * @param {number} most
 * @returns {string[]}
 */
export function likely(tracks, played, most) {
  const known = new Map(tracks.map((track) => [track.id, track]));
  const chosen = new Set(played.filter((id) => known.has(id)));
  const albums = new Set([...chosen].map((id) => known.get(id)?.album).filter(Boolean));
  const newest = [...tracks].sort((a, b) => b.added_ms - a.added_ms);
  for (const { id, album } of newest) if (album && albums.has(album)) chosen.add(id);
  for (const { id } of newest) {
    if (chosen.size >= most) break;
    chosen.add(id);
  }
  return [...chosen].slice(0, most);
}

/** How many beginnings fit into a budget. @param {number} budget_bytes */
export const headsIn = (budget_bytes) => Math.floor(budget_bytes / HEAD_BYTES);

/**
 * Which blobs to let go so that what is not to stay fits into the budget: what was used longest ago first, beginnings last.
 * @param {readonly Stored[]} stored
 * @param {number} budget_bytes
 * @param {ReadonlySet<string>} needed  not to be touched: what plays, the catalog
 * @returns {string[]}
 */
export function toLetGo(stored, budget_bytes, needed) {
  const loose = stored.filter(({ kept, root }) => !kept && !needed.has(root));
  let used = loose.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  const order = [...loose].sort((a, b) => Number(a.size_bytes <= HEAD_BYTES) - Number(b.size_bytes <= HEAD_BYTES) || a.used_ms - b.used_ms);
  const gone = [];
  for (const { root, size_bytes } of order) {
    if (used <= budget_bytes) break;
    used -= size_bytes;
    gone.push(root);
  }
  return gone;
}

/** Whether beginnings may be fetched ahead: not while all that comes goes through a seed, twice. @param {readonly Pick<Way, "path">[]} ways */
export const mayWarm = (ways) => !ways.length || ways.some(({ path }) => path !== "relay");

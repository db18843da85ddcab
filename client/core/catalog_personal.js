// What the person does with the music, as registers: stars, ratings, plays, playlists (node/catalog/personal.py).

import { concat, fromBase32, toBase32 } from "./bytes.js";
import { rowFields } from "./catalog_snapshot.js";

/** @import {Op} from "./catalog_batch.js" */
/** @import {Row} from "./catalog_snapshot.js" */
/** @import {Left} from "./source.js" */

/** @typedef {"track" | "album" | "artist"} Kind */
/** @typedef {{name: string, track: string, position: number}} Item  one entry of a playlist */
/** @typedef {Left & {index: number}} SavedQueue  `index`: which of `tracks` played */
/** @typedef {{id: string, name: string, comment: string, changed_ms: number, items: Item[]}} PlaylistFacts */

export const STAR = "star";
export const RATING = "rating";
export const PLAYS = "plays";
export const PLAYLIST = "playlist";
const DEVICE = "device";
const QUEUE = "queue";
const QUEUE_ROW = "saved";
const TABLES = new Set([STAR, RATING, PLAYS, PLAYLIST, QUEUE, DEVICE]);
const ITEM = "item:";
const POSITION_STEP = 2 ** 20;
const MAX_RATING = 5;
const MAX_DEVICE_NAME_CHARS = 80;
const TRACK_BYTES = 16;
const MAX_QUEUE_TRACKS = 4_000;

/** @param {unknown} value @returns {value is number} */
const isNatural = (value) => Number.isSafeInteger(value) && /** @type {number} */ (value) >= 0;

/** The registers as they are shown: the catalog's, and over them what was written here since. */
export class PersonalTables {
  /** table -> row -> field -> value. @type {Map<string, Map<string, Map<string, unknown>>>} */
  #tables = new Map();

  /** @param {Iterable<Row>} rows */
  constructor(rows) {
    for (const { table, id, raw } of rows) {
      if (!TABLES.has(table)) continue;
      for (const [field, value] of rowFields(raw)) this.apply([table, id, field, value]);
    }
  }

  /** @param {Op} op */
  apply([table, id, field, value]) {
    const rows = this.#tables.get(table) ?? new Map();
    this.#tables.set(table, rows);
    const fields = rows.get(id) ?? new Map();
    rows.set(id, fields);
    if (value === null) fields.delete(field);
    else fields.set(field, value);
  }

  /** @param {string} table @param {string} id @param {string} field */
  #get(table, id, field) {
    return this.#tables.get(table)?.get(id)?.get(field);
  }

  /** @param {Kind} kind @param {string} id @returns {{starred_ms: number | null, rating: number | null}} */
  mark(kind, id) {
    const starred_ms = this.#get(STAR, id, kind);
    const rating = this.#get(RATING, id, kind);
    return {
      starred_ms: isNatural(starred_ms) ? starred_ms : null,
      rating: isNatural(rating) && rating > 0 && rating <= MAX_RATING ? rating : null,
    };
  }

  /** How often a track was played on all devices, and when last. @param {string} id */
  plays(id) {
    let plays = 0;
    let played_ms = 0;
    for (const value of this.#tables.get(PLAYS)?.get(id)?.values() ?? []) {
      if (!Array.isArray(value) || !isNatural(value[0]) || !isNatural(value[1])) continue;
      plays += value[0];
      played_ms = Math.max(played_ms, value[1]);
    }
    return { plays, played_ms: played_ms || null };
  }

  /** What one log has counted. @param {string} id @param {string} log  in base32 @returns {[count: number, last_ms: number]} */
  playsBy(id, log) {
    const value = this.#get(PLAYS, id, log);
    return Array.isArray(value) && isNatural(value[0]) && isNatural(value[1]) ? [value[0], value[1]] : [0, 0];
  }

  /** Every track that was played. */
  get played() {
    return [...(this.#tables.get(PLAYS)?.keys() ?? [])];
  }

  /** What has a star, the latest first. @param {Kind} kind @returns {string[]} */
  starred(kind) {
    const rows = [...(this.#tables.get(STAR)?.keys() ?? [])].map((id) => /** @type {const} */ ([id, this.mark(kind, id).starred_ms]));
    return rows.filter(([, at]) => at !== null).sort((a, b) => Number(b[1]) - Number(a[1])).map(([id]) => id);
  }

  /** What the person calls a device; "" if nothing. @param {string} id */
  deviceName(id) {
    const name = this.#get(DEVICE, id, "name");
    return typeof name === "string" ? name.slice(0, MAX_DEVICE_NAME_CHARS) : "";
  }

  /** The saved queue; null if there is none. @returns {SavedQueue | null} */
  get queue() {
    const raw = this.#get(QUEUE, QUEUE_ROW, "tracks");
    const at = this.#get(QUEUE, QUEUE_ROW, "at");
    if (!(raw instanceof Uint8Array) || raw.length % TRACK_BYTES || raw.length > MAX_QUEUE_TRACKS * TRACK_BYTES || !Array.isArray(at)) return null;
    const [index, position_ms, changed_ms, by] = at;
    const tracks = Array.from({ length: raw.length / TRACK_BYTES }, (_, i) => toBase32(raw.subarray(i * TRACK_BYTES, (i + 1) * TRACK_BYTES)));
    if (!isNatural(index) || index >= tracks.length || !isNatural(position_ms) || !isNatural(changed_ms)) return null;
    return { tracks, index, position_ms, changed_ms, by: typeof by === "string" ? by : "" };
  }

  /** @returns {PlaylistFacts[]} */
  get playlists() {
    return [...(this.#tables.get(PLAYLIST)?.keys() ?? [])].flatMap((id) => this.playlist(id) ?? []);
  }

  /** @param {string} id @returns {PlaylistFacts | null} */
  playlist(id) {
    const fields = this.#tables.get(PLAYLIST)?.get(id);
    const name = fields?.get("name");
    if (!fields || typeof name !== "string") return null;
    const comment = fields.get("comment");
    const changed_ms = fields.get("changed");
    const items = [...fields].flatMap(([field, value]) => (field.startsWith(ITEM) ? itemOf(field.slice(ITEM.length), value) : []));
    items.sort((a, b) => a.position - b.position || (a.name < b.name ? -1 : 1));
    return { id, name, comment: typeof comment === "string" ? comment : "", changed_ms: isNatural(changed_ms) ? changed_ms : 0, items };
  }
}

/**
 * @param {string} name
 * @param {unknown} value  [16 bytes of the track, position]
 * @returns {Item[]}
 */
function itemOf(name, value) {
  if (!Array.isArray(value) || !(value[0] instanceof Uint8Array) || value[0].length !== 16 || !Number.isSafeInteger(value[1])) return [];
  return [{ name, track: toBase32(value[0]), position: value[1] }];
}

/** @param {string} id @param {string} name @returns {Op[]} */
export const deviceNameOps = (id, name) => [[DEVICE, id, "name", name.trim().slice(0, MAX_DEVICE_NAME_CHARS)]];

/**
 * Writes that leave a place; the list of songs only if it doesn't end the one before.
 * @param {Left} left
 * @param {SavedQueue | null} before
 * @returns {Op[]}
 */
export function queueOps({ tracks, position_ms, changed_ms, by }, before) {
  /** @param {number} index @returns {Op} */
  const place = (index) => [QUEUE, QUEUE_ROW, "at", [index, position_ms, changed_ms, by]];
  const index = before ? before.tracks.length - tracks.length : -1;
  if (index >= 0 && before?.tracks.slice(index).every((id, at) => id === tracks[at])) return [place(index)];
  return [[QUEUE, QUEUE_ROW, "tracks", concat(...tracks.slice(0, MAX_QUEUE_TRACKS).map((id) => fromBase32(id) ?? new Uint8Array(TRACK_BYTES)))], place(0)];
}

/**
 * Writes that put tracks at the end of a playlist.
 * @param {string} playlist
 * @param {readonly string[]} tracks
 * @param {{last: number, newName: () => string}} where  `last`: position of the last entry
 * @returns {Op[]}
 */
export const appended = (playlist, tracks, { last, newName }) =>
  tracks.map((track, at) => [PLAYLIST, playlist, ITEM + newName(), [fromBase32(track), last + POSITION_STEP * (at + 1)]]);

/**
 * Writes that take entries out.
 * @param {string} playlist
 * @param {readonly Item[]} items
 * @returns {Op[]}
 */
export const takenOut = (playlist, items) => items.map(({ name }) => [PLAYLIST, playlist, ITEM + name, null]);

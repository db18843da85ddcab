// What a catalog's registers hold, read one by one. Numbers of tags are those of docs/FORMAT.md, "Catalog"; what is malformed throws a
// WireError "peer".

import { toBase32 } from "./bytes.js";
import { KEY_BYTES, MAX_BLOB_BYTES } from "./crypto_labels.js";
import { peerError } from "./wire_errors.js";
import { boundedText, fixedBytes, list, natural } from "./wire_fields.js";

/** @import {BlobRef} from "./crypto_blob.js" */

const MAX_TEXT_CHARS = 4_096;
const MAX_TEXTS = 64;

/**
 * @typedef {object} Tags  The part that a phone shows.
 * @property {string} title
 * @property {string[]} artists
 * @property {string} album
 * @property {string[]} album_artists
 * @property {string[]} genres
 * @property {number | null} track_no
 * @property {number | null} disc_no
 * @property {string} date
 * @property {string} original_date
 * @property {boolean} compilation
 * @property {string} title_sort
 * @property {string} artist_sort
 * @property {string} album_sort
 * @property {string} album_artist_sort
 * @property {number | null} track_gain_db
 * @property {number | null} track_peak
 * @property {number | null} album_gain_db
 * @property {number | null} album_peak
 * @property {Record<string, string>} musicbrainz
 */

/** @typedef {{codec: string, mime: string, duration_ms: number, bitrate_bps: number}} Stream */
/** @typedef {{blob: BlobRef, stream: Stream}} Rendition */

/** @param {unknown} value */
const text = (value) => boundedText(value, MAX_TEXT_CHARS, "a tag");

/** @param {unknown} value */
function texts(value) {
  const items = list(value, 0, "a tag");
  if (items.length > MAX_TEXTS) throw peerError("a tag has too many values");
  return items.map(text);
}

/** @param {unknown} value */
const count = (value) => natural(value, Number.MAX_SAFE_INTEGER, "a tag");

/** @param {unknown} value */
function fraction(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) throw peerError("a tag is not a number");
  return value;
}

/** @param {unknown} value */
function flag(value) {
  if (typeof value !== "boolean") throw peerError("a tag is neither true nor false");
  return value;
}

/** @param {unknown} value */
const pairs = (value) => Object.fromEntries(list(value, 0, "MusicBrainz identifiers").slice(0, MAX_TEXTS).map((pair) => list(pair, 2, "a pair").slice(0, 2).map(text)));

/** @type {[number, keyof Tags, (value: unknown) => any, () => any][]} */
const TAGS = [
  [1, "title", text, () => ""],
  [2, "artists", texts, () => []],
  [3, "album", text, () => ""],
  [4, "album_artists", texts, () => []],
  [5, "genres", texts, () => []],
  [7, "track_no", count, () => null],
  [9, "disc_no", count, () => null],
  [12, "date", text, () => ""],
  [13, "original_date", text, () => ""],
  [14, "compilation", flag, () => false],
  [15, "title_sort", text, () => ""],
  [16, "artist_sort", text, () => ""],
  [17, "album_sort", text, () => ""],
  [18, "album_artist_sort", text, () => ""],
  [23, "musicbrainz", pairs, () => ({})],
  [24, "track_gain_db", fraction, () => null],
  [25, "track_peak", fraction, () => null],
  [26, "album_gain_db", fraction, () => null],
  [27, "album_peak", fraction, () => null],
];
const READER_OF = new Map(TAGS.map(([, name, reader]) => [/** @type {string} */ (name), reader]));

/** @param {unknown} value  a map from field number to content @returns {Tags} */
export function tagsOf(value) {
  const given = numbered(value);
  const tags = /** @type {Record<string, unknown>} */ ({});
  for (const [number, name, reader, absent] of TAGS) tags[name] = given.has(number) ? reader(given.get(number)) : absent();
  return /** @type {Tags} */ (/** @type {unknown} */ (tags));
}

/** An empty map has no keys to tell its kind by. @param {unknown} value @returns {Map<unknown, unknown>} */
function numbered(value) {
  if (value instanceof Map) return value;
  if (value && typeof value === "object" && Object.keys(value).length === 0) return new Map();
  throw peerError("a track's tags are not a map");
}

/**
 * One tag that a person edited. Null: not one that is shown here.
 * @param {string} name
 * @param {unknown} value
 * @returns {unknown}
 */
export const tagOf = (name, value) => READER_OF.get(name)?.(value) ?? null;

/** @param {unknown} value @returns {Stream} */
export function streamOf(value) {
  const [codec, mime, duration_ms, , , bitrate_bps] = list(value, 7, "a stream");
  return {
    codec: boundedText(codec, 64, "a codec's name"),
    mime: boundedText(mime, 128, "a content type"),
    duration_ms: natural(duration_ms, Number.MAX_SAFE_INTEGER, "a duration"),
    bitrate_bps: natural(bitrate_bps, Number.MAX_SAFE_INTEGER, "a bit rate"),
  };
}

/** @param {unknown} value  [root, key, commitment, size, SHA-256] @returns {BlobRef} */
export function blobRefOf(value) {
  const [root, key, commitment, size_bytes, sha256] = list(value, 5, "a blob");
  return {
    root: fixedBytes(root, 32, "a blob's name"),
    key: fixedBytes(key, 32, "a blob's key"),
    commitment: fixedBytes(commitment, 32, "a blob's commitment"),
    size_bytes: natural(size_bytes, MAX_BLOB_BYTES, "a blob's size"),
    sha256: fixedBytes(sha256, 32, "a blob's hash"),
  };
}

/** @param {BlobRef} ref */
export const blobRefValue = ({ root, key, commitment, size_bytes, sha256 }) => [root, key, commitment, size_bytes, sha256];

/** @param {unknown} value  [blob, stream, ...] @returns {Rendition} */
export function renditionOf(value) {
  const [blob, stream] = list(value, 2, "a rendition");
  return { blob: blobRefOf(blob), stream: streamOf(stream) };
}

/** @param {unknown} value  {log: number of its last batch} @returns {Map<string, number>}  by log in base32 */
export function headsOf(value) {
  /** @type {Map<string, number>} */
  const heads = new Map();
  if (!(value instanceof Map)) return heads;
  for (const [log, seq] of value) {
    heads.set(toBase32(fixedBytes(log, KEY_BYTES + 4, "a log")), natural(seq, Number.MAX_SAFE_INTEGER, "a log's head"));
  }
  return heads;
}

/** @param {unknown} value  [blob, content type] @returns {{blob: BlobRef, mime: string}} */
export function coverOf(value) {
  const [blob, mime] = list(value, 2, "a cover");
  const type = boundedText(mime, 128, "a content type");
  // Whoever is a member may write any type: what is no picture is not shown as anything else either.
  return { blob: blobRefOf(blob), mime: /^image\/[a-z0-9.+-]+$/.test(type) ? type : "application/octet-stream" };
}

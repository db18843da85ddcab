// A track out of the shown values of its registers, and what lists show of it (node/catalog/vocabulary.py, listing.py).

import { renditionOf, streamOf, tagOf, tagsOf } from "./catalog_values.js";
import { albumFolder, fold, searchWords, sortKey } from "./catalog_words.js";
import { WireError } from "./wire_errors.js";

/** @import {Rendition, Stream, Tags} from "./catalog_values.js" */
/** @import {ReplayGain} from "./model.js" */

/** @typedef {{name: string, key: string, fold: string}} ArtistName */

/**
 * @typedef {object} AlbumName  The album that a track says it is on.
 * @property {string} name
 * @property {string} key
 * @property {string[]} identity  parts of its grouping key; those that begin with "artist:" name artists by their fold
 * @property {ArtistName[] | null} artists  null: its files don't say whose it is
 */

/**
 * @typedef {object} Listing  One track's line in every list.
 * @property {string} title
 * @property {string} title_key
 * @property {ArtistName[]} artists
 * @property {string} artist_key
 * @property {AlbumName | null} album
 * @property {string} album_key
 * @property {number | null} track_no
 * @property {number | null} disc_no
 * @property {number | null} year
 * @property {number} duration_ms
 * @property {number} added_ms
 * @property {string | null} cover
 * @property {boolean} compilation
 * @property {string[]} genres
 * @property {[string, string, string]} words  of title, artists, album
 * @property {ReplayGain | null} replaygain
 * @property {string} codec
 * @property {number} bitrate_bps
 * @property {number} size_bytes
 * @property {boolean} mobile
 * @property {boolean} sealed
 */

/** Sorts after every name. */
const LAST = "\u{10ffff}";
const NO_TAGS = tagsOf(new Map());

/**
 * A value read, or null where it is malformed.
 * @template T
 * @param {(value: unknown) => T} reader
 * @param {unknown} value
 * @returns {T | null}
 */
function readable(reader, value) {
  if (value === undefined || value === null) return null;
  try {
    return reader(value);
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

/**
 * Every rendition of a track.
 * @param {ReadonlyMap<string, unknown>} fields
 * @returns {{originals: Rendition[], mobile: Rendition | null, mobile_aac: Rendition | null}}
 */
export function renditionsOf(fields) {
  const names = [...fields.keys()].filter((name) => name.startsWith("original:")).sort();
  const originals = names.flatMap((name) => readable(renditionOf, fields.get(name)) ?? []);
  return { originals, mobile: readable(renditionOf, fields.get("mobile")), mobile_aac: readable(renditionOf, fields.get("mobile:aac")) };
}

/** @param {ReadonlyMap<string, unknown>} fields */
function editedTags(fields) {
  const tags = readable(tagsOf, fields.get("tags"));
  /** @type {Record<string, unknown>} */
  const edits = {};
  for (const [name, value] of fields) {
    if (!name.startsWith("tag:")) continue;
    const edit = readable((raw) => tagOf(name.slice(4), raw), value);
    if (edit !== null) edits[name.slice(4)] = edit;
  }
  return tags || Object.keys(edits).length ? /** @type {Tags} */ ({ ...(tags ?? NO_TAGS), ...edits }) : null;
}

/**
 * The line of a track; null if it is hidden or nothing is known to show.
 * @param {ReadonlyMap<string, unknown>} fields
 * @returns {Listing | null}
 */
export function listTrack(fields) {
  if (fields.get("hidden") === true) return null;
  const known = editedTags(fields);
  const { originals, mobile } = renditionsOf(fields);
  const stream = readable(streamOf, fields.get("stream")) ?? originals[0]?.stream ?? mobile?.stream ?? null;
  if (!known && !stream) return null;
  const tags = known ?? NO_TAGS;
  const path = pathOf(fields);
  const title = tags.title.trim() || stemOf(path);
  const artists = artistsOf(tags.artists.length ? tags.artists : tags.album_artists, tags.artist_sort);
  const album = albumOf(tags, path);
  const cover = fields.get("cover");
  const added_ms = fields.get("added");
  return {
    title,
    title_key: sortKey(tags.title_sort || title),
    artists,
    artist_key: artists.map(({ key }) => key).join(" ") || LAST,
    album,
    album_key: album?.key ?? LAST,
    track_no: tags.track_no,
    disc_no: tags.disc_no,
    year: yearOf(tags),
    duration_ms: stream?.duration_ms ?? 0,
    added_ms: typeof added_ms === "number" ? added_ms : 0,
    cover: typeof cover === "string" && cover.length <= 64 ? cover : null,
    compilation: tags.compilation,
    genres: distinct(tags.genres),
    words: [searchWords(title), searchWords(distinct([...artists.map(({ name }) => name), ...tags.album_artists]).join(" ")), album ? searchWords(album.name) : ""],
    replaygain: replaygainOf(tags),
    ...shownStream(stream, originals[0]?.blob.size_bytes ?? mobile?.blob.size_bytes ?? 0),
    mobile: mobile !== null,
    sealed: originals.length > 0,
  };
}

/**
 * @param {Stream | null} stream
 * @param {number} size_bytes
 */
const shownStream = (stream, size_bytes) => ({ codec: stream?.codec ?? "", bitrate_bps: stream?.bitrate_bps ?? 0, size_bytes });

/** @param {readonly string[]} names */
function distinct(names) {
  /** @type {Map<string, string>} */
  const byFold = new Map();
  for (const name of names) if (name.trim() && !byFold.has(fold(name))) byFold.set(fold(name), name.trim());
  return [...byFold.values()];
}

/**
 * @param {readonly string[]} names
 * @param {string} sortName
 * @returns {ArtistName[]}
 */
function artistsOf(names, sortName) {
  const plain = distinct(names);
  return plain.map((name) => ({ name, key: sortKey(sortName && plain.length === 1 ? sortName : name), fold: fold(name) }));
}

/**
 * @param {Tags} tags
 * @param {string} path
 * @returns {AlbumName | null}
 */
function albumOf(tags, path) {
  const name = tags.album.trim();
  if (!name) return null;
  const own = artistsOf(tags.album_artists, tags.album_artist_sort);
  const release = tags.musicbrainz.release ?? "";
  const identity = release
    ? ["release", release]
    : own.length
      ? ["artists", fold(name), ...own.map((artist) => `artist:${artist.fold}`)]
      : ["folder", fold(name), albumFolder(path)];
  return { name, key: sortKey(tags.album_sort || name), identity, artists: own.length ? own : null };
}

/** @param {Tags} tags */
function yearOf(tags) {
  for (const date of [tags.original_date, tags.date]) {
    const year = Number(/\d{4}/.exec(date)?.[0] ?? 0);
    if (year) return year;
  }
  return null;
}

/** @param {Tags} tags @returns {ReplayGain | null} */
function replaygainOf({ track_gain_db, track_peak, album_gain_db, album_peak }) {
  const gains = { track_gain_db, track_peak, album_gain_db, album_peak };
  return Object.values(gains).some((value) => value !== null) ? gains : null;
}

const decoder = new TextDecoder();

/** The path that speaks for a track with several files. @param {ReadonlyMap<string, unknown>} fields */
function pathOf(fields) {
  const paths = [...fields].flatMap(([name, value]) => {
    const path = name.startsWith("original:") && Array.isArray(value) ? value[2] : null;
    return path instanceof Uint8Array && path.length ? [decoder.decode(path)] : [];
  });
  return paths.sort()[0] ?? "";
}

/** @param {string} path */
function stemOf(path) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return (dot > 0 ? name.slice(0, dot) : name) || "Untitled";
}

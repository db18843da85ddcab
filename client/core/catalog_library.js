// The whole library in memory, ready for the lists, pages and searches that a phone shows.

import { coverOf } from "./catalog_values.js";
import { renditionsOf } from "./catalog_listing.js";
import { rowFields } from "./catalog_snapshot.js";
import { albumKey, at, by, CatalogTables, disc, number, order } from "./catalog_tables.js";
import { fold, queryTerms, sortKey } from "./catalog_words.js";
import { SourceError } from "./source_error.js";
import { WireError } from "./wire_errors.js";

/** @import {Album, AlbumDetail, Artist, ArtistDetail, Found, Genre, Page, Track} from "./model.js" */
/** @import {AlbumQuery, TrackQuery} from "./source.js" */
/** @import {AlbumRow, TrackRow} from "./catalog_tables.js" */
/** @import {Row} from "./catalog_snapshot.js" */

const ARTIST_TRACKS = 500;
const PAGE_MOST = 500;
const NOT_HERE = "That is not in this library any more.";

/** @type {Record<string, (row: TrackRow) => number | string>} */
const TRACK_KEY = {
  title: ({ line }) => line.title_key,
  artist: ({ line }) => line.artist_key,
  album: albumKey,
  added: ({ line }) => line.added_ms,
  year: ({ line }) => line.year ?? 0,
  duration: ({ line }) => line.duration_ms,
};
/** @type {Record<string, (row: AlbumRow) => number | string>} */
const ALBUM_KEY = {
  name: ({ key }) => key,
  artist: ({ artist_key }) => artist_key,
  year: ({ album }) => album.year ?? 0,
  added: ({ album }) => album.added_ms,
};

/** Where the first track of an album came among all. @param {AlbumRow} row */
const first = ({ tracks }) => tracks.reduce((least, row) => Math.min(least, row.at), Infinity);

/**
 * By one key in the order asked for; what is equal in it as it came, or, where more keys follow, always in their order.
 * @template T
 * @param {(row: T) => number | string} key
 * @param {"asc" | "desc"} way
 * @param {...(row: T) => number | string} rest
 * @returns {(a: T, b: T) => number}
 */
const ordered = (key, way, ...rest) => {
  const then = by(...rest);
  if (way === "asc") return (a, b) => order(key(a), key(b)) || then(a, b);
  return rest.length === 1 ? (a, b) => order(key(b), key(a)) || then(b, a) : (a, b) => order(key(b), key(a)) || then(a, b);
};

export class CatalogLibrary {
  #tables;
  /** Sorted once, then kept. @type {Map<string, any[]>} */
  #orders = new Map();

  /** @param {CatalogTables} tables */
  constructor(tables) {
    this.#tables = tables;
  }

  /** @param {Iterable<Row>} rows */
  static async build(rows) {
    return new CatalogLibrary(await CatalogTables.build(rows));
  }

  get counts() {
    return { tracks: this.#tables.tracks.length, albums: this.#tables.albums.size, artists: this.#tables.artists.size, genres: this.#tables.genres.size };
  }

  get duration_ms() {
    return this.#tables.tracks.reduce((sum, { line }) => sum + line.duration_ms, 0);
  }

  /**
   * @template T
   * @param {string} name
   * @param {() => T[]} make
   * @returns {T[]}
   */
  #kept(name, make) {
    const known = this.#orders.get(name);
    if (known) return known;
    const made = make();
    this.#orders.set(name, made);
    return made;
  }

  /** @param {TrackQuery} query @returns {Page<Track>} */
  tracks({ offset = 0, limit = 100, sort = "title", order: way = "asc", album, artist, genre }) {
    if (album) return page(this.#albumRow(album).tracks, offset, limit, shownTrack);
    const base = artist ? this.#artistRow(artist).tracks : genre ? (this.#tables.genres.get(fold(genre))?.tracks ?? []) : this.#tables.tracks;
    const rest = sort === "title" || sort === "added" || sort === "duration" ? [] : [albumKey, disc, number];
    const sorted = this.#kept(`tracks ${sort} ${way} ${artist ?? ""} ${genre ?? ""}`, () => [...base].sort(ordered(TRACK_KEY[sort], way, ...rest, at)));
    return page(sorted, offset, limit, shownTrack);
  }

  /** @param {string} id */
  track(id) {
    return shownTrack(this.#row(id));
  }

  /** Whether there is such a track. @param {string} id */
  has(id) {
    return this.#tables.byId.has(id);
  }

  /** @param {AlbumQuery} query @returns {Page<Album>} */
  albums({ offset = 0, limit = 100, sort = "artist", order: way = "asc", artist, genre }) {
    const base = artist ? this.#artistRow(artist).albums : genre ? [...(this.#tables.genres.get(fold(genre))?.albums ?? [])] : [...this.#tables.albums.values()];
    const rest = sort === "artist" ? [ALBUM_KEY.year, ALBUM_KEY.name] : sort === "year" ? [ALBUM_KEY.name] : [];
    const sorted = this.#kept(`albums ${sort} ${way} ${artist ?? ""} ${genre ?? ""}`, () => [...base].sort(ordered(ALBUM_KEY[sort], way, ...rest, first)));
    return page(sorted, offset, limit, ({ album }) => album);
  }

  /** @param {string} id @returns {AlbumDetail} */
  album(id) {
    const row = this.#albumRow(id);
    return { ...row.album, tracks: row.tracks.map(shownTrack) };
  }

  /** @param {{offset?: number, limit?: number}} query @returns {Page<Artist>} */
  artists({ offset = 0, limit = 100 }) {
    const sorted = this.#kept("artists", () => [...this.#tables.artists.values()].sort(by(({ key }) => key, ({ artist }) => artist.id)));
    return page(sorted, offset, limit, ({ artist }) => artist);
  }

  /** @param {string} id @returns {ArtistDetail} */
  artist(id) {
    const row = this.#artistRow(id);
    const own = new Set(row.albums);
    const others = new Set(row.tracks.flatMap(({ album }) => (album && !own.has(album) ? [album] : [])));
    const sorted = [...row.tracks].sort(by(albumKey, disc, number, at));
    return {
      ...row.artist,
      albums: row.albums.map(({ album }) => album),
      appears_on: [...others].sort(by(({ album }) => album.year ?? 0, ({ key }) => key, first)).map(({ album }) => album),
      tracks: sorted.slice(0, ARTIST_TRACKS).map(shownTrack),
    };
  }

  /** @returns {Page<Genre>} */
  genres() {
    const items = [...this.#tables.genres].sort(([a], [b]) => order(a, b)).map(([, { name, tracks, albums }]) => ({ name, tracks: tracks.length, albums: albums.size }));
    return { total: items.length, items };
  }

  /**
   * @param {string} text
   * @param {number} limit
   * @returns {Found}
   */
  search(text, limit) {
    const terms = queryTerms(text);
    if (!terms.length) return { artists: [], albums: [], tracks: [] };
    const wanted = sortKey(text);
    /** @param {string} words */
    const has = (words) => terms.every((term) => words.includes(term));
    const names = by((/** @type {{key: string}} */ { key }) => (key === wanted ? 0 : key.startsWith(wanted) ? 1 : 2), ({ key }) => key.length, ({ key }) => key);
    const artists = [...this.#tables.artists.values()].filter(({ words }) => has(words)).sort(names);
    const albums = [...this.#tables.albums.values()];
    const byName = albums.filter(({ words }) => has(words[0])).sort(names);
    const byArtist = albums.filter(({ words }) => !has(words[0]) && has(words[1])).sort(names);
    return {
      artists: artists.slice(0, limit).map(({ artist }) => artist),
      albums: [...byName, ...byArtist].slice(0, limit).map(({ album }) => album),
      tracks: this.#searchTracks(terms, wanted, limit).map(shownTrack),
    };
  }

  /**
   * Titles that begin so, then words of the title, of the artist, of the album, of all three together.
   * @param {string[]} terms
   * @param {string} wanted
   * @param {number} limit
   */
  #searchTracks(terms, wanted, limit) {
    /** @type {TrackRow[][]} */
    const tiers = [[], [], [], [], []];
    for (const row of this.#tables.tracks) {
      const { words, title_key } = row.line;
      const tier = wanted && title_key.startsWith(wanted) ? 0 : 1 + [...words, words.join("")].findIndex((each) => terms.every((term) => each.includes(term)));
      if (tier > 0 || title_key.startsWith(wanted)) tiers[tier].push(row);
    }
    /** @type {TrackRow[]} */
    const found = [];
    for (const [number, tier] of tiers.entries()) {
      if (found.length >= limit) break;
      found.push(...tier.sort(by(({ line }) => (number ? line.title_key.length : 0), ({ line }) => line.title_key, at)));
    }
    return found.slice(0, limit);
  }

  /** @param {string} id @returns {Album | null} */
  findAlbum(id) {
    return this.#tables.albums.get(id)?.album ?? null;
  }

  /** @param {string} id @returns {Artist | null} */
  findArtist(id) {
    return [...this.#tables.artists.values()].find(({ artist }) => artist.id === id)?.artist ?? null;
  }

  /** What a choice of songs to warm goes by. */
  forWarming() {
    return this.#tables.tracks.map(({ id, line, album }) => ({ id, album: album?.album.id ?? null, added_ms: line.added_ms }));
  }

  /** What opens a track's music. @param {string} id */
  renditions(id) {
    return renditionsOf(rowFields(this.#row(id).raw));
  }

  /** What opens a cover; null if this library has no such picture. @param {string} id */
  cover(id) {
    const raw = this.#tables.covers.get(id);
    if (!raw) return null;
    try {
      return coverOf(rowFields(raw).get("blob"));
    } catch (error) {
      if (error instanceof WireError) return null;
      throw error;
    }
  }

  /** @param {string} id */
  #row(id) {
    const row = this.#tables.byId.get(id);
    if (!row) throw new SourceError("not_found", NOT_HERE);
    return row;
  }

  /** @param {string} id */
  #albumRow(id) {
    const row = this.#tables.albums.get(id);
    if (!row) throw new SourceError("not_found", NOT_HERE);
    return row;
  }

  /** @param {string} id */
  #artistRow(id) {
    const byIdentifier = this.#kept("artists by id", () => [...this.#tables.artists.values()].sort(by(({ artist }) => artist.id)));
    let low = 0;
    let high = byIdentifier.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (byIdentifier[middle].artist.id < id) low = middle + 1;
      else high = middle;
    }
    const row = byIdentifier[low];
    if (row?.artist.id !== id) throw new SourceError("not_found", NOT_HERE);
    return row;
  }
}

/**
 * @template T, U
 * @param {T[]} rows
 * @param {number} offset
 * @param {number} limit
 * @param {(row: T) => U} shown
 * @returns {Page<U>}
 */
const page = (rows, offset, limit, shown) => ({ total: rows.length, items: rows.slice(offset, offset + Math.min(limit, PAGE_MOST)).map(shown) });

/** @param {TrackRow} row @returns {Track} */
function shownTrack({ id, line, artists, album }) {
  return {
    id,
    title: line.title,
    artists,
    album: album ? { id: album.album.id, name: album.album.name } : null,
    album_artists: album?.album.artists ?? [],
    track_no: line.track_no,
    disc_no: line.disc_no,
    year: line.year,
    genres: line.genres,
    duration_ms: line.duration_ms,
    cover: line.cover ?? album?.album.cover ?? null,
    added_ms: line.added_ms,
    replaygain: line.replaygain,
    codec: line.codec,
    bitrate_bps: line.bitrate_bps,
    size_bytes: line.size_bytes,
    state: { playable: line.sealed || line.mobile, source: "present", sealed: line.sealed, mobile: line.mobile, note: line.sealed || line.mobile ? "" : "It is not ready yet on the computer that has it." },
  };
}

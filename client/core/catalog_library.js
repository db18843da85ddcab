// The whole library in memory, ready for the lists, pages and searches that a phone shows.

import { coverOf } from "./catalog_values.js";
import { listTrack, renditionsOf } from "./catalog_listing.js";
import { rowFields } from "./catalog_snapshot.js";
import { albumId, artistId, fold, queryTerms, searchWords, sortKey } from "./catalog_words.js";
import { SourceError } from "./source.js";
import { WireError } from "./wire_errors.js";

/** @import {Album, AlbumDetail, Artist, ArtistDetail, Found, Genre, Page, Ref, Track} from "./model.js" */
/** @import {AlbumQuery, TrackQuery} from "./source.js" */
/** @import {ArtistName, Listing} from "./catalog_listing.js" */
/** @import {Row} from "./catalog_snapshot.js" */

const VARIOUS = "Various Artists";
const ARTIST_TRACKS = 500;
const GENRES_SHOWN = 8;
const PAGE_MOST = 500;
const NOT_HERE = "That is not in this library any more.";

/** @typedef {{id: string, line: Listing, raw: Uint8Array, artists: Ref[], album: AlbumRow | null, at: number}} TrackRow */
/** @typedef {{album: Album, key: string, artist_key: string, tracks: TrackRow[], words: [string, string]}} AlbumRow */
/** @typedef {{artist: Artist, key: string, fold: string, albums: AlbumRow[], tracks: TrackRow[], words: string}} ArtistRow */

/** @param {number | string} a @param {number | string} b */
const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Compare by several values, the first that differs.
 * @template T
 * @param {...(row: T) => number | string} keys
 * @returns {(a: T, b: T) => number}
 */
const by =
  (...keys) =>
  (a, b) => {
    for (const key of keys) {
      const difference = order(key(a), key(b));
      if (difference) return difference;
    }
    return 0;
  };

/** @param {TrackRow} row */
const disc = ({ line }) => line.disc_no ?? 0;
/** @param {TrackRow} row */
const number = ({ line }) => line.track_no ?? 0;
/** @param {TrackRow} row */
const albumKey = ({ line }) => line.album_key;
/** @param {TrackRow} row */
const at = (row) => row.at;
const IN_ALBUM = by(disc, number, at);

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

export class CatalogLibrary {
  /** @type {TrackRow[]} */
  #tracks = [];
  /** @type {Map<string, TrackRow>} */
  #byId = new Map();
  /** @type {Map<string, AlbumRow>} */
  #albums = new Map();
  /** @type {Map<string, ArtistRow>} */
  #artists = new Map();
  /** By the folded name. @type {Map<string, {name: string, tracks: TrackRow[], albums: Set<AlbumRow>}>} */
  #genres = new Map();
  /** @type {Map<string, Uint8Array>} */
  #covers = new Map();
  /** Sorted once, then kept. @type {Map<string, any[]>} */
  #orders = new Map();

  /** @param {Iterable<Row>} rows */
  static async build(rows) {
    const library = new CatalogLibrary();
    for (const { table, id, raw } of rows) {
      if (table === "cover") library.#covers.set(id, raw);
      if (table !== "track") continue;
      const line = listTrack(rowFields(raw));
      if (line) library.#tracks.push({ id, line, raw, artists: [], album: null, at: library.#tracks.length });
    }
    await library.#link();
    return library;
  }

  async #link() {
    const idOf = await this.#artistIds();
    for (const row of this.#tracks) this.#byId.set(row.id, row);
    await this.#linkAlbums(idOf);
    for (const row of this.#tracks) {
      for (const artist of row.line.artists) {
        const known = this.#artist(artist, idOf);
        known.tracks.push(row);
        row.artists.push({ id: known.artist.id, name: artist.name });
      }
      for (const genre of row.line.genres) {
        const known = this.#genres.get(fold(genre)) ?? { name: genre, tracks: [], albums: new Set() };
        this.#genres.set(fold(genre), known);
        known.tracks.push(row);
        if (row.album) known.albums.add(row.album);
      }
    }
    for (const album of this.#albums.values()) this.#finishAlbum(album, idOf);
    for (const artist of this.#artists.values()) this.#finishArtist(artist);
  }

  /** Identifiers of all artists that are named anywhere, by the fold of their names. */
  async #artistIds() {
    const folds = new Set([fold(VARIOUS)]);
    for (const { line } of this.#tracks) {
      for (const artist of line.artists) folds.add(artist.fold);
      for (const artist of line.album?.artists ?? []) folds.add(artist.fold);
    }
    const pairs = await Promise.all([...folds].map(async (name) => /** @type {const} */ ([name, await artistId(name)])));
    return new Map(pairs);
  }

  /** @param {Map<string, string>} idOf */
  async #linkAlbums(idOf) {
    /** @type {Map<string, TrackRow[]>} */
    const grouped = new Map();
    for (const row of this.#tracks) {
      if (!row.line.album) continue;
      const parts = row.line.album.identity.map((part) => (part.startsWith("artist:") ? /** @type {string} */ (idOf.get(part.slice(7))) : part));
      const group = parts.join("\0");
      const rows = grouped.get(group);
      if (rows) rows.push(row);
      else grouped.set(group, [row]);
    }
    await Promise.all(
      [...grouped].map(async ([group, tracks]) => {
        const id = await albumId(...group.split("\0"));
        tracks.sort(IN_ALBUM);
        const album = this.#albumOf(id, tracks);
        for (const row of tracks) row.album = album;
        this.#albums.set(id, album);
      }),
    );
  }

  /**
   * @param {string} id
   * @param {TrackRow[]} tracks
   * @returns {AlbumRow}
   */
  #albumOf(id, tracks) {
    const lines = tracks.map(({ line }) => line);
    const { name, key } = /** @type {NonNullable<Listing["album"]>} */ (lines[lines.length - 1].album);
    return {
      album: {
        id,
        name,
        artists: [],
        year: Math.max(...lines.map(({ year }) => year ?? 0)) || null,
        genres: [],
        tracks: tracks.length,
        discs: new Set(lines.map(({ disc_no }) => Math.max(disc_no ?? 0, 1))).size,
        duration_ms: lines.reduce((sum, { duration_ms }) => sum + duration_ms, 0),
        cover: lines.find(({ cover }) => cover)?.cover ?? null,
        added_ms: Math.max(...lines.map(({ added_ms }) => added_ms)),
        compilation: lines.some(({ compilation }) => compilation),
      },
      key,
      artist_key: "",
      tracks,
      words: ["", ""],
    };
  }

  /**
   * @param {ArtistName} named
   * @param {Map<string, string>} idOf
   */
  #artist({ name, key, fold: folded }, idOf) {
    const known = this.#artists.get(folded);
    if (known) return known;
    const id = /** @type {string} */ (idOf.get(folded));
    /** @type {ArtistRow} */
    const made = { artist: { id, name, albums: 0, tracks: 0, cover: null }, key, fold: folded, albums: [], tracks: [], words: searchWords(name) };
    this.#artists.set(folded, made);
    return made;
  }

  /**
   * @param {AlbumRow} row
   * @param {Map<string, string>} idOf
   */
  #finishAlbum(row, idOf) {
    const own = row.tracks.find(({ line }) => line.album?.artists)?.line.album?.artists;
    const artists = own ?? agreed(row.tracks.map(({ line }) => line.artists));
    const various = artists === null;
    const named = artists ?? [{ name: VARIOUS, key: sortKey(VARIOUS), fold: fold(VARIOUS) }];
    row.artist_key = own || various ? named.map(({ key }) => key).join(" ") : row.tracks[0].line.artist_key;
    row.album.artists = named.map(({ name, fold: folded }) => ({ id: /** @type {string} */ (idOf.get(folded)), name }));
    row.album.compilation ||= various;
    row.album.genres = commonGenres(row.tracks);
    row.words = [searchWords(row.album.name), searchWords(named.map(({ name }) => name).join(" "))];
    for (const artist of named) this.#artist(artist, idOf).albums.push(row);
  }

  /** @param {ArtistRow} row */
  #finishArtist(row) {
    row.artist.albums = row.albums.length;
    row.artist.tracks = row.tracks.length;
    row.albums.sort(by(({ album }) => album.year ?? 0, ({ key }) => key));
    row.artist.cover = row.albums.findLast(({ album }) => album.cover)?.album.cover ?? null;
  }

  get counts() {
    return { tracks: this.#tracks.length, albums: this.#albums.size, artists: this.#artists.size, genres: this.#genres.size };
  }

  get duration_ms() {
    return this.#tracks.reduce((sum, { line }) => sum + line.duration_ms, 0);
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
    const compare = by(TRACK_KEY[sort], ...(sort === "title" || sort === "added" || sort === "duration" ? [] : [albumKey, disc, number]), at);
    const base = artist ? this.#artistRow(artist).tracks : genre ? (this.#genres.get(fold(genre))?.tracks ?? []) : this.#tracks;
    const sorted = this.#kept(`tracks ${sort} ${artist ?? ""} ${genre ?? ""}`, () => [...base].sort(compare));
    return page(way === "desc" ? this.#kept(`tracks ${sort} ${artist ?? ""} ${genre ?? ""} desc`, () => [...sorted].reverse()) : sorted, offset, limit, shownTrack);
  }

  /** @param {string} id */
  track(id) {
    return shownTrack(this.#row(id));
  }

  /** Whether there is such a track. @param {string} id */
  has(id) {
    return this.#byId.has(id);
  }

  /** @param {AlbumQuery} query @returns {Page<Album>} */
  albums({ offset = 0, limit = 100, sort = "artist", order: way = "asc", artist, genre }) {
    const base = artist ? this.#artistRow(artist).albums : genre ? [...(this.#genres.get(fold(genre))?.albums ?? [])] : [...this.#albums.values()];
    const compare = by(ALBUM_KEY[sort], ...(sort === "artist" ? [ALBUM_KEY.year] : []), ALBUM_KEY.name, ({ album }) => album.id);
    const sorted = this.#kept(`albums ${sort} ${artist ?? ""} ${genre ?? ""} ${way}`, () => {
      const rows = [...base].sort(compare);
      return way === "desc" ? rows.reverse() : rows;
    });
    return page(sorted, offset, limit, ({ album }) => album);
  }

  /** @param {string} id @returns {AlbumDetail} */
  album(id) {
    const row = this.#albumRow(id);
    return { ...row.album, tracks: row.tracks.map(shownTrack) };
  }

  /** @param {{offset?: number, limit?: number}} query @returns {Page<Artist>} */
  artists({ offset = 0, limit = 100 }) {
    const sorted = this.#kept("artists", () => [...this.#artists.values()].sort(by(({ key }) => key, ({ artist }) => artist.id)));
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
      appears_on: [...others].sort(by(({ album }) => album.year ?? 0, ({ key }) => key)).map(({ album }) => album),
      tracks: sorted.slice(0, ARTIST_TRACKS).map(shownTrack),
    };
  }

  /** @returns {Page<Genre>} */
  genres() {
    const items = [...this.#genres].sort(([a], [b]) => order(a, b)).map(([, { name, tracks, albums }]) => ({ name, tracks: tracks.length, albums: albums.size }));
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
    const artists = [...this.#artists.values()].filter(({ words }) => has(words)).sort(names);
    const albums = [...this.#albums.values()];
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
    for (const row of this.#tracks) {
      const { words, title_key } = row.line;
      const tier = wanted && title_key.startsWith(wanted) ? 0 : 1 + [...words, words.join("")].findIndex((each) => terms.every((term) => each.includes(term)));
      if (tier > 0 || title_key.startsWith(wanted)) tiers[tier].push(row);
    }
    /** @type {TrackRow[]} */
    const found = [];
    for (const tier of tiers) {
      if (found.length >= limit) break;
      found.push(...tier.sort(by(({ line }) => line.title_key.length, ({ line }) => line.title_key, at)));
    }
    return found.slice(0, limit);
  }

  /** What opens a track's music. @param {string} id */
  renditions(id) {
    return renditionsOf(rowFields(this.#row(id).raw));
  }

  /** What opens a cover; null if this library has no such picture. @param {string} id */
  cover(id) {
    const raw = this.#covers.get(id);
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
    const row = this.#byId.get(id);
    if (!row) throw new SourceError("not_found", NOT_HERE);
    return row;
  }

  /** @param {string} id */
  #albumRow(id) {
    const row = this.#albums.get(id);
    if (!row) throw new SourceError("not_found", NOT_HERE);
    return row;
  }

  /** @param {string} id */
  #artistRow(id) {
    const byIdentifier = this.#kept("artists by id", () => [...this.#artists.values()].sort(by(({ artist }) => artist.id)));
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
 * Whose an album is that doesn't say so: its tracks' artists if they agree; null: various.
 * @param {ArtistName[][]} artists
 */
function agreed(artists) {
  const same = artists.every((each) => each.map(({ fold: folded }) => folded).join("\0") === artists[0].map(({ fold: folded }) => folded).join("\0"));
  if (same) return artists[0];
  const firsts = new Set(artists.map(([first]) => first?.fold ?? ""));
  return firsts.size === 1 && !firsts.has("") ? [artists[0][0]] : null;
}

/** @param {TrackRow[]} tracks */
function commonGenres(tracks) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { line } of tracks) for (const genre of line.genres) counts.set(genre, (counts.get(genre) ?? 0) + 1);
  return [...counts].sort(by(([, count]) => -count, ([genre]) => fold(genre))).slice(0, GENRES_SHOWN).map(([genre]) => genre);
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

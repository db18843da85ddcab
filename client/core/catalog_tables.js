// The tables of a library in memory, made from a catalog's rows: tracks, albums, artists, genres, and how they hang together.

import { listTrack } from "./catalog_listing.js";
import { rowFields } from "./catalog_snapshot.js";
import { albumId, artistId, fold, searchWords, sortKey } from "./catalog_words.js";

/** @import {Album, Artist, Ref} from "./model.js" */
/** @import {ArtistName, Listing} from "./catalog_listing.js" */
/** @import {Row} from "./catalog_snapshot.js" */

const VARIOUS = "Various Artists";
const GENRES_SHOWN = 8;

/** @typedef {{id: string, line: Listing, raw: Uint8Array, artists: Ref[], album: AlbumRow | null, at: number}} TrackRow */
/** @typedef {{album: Album, key: string, artist_key: string, tracks: TrackRow[], words: [string, string]}} AlbumRow */
/** @typedef {{artist: Artist, key: string, fold: string, albums: AlbumRow[], tracks: TrackRow[], words: string}} ArtistRow */

/** @param {number | string} a @param {number | string} b */
export const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Compare by several values, the first that differs.
 * @template T
 * @param {...(row: T) => number | string} keys
 * @returns {(a: T, b: T) => number}
 */
export const by =
  (...keys) =>
  (a, b) => {
    for (const key of keys) {
      const difference = order(key(a), key(b));
      if (difference) return difference;
    }
    return 0;
  };

/** @param {TrackRow} row */
export const disc = ({ line }) => line.disc_no ?? 0;
/** @param {TrackRow} row */
export const number = ({ line }) => line.track_no ?? 0;
/** @param {TrackRow} row */
export const albumKey = ({ line }) => line.album_key;
/** @param {TrackRow} row */
export const at = (row) => row.at;
const IN_ALBUM = by(disc, number, at);

/** Made by `CatalogTables.build`. */
export class CatalogTables {
  /** As they stand in the catalog. @type {TrackRow[]} */
  tracks = [];
  /** @type {Map<string, TrackRow>} */
  byId = new Map();
  /** @type {Map<string, AlbumRow>} */
  albums = new Map();
  /** By the folded name. @type {Map<string, ArtistRow>} */
  artists = new Map();
  /** By the folded name. @type {Map<string, {name: string, tracks: TrackRow[], albums: Set<AlbumRow>}>} */
  genres = new Map();
  /** @type {Map<string, Uint8Array>} */
  covers = new Map();

  /** @param {Iterable<Row>} rows */
  static async build(rows) {
    const tables = new CatalogTables();
    for (const { table, id, raw } of rows) {
      if (table === "cover") tables.covers.set(id, raw);
      if (table !== "track") continue;
      const line = listTrack(rowFields(raw));
      if (line) tables.tracks.push({ id, line, raw, artists: [], album: null, at: 0 });
    }
    // In the order in which they came, which settles what else is equal.
    tables.tracks.sort(by(({ line }) => line.added_ms, ({ id }) => id)).forEach((row, place) => (row.at = place));
    await tables.#link();
    return tables;
  }

  async #link() {
    const idOf = await this.#artistIds();
    for (const row of this.tracks) this.byId.set(row.id, row);
    await this.#linkAlbums(idOf);
    for (const row of this.tracks) {
      for (const artist of row.line.artists) {
        const known = this.#artist(artist, idOf);
        known.tracks.push(row);
        row.artists.push({ id: known.artist.id, name: artist.name });
      }
      for (const genre of row.line.genres) {
        const known = this.genres.get(fold(genre)) ?? { name: genre, tracks: [], albums: new Set() };
        this.genres.set(fold(genre), known);
        known.tracks.push(row);
        if (row.album) known.albums.add(row.album);
      }
    }
    for (const album of this.albums.values()) this.#finishAlbum(album, idOf);
    for (const artist of this.artists.values()) this.#finishArtist(artist);
  }

  /** Identifiers of all artists that are named anywhere, by the fold of their names. */
  async #artistIds() {
    const folds = new Set([fold(VARIOUS)]);
    for (const { line } of this.tracks) {
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
    for (const row of this.tracks) {
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
        this.albums.set(id, album);
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
    const known = this.artists.get(folded);
    if (known) return known;
    const id = /** @type {string} */ (idOf.get(folded));
    /** @type {ArtistRow} */
    const made = { artist: { id, name, albums: 0, tracks: 0, cover: null }, key, fold: folded, albums: [], tracks: [], words: searchWords(name) };
    this.artists.set(folded, made);
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
  /** By their fold. @type {Map<string, {name: string, count: number}>} */
  const counts = new Map();
  for (const { line } of tracks) {
    for (const genre of line.genres) {
      const known = counts.get(fold(genre)) ?? { name: genre, count: 0 };
      known.count++;
      counts.set(fold(genre), known);
    }
  }
  const sorted = [...counts].sort(by(([, { count }]) => -count, ([folded]) => folded));
  return sorted.slice(0, GENRES_SHOWN).map(([, { name }]) => name);
}

// Stars, ratings, plays and playlists on a phone: read from the catalog, written into its log, so that every device has them.

import { toBase32 } from "../core/bytes.js";
import { appended, PLAYLIST, PLAYS, RATING, STAR, takenOut } from "../core/catalog_personal.js";
import { random } from "../core/crypto.js";
import { SourceError } from "../core/source.js";

/** @import {Album, Artist, Playlist, PlaylistDetail, Track} from "../core/model.js" */
/** @import {Markable, Personal, Playlists} from "../core/source.js" */
/** @import {Op} from "../core/catalog_batch.js" */
/** @import {CatalogLibrary} from "../core/catalog_library.js" */
/** @import {Item, Kind, PersonalTables, PlaylistFacts} from "../core/catalog_personal.js" */

const MAX_NAME_CHARS = 500;
const MAX_TRACKS = 20_000;
/** @type {Record<Markable, Kind>} */
const KIND = { tracks: "track", albums: "album", artists: "artist" };

/**
 * @typedef {object} PersonalParts
 * @property {() => Promise<{library: CatalogLibrary, personal: PersonalTables}>} catalog
 * @property {(ops: readonly Op[]) => Promise<void>} write
 * @property {() => Promise<string>} log  this phone's, in base32
 */

/** A track with what the person did with it. @param {PersonalTables} personal @param {Track} track @returns {Track} */
export const marked = (personal, track) => ({ ...track, ...personal.mark("track", track.id), ...personal.plays(track.id) });

/**
 * An album or an artist with what the person did with it.
 * @template {Album | Artist} T
 * @param {PersonalTables} personal
 * @param {Kind} kind
 * @param {T} thing
 * @returns {T}
 */
export const markedAs = (personal, kind, thing) => ({ ...thing, ...personal.mark(kind, thing.id) });

/**
 * @param {PersonalParts} parts
 * @returns {Personal}
 */
export const swarmPersonal = ({ catalog, write, log }) => ({
  star: async (kind, id, on) => {
    const { personal } = await catalog();
    // One that has a star keeps its time.
    if ((personal.mark(KIND[kind], id).starred_ms !== null) !== on) await write([[STAR, id, KIND[kind], on ? Date.now() : null]]);
  },
  rate: (kind, id, rating) => write([[RATING, id, KIND[kind], rating]]),
  starred: async () => {
    const { library, personal } = await catalog();
    return {
      tracks: personal.starred("track").filter((id) => library.has(id)).map((id) => marked(personal, library.track(id))),
      albums: personal.starred("album").flatMap((id) => library.findAlbum(id) ?? []).map((album) => markedAs(personal, "album", album)),
      artists: personal.starred("artist").flatMap((id) => library.findArtist(id) ?? []).map((artist) => markedAs(personal, "artist", artist)),
    };
  },
  play: async (track, played_ms) => {
    const { personal } = await catalog();
    const own = await log();
    const [count, last_ms] = personal.playsBy(track, own);
    if (played_ms !== last_ms) await write([[PLAYS, track, own, [count + 1, Math.max(last_ms, played_ms)]]]);
  },
  history: async (limit) => {
    const { library, personal } = await catalog();
    const played = personal.played.filter((id) => library.has(id)).map((id) => marked(personal, library.track(id)));
    return {
      recent: [...played].sort((a, b) => Number(b.played_ms) - Number(a.played_ms)).slice(0, limit),
      most: [...played].sort((a, b) => Number(b.plays) - Number(a.plays)).slice(0, limit),
    };
  },
});

const newName = () => toBase32(random(8));

/**
 * @param {PersonalParts} parts
 * @returns {Playlists}
 */
export function swarmPlaylists({ catalog, write }) {
  /** @param {string} id */
  const facts = async (id) => {
    const { personal } = await catalog();
    const found = personal.playlist(id);
    if (!found) throw new SourceError("not_found", "There is no such playlist any more.");
    return found;
  };
  /** @param {string} id @returns {Promise<PlaylistDetail>} */
  const get = async (id) => {
    const { library, personal } = await catalog();
    return detail(await facts(id), library, personal);
  };
  /** @param {string} id @param {Op[]} ops */
  const change = async (id, ops) => {
    await write([...ops, [PLAYLIST, id, "changed", Date.now()]]);
    return get(id);
  };
  return {
    all: async () => {
      const { library, personal } = await catalog();
      const all = personal.playlists.map((each) => summary(detail(each, library, personal)));
      return all.sort((a, b) => a.name.localeCompare(b.name));
    },
    get,
    create: async (name, tracks, comment = "") => {
      const id = toBase32(random(16));
      const now_ms = Date.now();
      /** @type {Op[]} */
      const ops = [[PLAYLIST, id, "name", checked(name)], [PLAYLIST, id, "created", now_ms]];
      if (comment) ops.push([PLAYLIST, id, "comment", comment]);
      return change(id, [...ops, ...appended(id, tracks.slice(0, MAX_TRACKS), { last: 0, newName })]);
    },
    rename: async (id, name) => {
      await facts(id);
      return change(id, [[PLAYLIST, id, "name", checked(name)]]);
    },
    remove: async (id) => {
      const { items } = await facts(id);
      await write([...["name", "comment", "created", "changed"].map((field) => /** @type {Op} */ ([PLAYLIST, id, field, null])), ...takenOut(id, items)]);
    },
    append: async (id, tracks) => {
      const { items } = await facts(id);
      if (items.length + tracks.length > MAX_TRACKS) throw new SourceError("refused", `A playlist has at most ${MAX_TRACKS} songs.`);
      return change(id, appended(id, tracks, { last: items.at(-1)?.position ?? 0, newName }));
    },
    replace: async (id, tracks) => {
      const { items } = await facts(id);
      return change(id, rearranged(id, items, tracks.slice(0, MAX_TRACKS)));
    },
    take: async (id, places) => {
      const { library } = await catalog();
      const { items } = await facts(id);
      const shown = items.filter(({ track }) => library.has(track));
      return change(id, takenOut(id, shown.filter((_, at) => places.includes(at))));
    },
  };
}

/**
 * The entries that stay in front stay as they are; the rest is written anew.
 * @param {string} id
 * @param {readonly Item[]} items
 * @param {readonly string[]} tracks
 * @returns {Op[]}
 */
function rearranged(id, items, tracks) {
  let same = 0;
  while (same < items.length && items[same].track === tracks[same]) same++;
  const last = items[same - 1]?.position ?? 0;
  return [...takenOut(id, items.slice(same)), ...appended(id, tracks.slice(same), { last, newName })];
}

/** @param {string} name */
function checked(name) {
  const plain = name.trim();
  if (!plain || plain.length > MAX_NAME_CHARS) throw new SourceError("invalid", `A playlist has a name of 1 to ${MAX_NAME_CHARS} characters.`);
  return plain;
}

/**
 * @param {PlaylistFacts} facts
 * @param {CatalogLibrary} library
 * @param {PersonalTables} personal
 * @returns {PlaylistDetail}
 */
function detail({ id, name, comment, changed_ms, items }, library, personal) {
  const tracks = items.filter(({ track }) => library.has(track)).map(({ track }) => marked(personal, library.track(track)));
  return {
    id,
    name,
    comment,
    changed_ms,
    tracks: tracks.length,
    duration_ms: tracks.reduce((sum, { duration_ms }) => sum + duration_ms, 0),
    cover: tracks.find(({ cover }) => cover)?.cover ?? null,
    items: tracks,
  };
}

/** @param {PlaylistDetail} playlist @returns {Playlist} */
const summary = ({ items: _, ...playlist }) => playlist;

// Stars, ratings and plays on a phone: read from the catalog, written into its log, so that every device has them.

import { PLAYS, RATING, STAR } from "../core/catalog_personal.js";

/** @import {Album, Artist, Track} from "../core/model.js" */
/** @import {Markable, Personal} from "../core/source.js" */
/** @import {Op} from "../core/catalog_batch.js" */
/** @import {CatalogLibrary} from "../core/catalog_library.js" */
/** @import {Kind, PersonalTables} from "../core/catalog_personal.js" */

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

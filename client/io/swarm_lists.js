// The lists of a phone's library, with what the person did with what is in them.

import { marked, markedAs } from "./swarm_personal.js";

/** @import {CatalogLibrary} from "../core/catalog_library.js" */
/** @import {PersonalTables} from "../core/catalog_personal.js" */
/** @import {Source} from "../core/source.js" */

/**
 * @param {() => Promise<{library: CatalogLibrary, personal: PersonalTables}>} shown
 * @returns {Pick<Source, "tracks" | "track" | "albums" | "album" | "artists" | "artist" | "genres" | "search">}
 */
export const swarmLists = (shown) => ({
  tracks: async (query) => {
    const { library, personal } = await shown();
    const { total, items } = library.tracks(query);
    return { total, items: items.map((track) => marked(personal, track)) };
  },
  track: async (id) => {
    const { library, personal } = await shown();
    return { ...marked(personal, library.track(id)), sources: [], tags: {} };
  },
  albums: async (query) => {
    const { library, personal } = await shown();
    const { total, items } = library.albums(query);
    return { total, items: items.map((album) => markedAs(personal, "album", album)) };
  },
  album: async (id) => {
    const { library, personal } = await shown();
    const album = library.album(id);
    return { ...album, ...personal.mark("album", id), tracks: album.tracks.map((track) => marked(personal, track)) };
  },
  artists: async (query) => {
    const { library, personal } = await shown();
    const { total, items } = library.artists(query);
    return { total, items: items.map((artist) => markedAs(personal, "artist", artist)) };
  },
  artist: async (id) => {
    const { library, personal } = await shown();
    const artist = library.artist(id);
    return { ...artist, ...personal.mark("artist", id), tracks: artist.tracks.map((track) => marked(personal, track)) };
  },
  genres: async () => (await shown()).library.genres(),
  search: async (text, limit) => {
    const { library, personal } = await shown();
    const { artists, albums, tracks } = library.search(text, limit);
    return {
      artists: artists.map((artist) => markedAs(personal, "artist", artist)),
      albums: albums.map((album) => markedAs(personal, "album", album)),
      tracks: tracks.map((track) => marked(personal, track)),
    };
  },
});

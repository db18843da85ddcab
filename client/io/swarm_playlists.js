// Playlists on a phone: read from the catalog, written into its log.

import { toBase32 } from "../core/bytes.js";
import { appended, PLAYLIST, takenOut } from "../core/catalog_personal.js";
import { random } from "../core/crypto.js";
import { SourceError } from "../core/source_error.js";
import { marked } from "./swarm_personal.js";

/** @import {Playlist, PlaylistDetail} from "../core/model.js" */
/** @import {Playlists} from "../core/source.js" */
/** @import {Op} from "../core/catalog_batch.js" */
/** @import {CatalogLibrary} from "../core/catalog_library.js" */
/** @import {Item, PersonalTables, PlaylistFacts} from "../core/catalog_personal.js" */
/** @import {PersonalParts} from "./swarm_personal.js" */

const MAX_NAME_CHARS = 500;
const MAX_TRACKS = 20_000;

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

// What "For you" goes by, gathered from the library: a bounded part of it, around what was played.

/** @import {Track} from "../core/model.js" */
/** @import {Known} from "../core/for_you.js" */
/** @import {Source} from "../core/source.js" */

const HISTORY = 500;
const PLAYLISTS = 30;
const GENRES = 5;
const ARTISTS = 8;
const OF_EACH = 150;

/**
 * @param {Source} source
 * @param {Track} [seed]  what songs like this one are searched for
 * @returns {Promise<Known>}
 */
export async function gatherKnown(source, seed) {
  /** @type {Map<string, Track>} */
  const tracks = new Map();
  const take = (/** @type {readonly Track[]} */ some) => some.forEach((track) => tracks.set(track.id, track));
  const [history, starred, playlists] = await Promise.all([
    source.personal?.history(HISTORY),
    source.personal?.starred(),
    source.playlists?.all() ?? [],
  ]);
  const details = await Promise.all(playlists.slice(0, PLAYLISTS).map(({ id }) => source.playlists?.get(id).catch(() => null)));
  take(starred?.tracks ?? []);
  take(details.flatMap((playlist) => playlist?.items ?? []));
  take([...(history?.most ?? []), ...(history?.recent ?? [])]);
  if (seed) take([seed]);
  const heard = seed ? [seed] : (history?.most ?? []).slice(0, 60);
  const genres = mostOf(heard.flatMap((track) => track.genres), GENRES);
  const artists = mostOf(heard.flatMap((track) => track.artists.map(({ id }) => id)), ARTISTS);
  const more = await Promise.all([
    ...genres.map((genre) => source.tracks({ genre, limit: OF_EACH, sort: "added", order: "desc" }).catch(() => null)),
    ...artists.map((artist) => source.tracks({ artist, limit: OF_EACH }).catch(() => null)),
  ]);
  for (const page of more) for (const track of page?.items ?? []) if (!tracks.has(track.id)) tracks.set(track.id, track);
  return { tracks: [...tracks.values()], playlists: details.map((playlist) => playlist?.items.map(({ id }) => id) ?? []), now_ms: Date.now() };
}

/**
 * The most frequent ones.
 * @param {readonly string[]} all
 * @param {number} count
 */
function mostOf(all, count) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, count).map(([one]) => one);
}

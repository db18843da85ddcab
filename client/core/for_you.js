// What the person may want to hear, from their own plays alone: computed on this device, told to nobody. Pure.

import { sentence } from "./format.js";

/** @import {Track} from "./model.js" */

/**
 * @typedef {object} Known  What the choice goes by.
 * @property {readonly Track[]} tracks  songs that may be chosen: played ones with `plays` and `played_ms`, and others
 * @property {readonly (readonly string[])[]} playlists  their tracks' ids
 * @property {number} now_ms
 */

/** @typedef {{track: Track, why: string}} Pick_ */
/** @typedef {{id: string, title: string, why: string, picks: Pick_[]}} Group */

const DAY_MS = 86_400_000;
/** A song that is loved is rediscovered when it was silent for so long. */
const AWAY_MS = 60 * DAY_MS;
/** What was heard so lately is not what a mix should bring. */
const FRESH_MS = 2 * DAY_MS;
/** Songs that sounded so close together belong to one sitting. */
const SITTING_MS = 45 * 60_000;
const LOVED_PLAYS = 3;
const MOST = 20;
const MIX = 30;
const MIXES = 3;
/** One artist doesn't fill a mix. */
const PER_ARTIST = 5;
/** Playlists of everything say nothing about two songs. */
const PLAYLIST_SAYS_MOST = 200;

/** How much it counts that two songs have this in common. */
const WEIGHTS = { together: 4, playlist: 3, artist: 3, genre: 2, decade: 0.5, starred: 0.5 };

const times = (/** @type {number} */ count) => (count === 1 ? "once" : count === 2 ? "twice" : `${count} times`);

/** @param {Track} track */
const playsOf = ({ plays = 0 }) => plays;
/** @param {Track} track */
const lastOf = ({ played_ms }) => played_ms ?? 0;

/**
 * Everything on the page, groups without a song left out.
 * @param {Known} known
 * @returns {Group[]}
 */
export function forYou(known) {
  return [...mixes(known), mostPlayed(known), rediscover(known)].filter(({ picks }) => picks.length > 0);
}

/** @param {Known} known @returns {Group} */
export function mostPlayed({ tracks }) {
  const most = tracks.filter((track) => playsOf(track) > 1).sort((a, b) => playsOf(b) - playsOf(a) || lastOf(b) - lastOf(a));
  const picks = most.slice(0, MOST).map((track) => ({ track, why: `Played ${times(playsOf(track))}` }));
  return { id: "most", title: "Most played", why: "What you come back to, counted on all your devices", picks };
}

/** @param {Known} known @returns {Group} */
export function rediscover({ tracks, now_ms }) {
  const away = (/** @type {Track} */ track) => lastOf(track) > 0 && now_ms - lastOf(track) > AWAY_MS;
  const loved = tracks.filter((track) => away(track) && (playsOf(track) >= LOVED_PLAYS || track.starred_ms));
  loved.sort((a, b) => playsOf(b) - playsOf(a) || lastOf(a) - lastOf(b));
  const picks = loved.slice(0, MOST).map((track) => {
    const months = Math.round((now_ms - lastOf(track)) / (30 * DAY_MS));
    const liked = track.starred_ms ? "you gave it a star" : `you played it ${times(playsOf(track))}`;
    return { track, why: sentence(`${liked}, but not for ${months} months`).replace(/\.$/, "") };
  });
  return { id: "rediscover", title: "Rediscover", why: "Loved once, and silent for two months or longer", picks };
}

/**
 * Mixes around what was played most in the last month, each around another artist.
 * @param {Known} known
 * @returns {Group[]}
 */
export function mixes(known) {
  const month_ms = known.now_ms - 30 * DAY_MS;
  const lately = known.tracks.filter((track) => lastOf(track) > month_ms).sort((a, b) => playsOf(b) - playsOf(a) || lastOf(b) - lastOf(a));
  /** @type {Group[]} */
  const made = [];
  const around = new Set();
  for (const seed of lately) {
    const artist = seed.artists[0]?.id ?? seed.id;
    if (around.has(artist)) continue;
    around.add(artist);
    const picks = similar(seed, known, MIX);
    if (picks.length < 5) continue;
    const why = `Because you play “${seed.title}” these weeks`;
    made.push({ id: `mix-${seed.id}`, title: `${seed.artists[0]?.name || seed.title} mix`, why, picks: [{ track: seed, why: "The mix begins here" }, ...picks] });
    if (made.length === MIXES) break;
  }
  return made;
}

/**
 * Songs like one, the most alike first; each says in what.
 * @param {Track} seed
 * @param {Known} known
 * @param {number} limit
 * @returns {Pick_[]}
 */
export function similar(seed, { tracks, playlists, now_ms }, limit = MIX) {
  const beside = new Set(playlists.filter((ids) => ids.length <= PLAYLIST_SAYS_MOST && ids.includes(seed.id)).flat());
  const artists = new Set(seed.artists.map(({ id }) => id));
  const genres = new Set(seed.genres);
  /** @type {Map<string, number>} */
  const used = new Map();
  return tracks
    .filter((track) => track.id !== seed.id && track.state.playable && !(lastOf(track) && now_ms - lastOf(track) < FRESH_MS && playsOf(track) > 1))
    .map((track) => ({ track, ...likeness(seed, track, { artists, genres, beside }) }))
    .filter(({ score }) => score >= 1)
    .sort((a, b) => b.score - a.score || lastOf(a.track) - lastOf(b.track) || (a.track.id < b.track.id ? -1 : 1))
    .filter(({ track }) => {
      const artist = track.artists[0]?.id ?? "";
      used.set(artist, (used.get(artist) ?? 0) + 1);
      return Number(used.get(artist)) <= PER_ARTIST;
    })
    .slice(0, limit)
    .map(({ track, why }) => ({ track, why }));
}

/**
 * @param {Track} seed
 * @param {Track} track
 * @param {{artists: Set<string>, genres: Set<string>, beside: Set<string>}} of  the seed's
 * @returns {{score: number, why: string}}
 */
function likeness(seed, track, { artists, genres, beside }) {
  let score = 0;
  /** @type {string[]} */
  const reasons = [];
  if (lastOf(seed) && lastOf(track) && Math.abs(lastOf(seed) - lastOf(track)) < SITTING_MS) {
    score += WEIGHTS.together;
    reasons.push("heard in one sitting");
  }
  if (beside.has(track.id)) {
    score += WEIGHTS.playlist;
    reasons.push("on one playlist with it");
  }
  if (track.artists.some(({ id }) => artists.has(id))) {
    score += WEIGHTS.artist;
    reasons.push(`also by ${track.artists.find(({ id }) => artists.has(id))?.name}`);
  }
  const shared = track.genres.filter((genre) => genres.has(genre));
  if (shared.length) {
    score += (WEIGHTS.genre * shared.length) / new Set([...genres, ...track.genres]).size;
    reasons.push(`${shared[0]} too`);
  }
  if (seed.year && track.year && Math.abs(seed.year - track.year) <= 5) score += WEIGHTS.decade;
  if (track.starred_ms) score += WEIGHTS.starred;
  return { score, why: sentence(reasons.slice(0, 2).join(", ")).replace(/\.$/, "") };
}

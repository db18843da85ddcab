import { SourceError } from "../core/source_error.js";

/** @import {Track} from "../core/model.js" */
/** @import {TrackQuery} from "../core/source.js" */
/** @import {App} from "./app.js" */

/** Small windows at random places: near-random over any library, in few requests. */
const WINDOWS = 12;
const WINDOW_TRACKS = 4;

/**
 * Play everything that matches in random order, on and on, without loading a list of everything.
 * @param {App} app
 * @param {AbortSignal} signal
 * @param {TrackQuery} [query]
 */
export async function shufflePlay(app, signal, query = {}) {
  try {
    const more = sampler(app, query, []);
    const first = await more();
    if (!signal.aborted) app.player.playAll(first, 0, { shuffle: true, refill: more });
  } catch (error) {
    app.tell(error instanceof SourceError ? error.message : "That didn’t work.");
  }
}

/**
 * A refill that gives random songs of a query, each once.
 * @param {App} app
 * @param {TrackQuery} query
 * @param {readonly Track[]} had
 * @returns {import("../core/refilling.js").Refill}
 */
export function sampler(app, query, had) {
  const seen = new Set(had.map((track) => track.id));
  return async () => {
    const { total } = await app.source.tracks({ ...query, limit: 1 });
    return fresh(await sample(app, query, total), seen);
  };
}

/**
 * @param {App} app
 * @param {TrackQuery} query
 * @param {number} total
 */
async function sample(app, query, total) {
  if (total <= WINDOWS * WINDOW_TRACKS * 4)
    return (await app.source.tracks({ ...query, limit: WINDOWS * WINDOW_TRACKS * 4 })).items;
  const offsets = Array.from({ length: WINDOWS }, () => Math.floor(Math.random() * (total - WINDOW_TRACKS)));
  const pages = await Promise.all(
    offsets.map((offset) => app.source.tracks({ ...query, sort: "title", offset, limit: WINDOW_TRACKS })),
  );
  return pages.flatMap((page) => page.items);
}

/**
 * Those that did not come yet, in random order.
 * @param {Track[]} tracks
 * @param {Set<string>} seen
 */
function fresh(tracks, seen) {
  const out = [...new Map(tracks.map((track) => [track.id, track])).values()].filter(
    (track) => track.state.playable && !seen.has(track.id),
  );
  for (const track of out) seen.add(track.id);
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

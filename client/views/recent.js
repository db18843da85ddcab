// The albums played last on this device. They stay on it.

import { recall, remember } from "../io/shelf.js";

/** @import {Album} from "../core/model.js" */
/** @import {App} from "./app.js" */

const KEPT = 12;
/** A track that was only skipped over is not a visit. */
const COUNTS_AFTER_MS = 15_000;

/** @returns {Album[]} */
export function recentAlbums() {
  const kept = recall("recent");
  return Array.isArray(kept) ? kept : [];
}

/** @param {App} app */
export function followRecent(app) {
  let noted = "";
  app.player.changed.on((what) => {
    const album = app.player.current?.track.album;
    if (what !== "time" || !album || album.id === noted || app.player.position_ms < COUNTS_AFTER_MS) return;
    noted = album.id;
    app.source.album(album.id).then(
      ({ tracks, ...rest }) => {
        const others = recentAlbums().filter((other) => other.id !== album.id);
        remember("recent", [{ ...rest, tracks: tracks.length }, ...others].slice(0, KEPT));
      },
      () => {},
    );
  });
}

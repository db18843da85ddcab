// A list of songs that is here whole, however long: a history, what has a star, a playlist.

import { Pages } from "../core/pages.js";
import { markCurrent, rowSkeleton, trackRow } from "./track_row.js";
import { indexOf, Virtual } from "./virtual.js";

/** @import {Track} from "../core/model.js" */
/** @import {App} from "./app.js" */

const ROW_PX = 60;

/**
 * @param {HTMLElement} host
 * @param {App} app
 * @param {AbortSignal} signal
 * @param {{label: string}} how
 * @returns {(tracks: readonly Track[]) => void}  shows these instead
 */
export function heldList(host, app, signal, { label }) {
  /** @type {readonly Track[]} */
  let held = [];
  const pages = new Pages(async (offset, limit) => ({ total: held.length, items: held.slice(offset, offset + limit) }));
  new Virtual({
    host,
    scroller: app.scroller,
    pages,
    label,
    measure: () => ({ columns: 1, height_px: ROW_PX }),
    draw: (track) =>
      trackRow(track, {
        app,
        lead: "cover",
        showAlbum: true,
        play: (row) => app.player.playAll(held, Math.max(0, indexOf(row))),
      }),
    placeholder: rowSkeleton,
    keyOf: (track) => track.id,
    signal,
  });
  markCurrent(host, app, signal);
  return (tracks) => {
    held = tracks;
    pages.refresh();
  };
}

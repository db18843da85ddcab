// The songs of a playlist: moved by hand or with Alt and arrows, taken out with Delete.

import { Pages } from "../core/pages.js";
import { entriesOf, moved } from "../core/playlist_edit.js";
import { h, on } from "./dom.js";
import { icon } from "./icon.js";
import { markCurrent, rowSkeleton, trackRow } from "./track_row.js";
import { indexOf, Virtual } from "./virtual.js";

/** @import {PlaylistDetail, Track} from "../core/model.js" */
/** @import {Entry} from "../core/playlist_edit.js" */
/** @import {App} from "./app.js" */

const ROW_PX = 60;
/** A dragged row this near an edge scrolls the list. */
const EDGE_PX = 64;
const SCROLL_PX = 12;

/**
 * @param {HTMLElement} host
 * @param {App} app
 * @param {string} id
 * @param {AbortSignal} signal
 * @param {(playlist: PlaylistDetail) => void} changed  what the library made of a change
 * @returns {{show: (playlist: PlaylistDetail) => void, tracks: () => readonly Track[]}}
 */
export function playlistList(host, app, id, signal, changed) {
  const { playlists } = app.source;
  const editing = app.source.can.has("edit_playlists");
  /** @type {readonly Entry[]} */
  let entries = [];
  let saving = 0;
  let dragging = false;
  /** One change after the other. @type {Promise<unknown>} */
  let last = Promise.resolve();

  const pages = new Pages(async (offset, limit) => ({ total: entries.length, items: entries.slice(offset, offset + limit) }));
  /** @param {readonly Entry[]} now */
  const hold = (now) => {
    entries = now;
    pages.refresh();
  };

  /** @param {() => Promise<PlaylistDetail> | undefined} change */
  const save = (change) => {
    saving++;
    last = last
      .then(change)
      .then(
        (playlist) => {
          saving--;
          if (signal.aborted || !playlist || saving) return;
          changed(playlist);
          hold(entriesOf(playlist.items));
        },
        async (error) => {
          saving--;
          app.tell(error.message);
          const playlist = await playlists?.get(id).catch(() => null);
          if (playlist && !saving && !signal.aborted) hold(entriesOf(playlist.items));
        },
      );
  };

  /**
   * @param {number} from
   * @param {number} to
   */
  const move = (from, to) => {
    if (from === to || from < 0 || to < 0 || to >= entries.length) return;
    hold(moved(entries, from, to));
    app.announce(`Moved to place ${to + 1} of ${entries.length}`);
    const tracks = entries.map(({ track }) => track.id);
    save(() => playlists?.replace(id, tracks));
  };

  /** @param {number} at */
  const take = (at) => {
    const entry = entries[at];
    if (!entry) return;
    hold(entries.filter((_, i) => i !== at));
    app.announce(`${entry.track.title} taken off the playlist`);
    save(() => playlists?.take(id, [at]));
  };

  const list = new Virtual({
    host,
    scroller: app.scroller,
    pages,
    label: "Songs on the playlist",
    measure: () => ({ columns: 1, height_px: ROW_PX }),
    draw: ({ track, key }) => {
      const row = trackRow(track, {
        app,
        lead: "cover",
        showAlbum: true,
        play: (element) => app.player.playAll(entries.map((entry) => entry.track), Math.max(0, indexOf(element))),
        actions: editing
          ? [{ icon: "close", label: "Take off the playlist", run: () => take(entries.findIndex((entry) => entry.key === key)) }]
          : [],
      });
      if (!editing) return row;
      const grip = h("span", { class: "grip", "aria-hidden": "true" }, icon("grip"));
      row.prepend(grip);
      row.classList.add("movable");
      const main = row.querySelector("[data-main]");
      main?.setAttribute("aria-keyshortcuts", "Alt+ArrowUp Alt+ArrowDown Delete");
      grip.addEventListener("pointerdown", (down) => {
        if (down.button === 0) drag(down, row, grip);
      });
      return row;
    },
    placeholder: rowSkeleton,
    keyOf: ({ key }) => key,
    signal,
  });
  markCurrent(host, app, signal);
  if (editing)
    on(
      host,
      {
        keydown: (event) => {
          const at = indexOf(event.target);
          if (at < 0) return;
          if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) move(at, at + (event.key === "ArrowUp" ? -1 : 1));
          else if (event.key === "Delete" || event.key === "Backspace") {
            take(at);
            if (entries.length) list.focus();
          } else return;
          event.preventDefault();
          event.stopPropagation();
        },
      },
      signal,
    );

  /**
   * Rows stand by `transform`; while one is in the hand, all are shifted by `translate`.
   * @param {PointerEvent} down
   * @param {HTMLElement} row
   * @param {HTMLElement} grip
   */
  const drag = (down, row, grip) => {
    down.preventDefault();
    // The row that has the focus stays drawn however far the list scrolls.
    /** @type {HTMLElement | null} */ (row.querySelector("[data-main]"))?.focus({ preventScroll: true });
    grip.setPointerCapture(down.pointerId);
    host.classList.add("dragging");
    row.classList.add("held");
    dragging = true;
    const { scroller } = app;
    const start = scroller.scrollTop;
    const from = indexOf(row);
    let to = from;
    const cells = () => /** @type {NodeListOf<HTMLElement>} */ (host.querySelectorAll(".cell"));
    const follow = (/** @type {PointerEvent} */ event) => {
      const box = scroller.getBoundingClientRect();
      if (event.clientY < box.top + EDGE_PX) scroller.scrollTop -= SCROLL_PX;
      if (event.clientY > box.bottom - EDGE_PX) scroller.scrollTop += SCROLL_PX;
      const y = event.clientY - down.clientY + scroller.scrollTop - start;
      to = Math.max(0, Math.min(entries.length - 1, from + Math.round(y / ROW_PX)));
      for (const cell of cells()) {
        const at = indexOf(cell);
        const shift = cell === row ? y : at > from && at <= to ? -ROW_PX : at < from && at >= to ? ROW_PX : 0;
        cell.style.translate = shift ? `0 ${shift}px` : "";
      }
    };
    const done = (/** @type {PointerEvent} */ event) => {
      grip.removeEventListener("pointermove", follow);
      grip.removeEventListener("pointerup", done);
      grip.removeEventListener("pointercancel", done);
      host.classList.remove("dragging");
      row.classList.remove("held");
      dragging = false;
      for (const cell of cells()) cell.style.translate = "";
      if (event.type === "pointerup") move(from, to);
      else pages.refresh();
    };
    grip.addEventListener("pointermove", follow);
    grip.addEventListener("pointerup", done);
    grip.addEventListener("pointercancel", done);
  };

  return {
    // While a change of this device is under way, or in the hand, what the library says is older than what is shown.
    show: ({ items }) => {
      if (!saving && !dragging) hold(entriesOf(items));
    },
    tracks: () => entries.map(({ track }) => track),
  };
}

import { clock, counted, names, span } from "../core/format.js";
import { cover } from "./cover.js";
import { button, fill, h, on, onContext, words } from "./dom.js";
import { icon } from "./icon.js";
import { blank } from "./live.js";
import { rove } from "./roving.js";
import { openFreshTrackMenu, playlistAction } from "./track_actions.js";

/** @import {Entry} from "../core/queue.js" */
/** @import {App} from "./app.js" */

/** More than these are not drawn, only counted. */
const SHOWN = 150;
const HISTORY_SHOWN = 20;

/**
 * What played, plays and comes: reordered by hand or by Alt and arrows, removed with Delete.
 * @param {HTMLElement} host
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function mountQueue(host, app, signal) {
  const { player } = app;
  const head = h("header", { class: "queue-head" });
  const list = h("div", { class: "queue-list", role: "list", "aria-label": "Queue" });
  fill(host, head, list);
  rove(list, signal);

  const draw = () => {
    const { entries, at } = player.queue;
    const focused =
      document.activeElement instanceof HTMLElement && list.contains(document.activeElement)
        ? document.activeElement.dataset.key
        : undefined;
    const coming = entries.slice(at + 1);
    const left_ms = coming.reduce((sum, entry) => sum + entry.track.duration_ms, 0);
    fill(
      head,
      h(
        "div",
        null,
        h("h2", null, "Up next"),
        h(
          "p",
          { class: "quiet" },
          coming.length ? `${counted(coming.length, "song")}, ${span(left_ms)}` : "Nothing after this",
        ),
      ),
      entries.length ? addToPlaylist(app) : null,
      coming.length || at > 0
        ? button(
            { class: "pill small" },
            () => {
              player.clear();
              app.announce("Queue cleared");
            },
            "Clear",
          )
        : null,
    );
    const from = Math.max(0, at - HISTORY_SHOWN);
    const rows = entries.slice(from, at + 1 + SHOWN).map((entry, i) => queueRow(app, entry, from + i, list));
    const rest = entries.length - (at + 1 + SHOWN);
    fill(
      list,
      ...rows,
      rest > 0 ? h("p", { class: "quiet queue-rest" }, `and ${counted(rest, "more song", "more songs")}`) : null,
    );
    if (!entries.length)
      fill(list, blank("queue", "The queue is empty", "Play an album, or add songs from their menu."));
    const back = focused && list.querySelector(`[data-key="${focused}"]`);
    if (back instanceof HTMLElement) back.focus({ preventScroll: true });
    for (const main of list.querySelectorAll("[data-main]")) main.setAttribute("tabindex", "-1");
    const stop = back || list.querySelector(".current [data-main]") || list.querySelector("[data-main]");
    stop?.setAttribute("tabindex", "0");
  };

  on(
    list,
    {
      keydown: (event) => {
        const key = Number(event.target.closest("[data-entry]")?.dataset.entry);
        const index = player.queue.entries.findIndex((entry) => entry.key === key);
        if (index < 0) return;
        if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
          event.preventDefault();
          const to = Math.max(0, Math.min(player.queue.entries.length - 1, index + (event.key === "ArrowUp" ? -1 : 1)));
          player.move(key, to);
          app.announce(`Moved to place ${to + 1} of ${player.queue.entries.length}`);
        } else if (event.key === "Delete" || event.key === "Backspace") {
          event.preventDefault();
          removeEntry(app, list, key, index);
        }
      },
    },
    signal,
  );
  // A redraw in the middle of a drag would pull the row out of the hand.
  player.changed.on(
    (what) => (what === "queue" || what === "track") && !list.classList.contains("dragging") && draw(),
    signal,
  );
  const beat = () => list.classList.toggle("sounding", player.playing);
  player.changed.on(beat, signal);
  beat();
  draw();
  list.querySelector(".current")?.scrollIntoView({ block: "center" });
}

/** The whole queue, onto a playlist. @param {App} app */
function addToPlaylist(app) {
  const tracks = async () => app.player.queue.entries.map(({ track }) => track);
  const add = button(
    { class: "ghost queue-add", "aria-label": "Add the queue to a playlist", "aria-haspopup": "menu" },
    () => playlistAction(app, tracks, "the queue", add)[0].run(),
    icon("playlist"),
  );
  return app.source.can.has("edit_playlists") ? add : null;
}

/**
 * @param {App} app
 * @param {HTMLElement} list
 * @param {number} key
 * @param {number} index
 */
function removeEntry(app, list, key, index) {
  const { player } = app;
  const title = player.queue.entries[index].track.title;
  player.remove(key);
  app.announce(`${title} removed from the queue`);
  const { entries } = player.queue;
  const neighbour = entries[Math.min(index, entries.length - 1)];
  const row = neighbour && list.querySelector(`[data-entry="${neighbour.key}"] [data-main]`);
  if (row instanceof HTMLElement) row.focus();
}

/**
 * @param {App} app
 * @param {Entry} entry
 * @param {number} index
 * @param {HTMLElement} list
 */
function queueRow(app, entry, index, list) {
  const { player, source } = app;
  const { track, key } = entry;
  const { at } = player.queue;
  const row = h("div", { class: "track queue-row", role: "listitem", "data-entry": key });
  row.classList.toggle("current", index === at);
  row.classList.toggle("past", index < at);
  const grip = h("span", { class: "grip", "aria-hidden": "true" }, icon("grip"));
  row.append(
    grip,
    button(
      {
        class: "track-main",
        "data-main": true,
        "data-key": `q${key}`,
        "aria-label": `${track.title}, ${names(track.artists)}`,
        "aria-keyshortcuts": "Alt+ArrowUp Alt+ArrowDown Delete",
        "aria-current": index === at ? "true" : null,
      },
      () => player.jumpTo(key),
      h(
        "span",
        { class: "track-lead" },
        cover(source, { name: track.album?.name ?? track.title, cover: track.cover }, { width_px: 44 }),
        h("span", { class: "beat" }, h("i", null), h("i", null), h("i", null)),
      ),
      h(
        "span",
        { class: "track-names" },
        words("span", "track-title", track.title),
        words("span", "track-artists", names(track.artists)),
      ),
      h("span", { class: "track-time" }, clock(track.duration_ms)),
    ),
    button(
      { class: "ghost track-more", "aria-label": `Remove ${track.title} from the queue`, tabindex: "-1" },
      () => removeEntry(app, list, key, index),
      icon("close"),
    ),
  );
  onContext(row, (where) =>
    void openFreshTrackMenu(app, track, where, [{ icon: "close", label: "Remove from queue", run: () => player.remove(key) }]),
  );
  drag(app, row, grip, entry, list);
  return row;
}

/**
 * Move a row by its grip, with a finger or the mouse; the others make way.
 * @param {App} app
 * @param {HTMLElement} row
 * @param {HTMLElement} grip
 * @param {Entry} entry
 * @param {HTMLElement} list
 */
function drag(app, row, grip, entry, list) {
  const { player } = app;
  grip.addEventListener("pointerdown", (down) => {
    if (down.button !== 0) return;
    down.preventDefault();
    grip.setPointerCapture(down.pointerId);
    list.classList.add("dragging");
    row.classList.add("held");
    const scroller = /** @type {HTMLElement} */ (list.closest(".now-panel") ?? list);
    const startScroll = scroller.scrollTop;
    const height = row.offsetHeight;
    const rows = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[data-entry]")]);
    const from = rows.indexOf(row);
    let to = from;
    const moved = (/** @type {PointerEvent} */ event) => {
      const box = scroller.getBoundingClientRect();
      if (event.clientY < box.top + 48) scroller.scrollTop -= 10;
      if (event.clientY > box.bottom - 48) scroller.scrollTop += 10;
      const y = event.clientY - down.clientY + scroller.scrollTop - startScroll;
      to = Math.max(0, Math.min(rows.length - 1, from + Math.round(y / height)));
      row.style.transform = `translateY(${y}px)`;
      rows.forEach((other, i) => {
        if (other === row) return;
        const shift = i > from && i <= to ? -height : i < from && i >= to ? height : 0;
        other.style.transform = shift ? `translateY(${shift}px)` : "";
      });
    };
    const done = (/** @type {PointerEvent} */ event) => {
      grip.removeEventListener("pointermove", moved);
      list.classList.remove("dragging");
      row.classList.remove("held");
      for (const other of rows) other.style.transform = "";
      if (event.type === "pointercancel" || to === from) return;
      const target = Number(rows[to].dataset.entry);
      player.move(
        entry.key,
        player.queue.entries.findIndex((other) => other.key === target),
      );
      app.announce(`Moved to place ${player.queue.entries.findIndex((other) => other.key === entry.key) + 1}`);
    };
    grip.addEventListener("pointermove", moved);
    grip.addEventListener("pointerup", done, { once: true });
    grip.addEventListener("pointercancel", done, { once: true });
  });
}

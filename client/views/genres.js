import { counted } from "../core/format.js";
import { gradient } from "../core/look.js";
import { href } from "../core/route.js";
import { albumGrid } from "./albums.js";
import { button, h, words } from "./dom.js";
import { icon } from "./icon.js";
import { blank, live } from "./live.js";
import { backButton, pageHead, shelfTabs } from "./page.js";
import { rove } from "./roving.js";
import { shufflePlay } from "./shuffle_play.js";
import { songList } from "./songs.js";

/** @import {Genre} from "../core/model.js" */
/** @import {Mount} from "./app.js" */

/** @type {Mount} */
export function mountGenres(host, app, _route, signal) {
  const content = h("div", null);
  host.append(shelfTabs(app, "genres"), pageHead("Genres"), content);
  live({
    host: content,
    app,
    signal,
    fetch: () => app.source.genres(),
    draw: ({ items }, inner) => {
      if (!items.length) return [blank("genres", "No genres", "Genres come from your files’ tags.")];
      const grid = h("div", { class: "genre-grid", role: "list", "aria-label": "Genres" }, ...items.map(tile));
      rove(grid, inner, { horizontal: true });
      return [grid];
    },
  });
}

/** @param {Genre} genre */
function tile(genre) {
  const link = h(
    "a",
    { class: "genre", href: href("genre", genre.name), "data-main": true, "data-key": genre.name },
    words("span", "genre-name", genre.name),
    h("span", { class: "genre-count" }, counted(genre.tracks, "song")),
  );
  link.style.setProperty("--stand-in", gradient(genre.name));
  return h("div", { role: "listitem" }, link);
}

/** @type {Mount} */
export function mountGenre(host, app, route, signal) {
  const genre = route.id;
  const view = { songs: false };
  const body = h("div", null);
  let inner = new AbortController();
  signal.addEventListener("abort", () => inner.abort());
  const tabs = [false, true].map((songs) => button({ class: "chip" }, () => show(songs), songs ? "Songs" : "Albums"));
  const show = (/** @type {boolean} */ songs) => {
    view.songs = songs;
    inner.abort();
    inner = new AbortController();
    const list = h("div", { class: songs ? "list-host" : "grid-host" });
    body.replaceChildren(list);
    tabs.forEach((tab, i) => tab.setAttribute("aria-pressed", String(Boolean(i) === songs)));
    if (songs) songList(list, app, { genre, sort: "title" }, inner.signal);
    else albumGrid(list, app, { genre, sort: "artist" }, inner.signal);
  };
  const shuffle = button(
    { class: "pill primary" },
    () => void shufflePlay(app, signal, { genre }),
    icon("shuffle"),
    "Shuffle",
  );
  host.append(backButton(app), pageHead(genre, { beside: [shuffle] }), h("div", { class: "chips" }, ...tabs), body);
  show(false);
}

import { counted } from "../core/format.js";
import { albumCard, artistCard } from "./album_card.js";
import { button, h } from "./dom.js";
import { heldList } from "./held_list.js";
import { icon } from "./icon.js";
import { keepAllAction } from "./keeping.js";
import { blank, live } from "./live.js";
import { pageHead, shelfTabs } from "./page.js";
import { rove } from "./roving.js";

/** @import {Found} from "../core/model.js" */
/** @import {App, Mount} from "./app.js" */

const CARD_PX = 170;

/** Everything with a star. @type {Mount} */
export function mountStarred(host, app, _route, signal) {
  const content = h("div", { class: "results" });
  host.append(shelfTabs(app, "starred"), pageHead("Starred"), content);
  const { personal } = app.source;
  live({
    host: content,
    app,
    signal,
    fetch: async () => personal?.starred() ?? { artists: [], albums: [], tracks: [] },
    draw: (found, inner) =>
      found.artists.length + found.albums.length + found.tracks.length
        ? [
            shelf("Artists", found.artists.map((artist) => artistCard(app, artist, { width_px: CARD_PX })), inner),
            shelf("Albums", found.albums.map((album) => albumCard(app, album, { width_px: CARD_PX })), inner),
            songs(app, found.tracks, inner),
          ].filter((node) => node !== null)
        : [blank("star", "Nothing has a star yet", "Put a star on songs, albums and artists from their menu or page. The song that plays gets one with F.")],
  });
}

/**
 * @param {string} title
 * @param {HTMLElement[]} cards
 * @param {AbortSignal} signal
 */
function shelf(title, cards, signal) {
  if (!cards.length) return null;
  const row = h("div", { class: "shelf-row", role: "list", "aria-label": title }, ...cards);
  rove(row, signal, { horizontal: true });
  return h("section", { class: "shelf" }, h("div", { class: "shelf-head" }, h("h2", null, title)), row);
}

/**
 * @param {App} app
 * @param {Found["tracks"]} tracks
 * @param {AbortSignal} signal
 */
function songs(app, tracks, signal) {
  if (!tracks.length) return null;
  const list = h("div", { class: "list-host" });
  const section = h(
    "section",
    { class: "shelf" },
    h(
      "div",
      { class: "shelf-head" },
      h("h2", null, "Songs"),
      h("span", { class: "quiet" }, counted(tracks.length, "song")),
      button(
        { class: "ghost", "aria-label": "Shuffle starred songs" },
        () => app.player.playAll(tracks, 0, { shuffle: true }),
        icon("shuffle"),
      ),
      ...keepAllAction(app, "Starred songs", async () => tracks).map(({ label, run, icon: picture }) =>
        button({ class: "ghost", "aria-label": `${label}: starred songs` }, run, icon(picture)),
      ),
    ),
    list,
  );
  // Its width is known once it stands on the page.
  queueMicrotask(() => signal.aborted || heldList(list, app, signal, { label: "Starred songs" })(tracks));
  return section;
}

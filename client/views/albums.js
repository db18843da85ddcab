import { counted } from "../core/format.js";
import { Pages } from "../core/pages.js";
import { albumCard, cardSkeleton } from "./album_card.js";
import { h, say } from "./dom.js";
import { blank, trouble, whenChanged } from "./live.js";
import { pageHead, selector, shelfTabs } from "./page.js";
import { Virtual } from "./virtual.js";

/** @import {AlbumQuery} from "../core/source.js" */
/** @import {App, Mount} from "./app.js" */

const ORDERS = /** @type {const} */ ([
  ["artist", "By artist"],
  ["name", "By title"],
  ["added", "Newest first"],
  ["year", "By year"],
]);
const DESCENDING = new Set(["added", "year"]);

/** @type {Mount} */
export function mountAlbums(host, app, _route, signal) {
  const count = h("p", { class: "page-count", role: "status" });
  const list = h("div", { class: "grid-host" });
  const sort = app.settings.get("albums_sort");
  const order = selector("Order of albums", ORDERS, /** @type {any} */ (sort), (value) => {
    app.settings.set("albums_sort", value);
    app.refreshPage();
  });
  host.append(shelfTabs(app, "albums"), pageHead("Albums", { count, beside: [order] }), list);
  albumGrid(
    list,
    app,
    { sort: /** @type {AlbumQuery["sort"]} */ (sort), order: DESCENDING.has(sort) ? "desc" : "asc" },
    signal,
    (total) => say(count, counted(total, "album")),
  );
}

/**
 * Every album that a query matches.
 * @param {HTMLElement} host
 * @param {App} app
 * @param {AlbumQuery} query
 * @param {AbortSignal} signal
 * @param {(total: number) => void} [counted]
 */
export function albumGrid(host, app, query, signal, counted) {
  const pages = app.pages(
    `albums ${JSON.stringify(query)}`,
    () => new Pages((offset, limit) => app.source.albums({ ...query, offset, limit })),
  );
  mountGrid(host, app, pages, signal, {
    label: "Albums",
    draw: (album, width_px) => albumCard(app, album, { width_px }),
    empty: () => blank("albums", "No albums yet", "Albums appear here as soon as your music is read."),
    counted,
  });
}

/** Between cards, and below a card's picture: kept in step with the style sheet. */
const CARD_TEXT_PX = 64;
const CARD_MIN_PX = 168;
const CARD_MIN_PHONE_PX = 140;

/**
 * A virtual grid of cards.
 * @template {{id: string}} T
 * @param {HTMLElement} host
 * @param {App} app
 * @param {Pages<T>} pages
 * @param {AbortSignal} signal
 * @param {{label: string, draw: (item: T, width_px: number) => HTMLElement, empty: () => Node, counted?: (total: number) => void}} how
 */
export function mountGrid(host, app, pages, signal, { label, draw, empty, counted: tell }) {
  let card_px = CARD_MIN_PX;
  const state = h("div", null);
  host.before(state);
  const settled = () => {
    if (pages.total !== null) tell?.(pages.total);
    const failed = pages.error !== null && pages.total === null;
    host.hidden = failed || pages.total === 0;
    state.replaceChildren(
      ...(failed ? [trouble(pages.error, () => app.refreshPage())] : pages.total === 0 ? [empty()] : []),
    );
  };
  new Virtual({
    host,
    scroller: app.scroller,
    pages,
    label,
    measure: (width_px) => {
      const columns = Math.max(2, Math.floor(width_px / (width_px < 600 ? CARD_MIN_PHONE_PX : CARD_MIN_PX)));
      card_px = width_px / columns;
      return { columns, height_px: Math.round(card_px + CARD_TEXT_PX) };
    },
    draw: (item) => draw(item, card_px),
    placeholder: cardSkeleton,
    keyOf: (item) => item.id,
    settled,
    signal,
  });
  settled();
  whenChanged(app, signal, () => pages.refresh());
}

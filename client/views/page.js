// The frame that every page shares: its title, and what stands beside it.

import { button, h } from "./dom.js";
import { icon } from "./icon.js";
import { href } from "../core/route.js";

/** @import {App} from "./app.js" */
/** @import {Place} from "../core/route.js" */

/**
 * @param {string} title
 * @param {{count?: Node, beside?: Node[]}} [more]  `count` stands under the title, `beside` at the other end
 */
export const pageHead = (title, { count, beside = [] } = {}) =>
  h(
    "header",
    { class: "page-head" },
    h("div", null, h("h1", { tabindex: "-1", dir: "auto" }, title), count),
    ...beside,
  );

/** The way back from a page inside the library, for screens whose browser may show none. @param {App} app */
export const backButton = (app) =>
  button({ class: "ghost back-button", "aria-label": "Back" }, () => app.back(), icon("back"));

/**
 * Names with the way to each, commas between them.
 * @param {{id: string, name: string}[]} artists
 */
export const artistLinks = (artists) =>
  artists.flatMap((artist, i) => [
    i ? ", " : "",
    h("a", { href: href("artist", artist.id), dir: "auto" }, artist.name),
  ]);

/** @type {[Place, string][]} */
const SHELVES = [
  ["albums", "Albums"],
  ["artists", "Artists"],
  ["songs", "Songs"],
  ["genres", "Genres"],
];

/**
 * The shelves of the library, for screens without the side rail.
 * @param {App} app
 * @param {Place} current
 */
export function shelfTabs({ source }, current) {
  const tabs = h(
    "nav",
    { class: "chips shelves", "aria-label": "Library" },
    ...[
      ...SHELVES,
      ...(source.can.has("playlists") ? /** @type {[Place, string][]} */ ([["playlists", "Playlists"]]) : []),
      ...(source.can.has("star") ? /** @type {[Place, string][]} */ ([["starred", "Starred"]]) : []),
    ].map(([place, name]) =>
      h("a", { class: "chip", href: href(place), "aria-current": place === current ? "page" : null }, name),
    ),
  );
  // On a narrow screen the current one may lie beyond the edge.
  requestAnimationFrame(() => {
    const chip = tabs.querySelector("[aria-current]")?.getBoundingClientRect();
    const room = tabs.getBoundingClientRect();
    if (chip) tabs.scrollLeft += chip.left + chip.width / 2 - (room.left + room.width / 2);
  });
  return tabs;
}

/**
 * A labelled choice among a few.
 * @template {string} T
 * @param {string} label
 * @param {readonly (readonly [T, string])[]} options
 * @param {T} value
 * @param {(value: T) => void} choose
 */
export function selector(label, options, value, choose) {
  const select = h(
    "select",
    { "aria-label": label },
    ...options.map(([name, text]) => h("option", { value: name, selected: name === value }, text)),
  );
  select.addEventListener("change", () => choose(/** @type {T} */ (select.value)));
  return h("span", { class: "select" }, select);
}

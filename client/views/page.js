// The frame that every page shares: its title, and what stands beside it.

import { h } from "./dom.js";
import { href } from "../core/route.js";

/** @import {Place} from "../core/route.js" */

/**
 * @param {string} title
 * @param {...(Node | null)} beside
 */
export const pageHead = (title, ...beside) =>
  h("header", { class: "page-head" }, h("h1", { tabindex: "-1" }, title), ...beside.filter((node) => node !== null));

/** @type {[Place, string][]} */
const SHELVES = [
  ["albums", "Albums"],
  ["artists", "Artists"],
  ["songs", "Songs"],
  ["genres", "Genres"],
];

/**
 * The four shelves of the library, for screens without the side rail.
 * @param {Place} current
 */
export const shelfTabs = (current) =>
  h(
    "nav",
    { class: "chips shelves", "aria-label": "Library" },
    ...SHELVES.map(([place, name]) => h("a", { class: "chip", href: href(place), "aria-current": place === current ? "page" : null }, name)),
  );

/**
 * A labelled choice among a few.
 * @template {string} T
 * @param {string} label
 * @param {readonly (readonly [T, string])[]} options
 * @param {T} value
 * @param {(value: T) => void} choose
 */
export function selector(label, options, value, choose) {
  const select = h("select", { "aria-label": label }, ...options.map(([name, text]) => h("option", { value: name, selected: name === value }, text)));
  select.addEventListener("change", () => choose(/** @type {T} */ (select.value)));
  return h("span", { class: "select" }, select);
}

// The frame: mark, navigation, the place for pages, the player bar. index.html holds its skeleton, so that it is painted at once.

import { href, parse } from "../core/route.js";
import { fill, h } from "./dom.js";
import { icon } from "./icon.js";

/** @import {Place} from "../core/route.js" */
/** @import {IconName} from "./icon.js" */

/** @type {[Place, string, IconName][]} */
const TABS = [
  ["home", "Home", "home"],
  ["library", "Library", "library"],
  ["search", "Search", "search"],
  ["locker", "Locker", "locker"],
];

/** @type {[string, [Place, string, IconName][]][]} */
const RAIL = [
  ["", [["home", "Home", "home"], ["search", "Search", "search"]]],
  ["Library", [["albums", "Albums", "albums"], ["artists", "Artists", "artists"], ["songs", "Songs", "songs"], ["genres", "Genres", "genres"]]],
  ["Locker", [["locker", "Folders", "locker"], ["settings", "Settings", "settings"]]],
];

/** The entry that lights up for places that have none of their own. @type {Partial<Record<Place, Place>>} */
const RAIL_OF = { album: "albums", artist: "artists", genre: "genres", devices: "locker" };
/** @type {Partial<Record<Place, Place>>} */
const TAB_OF = { albums: "library", album: "library", artists: "library", artist: "library", songs: "library", genres: "library", genre: "library", settings: "locker", devices: "locker" };

/** @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html lacks #${id}`);
  return element;
}

/** Fill the navigation, and give what marks the place in it. @returns {(place: Place) => void} */
export function mountNavigation() {
  const link = (/** @type {[Place, string, IconName]} */ [place, name, picture]) =>
    h("a", { href: href(place), "data-place": place }, icon(picture), h("span", null, name));
  fill(byId("tabs"), ...TABS.map(link));
  fill(
    byId("rail-links"),
    ...RAIL.flatMap(([title, places]) => [title ? h("p", { class: "rail-title" }, title) : null, ...places.map(link)]),
  );
  return (place) => {
    mark(byId("rail-links"), RAIL_OF[place] ?? place);
    mark(byId("tabs"), TAB_OF[place] ?? place);
  };
}

/**
 * @param {HTMLElement} navigation
 * @param {Place} place
 */
function mark(navigation, place) {
  for (const link of navigation.querySelectorAll("a")) {
    if (parse(link.hash).place === place) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

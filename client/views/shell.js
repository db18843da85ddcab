// The frame: mark, navigation, the place for pages, the player bar. index.html holds it, so that it is painted at once.

import { parse } from "../core/route.js";
import { setIcon } from "./icon.js";

/** @import {Place} from "../core/route.js" */
/** @import {IconName} from "./icon.js" */

/** Beside the words in index.html. @type {Partial<Record<Place, IconName>>} */
const PICTURES = {
  home: "home",
  search: "search",
  library: "library",
  albums: "albums",
  artists: "artists",
  songs: "songs",
  genres: "genres",
  playlists: "playlist",
  starred: "star",
  devices: "devices",
  locker: "locker",
  settings: "settings",
};

/** The entry that lights up for places that have none of their own. @type {Partial<Record<Place, Place>>} */
const RAIL_OF = { album: "albums", artist: "artists", genre: "genres", playlist: "playlists", history: "home", "for-you": "home", where: "locker", move: "settings" };
/** @type {Partial<Record<Place, Place>>} */
const TAB_OF = {
  albums: "library",
  album: "library",
  artists: "library",
  artist: "library",
  songs: "library",
  genres: "library",
  genre: "library",
  playlists: "library",
  playlist: "library",
  starred: "library",
  history: "home",
  "for-you": "home",
  settings: "locker",
  devices: "locker",
  where: "locker",
  move: "locker",
};

/** @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html lacks #${id}`);
  return element;
}

/**
 * Draw the navigation's pictures, and give what marks the place in it.
 * @param {ReadonlySet<string>} can  what the source can: entries that need more are not shown
 * @returns {(place: Place) => void}
 */
export function mountNavigation(can) {
  for (const needing of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-needs]")))
    needing.hidden = !can.has(needing.dataset.needs ?? "");
  for (const link of document.querySelectorAll("#tabs a, #rail-links a")) {
    const picture = PICTURES[parse(/** @type {HTMLAnchorElement} */ (link).hash).place];
    const svg = link.querySelector("svg");
    if (svg && picture) setIcon(svg, picture);
  }
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

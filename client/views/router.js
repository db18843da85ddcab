// Which page stands where. Pages come as modules when first visited; scrolling is remembered for the way back.

import { errand, href, parse } from "../core/route.js";
import { blank } from "./live.js";
import { button, fill, h } from "./dom.js";
import { byId } from "./shell.js";

/** @import {Place, Route} from "../core/route.js" */
/** @import {App, Mount} from "./app.js" */

/** @type {Record<Exclude<Place, "now" | "library">, () => Promise<Mount>>} */
const PAGES = {
  home: async () => (await import("./home.js")).mountHome,
  albums: async () => (await import("./albums.js")).mountAlbums,
  album: async () => (await import("./album.js")).mountAlbum,
  artists: async () => (await import("./artists.js")).mountArtists,
  artist: async () => (await import("./artist.js")).mountArtist,
  songs: async () => (await import("./songs.js")).mountSongs,
  genres: async () => (await import("./genres.js")).mountGenres,
  genre: async () => (await import("./genres.js")).mountGenre,
  search: async () => (await import("./search.js")).mountSearch,
  locker: async () => (await import("./locker.js")).mountLocker,
  settings: async () => (await import("./settings.js")).mountSettings,
  where: async () => (await import("./whereabouts.js")).mountWhereabouts,
  devices: async () => (await import("./devices.js")).mountDevices,
  starred: async () => (await import("./starred.js")).mountStarred,
  playlists: async () => (await import("./playlists.js")).mountPlaylists,
  playlist: async () => (await import("./playlist.js")).mountPlaylist,
  move: async () => (await import("./move.js")).mountMove,
  "for-you": async () => (await import("./for_you.js")).mountForYou,
  history: async () => (await import("./history.js")).mountHistory,
};

/** Pages with a style sheet of their own. */
const RARE = new Set(["locker", "settings", "devices", "where", "move", "for-you"]);

/** @type {Promise<void> | null} */
let rareStyles = null;

/** The style sheet of pages that are not visited every day; without it they are plain, not broken. */
function withRareStyles() {
  rareStyles ??= new Promise((resolve) => {
    const link = h("link", { rel: "stylesheet", href: new URL("../css/rare/pages.css", import.meta.url).href });
    for (const name of ["load", "error"]) link.addEventListener(name, () => resolve());
    document.head.append(link);
  });
  return rareStyles;
}

/** Where the library may have been open last. */
const SHELVES = new Set(["albums", "artists", "songs", "genres", "playlists", "starred"]);
/** Pages not visited yet are fetched when the first one has settled. */
const FETCH_PAGES_AFTER_MS = 1500;
/** Long enough for a remembered page to be drawn again. */
const RESTORE_WITHIN_MS = 1500;

/** What lies behind the now-playing page is out of reach. @param {boolean} open */
function setNowOpen(open) {
  document.documentElement.classList.toggle("now-open", open);
  byId("shell").inert = open;
}

/**
 * Follow the address. `marked` hears of every place shown, `errands` of fragments that are no places.
 * @param {{app: App, host: HTMLElement, overlay: HTMLElement, marked: (place: Place) => void, errands: (errand: {kind: "signin" | "pair", value: string}) => void, signal: AbortSignal}} parts
 */
export function route({ app, host, overlay, marked, errands, signal }) {
  /** @type {AbortController | null} */
  let page = null;
  /** @type {AbortController | null} */
  let now = null;
  let showPanel = (/** @type {string} */ _panel) => {};
  let shown = "";
  /** Fragment -> how far its page was scrolled. @type {Map<string, number>} */
  const scrolled = new Map();

  /** @param {Route} route */
  const showPage = async (route) => {
    const address = href(route.place, route.place === "search" ? "" : route.id);
    if (address === shown) return;
    if (shown) scrolled.set(shown, app.scroller.scrollTop);
    const first = shown === "";
    shown = address;
    page?.abort();
    const mine = (page = new AbortController());
    if (route.place === "now") return;
    const place = route.place === "library" ? app.settings.get("shelf") : route.place;
    marked(place);
    if (SHELVES.has(place)) app.settings.set("shelf", /** @type {any} */ (place));
    /** @type {Mount} */
    let mount;
    try {
      if (RARE.has(place)) await withRareStyles();
      mount = await PAGES[place]();
    } catch {
      mount = (into) =>
        into.append(
          blank(
            "away",
            "This page could not be loaded",
            "The app’s own files are out of reach.",
            button({ class: "pill" }, () => location.reload(), "Reload"),
          ),
        );
    }
    if (mine.signal.aborted) return;
    const into = h("div", { class: `page page-${place}` });
    fill(host, into);
    mount(into, app, route, mine.signal);
    app.scroller.scrollTop = 0;
    restore(scrolled.get(address) ?? 0, into, mine.signal);
    if (!first) /** @type {HTMLElement | null} */ (into.querySelector("h1"))?.focus({ preventScroll: true });
    app.announce(into.querySelector("h1")?.textContent ?? "");
  };

  /** @param {Route} route */
  const showNow = async (route) => {
    const { mountNowPlaying } = await import("./now_playing.js");
    // Back may have been quicker.
    if (parse(location.hash).place !== "now" || signal.aborted) return;
    if (!now) {
      now = new AbortController();
      showPanel = mountNowPlaying(overlay, app, now.signal);
      overlay.classList.add("open");
      setNowOpen(true);
    }
    showPanel(route.id);
  };
  const hideNow = () => {
    now?.abort();
    now = null;
    overlay.classList.remove("open");
    overlay.replaceChildren();
    setNowOpen(false);
  };

  const follow = () => {
    const other = errand(location.hash);
    if (other) return errands(other);
    const route = parse(location.hash);
    if (route.place === "now") {
      if (!shown) void showPage({ place: "home", id: "" });
      return void showNow(route);
    }
    hideNow();
    void showPage(route);
  };

  /**
   * @param {number} top
   * @param {HTMLElement} into
   * @param {AbortSignal} alive
   */
  const restore = (top, into, alive) => {
    if (!top) return;
    const until = performance.now() + RESTORE_WITHIN_MS;
    const watch = new ResizeObserver(() => {
      app.scroller.scrollTop = top;
      if (Math.abs(app.scroller.scrollTop - top) < 2 || performance.now() > until) watch.disconnect();
    });
    watch.observe(into);
    const stop = () => watch.disconnect();
    for (const name of ["wheel", "touchmove", "keydown"])
      app.scroller.addEventListener(name, stop, { once: true, signal: alive });
    alive.addEventListener("abort", stop);
  };

  addEventListener("hashchange", follow, { signal });
  // So that no later visit waits for a page's code, nor needs the machine that it comes from.
  setTimeout(
    () =>
      Promise.allSettled([
        withRareStyles(),
        ...Object.values(PAGES).map((load) => load()),
        import("./now_playing.js"),
        import("./track_details.js"),
        import("./track_actions.js"),
      ]),
    FETCH_PAGES_AFTER_MS,
  );
  signal.addEventListener("abort", () => {
    page?.abort();
    hideNow();
  });
  follow();
  return {
    refresh: () => {
      shown = "";
      scrolled.delete(href(parse(location.hash).place, parse(location.hash).id));
      follow();
    },
  };
}

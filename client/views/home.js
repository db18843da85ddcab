import { counted, number, span } from "../core/format.js";
import { href } from "../core/route.js";
import { daily } from "../core/daily.js";
import { albumCard, cardSkeleton } from "./album_card.js";
import { button, h } from "./dom.js";
import { icon } from "./icon.js";
import { blank, live } from "./live.js";
import { mark } from "./mark.js";
import { recentAlbums } from "./recent.js";
import { rove } from "./roving.js";
import { markCurrent, trackRow } from "./track_row.js";
import { shufflePlay } from "./shuffle_play.js";

/** @import {Album, History, Library, Track} from "../core/model.js" */
/** @import {Mount, App} from "./app.js" */

const NEWEST = 18;
const NEWEST_SONGS = 8;
const PLAYED_SONGS = 6;
const REDISCOVER = 12;
const CARD_PX = 190;

/** @type {Mount} */
export function mountHome(host, app, _route, signal) {
  const content = h("div", { class: "home" });
  host.append(content);
  live({
    host: content,
    app,
    signal,
    fetch: () => gather(app),
    draw: ({ library, newest, songs, old, history }, inner) =>
      library.counts.tracks === 0
        ? [emptyLocker(app)]
        : [
            hero(app, library, inner),
            elsewhere(app, inner),
            ...shelves(app, newest, old, inner),
            ...played(app, history, inner),
            songShelf(app, "New songs", songs, href("songs"), inner),
          ],
    skeleton: () => h("div", null, h("div", { class: "hero bone-hero" }), shelfSkeleton(), shelfSkeleton()),
  });
}

/** @param {App} app */
async function gather(app) {
  const { personal } = app.source;
  const [library, { total, items: newest }, { items: songs }, history] = await Promise.all([
    app.source.library(),
    app.source.albums({ sort: "added", order: "desc", limit: NEWEST }),
    app.source.tracks({ sort: "added", order: "desc", limit: NEWEST_SONGS }),
    // A page without a history is better than none.
    personal?.history(PLAYED_SONGS).catch(() => null) ?? null,
  ]);
  return { library, newest, songs, history, old: await rediscovered(app, total) };
}

/**
 * @param {App} app
 * @param {AbortSignal} signal
 */
function elsewhere(app, signal) {
  const host = h("div", null);
  if (app.source.continuing) void import("./elsewhere.js").then(({ mountElsewhere }) => mountElsewhere(host, app, signal));
  return host;
}

/**
 * Albums that have been here for longer: others every day, the same all day.
 * @param {App} app
 * @param {number} total
 */
async function rediscovered(app, total) {
  const older = total - NEWEST;
  if (older < 4) return [];
  const windows = daily(Math.min(3, Math.ceil(older / REDISCOVER)), Math.max(1, older - REDISCOVER / 3), Date.now());
  const pages = await Promise.all(
    windows.map((offset) =>
      app.source.albums({ sort: "added", order: "desc", offset: NEWEST + offset, limit: REDISCOVER / windows.length }),
    ),
  );
  return [...new Map(pages.flatMap((page) => page.items).map((album) => [album.id, album])).values()];
}

/** @param {number} hour */
const greeting = (hour) =>
  hour < 5 ? "Good night" : hour < 12 ? "Good morning" : hour < 18 ? "Good afternoon" : "Good evening";

/**
 * @param {App} app
 * @param {Library} library
 * @param {AbortSignal} signal
 */
function hero(app, { counts, duration_ms }, signal) {
  const shuffle = button(
    { class: "pill primary" },
    () => void shufflePlay(app, signal),
    icon("shuffle"),
    "Shuffle everything",
  );
  return h(
    "header",
    { class: "hero" },
    h(
      "div",
      { class: "home-top" },
      mark(),
      h("a", { class: "ghost", href: href("settings"), "aria-label": "Settings" }, icon("settings")),
    ),
    h("h1", { tabindex: "-1" }, greeting(new Date().getHours())),
    h(
      "p",
      { class: "hero-counts" },
      `${counted(counts.tracks, "song")}, ${number(counts.albums)} ${counts.albums === 1 ? "album" : "albums"}, ${span(duration_ms)} of music. All yours.`,
    ),
    h(
      "div",
      { class: "actions" },
      shuffle,
      app.source.can.has("plays") && app.settings.get("for_you") ? h("a", { class: "pill", href: href("for-you") }, icon("starred"), "For you") : null,
    ),
  );
}

/**
 * @param {App} app
 * @param {Album[]} newest
 * @param {Album[]} old
 * @param {AbortSignal} signal
 */
function shelves(app, newest, old, signal) {
  const recent = recentAlbums();
  return [
    recent.length ? shelf(app, "Jump back in", recent, signal) : null,
    newest.length ? shelf(app, "Recently added", newest, signal, href("albums")) : null,
    old.length ? shelf(app, "Rediscover", old, signal) : null,
  ].filter((node) => node !== null);
}

/**
 * @param {App} app
 * @param {string} title
 * @param {Album[]} albums
 * @param {AbortSignal} signal
 * @param {string} [all]  where everything is
 */
function shelf(app, title, albums, signal, all) {
  const row = h(
    "div",
    { class: "shelf-row", role: "list", "aria-label": title },
    ...albums.map((album) => albumCard(app, album, { width_px: CARD_PX })),
  );
  rove(row, signal, { horizontal: true });
  return h(
    "section",
    { class: "shelf" },
    h(
      "div",
      { class: "shelf-head" },
      h("h2", null, title),
      all ? h("a", { class: "quiet", href: all }, "See all") : null,
    ),
    row,
  );
}

/**
 * @param {App} app
 * @param {History | null} history
 * @param {AbortSignal} signal
 */
function played(app, history, signal) {
  if (!history?.recent.length) return [];
  return [
    songShelf(app, "Played lately", history.recent, href("history"), signal),
    songShelf(app, "Played most", history.most, href("history", "most"), signal),
  ];
}

/**
 * @param {App} app
 * @param {string} title
 * @param {Track[]} songs
 * @param {string} all  where everything is
 * @param {AbortSignal} signal
 */
function songShelf(app, title, songs, all, signal) {
  const rows = songs.map((track, i) =>
    trackRow(track, { app, lead: "cover", play: () => app.player.playAll(songs, i) }),
  );
  const list = h("div", { class: "tracks two-columns", role: "list", "aria-label": title }, ...rows);
  rove(list, signal);
  markCurrent(list, app, signal);
  return h(
    "section",
    { class: "shelf" },
    h(
      "div",
      { class: "shelf-head" },
      h("h2", null, title),
      h("a", { class: "quiet", href: all, "aria-label": `See all: ${title}` }, "See all"),
    ),
    list,
  );
}

const shelfSkeleton = () =>
  h("section", { class: "shelf" }, h("div", { class: "shelf-row" }, ...Array.from({ length: 8 }, cardSkeleton)));

/** @param {App} app */
const emptyLocker = (app) =>
  blank(
    "locker",
    "Your locker is empty",
    app.source.can.has("folders")
      ? "Add a folder with music. It shows up here while it is being read."
      : "Add music on your computer. It shows up here by itself.",
    app.source.can.has("folders")
      ? h("a", { class: "pill primary", href: href("locker") }, "Add a folder")
      : h("span", null),
  );

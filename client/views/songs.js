import { counted } from "../core/format.js";
import { Pages } from "../core/pages.js";
import { button, h, say } from "./dom.js";
import { icon } from "./icon.js";
import { blank, trouble, whenChanged } from "./live.js";
import { pageHead, selector, shelfTabs } from "./page.js";
import { sampler, shufflePlay } from "./shuffle_play.js";
import { markCurrent, rowSkeleton, trackRow } from "./track_row.js";
import { indexOf, Virtual } from "./virtual.js";

/** @import {Track} from "../core/model.js" */
/** @import {TrackQuery} from "../core/source.js" */
/** @import {App, Mount} from "./app.js" */

const ORDERS = /** @type {const} */ ([
  ["title", "By title"],
  ["artist", "By artist"],
  ["album", "By album"],
  ["added", "Newest first"],
  ["year", "By year"],
  ["duration", "By length"],
]);
const DESCENDING = new Set(["added", "year"]);
const ROW_PX = 60;
/** Songs queued at once when one is played: it and what follows; the rest comes when these run out. */
const QUEUED = 200;

/** @type {Mount} */
export function mountSongs(host, app, _route, signal) {
  const count = h("p", { class: "page-count", role: "status" });
  const list = h("div", { class: "list-host" });
  const sort = app.settings.get("songs_sort");
  /** @type {TrackQuery} */
  const query = { sort: /** @type {TrackQuery["sort"]} */ (sort), order: DESCENDING.has(sort) ? "desc" : "asc" };
  const order = selector("Order of songs", ORDERS, /** @type {any} */ (sort), (value) => {
    app.settings.set("songs_sort", value);
    app.refreshPage();
  });
  const shuffle = button(
    { class: "ghost", "aria-label": "Shuffle all songs" },
    () => void shufflePlay(app, signal),
    icon("shuffle"),
  );
  host.append(shelfTabs(app, "songs"), pageHead("Songs", { count, beside: [shuffle, order] }), list);
  songList(list, app, query, signal, (total) => say(count, counted(total, "song")));
}

/**
 * Every song that a query matches, however many.
 * @param {HTMLElement} host
 * @param {App} app
 * @param {TrackQuery} query
 * @param {AbortSignal} signal
 * @param {(total: number) => void} [tell]
 */
export function songList(host, app, query, signal, tell) {
  const pages = app.pages(
    `tracks ${JSON.stringify(query)}`,
    () => new Pages((offset, limit) => app.source.tracks({ ...query, offset, limit })),
  );
  const state = h("div", null);
  host.before(state);
  const settled = () => {
    if (pages.total !== null) tell?.(pages.total);
    const failed = pages.error !== null && pages.total === null;
    host.hidden = failed || pages.total === 0;
    state.replaceChildren(
      ...(failed
        ? [trouble(pages.error, () => app.refreshPage())]
        : pages.total === 0
          ? [blank("songs", "No songs yet", "Songs appear here as soon as your music is read.")]
          : []),
    );
  };
  new Virtual({
    host,
    scroller: app.scroller,
    pages,
    label: "Songs",
    measure: () => ({ columns: 1, height_px: ROW_PX }),
    draw: (track) =>
      trackRow(track, {
        app,
        lead: "cover",
        showAlbum: true,
        play: (row) => playFrom(app, pages, query, indexOf(row)),
      }),
    placeholder: rowSkeleton,
    keyOf: (track) => track.id,
    settled,
    signal,
  });
  settled();
  markCurrent(host, app, signal);
  whenChanged(app, signal, () => pages.refresh());
}

/**
 * Play a list from one of its songs on, to its end. Begins with what is on screen, so that nothing stands between tap and sound.
 * @param {App} app
 * @param {Pages<Track>} pages
 * @param {TrackQuery} query
 * @param {number} index
 */
function playFrom(app, pages, query, index) {
  /** @type {Track[]} */
  const first = [];
  for (let track = pages.get(index); track && first.length < QUEUED; track = pages.get(index + first.length))
    first.push(track);
  if (app.player.queue.shuffle)
    return app.player.playAll(first.slice(0, 1), 0, { refill: sampler(app, query, first.slice(0, 1)) });
  let offset = index + first.length;
  app.player.playAll(first, 0, {
    refill: async () => {
      const { items } = await app.source.tracks({ ...query, offset, limit: QUEUED });
      offset += items.length;
      return items;
    },
  });
}

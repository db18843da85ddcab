import { href } from "../core/route.js";
import { recall, remember } from "../io/shelf.js";
import { albumCard, artistCard } from "./album_card.js";
import { button, fill, h, on, say } from "./dom.js";
import { icon } from "./icon.js";
import { blank, trouble, whenChanged } from "./live.js";
import { pageHead } from "./page.js";
import { rove } from "./roving.js";
import { markCurrent, trackRow } from "./track_row.js";

/** @import {Found} from "../core/model.js" */
/** @import {App, Mount} from "./app.js" */

const DEBOUNCE_MS = 120;
const RESULTS = 24;
const CARD_PX = 170;
const REMEMBERED = 8;
/** A search that was looked at for so long is worth remembering. */
const SETTLED_MS = 1500;

/** @type {Mount} */
export function mountSearch(host, app, route, signal) {
  const input = h("input", {
    type: "search",
    class: "search-input",
    placeholder: "Songs, albums, artists",
    "aria-label": "Search your library",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    enterkeyhint: "search",
    dir: "auto",
    maxlength: "200",
    value: route.id,
  });
  const results = h("div", { class: "results" });
  const told = h("p", { class: "unseen", role: "status" });
  host.append(pageHead("Search"), h("div", { class: "search-box" }, icon("search"), input), told, results);

  let asking = new AbortController();
  let drawing = new AbortController();
  let timer = 0;
  let settle = 0;
  let shown = "";
  signal.addEventListener("abort", () => {
    asking.abort();
    drawing.abort();
    clearTimeout(timer);
    clearTimeout(settle);
  });

  /** @param {(inner: AbortSignal) => Node[]} draw */
  const replace = (draw) => {
    drawing.abort();
    drawing = new AbortController();
    fill(results, ...draw(drawing.signal));
  };

  const run = async () => {
    const text = input.value.trim();
    asking.abort();
    const mine = (asking = new AbortController());
    clearTimeout(settle);
    if (!text) {
      shown = "";
      say(told, "");
      return replace(() => earlier(input, run));
    }
    try {
      const found = await app.source.search(text, RESULTS, mine.signal);
      // An answer to older words must never overwrite a newer one.
      if (mine.signal.aborted) return;
      const drawn = text + JSON.stringify(found);
      if (drawn === shown) return;
      shown = drawn;
      const count = found.artists.length + found.albums.length + found.tracks.length;
      say(told, count ? `${count} results` : "Nothing found");
      replace((inner) =>
        count
          ? sections(app, found, inner)
          : [blank("search", "Nothing found", `Nothing in your library matches “${text}”.`)],
      );
      settle = setTimeout(() => rememberSearch(text), SETTLED_MS);
    } catch (error) {
      if (mine.signal.aborted) return;
      shown = "";
      replace(() => [trouble(error, () => void run())]);
    }
  };

  on(
    input,
    {
      input: () => {
        clearTimeout(timer);
        timer = setTimeout(run, DEBOUNCE_MS);
        history.replaceState(history.state, "", href("search", input.value.trim()));
      },
      keydown: (event) => {
        if (event.key === "ArrowDown") {
          const first = results.querySelector("[data-main]");
          if (first instanceof HTMLElement) {
            event.preventDefault();
            first.focus();
          }
        } else if (event.key === "Enter") {
          clearTimeout(timer);
          void run().then(() => input.value.trim() && rememberSearch(input.value.trim()));
        } else if (event.key === "Escape" && input.value) {
          event.stopPropagation();
          input.value = "";
          void run();
        }
      },
    },
    signal,
  );
  on(
    results,
    {
      keydown: (event) => moveBetween(event, results, input),
    },
    signal,
  );
  whenChanged(app, signal, () => void run());
  markCurrent(results, app, signal);
  void run();
  if (matchMedia("(hover: hover)").matches || !route.id) queueMicrotask(() => input.focus());
}

/**
 * From the edge of one list of results to the next, and back to the words.
 * @param {KeyboardEvent} event
 * @param {HTMLElement} results
 * @param {HTMLElement} input
 */
function moveBetween(event, results, input) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const { target } = event;
  const list = target instanceof Element ? target.closest("[role=list]") : null;
  const lists = [...results.querySelectorAll("[role=list]")];
  const at = list ? lists.indexOf(list) : -1;
  if (at < 0) return;
  event.preventDefault();
  const to = lists[at + (event.key === "ArrowDown" ? 1 : -1)];
  const stop = to?.querySelector('[data-main][tabindex="0"]') ?? (event.key === "ArrowUp" && at === 0 ? input : null);
  if (stop instanceof HTMLElement) stop.focus();
}

/** @param {string} text */
function rememberSearch(text) {
  const kept = recall("searches");
  const others = (Array.isArray(kept) ? kept : []).filter(
    (other) => typeof other === "string" && !text.startsWith(other) && other !== text,
  );
  remember("searches", [text, ...others].slice(0, REMEMBERED));
}

/**
 * What was looked for before.
 * @param {HTMLInputElement} input
 * @param {() => void} run
 * @returns {Node[]}
 */
function earlier(input, run) {
  const kept = recall("searches");
  const words = Array.isArray(kept) ? kept.filter((word) => typeof word === "string") : [];
  if (!words.length)
    return [
      blank("search", "What would you like to hear?", "Search looks through songs, albums and artists as you type."),
    ];
  return [
    h(
      "section",
      { class: "shelf" },
      h(
        "div",
        { class: "shelf-head" },
        h("h2", null, "Recent searches"),
        button(
          { class: "quiet" },
          () => {
            remember("searches", null);
            run();
          },
          "Clear",
        ),
      ),
      h(
        "div",
        { class: "chips" },
        ...words.map((word) =>
          button(
            { class: "chip", dir: "auto" },
            () => {
              input.value = word;
              run();
            },
            word,
          ),
        ),
      ),
    ),
  ];
}

/**
 * @param {App} app
 * @param {Found} found
 * @param {AbortSignal} signal
 */
function sections(app, found, signal) {
  /** @param {string} title @param {string} className @param {HTMLElement[]} items @param {boolean} horizontal */
  const section = (title, className, items, horizontal) => {
    if (!items.length) return null;
    const list = h("div", { class: className, role: "list", "aria-label": title }, ...items);
    rove(list, signal, { horizontal });
    return h("section", { class: "shelf" }, h("div", { class: "shelf-head" }, h("h2", null, title)), list);
  };
  const { tracks } = found;
  return [
    section(
      "Artists",
      "shelf-row",
      found.artists.map((artist) => artistCard(app, artist, { width_px: CARD_PX })),
      true,
    ),
    section(
      "Albums",
      "shelf-row",
      found.albums.map((album) => albumCard(app, album, { width_px: CARD_PX })),
      true,
    ),
    section(
      "Songs",
      "tracks",
      tracks.map((track, i) =>
        trackRow(track, { app, lead: "cover", showAlbum: true, play: () => app.player.playAll(tracks, i) }),
      ),
      false,
    ),
  ].filter((node) => node !== null);
}

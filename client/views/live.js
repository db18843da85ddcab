// A part of a page that shows one answer of the source, and keeps it true.

import { paced } from "../core/pace.js";
import { SourceError } from "../core/source_error.js";
import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";

/** @import {App} from "./app.js" */

/** Under this nobody needs to be told that something is loading. */
const SKELETON_AFTER_MS = 120;
/** While a library grows by the second, a page is asked for again this often. */
const REFRESH_EVERY_MS = 500;

/**
 * @template T
 * @typedef {object} LiveOptions
 * @property {HTMLElement} host
 * @property {App} app
 * @property {AbortSignal} signal
 * @property {() => Promise<T>} fetch
 * @property {(answer: T, inner: AbortSignal) => Node[]} draw  `inner` aborts when this drawing is replaced
 * @property {() => Node} [skeleton]
 */

/**
 * Draw what `fetch` gives, again whenever the library changed and the answer with it.
 * @template T
 * @param {LiveOptions<T>} options
 */
export function live({ host, app, signal, fetch, draw, skeleton }) {
  let shown = "";
  let drawing = new AbortController();
  let asked = 0;
  signal.addEventListener("abort", () => drawing.abort());

  /** @param {(inner: AbortSignal) => Node[]} make */
  const replace = (make) => {
    const focused =
      document.activeElement instanceof HTMLElement && host.contains(document.activeElement)
        ? document.activeElement.dataset.key
        : undefined;
    drawing.abort();
    drawing = new AbortController();
    fill(host, ...make(drawing.signal));
    if (focused)
      /** @type {HTMLElement | null} */ (host.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus({
        preventScroll: true,
      });
  };

  const refresh = async () => {
    const mine = ++asked;
    const waiting = setTimeout(() => {
      if (!shown && skeleton && !signal.aborted) fill(host, skeleton());
    }, SKELETON_AFTER_MS);
    try {
      const answer = await fetch();
      const text = JSON.stringify(answer);
      if (signal.aborted || mine !== asked || text === shown) return;
      shown = text;
      replace((inner) => draw(answer, inner));
    } catch (error) {
      // What is on screen is better than an error about its freshness.
      const gone = error instanceof SourceError && error.code === "not_found";
      if (signal.aborted || mine !== asked || (shown && !gone)) return;
      shown = "";
      replace(() => [trouble(error, () => void refresh())]);
    } finally {
      clearTimeout(waiting);
    }
  };
  void refresh();
  whenChanged(app, signal, () => void refresh());
}

/**
 * Run something when the library changed, soon and not too often.
 * @param {App} app
 * @param {AbortSignal} signal
 * @param {() => void} run
 */
export function whenChanged(app, signal, run) {
  const call = paced(run, REFRESH_EVERY_MS, signal);
  const stop = app.source.subscribe((event) => {
    if (event.kind === "changed") call();
  });
  signal.addEventListener("abort", stop, { once: true });
}

/**
 * What went wrong, and the way on.
 * @param {unknown} error
 * @param {() => void} retry
 */
export function trouble(error, retry) {
  const known = error instanceof SourceError;
  const astray = known && error.code === "invalid"; // an address that names nothing, such as #/album/nosuch
  const gone = astray || (known && error.code === "not_found");
  return h(
    "div",
    { class: "blank", role: "alert" },
    icon(known && error.code === "offline" ? "away" : gone ? "search" : "warning"),
    h(
      "h2",
      null,
      gone ? "Not in this library" : known && error.code === "offline" ? "Out of reach" : "That didn’t work",
    ),
    h("p", null, astray ? "This address leads to nothing." : known ? error.message : "Something unexpected happened while loading this page."),
    gone ? h("a", { class: "pill", href: "#/" }, "Go home") : button({ class: "pill" }, retry, "Try again"),
  );
}

/**
 * A page with nothing on it yet.
 * @param {import("./icon.js").IconName} picture
 * @param {string} title
 * @param {string} text
 * @param {...Node} actions
 */
export const blank = (picture, title, text, ...actions) =>
  h("div", { class: "blank" }, icon(picture), h("h2", null, title), h("p", null, text), ...actions);

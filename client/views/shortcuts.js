import { starCurrent } from "./star.js";
import { cycleRepeat, toggleShuffle } from "./transport.js";

/** @import {App} from "./app.js" */

const SEEK_MS = 5000;
const VOLUME_STEP = 0.05;

/**
 * Keys that work everywhere, unless the person is typing.
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function listenForShortcuts(app, signal) {
  const { player, settings } = app;
  /** @type {Record<string, () => void>} */
  const keys = {
    " ": () => player.toggle(),
    n: () => player.next(),
    p: () => player.previous(),
    s: () => toggleShuffle(app),
    r: () => cycleRepeat(app),
    m: () => settings.set("muted", !settings.get("muted")),
    f: () => void starCurrent(app),
    q: () => app.go("now", "queue"),
    j: () => enterList(),
    k: () => enterList(),
    "/": () => app.go("search"),
    "?": () => void import("./shortcuts_help.js").then(({ openShortcuts }) => openShortcuts()),
    ArrowLeft: () => player.skip(-SEEK_MS),
    ArrowRight: () => player.skip(SEEK_MS),
    "Shift ArrowUp": () => player.setVolume(settings.get("volume") + VOLUME_STEP),
    "Shift ArrowDown": () => player.setVolume(settings.get("volume") - VOLUME_STEP),
  };
  addEventListener(
    "keydown",
    (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector("dialog[open]")) return;
      const target = event.target instanceof Element ? event.target : document.body;
      if (event.key === "Escape") return escape(app, target);
      if (target.matches("input:not([type=range]), textarea, select")) return;
      // On a control of its own, space and arrows keep their meaning.
      if (event.key === " " && target.closest("button, a[href], summary")) return;
      if (event.key.startsWith("Arrow") && target.matches("input")) return;
      const shifted =
        event.shiftKey && event.key.startsWith("Arrow")
          ? `Shift ${event.key}`
          : event.key.length === 1
            ? event.key.toLowerCase()
            : event.key;
      const run = keys[shifted];
      if (!run) return;
      event.preventDefault();
      run();
    },
    { signal },
  );
}

/** Onto the first list of what is on top. */
function enterList() {
  const root = document.documentElement.classList.contains("now-open")
    ? document.getElementById("now")
    : document.getElementById("page");
  const stop = root?.querySelector('[data-main][tabindex="0"], [data-main]:not([tabindex])');
  if (stop instanceof HTMLElement) stop.focus();
}

/**
 * @param {App} app
 * @param {Element} target
 */
function escape(app, target) {
  if (document.documentElement.classList.contains("now-open")) app.back();
  else if (target instanceof HTMLInputElement) target.blur();
}

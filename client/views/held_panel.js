// What this device holds of the music, and how the rest comes.

import { bytes, counted, number } from "../core/format.js";
import { fill, h } from "./dom.js";
import { icon } from "./icon.js";

/** @import {Held, Keeping, Way} from "../core/source.js" */
/** @import {App} from "./app.js" */

const BUDGETS_BYTES = [500_000_000, 1_000_000_000, 2_000_000_000, 5_000_000_000, 20_000_000_000];
const REFRESH_MS = 2_000;

/**
 * @param {App} app
 * @param {Keeping} keeping
 * @param {AbortSignal} signal
 */
export function heldPanel(app, keeping, signal) {
  const host = h("section", { class: "panel held" });
  const show = async () => {
    const held = await keeping.held();
    if (!signal.aborted)
      fill(
        host,
        h("h2", null, "On this device"),
        ...figures(held),
        budget(app, keeping, held),
        h("h3", null, "Where music comes from"),
        ...ways(held),
      );
  };
  const again = () => void show().catch(() => {});
  again();
  keeping.onChange(again, signal);
  const timer = setInterval(again, REFRESH_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  return host;
}

/** @param {Held} held */
function figures(held) {
  const { kept_tracks, kept_ready, used_bytes, free_bytes, lasting } = held;
  const share = kept_tracks ? kept_ready / kept_tracks : 1;
  const bar = h(
    "div",
    {
      class: "meter",
      role: "progressbar",
      "aria-label": "Keeping music here",
      "aria-valuemin": "0",
      "aria-valuemax": "100",
      "aria-valuenow": String(Math.round(share * 100)),
    },
    h("span", null),
  );
  bar.style.setProperty("--share", String(share));
  return [
    h(
      "p",
      null,
      kept_tracks
        ? `${number(kept_ready)} of ${counted(kept_tracks, "kept song")} ready to play without any network.`
        : "Nothing is kept yet. Choose “Keep on this device” in the menu of a song or an album.",
    ),
    kept_tracks && kept_ready < kept_tracks ? bar : null,
    h(
      "p",
      { class: "quiet" },
      `${bytes(used_bytes)} used, ${bytes(free_bytes)} left. ${lasting ? "The browser keeps it for good." : "The browser may clear it away when the device runs full."}`,
    ),
  ].filter((each) => each !== null);
}

/**
 * @param {App} app
 * @param {Keeping} keeping
 * @param {Held} held
 */
function budget(app, keeping, { budget_bytes }) {
  const select = h(
    "select",
    { "aria-label": "Room for music beside what is kept", "data-key": "budget" },
    ...BUDGETS_BYTES.map((size) => h("option", { value: size, selected: size === budget_bytes }, bytes(size))),
  );
  select.addEventListener("change", () =>
    keeping.setBudget(Number(select.value)).catch(() => app.tell("That could not be changed.")),
  );
  return h(
    "label",
    { class: "setting" },
    h("span", null, "Room for songs played lately and beginnings of others"),
    select,
  );
}

/** @param {Way} way */
function wayText({ role, path }) {
  if (role === "seed") return `Seed${path === "ranges" ? ", over the web" : ""}: always on, and can’t read your music`;
  return {
    lan: "Directly, in this network",
    direct: "Directly, over the internet",
    relay: "Through your seed, which can’t read it: no direct way was found",
    ranges: "Connected",
    "": "Connected",
  }[path];
}

/** @param {Held} held */
function ways({ ways: now, month_bytes: { device, node, seed, relay } }) {
  const all = device + node + seed + relay;
  const part = (/** @type {number} */ size) => `${Math.round((size / all) * 100)} %`;
  const list = now.map((way) =>
    h(
      "li",
      null,
      icon(way.role === "seed" ? "locker" : "devices"),
      h("span", null, h("strong", { dir: "auto" }, way.name), h("span", { class: "quiet" }, wayText(way))),
    ),
  );
  return [
    now.length
      ? h("ul", { class: "ways" }, ...list)
      : h("p", null, "No other device answers now. What is on this device plays."),
    all
      ? h(
          "p",
          { class: "quiet" },
          `In the last month: ${part(device)} from this device, ${part(node)} from your computers, ${part(seed)} from a seed${relay ? `, ${part(relay)} from your computers through a seed` : ""}.`,
        )
      : h("span", null),
  ];
}

// The library's seeds: what each holds, whether it proves it, what is left, and what waits for the person's word.

import { bytes, counted, number, sentence } from "../core/format.js";
import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";

/** @import {Removal, Seed, Seeds} from "../core/source.js" */
/** @import {App} from "./app.js" */
/** @import {Adding} from "./seed_adding.js" */

const REFRESH_MS = 5_000;
const FULL_PERCENT = 80;
/** @type {Record<string, string>} */
const KINDS = { mobile: "songs for the road", cover: "covers", original: "originals" };

/**
 * @param {App} app
 * @param {Seeds} seeds
 * @param {Adding} adding
 * @param {number} tracks  of the library
 * @param {AbortSignal} signal
 */
export function seedPanel(app, seeds, adding, tracks, signal) {
  const known = h("div", { class: "seed-list" });
  let drawn = "";
  const show = async () => {
    const [listed, removals] = await Promise.all([seeds.list(), seeds.removals()]);
    const now = JSON.stringify([listed, removals]);
    if (signal.aborted || now === drawn) return; // what nobody changed keeps the keyboard's place
    drawn = now;
    fill(
      known,
      ...(listed.length ? listed.map((seed) => seedView(app, seeds, seed, again)) : [none()]),
      ...undoing(app, seeds, removals[0], again),
    );
  };
  const again = () => void show().catch(() => {});
  again();
  const timer = setInterval(again, REFRESH_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  adding.seen(tracks, again);
  return h("section", { class: "panel seeds" }, h("h2", null, "Seeds"), known, adding.element);
}

const none = () =>
  h(
    "p",
    { class: "quiet" },
    "A seed keeps your library sealed and always on: with it, your music outlives every device. Run one with ",
    h("code", null, "songkeep seed run"),
    ", ask a friend for a code, or have one of your tracker’s.",
  );

/** @param {Seed} seed */
function state({ state, missing }) {
  if (state === "away") return "Away";
  return missing ? "Filling" : "Holds everything it was given";
}

/**
 * @param {App} app
 * @param {Seeds} seeds
 * @param {Seed} seed
 * @param {() => void} again
 */
function seedView(app, seeds, seed, again) {
  const name = seed.url.replace(/^https?:\/\//, "");
  return h(
    "article",
    { class: "seed", "aria-label": name },
    h("h3", null, icon(seed.state === "away" ? "away" : "locker"), h("bdi", null, name)),
    h("p", { class: "quiet" }, seed.trouble ? sentence(seed.trouble) : state(seed)),
    ...(seed.quota_bytes === null ? [] : room(seed)),
    seed.days_left === null ? null : h("p", { class: "notice warning" }, icon("warning"), h("span", null, ending(seed))),
    seed.left_out ? h("p", { class: "notice warning" }, icon("warning"), h("span", null, without(seed))) : null,
    seed.shrinking ? question(app, seeds, seed, again) : null,
  );
}

/** @param {Seed} seed */
function room(seed) {
  const quota = seed.quota_bytes ?? 0;
  const used = (seed.held_bytes ?? 0) + (seed.missing_bytes ?? 0);
  const percent = quota ? Math.min(100, Math.floor((used / quota) * 100)) : 100;
  const bar = h(
    "div",
    {
      class: percent >= FULL_PERCENT ? "meter filling" : "meter",
      role: "meter",
      "aria-label": "Room that is used",
      "aria-valuemin": "0",
      "aria-valuemax": "100",
      "aria-valuenow": String(percent),
    },
    h("span", null),
  );
  bar.style.setProperty("--share", String(percent / 100));
  const facts = [
    ["Holds", `${bytes(seed.held_bytes ?? 0)} of ${bytes(quota)}`],
    ["On the way", seed.missing ? `${counted(seed.missing, "file")}, ${bytes(seed.missing_bytes ?? 0)}` : ""],
    ["Left", `${bytes(seed.left_bytes ?? 0)}, about ${counted(seed.left_songs ?? 0, "song")} for the road`],
    ["Audits passed", audits(seed)],
    ["In the trash, for 30 days", seed.trash_bytes ? bytes(seed.trash_bytes) : ""],
  ].filter(([, value]) => value);
  return [
    bar,
    h("dl", { class: "facts" }, ...facts.flatMap(([term, value]) => [h("dt", null, term), h("dd", null, value)])),
  ];
}

/** @param {Seed} seed */
function audits({ audits, audit }) {
  if (!audits.all) return "none yet; the first is within a day";
  const last = audit?.failed ? `; the last found ${counted(audit.failed, "piece")} missing` : "";
  return `${number(audits.passed)} of ${number(audits.all)}${last}`;
}

/** @param {Seed} seed */
function ending({ days_left, held_bytes, missing_bytes, quota_bytes }) {
  const over = Math.max(0, (held_bytes ?? 0) + (missing_bytes ?? 0) - (quota_bytes ?? 0));
  return `This seed gives your library less room than before. In ${counted(days_left ?? 0, "day")} it drops ${bytes(over)}: let another one keep it.`;
}

/** @param {Seed} seed */
function without({ left_out_of, left_out_bytes }) {
  const kinds = Object.entries(left_out_of).map(([kind, count]) => `${number(count)} ${KINDS[kind] ?? kind}`);
  return `No room for ${kinds.join(", ")} (${bytes(left_out_bytes)}). Songs for the road go first, then originals by stars and plays.`;
}

/**
 * @param {App} app
 * @param {Seeds} seeds
 * @param {Seed} seed
 * @param {() => void} again
 */
function question(app, seeds, { id, shrinking }, again) {
  if (!shrinking) return null;
  const what = `${counted(shrinking.blobs, "file")}, ${bytes(shrinking.dropped_bytes)} of ${bytes(shrinking.held_bytes)}`;
  return h(
    "div",
    { class: "notice warning" },
    icon("warning"),
    h(
      "div",
      null,
      h("p", null, `Your library no longer names ${what}. The seed keeps them until you say that this is meant.`),
      button(
        { class: "pill danger" },
        async () => {
          const text = `${what} go to the seed’s trash, and from there for good after 30 days.`;
          if (await app.confirm("Let the seed drop them?", text, "Drop them"))
            seeds.shrink(id).then(again, (error) => app.tell(error.message));
        },
        "It is meant",
      ),
    ),
  );
}

/**
 * @param {App} app
 * @param {Seeds} seeds
 * @param {Removal | undefined} removal
 * @param {() => void} again
 */
function undoing(app, seeds, removal, again) {
  if (!removal) return [];
  const [first] = removal.tracks;
  const what = removal.count === 1 ? `“${first?.title}”` : counted(removal.count, "song");
  return [
    h(
      "p",
      { class: "quiet" },
      `Removed last: ${what}, ${new Date(removal.removed_ms).toLocaleDateString()}. It can come back for 30 days.`,
    ),
    button(
      { class: "pill" },
      () =>
        seeds.undo().then(
          (count) => {
            app.tell(`${counted(count, "song")} back in the library.`);
            again();
          },
          (error) => app.tell(error.message),
        ),
      "Bring back",
    ),
  ];
}

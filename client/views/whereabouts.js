// Where the music lives: a picture of the devices, the copies of each song, what moves, and what this device may take.

import { bytes, counted, number, sentence } from "../core/format.js";
import {
  LABEL_DEPTH,
  ORB_RADIUS,
  PICTURE_WIDTH,
  REASONS_SHOWN,
  freedText,
  given,
  incoming,
  layOut,
  moving,
  outgoing,
  parts,
  progress,
  readSize,
  sent,
  shares,
  shortName,
  songsOf,
  standing,
  summary,
  unasked,
} from "../core/whereabouts.js";
import { button, fill, h, on } from "./dom.js";
import { icon } from "./icon.js";
import { backButton, pageHead } from "./page.js";

/** @import {Copies, CopiesDevice, Whereabouts} from "../core/source.js" */
/** @import {App, Mount} from "./app.js" */

const REFRESH_MS = 2_000;
const RATES = [0, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 50_000_000];
const BUDGETS = [0, 1e9, 2e9, 5e9, 10e9, 20e9, 50e9, 100e9, 200e9, 500e9, 1e12];

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @type {Mount} */
export function mountWhereabouts(host, app, _route, signal) {
  const { copies: source } = app.source;
  if (!source) return;
  const says = h("p", { class: "quiet", role: "status" });
  const panels = ["picture", "copies", "moving", "limits"].map((name) => h("section", { class: `panel where-${name}` }));
  const [picture, counts, moves, limits] = panels;
  host.append(backButton(app), pageHead("Where your music lives", { count: says }), ...panels);

  /** Each part is drawn only when what it shows has changed, so that the keyboard keeps its place. */
  const drawn = new Map();
  /** @param {Element} part @param {unknown} basis @param {() => (Node | null)[]} draw */
  const show = (part, basis, draw) => {
    const text = JSON.stringify(basis);
    if (drawn.get(part) === text) return;
    drawn.set(part, text);
    fill(part, ...draw());
  };

  const again = async () => {
    const now = await source.show();
    if (signal.aborted) return;
    if (says.textContent !== summary(now)) says.textContent = summary(now);
    const flows = new Set(now.transfers.map((each) => each.from));
    const orbs = now.devices.map(({ used_bytes: _used, ...rest }) => rest);
    show(picture, [orbs, songsOf(now), [...flows]], () => [drawing(now, flows), legend(), ...deviceList(now)]);
    show(counts, [now.songs, now.at_risk, now.copies], () => copiesPart(now));
    show(moves, [moving(now), given(now), now.transfers, now.upload.to, now.uploads, now.removed, now.trouble], () => movingPart(now));
    const { download, upload } = now;
    const chosen = [now.budget_bytes, download.limit_bytes_per_s, upload.limit_bytes_per_s, now.paused];
    show(limits, [chosen, app.source.can.has("folders")], () => limitsPart(app, source, now, refresh));
  };
  const refresh = () => void again().catch(() => {});
  refresh();
  const timer = setInterval(refresh, REFRESH_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/**
 * @param {Copies} copies
 * @param {ReadonlySet<string>} flows  names of devices that something comes from now
 */
function drawing(copies, flows) {
  const songs = songsOf(copies);
  const { height, places } = layOut(copies.devices);
  const here = places.find(({ device }) => device.this);
  const lines = places
    .filter((place) => here && place !== here)
    .map(({ device, x, y }) => {
      const [top, end] = [y + LABEL_DEPTH, here ? here.y - ORB_RADIUS : y];
      const middle = (top + end) / 2;
      const way = device.present ? (device.reached ?? "here") : "none";
      const path = `M${x} ${top} C${x} ${middle} ${here?.x} ${middle} ${here?.x} ${end}`;
      return s("path", { class: `way ${way}${flows.has(device.name) ? " flowing" : ""}`, d: path });
    });
  return s(
    "svg",
    { class: "where-map", viewBox: `0 0 ${PICTURE_WIDTH} ${height}`, role: "img", "aria-label": summary(copies) },
    ...lines,
    ...places.map(({ device, x, y }) => orb(device, x, y, songs)),
  );
}

/**
 * @param {CopiesDevice} device
 * @param {number} x
 * @param {number} y
 * @param {number} songs
 */
function orb(device, x, y, songs) {
  const { sealed, files, small } = shares(device, songs);
  const percent = Math.floor((sealed + files + small) * 100);
  const state = device.this ? "own" : device.present ? "here" : "gone";
  return s(
    "g",
    { class: `orb ${state}${device.trusted ? "" : " doubted"}`, transform: `translate(${x} ${y})` },
    s("circle", { class: "ground", r: ORB_RADIUS + 5 }),
    s("circle", { class: "track", r: ORB_RADIUS }),
    ...arc("sealed", 0, sealed),
    ...arc("files", sealed, sealed + files),
    ...arc("small", sealed + files, sealed + files + small),
    s("text", { class: "share", y: 5 }, `${percent}%`),
    s("text", { class: "name", y: ORB_RADIUS + 20 }, shortName(device.name)),
    s("text", { class: "state", y: ORB_RADIUS + 34 }, standing(device)),
  );
}

/** @param {string} kind @param {number} from @param {number} to */
function arc(kind, from, to) {
  if (to <= from) return [];
  const around = 2 * Math.PI * ORB_RADIUS;
  return [
    s("circle", {
      class: `arc ${kind}`,
      r: ORB_RADIUS,
      transform: `rotate(${(from * 360 - 90).toFixed(2)})`,
      "stroke-dasharray": `${((to - from) * around).toFixed(2)} ${around.toFixed(2)}`,
    }),
  ];
}

const legend = () =>
  h(
    "p",
    { class: "where-legend quiet", "aria-hidden": "true" },
    h("span", { class: "key sealed" }, "originals, sealed"),
    h("span", { class: "key files" }, "originals as files"),
    h("span", { class: "key small" }, "small ones"),
  );

/** The same in words, for those who don't see the picture, and for what has no place in it. @param {Copies} copies */
function deviceList({ devices }) {
  return [
    h(
      "details",
      { class: "where-devices" },
      h("summary", null, "In words"),
      h(
        "ul",
        null,
        ...devices.map((device) =>
          h(
            "li",
            null,
            h("strong", { dir: "auto" }, device.name),
            h("span", { class: "quiet" }, `${sentence(standing(device))} ${holds(device)}`),
          ),
        ),
      ),
    ),
  ];
}

/** @param {CopiesDevice} device */
function holds({ originals, from_files, small, budget_bytes, used_bytes }) {
  const files = from_files ? `, ${number(from_files)} as a music file` : "";
  const light = small ? `, ${number(small)} as the small rendition` : "";
  const room = budget_bytes ? ` ${bytes(used_bytes)} of ${bytes(budget_bytes)} used.` : "";
  return `Keeps ${counted(originals, "original")} sealed${files}${light}.${room}`;
}

/** @param {Copies} copies */
function copiesPart(copies) {
  const all = songsOf(copies);
  const found = parts(copies);
  const bar = h(
    "div",
    { class: "copies-bar", role: "img", "aria-label": found.map((each) => `${counted(each.songs, "song")}: ${each.label}`).join("; ") },
    ...found.map((each) => {
      const part = h("span", { class: `copies-${each.copies}${each.risky ? " risky" : ""}` });
      part.style.flexGrow = String(each.songs);
      return part;
    }),
  );
  const { reasons, songs, examples } = copies.at_risk;
  return [
    h("h2", null, "Copies of each song"),
    all ? bar : null,
    h(
      "ul",
      { class: "copies-keys" },
      ...found.map((each) =>
        h(
          "li",
          { class: `key copies-${each.copies}${each.risky ? " risky" : ""}` },
          h("strong", null, number(each.songs)),
          h("span", { class: "quiet" }, each.label),
        ),
      ),
    ),
    ...(songs
      ? [
          h("h3", null, "At risk"),
          h(
            "ul",
            { class: "risks" },
            ...reasons
              .slice(0, REASONS_SHOWN)
              .map(({ why, songs: count }) =>
                h("li", null, icon("warning"), h("span", null, h("strong", null, counted(count, "song")), " ", h("bdi", null, why))),
              ),
          ),
          h(
            "details",
            { class: "risk-songs" },
            h("summary", null, "Which songs"),
            h("ul", null, ...examples.map(({ title }) => h("li", { dir: "auto" }, title))),
            songs > examples.length ? h("p", { class: "quiet" }, `and ${number(songs - examples.length)} more`) : null,
          ),
          h("p", { class: "quiet" }, "Another device with room takes them by itself: give one a budget, or add a seed."),
        ]
      : []),
  ];
}

const NAMELESS = /** @type {Record<string, string>} */ ({ cover: "A cover", snapshot: "The catalog" });

/**
 * One song on its way.
 * @param {{title: string, kind: string}} what
 * @param {string} way  " from " or " to "
 * @param {string} device
 * @param {number} share  of it that is there
 * @param {string} state
 */
function transferLine({ title, kind }, way, device, share, state) {
  const meter = h("div", { class: "meter", "aria-hidden": "true" }, h("span", null));
  meter.style.setProperty("--share", String(Math.min(share, 1)));
  return h(
    "div",
    { class: "transfer" },
    h("span", null, h("bdi", null, title || NAMELESS[kind] || "A sealed file"), h("span", { class: "quiet" }, way, h("bdi", null, device))),
    meter,
    h("span", { class: "quiet" }, state),
  );
}

/** @param {Copies} copies */
function movingPart(copies) {
  return [
    h("h2", null, "On the move"),
    h("p", null, moving(copies)),
    copies.queue.from.length
      ? h("ul", { class: "incoming" }, ...copies.queue.from.map((each) => h("li", null, h("strong", null, h("bdi", null, each.from)), ` ${incoming(each)}`)))
      : null,
    ...copies.transfers.map((each) => transferLine(each, " from ", each.from, each.done_bytes / (each.total_bytes || 1), progress(each))),
    h("p", { class: "quiet" }, given(copies)),
    copies.upload.to.length
      ? h("ul", { class: "incoming", "aria-label": "Given to" }, ...copies.upload.to.map((each) => h("li", null, h("strong", null, h("bdi", null, each.to)), ` ${outgoing(each)}`)))
      : null,
    ...copies.uploads.map((each) => transferLine(each, " to ", each.to, each.sent_bytes / (each.total_bytes || each.sent_bytes || 1), sent(each))),
    unasked(copies) ? h("p", { class: "notice warning" }, icon("warning"), h("span", { dir: "auto" }, unasked(copies))) : null,
    copies.trouble ? h("p", { class: "notice warning" }, icon("warning"), h("span", null, sentence(copies.trouble))) : null,
  ];
}

/**
 * @param {App} app
 * @param {Whereabouts} source
 * @param {Copies} copies
 * @param {() => void} refresh
 */
function limitsPart(app, source, copies, refresh) {
  /** @param {Record<string, number | boolean>} wish */
  const set = (wish) =>
    source.limit(wish).then(refresh, (error) => {
      app.tell(error.message);
      refresh();
    });
  /** @param {string} name @param {string} label @param {number[]} choices @param {number} now @param {(value: number) => string} say */
  const choice = (name, label, choices, now, say) => {
    const all = choices.includes(now) ? choices : [...choices, now].sort((one, other) => one - other);
    const select = on(
      h("select", null, ...all.map((value) => h("option", { value, selected: value === now }, say(value)))),
      { change: () => void set({ [name]: Number(select.value) }) },
    );
    return h("label", { class: "setting" }, h("span", null, label), h("span", { class: "select" }, select));
  };
  /** @param {number} value */
  const rate = (value) => (value ? `${bytes(value)}/s` : "As fast as it goes");
  const free = async () => {
    const text = await app.ask(
      "Free up space",
      "Only what other devices have just proved to keep sealed is let go, the least played first. The room for your other devices’ music shrinks with it.",
      { yes: "Free up", placeholder: "5 GB" },
    );
    if (!text) return;
    const size = readSize(text);
    if (size === null) return app.tell("Write an amount like 5 GB.");
    app.tell("Asking the other devices to prove what they keep…");
    source.freeSpace(size).then(
      (freed) => {
        app.tell(freedText(freed));
        refresh();
      },
      (error) => app.tell(error.message),
    );
  };
  return [
    h("h2", null, "This device"),
    choice("budget_bytes", "Room for music of your other devices", BUDGETS, copies.budget_bytes, (value) => (value ? bytes(value) : "None")),
    choice("upload_limit", "Give to other devices", RATES, copies.upload.limit_bytes_per_s, rate),
    choice("download_limit", "Copy to this device", RATES, copies.download.limit_bytes_per_s, rate),
    h(
      "div",
      { class: "actions" },
      button(
        { class: "pill", "aria-pressed": copies.paused ? "true" : "false" },
        () => void set({ pause: !copies.paused }),
        icon(copies.paused ? "play" : "pause"),
        copies.paused ? "Go on copying" : "Pause copying",
      ),
      button({ class: "pill" }, () => void free(), "Free up space…"),
    ),
  ];
}

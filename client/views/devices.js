// The library's devices: who belongs to it, how each is, and letting one in or out.

import { bytes } from "../core/format.js";
import { href } from "../core/route.js";
import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";
import { backButton, pageHead } from "./page.js";
import { trouble } from "./live.js";
import { openMenu } from "./menu.js";

/** @import {Device, Devices, Room} from "../core/source.js" */
/** @import {App, Mount} from "./app.js" */

const REFRESH_MS = 3_000;
/** @type {Record<Device["role"], string>} */
const ROLES = { owner: "May let devices in and out", player: "Plays and edits", seed: "Keeps music sealed, can’t read it" };

/** @type {Mount} */
export function mountDevices(host, app, route, signal) {
  const { devices } = app.source;
  if (!devices) return;
  if (route.id === "pair" && devices.pairing) {
    const { pairing } = devices;
    void import("./pair_other.js").then(({ mountPairOther }) => mountPairOther(host, app, pairing, signal));
    return;
  }
  if (route.id === "phrases" && devices.phrases) {
    const { phrases } = devices;
    void import("./phrases.js").then(({ mountPhrases }) => mountPhrases(host, app, phrases, signal));
    return;
  }
  const list = h("section", { class: "panel" });
  const rooms = h("section", { class: "panel" });
  const pair = h("a", { class: "pill primary", href: href("devices", "pair") }, icon("plus"), "Pair a device");
  host.append(backButton(app), pageHead("Devices", { beside: devices.pairing ? [pair] : [] }), list, rooms, devices.phrases ? paper() : h("span", null));
  let drawn = "";
  const show = async () => {
    const [all, joined] = await Promise.all([devices.list(), devices.rooms()]);
    const now = JSON.stringify([all, joined]);
    if (signal.aborted || now === drawn) return; // what nobody changed keeps the keyboard's place
    drawn = now;
    fill(list, ...deviceRows(app, devices, all, again));
    fill(rooms, ...roomRows(app, devices, joined, again));
  };
  const again = () =>
    void show().catch((error) => {
      if (!drawn && !signal.aborted) fill(list, trouble(error, again));
    });
  again();
  const timer = setInterval(again, REFRESH_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/**
 * @param {App} app
 * @param {Devices} devices
 * @param {Device[]} all
 * @param {() => void} again
 */
function deviceRows(app, devices, all, again) {
  const gone = all.filter(({ active }) => !active);
  const rows = all.filter(({ active }) => active).map((device) => row(app, devices, device, again));
  return [
    h("h2", null, "In this library"),
    h("div", { role: "list", "aria-label": "Devices", class: "folders" }, ...rows),
    gone.length
      ? h(
          "details",
          null,
          h("summary", { class: "quiet" }, `Removed (${gone.length})`),
          h("ul", { class: "plain" }, ...gone.map(({ name }) => h("li", { class: "quiet", dir: "auto" }, name))),
        )
      : null,
  ].filter((node) => node !== null);
}

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]];

/** @param {number} then_ms */
function ago(then_ms) {
  const past_ms = Math.max(0, Date.now() - then_ms);
  const [unit, ms] = UNITS.find(([, length_ms]) => past_ms >= length_ms) ?? ["minute", 60_000];
  return RELATIVE.format(-Math.floor(past_ms / ms), unit);
}

/** @param {Device} device */
function state({ this: own, present, seen_ms }) {
  if (own) return "This device";
  if (present) return "Here now";
  return seen_ms === null ? "Not seen lately" : `Seen ${ago(seen_ms)}`;
}

/** @param {Device} device */
function room({ held_bytes, budget_bytes }) {
  if (held_bytes === null) return "";
  return budget_bytes ? `holds ${bytes(held_bytes)}, room for ${bytes(budget_bytes)}` : `holds ${bytes(held_bytes)}`;
}

/**
 * @param {App} app
 * @param {Devices} devices
 * @param {Device} device
 * @param {() => void} again
 */
function row(app, devices, device, again) {
  const { name, role, present, health } = device;
  const more = button(
    { class: "ghost", "aria-label": `More for ${name}`, "aria-haspopup": "menu", "data-key": device.id },
    () => menu(app, devices, device, more, again),
    icon("more"),
  );
  return h(
    "div",
    { class: present ? "folder device" : "folder device away", role: "listitem" },
    icon(role === "seed" ? "locker" : "devices"),
    h(
      "div",
      { class: "folder-what" },
      h("strong", { dir: "auto" }, name),
      h("p", { class: "quiet" }, [state(device), room(device)].filter(Boolean).join(", ")),
      h("p", { class: "quiet" }, ROLES[role]),
      health ? h("p", { class: "notice warning" }, icon("warning"), h("span", { dir: "auto" }, health)) : null,
    ),
    more,
  );
}

/**
 * @param {App} app
 * @param {Devices} devices
 * @param {Device} device
 * @param {Element} where
 * @param {() => void} again
 */
function menu(app, devices, { id, name, this: own }, where, again) {
  const failed = (/** @type {Error} */ error) => app.tell(error.message);
  const rename = async () => {
    const wanted = await app.ask(`What is “${name}” called?`, "All your devices show it by that name.", { yes: "Rename", value: name });
    if (wanted) await devices.rename(id, wanted.slice(0, 80)).then(again, failed);
  };
  const revoke = async () => {
    const sure = await app.confirm(
      `Remove “${name}”?`,
      "It gets nothing new from then on, and wipes what it keeps when it hears of it. It can’t be undone; it would be paired again.",
      "Remove",
    );
    if (sure) await devices.revoke?.(id).then(again, failed);
  };
  openMenu(
    name,
    [
      { icon: "settings", label: "Rename", run: () => void rename() },
      ...(devices.revoke && !own ? [{ icon: /** @type {const} */ ("close"), label: "Remove from the library", run: () => void revoke() }] : []),
      ...(own && app.source.can.has("sign_out") ? [{ icon: /** @type {const} */ ("info"), label: "Forget or sign out", run: () => app.go("settings") }] : []),
    ],
    where,
  );
}

const paper = () =>
  h(
    "section",
    { class: "panel" },
    h("h2", null, "Without any device"),
    h("p", { class: "quiet" }, "A recovery phrase on paper brings your library back when all devices are lost."),
    h("a", { class: "pill", href: href("devices", "phrases") }, icon("key"), "Recovery phrases"),
  );

/** An address, to be read. @param {string} server */
const bare = (server) => server.replace(/^wss?:\/\//, "");

/** @type {Record<"server" | "lan" | "dht", string>} */
const WAYS = { server: "", lan: ", on this network", dht: ", found without a tracker" };

/**
 * @param {App} app
 * @param {Devices} devices
 * @param {Room[]} rooms
 * @param {() => void} again
 */
function roomRows(app, { addTracker, removeTracker }, rooms, again) {
  const failed = (/** @type {Error} */ error) => app.tell(error.message);
  const add = async () => {
    const why = "Its address. Your computer has to know it too: songkeep config trackers";
    const typed = await app.ask("Meet at which tracker too?", why, { yes: "Add", placeholder: "wss://tracker.example.org" });
    if (typed && addTracker) await addTracker(typed).then(again, failed);
  };
  const remove = async (/** @type {string} */ server) => {
    const why = "From then on this device looks for the others elsewhere. Other devices still go there.";
    if (removeTracker && (await app.confirm(`Meet no more at ${bare(server)}?`, why, "Remove"))) await removeTracker(server).then(again, failed);
  };
  return [
    h("h2", null, "Where your devices meet"),
    rooms.length
      ? h(
          "ul",
          { class: "ways" },
          ...rooms.map(({ server, joined, trouble: why, way = "server", misdeeds = [], own, of = [] }) =>
            h(
              "li",
              null,
              icon(misdeeds.length ? "warning" : joined ? "check" : "away"),
              h(
                "span",
                null,
                h("strong", { dir: "auto" }, bare(server)),
                h("span", { class: "quiet" }, `${joined ? "Joined" : why || "Not reached"}${own === false ? ", a seed of your library" : WAYS[way]}${of.length ? `, as ${of.join(" and ")} ${of.length > 1 ? "say" : "says"}` : ""}`),
                misdeeds.length ? h("span", { class: "notice warning" }, `Not to be trusted: ${misdeeds.join("; ")}. None of it was believed.`) : null,
              ),
              own && removeTracker ? button({ class: "ghost", "aria-label": `Meet no more at ${bare(server)}` }, () => void remove(server), icon("close")) : null,
            ),
          ),
        )
      : h("p", { class: "quiet" }, "No tracker yet. Devices of one network find each other without; from elsewhere they need one: songkeep config trackers wss://…"),
    addTracker ? button({ class: "pill" }, () => void add(), icon("plus"), "Add a tracker") : null,
    rooms.length && !addTracker ? h("p", { class: "quiet" }, "Trackers are changed with songkeep config trackers.") : null,
  ].filter((node) => node !== null);
}

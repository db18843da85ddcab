// Letting a device in: a QR code for a phone, a code to type for a computer, and the check code that the newcomer shows.

import { sentence } from "../core/format.js";
import { href } from "../core/route.js";
import { recall, remember } from "../io/shelf.js";
import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";
import { backButton, pageHead } from "./page.js";

/** @import {App} from "./app.js" */
/** @import {Pairing, PairingEvent} from "../core/source.js" */

/** Quiet modules around a QR code (ISO/IEC 18004). */
const BORDER = 4;
const SVG = "http://www.w3.org/2000/svg";
/** Shelf: an address that was typed here, until the node knows one. */
const APP = "app_address";

/**
 * @param {HTMLElement} host
 * @param {App} app
 * @param {Pairing} pairing
 * @param {AbortSignal} signal
 */
export async function mountPairOther(host, app, pairing, signal) {
  const panel = h("section", { class: "panel pair-other", role: "status" });
  host.append(backButton(app), pageHead("Pair a device"), panel);
  const known = await pairing.app().catch(() => "");
  const typed = recall(APP);
  choose(panel, app, pairing, known || (typeof typed === "string" ? typed : ""), signal);
}

/**
 * @param {HTMLElement} panel
 * @param {App} app
 * @param {Pairing} pairing
 * @param {string} address  that phones get the app from; "": none is known
 * @param {AbortSignal} signal
 */
function choose(panel, app, pairing, address, signal) {
  const begin = (/** @type {Parameters<Pairing["begin"]>[0]} */ how) => void run(panel, app, pairing, how, signal);
  fill(
    panel,
    h("h2", null, "What do you want to pair?"),
    h(
      "div",
      { class: "actions" },
      button({ class: "pill primary" }, () => (address ? begin({ app: address }) : askForAddress(panel, app, pairing, signal)), icon("devices"), "A phone"),
      button({ class: "pill" }, () => begin({}), icon("folder"), "A computer in this network"),
      button({ class: "pill" }, () => begin({ anywhere: true }), "A computer elsewhere"),
    ),
    address
      ? h(
          "p",
          { class: "quiet" },
          "Phones get the app from ",
          h("bdi", { class: "path" }, address),
          ". ",
          button({ class: "link" }, () => askForAddress(panel, app, pairing, signal), "Another address"),
        )
      : null,
  );
}

/**
 * No company runs an address for everybody: these are the ways to have one.
 * @param {HTMLElement} panel
 * @param {App} app
 * @param {Pairing} pairing
 * @param {AbortSignal} signal
 */
function askForAddress(panel, app, pairing, signal) {
  const address = h("input", { type: "text", inputmode: "url", placeholder: "music.example.org", "aria-label": "Address of the app", autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: "300" });
  const form = h("form", { class: "inline-form" }, address, h("button", { type: "submit", class: "pill primary" }, "Show the code"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = wholeAddress(address.value.trim());
    if (!wanted) return app.tell("That is no https address of a web host.");
    remember(APP, wanted);
    void run(panel, app, pairing, { app: wanted }, signal);
  });
  const way = (/** @type {string} */ what, /** @type {(Node | string)[]} */ ...how) => h("li", null, h("strong", null, what), h("span", { class: "quiet" }, ...how));
  fill(
    panel,
    h("h2", null, "Where does your phone get the app?"),
    h("p", { class: "quiet" }, "From an https address. Whoever serves it is trusted with the phone’s keys, so it should be yours, or a friend’s. It stays the same: another address is another, empty device."),
    h(
      "ul",
      { class: "ways four-ways" },
      way("Your own small server", "A tracker (and a seed) of your own serves the app too: docs/tracker.md"),
      way("A friend’s tracker", "Ask for its address."),
      way("Any static web host", h("code", null, "songkeep app export DIR"), " writes the files; you need a tracker besides."),
      way("Only at home", h("code", null, "songkeep config lan on"), ", then open this player’s address of your network on the phone. It keeps nothing there."),
    ),
    form,
  );
  address.focus();
}

/**
 * With its scheme, which nobody likes to type; "" if it is none.
 * @param {string} typed
 */
function wholeAddress(typed) {
  const text = typed.includes(":") && !/^[^/:]+:\d+/.test(typed) ? typed : "https:" + `//${typed}`;
  if (!URL.canParse(text)) return "";
  const { href: whole, protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && ["localhost", "127.0.0.1"].includes(hostname)) ? whole : "";
}

/**
 * @param {HTMLElement} panel
 * @param {App} app
 * @param {Pairing} pairing
 * @param {Parameters<Pairing["begin"]>[0]} how
 * @param {AbortSignal} signal
 */
async function run(panel, app, pairing, how, signal) {
  fill(panel, h("p", null, "One moment…"));
  let id = "";
  try {
    id = await pairing.begin(how);
    const cancel = () => void pairing.cancel(id).catch(() => {});
    if (signal.aborted) return cancel();
    signal.addEventListener("abort", cancel, { once: true });
    await follow(panel, app, pairing, id, how, signal);
    signal.removeEventListener("abort", cancel);
  } catch (error) {
    if (!signal.aborted) fill(panel, ...failed(app, error instanceof Error ? error.message : "That didn’t work."));
  }
}

/**
 * @param {HTMLElement} panel
 * @param {App} app
 * @param {Pairing} pairing
 * @param {string} id
 * @param {Parameters<Pairing["begin"]>[0]} how
 * @param {AbortSignal} signal
 */
async function follow(panel, app, pairing, id, how, signal) {
  /** @type {{code: string, tracker: string | null}} */
  let typed = { code: "", tracker: null };
  for (let after = 0; !signal.aborted; ) {
    const { events, next } = await pairing.events(id, after, signal);
    after = next;
    for (const event of events) {
      if (event.event === "code") typed = { code: event.code ?? "", tracker: event.tracker ?? null };
      if (event.event === "link") fill(panel, ...link(event, typed.code));
      else if (event.event === "code" && !how.app) fill(panel, ...command(typed));
      else if (event.event === "met") fill(panel, h("p", null, "A device has come…"));
      else if (event.event === "check") check(panel, app, pairing, id, event.name ?? "");
      else if (event.event === "paired") fill(panel, ...paired(event.name ?? ""));
      else if (event.event === "failed") fill(panel, ...failed(app, event.message ?? ""));
      else if (event.event === "end") return;
    }
  }
}

/**
 * @param {PairingEvent} event
 * @param {string} code
 */
const link = ({ qr = [], link: address = "" }, code) => [
  h("h2", null, "Scan this with the phone’s camera"),
  drawQr(qr),
  h("p", { class: "quiet" }, "It changes every minute. The app opens and shows six digits, which you type here."),
  h("p", { class: "quiet" }, "On an iPhone: add the page to the home screen first, open it from there, and type this code: ", h("strong", { class: "mono" }, code)),
  h("details", null, h("summary", { class: "quiet" }, "The link itself"), h("p", { class: "path" }, address)),
];

/** @param {{code: string, tracker: string | null}} typed */
const command = ({ code, tracker }) => [
  h("h2", null, "On the other computer"),
  h("p", { class: "command" }, h("code", null, `songkeep join ${code}${tracker ? ` --tracker ${tracker}` : ""}`)),
  h("p", { class: "quiet" }, "Good for one try, for ten minutes. It shows six digits, which you type here."),
];

/** @param {readonly string[]} rows  "1" for a dark module */
function drawQr(rows) {
  const side = rows.length + 2 * BORDER;
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${side} ${side}`);
  picture.setAttribute("class", "qr");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", "QR code of the pairing link");
  const dark = document.createElementNS(SVG, "path");
  const modules = rows.flatMap((row, y) => [...row].flatMap((module, x) => (module === "1" ? [`M${x + BORDER} ${y + BORDER}h1v1h-1z`] : [])));
  dark.setAttribute("d", modules.join(""));
  picture.append(dark);
  return picture;
}

/**
 * @param {HTMLElement} panel
 * @param {App} app
 * @param {Pairing} pairing
 * @param {string} id
 * @param {string} name
 */
function check(panel, app, pairing, id, name) {
  const digits = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", maxlength: "9", placeholder: "123 456", "aria-label": "The six digits that it shows", class: "pair-code" });
  const form = h("form", { class: "inline-form" }, digits, h("button", { type: "submit", class: "pill primary" }, "Let it in"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    pairing.check(id, digits.value).then(
      () => fill(panel, h("p", null, "Comparing…")),
      (error) => app.tell(error.message),
    );
  });
  fill(
    panel,
    h("h2", null, "Is it the one in your hand?"),
    h("p", null, "It calls itself ", h("strong", { dir: "auto" }, name), ". Type the six digits that it shows. They prove that nobody has come between."),
    form,
  );
  digits.focus();
}

/** @param {string} name */
const paired = (name) => [
  h("h2", null, icon("check"), " Paired"),
  h("p", null, h("strong", { dir: "auto" }, name), " belongs to your library now."),
  h("a", { class: "pill primary", href: href("devices") }, "All devices"),
];

/**
 * @param {App} app
 * @param {string} why
 */
const failed = (app, why) => [
  h("h2", null, "It was not paired"),
  h("p", { role: "alert", dir: "auto" }, sentence(why)),
  button({ class: "pill primary" }, () => app.refreshPage(), "Try again"),
];

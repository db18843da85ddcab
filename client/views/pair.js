// Making this browser a device of the library: a code in, a check code out, and the library is here.

import { drawCheckCode, pairAsNewcomer, readInvitation, scannedInvitation } from "../core/pairing.js";
import { missingCrypto } from "../core/crypto.js";
import { MemberKeys } from "../core/crypto_keys.js";
import { ownServer } from "../core/wire_room.js";
import { refused, WireError } from "../core/wire_errors.js";
import { enterPairingRoom } from "../io/room_pairing.js";
import { Membership } from "../io/swarm_membership.js";
import { deviceName, mustInstallFirst } from "../io/device_name.js";
import { recall, remember } from "../io/shelf.js";
import { button, fill, h } from "./dom.js";
import { mark } from "./mark.js";

/** Shelf: this browser was a device of a library, unless it was forgotten. */
const PAIRED = "paired";
const CLEARED = "This browser has cleared all that Songkeep kept here. Your music is safe on your other devices: pair again.";

/** @typedef {{host: HTMLElement, member: Membership | null, done: (membership: Membership) => void}} Pairing  member: what this browser is until then */

/**
 * @param {HTMLElement} host
 * @param {{invitation: string, member: Membership | null, done: (membership: Membership) => void}} how
 *   `invitation`: what stood in the link; "": it is to be typed; `member`: what this browser is already
 */
export async function mountPair(host, { invitation, member, done }) {
  const missing = (await missingCrypto()) || ("RTCPeerConnection" in window ? "" : "WebRTC");
  if (missing) return show(host, "This browser can’t be paired", h("p", null, `Songkeep needs ${missing} to keep your music’s keys and to reach your devices. A current browser at an https address has it.`));
  const pairing = { host, member, done };
  if (member) return askToLeave(pairing, invitation);
  if (mustInstallFirst()) return installFirst(pairing, invitation);
  if (invitation) return void pair(pairing, invitation);
  askForCode(pairing, recall(PAIRED) ? CLEARED : "");
}

/**
 * A link must not take a device out of its library by itself.
 * @param {Pairing} pairing
 * @param {string} invitation
 */
function askToLeave(pairing, invitation) {
  show(
    pairing.host,
    "Leave your library?",
    h("p", null, "This device belongs to a library already. Pairing it again takes it out of there: its keys, its list of music, all songs kept here, and changes that your computer doesn’t have yet are deleted from this device."),
    h("p", null, "Your other devices keep their music. Nothing is deleted before the new pairing is confirmed."),
    stayButton(pairing, "pill primary"),
    button({ class: "pill danger" }, () => void pair(pairing, invitation), "Leave it and pair again"),
  );
}

/** @param {Pairing} pairing @param {string} look */
const stayButton = ({ member, done }, look) => button({ class: look }, () => member && done(member), "Stay in my library");

/**
 * On an iPhone what is installed on the home screen has storage of its own, so pairing comes after that.
 * @param {Pairing} pairing
 * @param {string} invitation
 */
function installFirst(pairing, invitation) {
  const here = () => (invitation ? void pair(pairing, invitation) : askForCode(pairing, ""));
  show(
    pairing.host,
    "First, to the home screen",
    h("p", null, "On iPhone and iPad, an app on the home screen keeps its music apart from the browser. So install it before you pair it:"),
    h("ol", { class: "steps" }, h("li", null, "Tap Share, then “Add to Home Screen”."), h("li", null, "Open Songkeep from there."), h("li", null, "Scan the QR code there, or type the code under it.")),
    button({ class: "quiet" }, here, "Pair in this browser instead"),
  );
}

/**
 * @param {HTMLElement} host
 * @param {string} title
 * @param {...Node} content
 */
function show(host, title, ...content) {
  const heading = h("h1", { tabindex: "-1" }, title);
  fill(host, h("main", { class: "gate-card pairing" }, mark(), heading, ...content));
  heading.focus();
}

/**
 * @param {Pairing} pairing
 * @param {string} why  what went wrong before
 */
function askForCode(pairing, why) {
  const code = h("input", {
    type: "text", required: true, autocomplete: "off", autocapitalize: "none", autocorrect: "off", spellcheck: "false", maxlength: "2000",
    "aria-label": "Pairing code", placeholder: "abcd-efgh-ijkl-mnop", class: "pair-code",
  });
  const form = h("form", { class: "gate-form" }, code, h("button", { type: "submit", class: "pill primary" }, "Pair"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (code.value.trim()) void pair(pairing, code.value);
  });
  show(
    pairing.host,
    "Bring your music here",
    h("p", null, "On the computer that keeps your music, choose Devices in the player, or run this. Then type the code that it shows."),
    h("p", { class: "command" }, h("code", null, "songkeep pair")),
    h("p", { class: "error", role: "alert" }, why),
    form,
    ...(pairing.member ? [stayButton(pairing, "quiet")] : []),
  );
  code.focus();
  if ("BarcodeDetector" in window) void offerScan(pairing, form);
}

/**
 * Where the browser reads QR codes, the camera does the typing. It is asked for with the tap, not before.
 * @param {Pairing} pairing
 * @param {HTMLElement} form
 */
async function offerScan(pairing, form) {
  const { canScan } = await import("../io/qr_camera.js");
  if (await canScan()) form.after(button({ class: "pill" }, () => void scanCode(pairing), "Scan the QR code"));
}

/** @param {Pairing} pairing */
async function scanCode(pairing) {
  const { scan } = await import("../io/qr_camera.js");
  const life = new AbortController();
  const picture = h("video", { class: "scan", playsinline: true, muted: true, role: "img", "aria-label": "What the camera sees" });
  const cancel = button({ class: "quiet" }, () => life.abort(), "Type the code instead");
  show(pairing.host, "Show it to the camera", h("p", { role: "status" }, "Point it at the QR code on your computer. The picture stays here."), picture, cancel);
  try {
    const invitation = await scan(picture, (text) => scannedInvitation(text, document.baseURI), life.signal);
    if (invitation) void pair(pairing, invitation);
    else askForCode(pairing, "");
  } catch (error) {
    const denied = error instanceof DOMException && error.name === "NotAllowedError";
    askForCode(pairing, denied ? "This browser may not use the camera here. Type the code, or allow the camera in the browser’s settings." : "The camera can’t be used now. Type the code.");
  }
}

/**
 * @param {Pairing} pairing
 * @param {string} invitation
 */
async function pair(pairing, invitation) {
  const { host, member, done } = pairing;
  const life = new AbortController();
  show(host, "Pairing…", h("p", { role: "status" }, "Looking for the other device."));
  try {
    const { code, tracker } = readInvitation(invitation);
    const pipe = await enterPairingRoom({ code, tracker }, life.signal);
    const { keysLast, sealKey } = await import("../io/sealed_key.js");
    const keys = await MemberKeys.generate((await keysLast()) ? undefined : sealKey);
    const digits = drawCheckCode();
    const name = deviceName();
    /** @type {Membership | null} */
    let membership = null;
    await pairAsNewcomer(pipe, {
      code,
      keys,
      name,
      digits,
      showCheckCode: () => showCheckCode(host, digits, () => life.abort()),
      matched: () => show(host, "Almost there", h("p", { role: "status" }, "The codes are the same. Receiving your library’s keys.")),
      keep: async ({ roster, trackers }) => {
        if (member) await leaveLibrary();
        const known = trackers.length ? trackers : [tracker ?? ownServer(document.baseURI)];
        membership = await Membership.begin(keys, roster, { trackers: known, name });
      },
    });
    remember(PAIRED, true);
    if (membership) done(membership);
  } catch (error) {
    askForCode(pairing, life.signal.aborted ? "" : sentence(error));
  } finally {
    life.abort();
  }
}

/**
 * @param {HTMLElement} host
 * @param {string} digits
 * @param {() => void} cancel
 */
function showCheckCode(host, digits, cancel) {
  show(
    host,
    "Is it really you?",
    h("p", { id: "check-why" }, "Type this number on the computer that showed you the pairing code. It shows nobody has come between the two."),
    h("p", { class: "check-code", role: "img", "aria-label": `Check code: ${[...digits].join(" ")}` }, h("span", null, digits.slice(0, 3)), h("span", null, digits.slice(3))),
    h("p", { role: "status" }, "Waiting for the number to be typed there…"),
    button({ class: "quiet" }, cancel, "Cancel"),
  );
}

/** Two libraries never lie in one place: what is here of the old one goes first. Throws a WireError when it can't. */
async function leaveLibrary() {
  const { wipe } = await import("../io/wipe.js");
  const left = await wipe("forgotten");
  if (left.length) throw refused(`Pairing has stopped: ${listed(left)} couldn’t be deleted from this device. Close Songkeep’s other tabs and open it again.`);
}

/** @type {Record<import("../io/wipe.js").Why, {title: string, over: string, then: string}>} */
const OVER = {
  removed: { title: "This device was removed", over: "It no longer belongs to the library.", then: "" },
  forgotten: { title: "This device is forgotten", over: "You took it out of the library.", then: " If the list of devices there still has this one, remove it." },
};

/**
 * This device is out of its library: say that nothing of it is here any more once that is so, or what is.
 * @param {HTMLElement} host
 * @param {{wiped: Promise<string[]>, why: import("../io/wipe.js").Why, done: () => void}} how
 *   `wiped`: what couldn't be erased; `done`: the person goes on
 */
export async function mountRemoved(host, { wiped, why, done }) {
  const { title, over, then } = OVER[why] ?? OVER.removed;
  show(host, title, h("p", { role: "status" }, `${over} Its keys and all music kept here are being deleted…`));
  const left = await wiped.catch(() => ["what Songkeep keeps in this browser"]);
  if (left.length) {
    const how = "Close Songkeep’s other tabs and try again, or clear this site’s data in the browser’s settings.";
    return show(host, title, h("p", { role: "alert" }, `${over} But ${listed(left)} couldn’t be deleted. ${how}`), button({ class: "pill primary" }, () => location.reload(), "Try again"));
  }
  const told = `${over} Its keys and all music kept here have been deleted. Your music is safe on your other devices.${then}`;
  show(host, title, h("p", { role: "alert" }, told), button({ class: "pill primary" }, done, "Pair again"));
}

/** @param {string[]} things */
const listed = (things) => new Intl.ListFormat("en").format(things);

/** @param {unknown} error */
function sentence(error) {
  if (!(error instanceof WireError)) return "Pairing didn’t work. Try again with a new code.";
  const text = error.message.charAt(0).toUpperCase() + error.message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

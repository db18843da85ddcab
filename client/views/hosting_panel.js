// What this computer keeps sealed for others: libraries by number only, since it knows no names and can read nothing.

import { bytes, counted, number, sentence } from "../core/format.js";
import { fill, h } from "./dom.js";
import { icon } from "./icon.js";

/** @import {HostedLibrary, Hosting} from "../core/source.js" */

const REFRESH_MS = 10_000;

/**
 * @param {() => Promise<Hosting>} look
 * @param {AbortSignal} signal
 */
export function hostingPanel(look, signal) {
  const host = h("div", null);
  let drawn = "";
  const show = async () => {
    const hosting = await look();
    const now = JSON.stringify(hosting);
    if (signal.aborted || now === drawn) return; // what nobody changed keeps the reader's place
    drawn = now;
    fill(host, ...(hosting.host_bytes ? [view(hosting)] : []));
  };
  const again = () => void show().catch(() => {});
  again();
  const timer = setInterval(again, REFRESH_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  return host;
}

/** @param {Hosting} hosting */
function view({ host_bytes, trouble, seed }) {
  const short = seed?.disk.short_bytes ?? 0;
  return h(
    "section",
    { class: "panel seeds", "aria-label": "For others" },
    h("h2", null, "For others"),
    h("p", { class: "quiet" }, `This computer keeps up to ${bytes(host_bytes)} of others’ libraries, sealed: it can’t read them.`),
    trouble ? warning(sentence(trouble)) : null,
    short ? warning(`What is promised needs ${bytes(short)} more than this disk has.`) : null,
    ...(seed ? [room(seed), ...seed.libraries.map(library)] : []),
    seed && !seed.libraries.length
      ? h("p", { class: "quiet" }, "Nobody’s yet. Make a code for a friend with ", h("code", null, "songkeep seed invite --quota 20GB"), ".")
      : null,
  );
}

/** @param {string} text */
const warning = (text) => h("p", { class: "notice warning" }, icon("warning"), h("span", null, text));

/** @param {NonNullable<Hosting["seed"]>} seed */
function room({ promised_bytes, capacity_bytes, held_bytes, disk }) {
  return facts([
    ["Promised", `${bytes(promised_bytes)} of ${bytes(capacity_bytes)}`],
    ["Held", bytes(held_bytes)],
    ["Free on this disk", bytes(disk.free_bytes)],
  ]);
}

/** @param {HostedLibrary} each */
function library(each) {
  const name = `Library ${number(each.number)}`;
  return h(
    "article",
    { class: "seed", "aria-label": name },
    h("h3", null, icon("locker"), name),
    facts([
      ["Holds", `${bytes(each.held_bytes)} of ${bytes(each.quota_bytes)}, ${counted(each.held_blobs, "piece")}`],
      ["To come", each.waiting_bytes ? bytes(each.waiting_bytes) : ""],
      ["In the trash, for 30 days", each.trash_bytes ? bytes(each.trash_bytes) : ""],
      ["Damaged, fetched again", each.damaged_blobs ? counted(each.damaged_blobs, "piece") : ""],
      ["Sent and received", each.traffic ? `${bytes(each.traffic.sent_bytes)} and ${bytes(each.traffic.received_bytes)}` : ""],
    ]),
  );
}

/** @param {[string, string][]} pairs  those without a value are left out */
const facts = (pairs) =>
  h(
    "dl",
    { class: "facts" },
    ...pairs.filter(([, value]) => value).flatMap(([term, value]) => [h("dt", null, term), h("dd", null, value)]),
  );

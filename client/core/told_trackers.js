// Which trackers a phone goes to, from what its owners' computers say of themselves (docs/PROTOCOL.md, `presence`).

import { SourceError } from "./source_error.js";
import { trackerAddress } from "./tracker_address.js";

/** Of all: seeds need places too. */
const MAX_TRACKERS = 6;
/** That one computer says. */
const MAX_TOLD = 8;

/** @typedef {Record<string, string[]>} Told  computer in base32 -> the trackers that it said last */

/**
 * After a computer said where it goes: what is new is gone to, what nobody goes to any more is left, but for the last one.
 * What the person removed here stays removed until the computer leaves it too.
 * @param {{trackers: readonly string[], told: Told}} known
 * @param {{by: string, said: unknown}} word
 * @param {{secure: boolean, members: ReadonlySet<string>}} here  members: whose word counts, in base32
 * @returns {{trackers: string[], told: Told} | null}  null: nothing is new
 */
export function afterTold({ trackers, told }, { by, said }, { secure, members }) {
  if (!Array.isArray(said) || !members.has(by)) return null;
  const now = [...new Set(said.slice(0, MAX_TOLD).flatMap((each) => readable(each, secure)))];
  const before = told[by] ?? [];
  if (told[by] && now.join(" ") === before.join(" ")) return null;
  const kept = Object.fromEntries(Object.entries(told).filter(([member]) => members.has(member)));
  const all = { ...kept, [by]: now };
  const anybody = new Set(Object.values(all).flat());
  const stay = trackers.filter((url) => !before.includes(bare(url)) || anybody.has(bare(url)));
  const fresh = now.filter((url) => !before.includes(url) && !stay.some((each) => bare(each) === url));
  const next = [...stay, ...fresh.slice(0, Math.max(0, MAX_TRACKERS - stay.length))];
  return { trackers: next.length ? next : [...trackers], told: all };
}

/** @param {string} url */
const bare = (url) => url.replace(/\/+$/, "");

/** What this browser could go to. @param {unknown} text @param {boolean} secure @returns {string[]} */
function readable(text, secure) {
  try {
    return typeof text === "string" && /^wss?:/.test(text) ? [trackerAddress(text, { secure })] : [];
  } catch (error) {
    if (error instanceof SourceError) return [];
    throw error;
  }
}

// Reading rosters, and making one of two (docs/FORMAT.md, "Roster"). A phone reads them; owners write them.
// node/wire/roster/chain.py does the same.

import { concat, equal, toHex } from "./bytes.js";
import { sha256 } from "./crypto.js";
import { SIGNATURE_BYTES } from "./crypto_labels.js";
import { Roster } from "./roster.js";
import { resolve } from "./roster_branches.js";
import { admits, KEPT_FOR_PHRASE, MAX_ENTRIES, putsOutSigner, readEntry } from "./roster_entries.js";
import { MAX_EPOCH_STEP } from "./roster_standing.js";
import { peerError, refused } from "./wire_errors.js";

/** @import {Entry, SealedSecret} from "./roster_entries.js" */

/** Kept of what revoked members sign; more of it is passed over, else they could fill the roster for ever. */
const MAX_VOID_ENTRIES = 128;
const MAX_VOID_BYTES = 512 * 1024;

/** @typedef {{roster: Roster, known: Entry[], void_entries: Set<string>}} Read  a roster, and its entries as they were read */

/**
 * Check all entries of a roster: form, links, signatures and rights; find what stands if it has forked. Throws a WireError.
 * @param {readonly Uint8Array[]} entries
 */
export const readRoster = async (entries) => (await readKnowing(entries, [])).roster;

/**
 * What `roster` and a whole roster that a peer sent come to together; `roster` if there is nothing new. Throws a WireError
 * "refused" if the other one is only older, or another library's; "peer" if it is broken.
 * @param {Roster} roster
 * @param {readonly Uint8Array[]} entries
 */
export async function extendRoster(roster, entries) {
  const own = await readKnowing(roster.entries, []);
  const offered = await readKnowing(entries, own.known);
  if (!equal(offered.roster.library, roster.library)) throw refused("a roster of another library was offered");
  const fresh = news(own, offered);
  if (!fresh.length) {
    if (entries.length < roster.entries.length) throw refused("an older roster than the known one was offered: nothing in it is news");
    return roster;
  }
  const after = await withoutSurplus(own, await made([...own.known, ...fresh]));
  return after === own ? roster : after.roster;
}

/**
 * Entries that are not known here, but for those of phrases that had taken themselves away as far as is known: nobody outranks
 * a phrase but itself, so this alone goes by what was known first.
 * @param {Read} own
 * @param {Read} offered
 */
function news(own, offered) {
  const hashes = new Set(own.known.map(({ hash }) => hash));
  const away = new Set(own.known.filter((entry) => putsOutSigner(entry) && !own.void_entries.has(entry.hash)).map(({ signer }) => signer));
  const passed = new Set();
  return offered.known.filter(({ hash, signer, previous }) => {
    if (hashes.has(hash)) return false;
    if (!away.has(signer) && !passed.has(previous)) return true;
    passed.add(hash);
    return false;
  });
}

/**
 * @param {readonly Uint8Array[]} entries
 * @param {readonly Entry[]} known  need no second look
 */
async function readKnowing(entries, known) {
  if (entries.length < 1 || entries.length > MAX_ENTRIES) throw peerError("a roster has between 1 and 11,000 entries");
  /** By their signature, which is what an entry ends with. */
  const before = new Map(known.map((entry) => [toHex(entry.data.subarray(-SIGNATURE_BYTES)), entry]));
  /** @type {Entry[]} */
  const read = [];
  for (const data of entries) {
    const found = before.get(toHex(data.subarray(-SIGNATURE_BYTES)));
    read.push(found && equal(found.data, data) ? found : await readEntry(data));
  }
  return made(read);
}

/**
 * @param {Entry[]} known
 * @returns {Promise<Read>}
 */
async function made(known) {
  const phrase = known[0].kind === "found" ? known[0].newcomers[1].id : "";
  const others = known.filter(({ signer }) => signer !== phrase).length;
  if (known.length > MAX_ENTRIES || others > MAX_ENTRIES - KEPT_FOR_PHRASE) throw peerError("a roster has more entries than devices may sign");
  const { line, standing, revocations, aside, void_entries } = resolve(known);
  const last = line[line.length - 1];
  const members = new Map(standing.members);
  const unsettled = [];
  for (const [gone, by] of revocations) {
    const member = members.get(gone);
    if (!member || member.revoked_seq !== null) continue;
    members.set(gone, { ...member, revoked_seq: by[0].seq });
    unsettled.push(member.sign);
  }
  const lost = aside.filter((entry) => admits(entry) && !members.has(entry.newcomers[0].id) && !revocations.has(entry.newcomers[0].id));
  const hashes = known.map(({ hash, payload_hash }) => ({ hash, payload_hash })).sort((a, b) => (a.hash < b.hash ? -1 : 1));
  const roster = new Roster({
    entries: known.map(({ data }) => data),
    library: line[0].payload_hash,
    head: last.payload_hash,
    seq: last.seq,
    epoch: standing.epoch,
    next_epoch: freeNumber(standing.epoch, new Set(known.flatMap(({ departure }) => (departure ? [departure.epoch] : [])))),
    digest: await sha256(concat(...hashes.map(({ payload_hash }) => payload_hash))),
    members,
    sealed: withAside(standing.sealed, aside),
    lost: lost.map(({ hash }) => hash),
    unsettled: unsettled.sort((a, b) => (toHex(a) < toHex(b) ? -1 : 1)),
    void_entries: [...void_entries].sort(),
  });
  return { roster, known, void_entries };
}

/**
 * `after`, unless revoked members make it grow without end: then without what is new of theirs.
 * @param {Read} before
 * @param {Read} after
 */
async function withoutSurplus(before, after) {
  const nothing = after.known.filter(({ hash }) => after.void_entries.has(hash));
  const size = nothing.reduce((sum, { data }) => sum + data.length, 0);
  if (nothing.length <= MAX_VOID_ENTRIES && size <= MAX_VOID_BYTES) return after;
  const had = new Set(before.known.map(({ hash }) => hash));
  const dropped = new Set(nothing.filter(({ hash }) => !had.has(hash)).map(({ hash }) => hash));
  const kept = after.known.filter(({ hash, previous }) => {
    if (!dropped.has(hash) && !dropped.has(previous)) return true;
    dropped.add(hash);
    return false;
  });
  return kept.length === before.known.length ? before : made(kept);
}

/**
 * Epochs of a branch that doesn't stand stay readable, as far as their numbers are not taken.
 * @param {ReadonlyMap<string, SealedSecret[]>} standing
 * @param {Entry[]} aside
 */
function withAside(standing, aside) {
  const sealed = new Map(standing);
  for (const { departure } of aside) {
    for (const [id, secret] of departure?.secrets ?? []) {
      const have = sealed.get(id);
      if (have && !have.some(([number]) => number === secret[0])) sealed.set(id, [...have, secret].sort((a, b) => a[0] - b[0]));
    }
  }
  return sealed;
}

/**
 * @param {number} epoch
 * @param {Set<number>} taken
 */
function freeNumber(epoch, taken) {
  for (let number = epoch + 1; number <= epoch + MAX_EPOCH_STEP; number++) if (!taken.has(number)) return number;
  return epoch + 1;
}

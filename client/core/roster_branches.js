// Which of a roster's branches stands: the same for everyone who knows the same entries, in whatever order they came
// (docs/FORMAT.md, "Forks"). node/wire/roster/branches.py does the same.

import { compareRanks } from "./roster.js";
import { revokes, putsOutSigner } from "./roster_entries.js";
import { Standing } from "./roster_standing.js";
import { peerError } from "./wire_errors.js";

/** @import {Entry} from "./roster_entries.js" */
/** @import {Rank} from "./roster_standing.js" */

/**
 * @typedef {object} Node  an entry, and what its own line says of its signer
 * @property {Entry} entry
 * @property {Rank} signer_rank
 * @property {string} signer_admission  hash of the entry that let the signer in
 * @property {[string, Rank][]} ranks  of those whom the entry lets in
 * @property {number} place  in an order in which all that follows from an entry stands in one row behind it
 * @property {number} size  how many entries follow from it, itself included
 */

/**
 * @typedef {object} Resolved
 * @property {Entry[]} line  the entries that stand, first to last
 * @property {Standing} standing  along that line alone
 * @property {Map<string, Entry[]>} revocations  every valid one, of any branch, by whom it puts out; empty if nothing forked
 * @property {Entry[]} aside  valid entries of branches that don't stand
 * @property {Set<string>} void_entries  hashes of what counts for nothing
 */

/** @param {string} a @param {string} b */
const compareTexts = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
/** @param {Entry} a @param {Entry} b */
const compareEntries = (a, b) => a.seq - b.seq || compareTexts(a.hash, b.hash);

/**
 * Check every line of entries, each after the one it follows; find what stands. Throws a WireError.
 * @param {readonly Entry[]} entries
 * @returns {Resolved}
 */
export function resolve(entries) {
  const tree = new Tree(entries);
  if (tree.last) return { line: [...entries], standing: tree.last, revocations: new Map(), aside: [], void_entries: new Set() };
  const revocations = new Revocations(tree);
  const void_entries = new Set();
  for (const [hash, { entry }] of tree.nodes) if (revocations.voids(hash) || !revocations.maySettle(entry)) void_entries.add(hash);
  const line = tree.line(void_entries);
  const standing = line.reduce((before, entry) => before.follow(entry), new Standing());
  const stands = new Set(line);
  const aside = [...tree.nodes.values()].map(({ entry }) => entry).filter((entry) => !stands.has(entry) && !void_entries.has(entry.hash));
  return { line, standing, revocations: revocations.against, aside: aside.sort(compareEntries), void_entries };
}

class Tree {
  /** By hash, depth first. @type {Map<string, Node>} */
  nodes = new Map();
  /** @type {Map<string, string[]>} */
  #children = new Map();
  /** Where the only line ends, if nothing forked and nothing speaks of a fork. @type {Standing | null} */
  last;

  /** @param {readonly Entry[]} entries */
  constructor(entries) {
    /** @type {Map<string, Entry>} */
    const byHash = new Map();
    for (const entry of entries) {
      const parent = byHash.get(entry.previous);
      const follows = parent ? entry.seq === parent.seq + 1 : entry.seq === 0 && !entry.previous && !byHash.size;
      if (!follows) throw peerError(`roster entry ${entry.seq} does not follow from the one before`);
      if (byHash.has(entry.hash)) throw peerError("a roster entry is there twice");
      byHash.set(entry.hash, entry);
      this.#children.set(entry.previous, [...(this.#children.get(entry.previous) ?? []), entry.hash]);
    }
    let standing = new Standing();
    /** @type {[string, Standing][]} */
    const waiting = [[entries[0].hash, standing]];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const entry = /** @type {Entry} */ (byHash.get(next[0]));
      standing = next[1].follow(entry);
      const { rank, admission } = /** @type {import("./roster_standing.js").Member} */ (standing.members.get(entry.signer));
      /** @type {[string, Rank][]} */
      const ranks = [];
      for (const { id } of entry.newcomers) ranks.push([id, /** @type {Rank} */ (standing.members.get(id)?.rank)]);
      this.nodes.set(entry.hash, { entry, signer_rank: rank, signer_admission: admission, ranks, place: this.nodes.size, size: 1 });
      for (const child of this.children(entry.hash)) waiting.push([child, standing]);
    }
    for (const { entry, size } of [...this.nodes.values()].reverse()) if (entry.previous) this.node(entry.previous).size += size;
    const forked = [...this.#children.values()].some((children) => children.length > 1);
    this.last = forked || entries.some(({ kind }) => kind === "settle") ? null : standing;
  }

  /** @param {string} hash */
  node(hash) {
    return /** @type {Node} */ (this.nodes.get(hash));
  }

  /** @param {string} hash */
  children(hash) {
    return this.#children.get(hash) ?? [];
  }

  /**
   * Whether one entry is on the other's line, or is that entry: whoever signed the later one knew it.
   * @param {string} earlier
   * @param {string} later
   */
  isBefore(earlier, later) {
    const { place, size } = this.node(earlier);
    const at = this.node(later).place;
    return place <= at && at < place + size;
  }

  /**
   * From the founding on: at each fork to the senior signer; of one signer's own, to where more follows.
   * @param {Set<string>} void_entries
   */
  line(void_entries) {
    /** @type {Map<string, number>} */
    const length = new Map();
    /** @type {Map<string, string>} */
    const chosen = new Map();
    for (const hash of [...this.nodes.keys()].reverse()) {
      const stand = this.children(hash).filter((child) => length.has(child));
      stand.sort((a, b) => this.#compare(this.node(a), this.node(b), length));
      if (stand.length) chosen.set(hash, stand[0]);
      if (!void_entries.has(hash)) length.set(hash, 1 + (length.get(stand[0]) ?? 0));
    }
    /** @type {Entry[]} */
    const line = [];
    for (let hash = this.nodes.keys().next().value; hash; hash = chosen.get(hash)) line.push(this.node(hash).entry);
    return line;
  }

  /**
   * @param {Node} a
   * @param {Node} b
   * @param {Map<string, number>} length
   */
  #compare(a, b, length) {
    const longer = (length.get(b.entry.hash) ?? 0) - (length.get(a.entry.hash) ?? 0);
    const departs = Number(b.entry.departure !== null) - Number(a.entry.departure !== null);
    return compareRanks(a.signer_rank, b.signer_rank) || longer || departs || compareTexts(a.entry.hash, b.entry.hash);
  }
}

/** Who is out, and which entries are void for it. Members are gone through from the most senior down. */
class Revocations {
  /** @type {Map<string, Entry[]>} */
  against = new Map();
  #tree;
  /** @type {Map<string, boolean>} */
  #void = new Map();

  /** @param {Tree} tree */
  constructor(tree) {
    this.#tree = tree;
    /** @type {Map<string, Node[]>} */
    const signed = new Map();
    for (const node of [...tree.nodes.values()].sort((a, b) => compareEntries(a.entry, b.entry))) {
      signed.set(node.entry.signer, [...(signed.get(node.entry.signer) ?? []), node]);
    }
    const [root] = tree.nodes.values();
    /** @type {{rank: Rank, admission: string, id: string}[]} */
    const waiting = root.ranks.map(([id, rank]) => ({ rank, admission: root.entry.hash, id }));
    const seen = new Set();
    while (waiting.length) {
      waiting.sort((a, b) => compareRanks(b.rank, a.rank) || compareTexts(b.admission, a.admission) || compareTexts(b.id, a.id));
      const { admission, id } = /** @type {{admission: string, id: string}} */ (waiting.pop());
      if (seen.has(id) || this.voids(admission)) continue;
      seen.add(id);
      const own = (signed.get(id) ?? []).toSorted((a, b) => Number(putsOutSigner(b.entry)) - Number(putsOutSigner(a.entry)));
      for (const node of own) {
        if (this.voids(node.entry.hash)) continue;
        for (const [member, rank] of node.ranks) waiting.push({ rank, admission: node.entry.hash, id: member });
        this.#take(node.entry);
      }
    }
  }

  /** @param {Entry} entry */
  #take(entry) {
    if (!revokes(entry)) return;
    this.#void.clear();
    for (const gone of entry.departure?.gone ?? []) this.against.set(gone, [...(this.against.get(gone) ?? []), entry]);
  }

  /** Whether an entry that settles names only those whom some branch did revoke. @param {Entry} entry */
  maySettle({ kind, departure }) {
    return kind !== "settle" || (departure?.gone ?? []).every((gone) => this.against.has(gone));
  }

  /**
   * Whether that entry's signer was out, or never rightly in.
   * @param {string} hash
   * @returns {boolean}
   */
  voids(hash) {
    const asked = [hash];
    for (let at = asked.at(-1); at !== undefined; at = asked.at(-1)) {
      const { entry, signer_admission } = this.#tree.node(at);
      const known = this.#cut(entry) || (signer_admission === at ? false : this.#void.get(signer_admission));
      if (known === undefined) asked.push(signer_admission);
      else this.#void.set(/** @type {string} */ (asked.pop()), known);
    }
    return this.#void.get(hash) === true;
  }

  /** Whether its signer was revoked by somebody who had not seen the entry. @param {Entry} entry */
  #cut(entry) {
    return (this.against.get(entry.signer) ?? []).some((each) => !this.#tree.isBefore(entry.hash, each.hash));
  }
}

import { Emitter } from "./emitter.js";

/** @template T @typedef {import("./model.js").Page<T>} Page */

/** Items fetched at once. */
export const PAGE_SIZE = 100;
/** Pages kept; the least recently seen goes first. */
const PAGES_KEPT = 60;
/** Requests under way at once. */
const CONCURRENCY = 2;

/**
 * A long list of which only the pages looked at are held: `ensure` says what is on screen, `changed` says when to draw again.
 * @template T
 */
export class Pages {
  /** Emitted when items arrived or the total moved. @type {Emitter<void>} */
  changed = new Emitter();
  /** null until the first page is in. @type {number | null} */
  total = null;
  /** Why the last fetch failed. @type {unknown} */
  error = null;

  /** @type {(offset: number, limit: number) => Promise<Page<T>>} */
  #fetchPage;
  /** Page number -> items; a Map keeps the order of last use. @type {Map<number, readonly T[]>} */
  #pages = new Map();
  /** @type {Set<number>} */
  #stale = new Set();
  /** @type {Set<number>} */
  #underWay = new Set();
  /** @type {number[]} */
  #wanted = [0];
  #generation = 0;

  /** @param {(offset: number, limit: number) => Promise<Page<T>>} fetchPage */
  constructor(fetchPage) {
    this.#fetchPage = fetchPage;
  }

  /** @param {number} index @returns {T | null} */
  get(index) {
    return this.#pages.get(Math.floor(index / PAGE_SIZE))?.[index % PAGE_SIZE] ?? null;
  }

  /**
   * Index of an item at or near `around`, -1 when it is not among the pages held there.
   * @param {(item: T) => boolean} test
   * @param {number} around
   */
  indexNear(test, around) {
    const middle = Math.floor(around / PAGE_SIZE);
    for (const page of [middle, middle + 1, middle - 1]) {
      const index = this.#pages.get(page)?.findIndex(test) ?? -1;
      if (index >= 0) return page * PAGE_SIZE + index;
    }
    return -1;
  }

  /**
   * Fetch what lies in [first, last] and is not held or is out of date. Earlier wishes that were not begun are forgotten.
   * @param {number} first
   * @param {number} last
   */
  ensure(first, last) {
    const from = Math.floor(Math.max(0, first) / PAGE_SIZE);
    const to = Math.floor(Math.max(0, last) / PAGE_SIZE);
    this.#wanted = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    for (const page of this.#wanted) {
      const items = this.#pages.get(page);
      if (!items) continue;
      this.#pages.delete(page);
      this.#pages.set(page, items);
    }
    this.#pump();
  }

  /** Everything held may be out of date: fetch again what is on screen, keeping the old items until the new ones are in. */
  refresh() {
    this.#generation++;
    this.#underWay.clear();
    this.#stale = new Set(this.#pages.keys());
    this.#pump();
  }

  #pump() {
    for (const page of this.#wanted) {
      if (this.#underWay.size >= CONCURRENCY) return;
      if (this.#underWay.has(page)) continue;
      if (this.#pages.has(page) && !this.#stale.has(page)) continue;
      if (this.total !== null && page > 0 && page * PAGE_SIZE >= this.total && !this.#stale.has(page)) continue;
      this.#underWay.add(page);
      void this.#load(page, this.#generation);
    }
  }

  /**
   * @param {number} page
   * @param {number} generation
   */
  async #load(page, generation) {
    try {
      const answer = await this.#fetchPage(page * PAGE_SIZE, PAGE_SIZE);
      if (generation !== this.#generation) return;
      this.error = null;
      this.total = answer.total;
      this.#pages.delete(page);
      this.#pages.set(page, answer.items);
      this.#stale.delete(page);
      this.#evict();
    } catch (error) {
      if (generation !== this.#generation) return;
      this.error = error;
      this.#wanted = this.#wanted.filter((other) => other !== page);
    }
    this.#underWay.delete(page);
    this.changed.emit();
    this.#pump();
  }

  #evict() {
    for (const page of this.#pages.keys()) {
      if (this.#pages.size <= PAGES_KEPT) return;
      if (!this.#wanted.includes(page)) this.#pages.delete(page);
    }
  }
}

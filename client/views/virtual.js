// Lists of any length: only what is on screen exists. Rows or grid cells stand absolutely inside a box of the full height.

import { h, on } from "./dom.js";
import { step } from "./roving.js";

/** @template T @typedef {import("../core/pages.js").Pages<T>} Pages */

/** Rows drawn beyond each edge of the screen. */
const OVERSCAN_ROWS = 6;
/** A list that scrolls past does not ask for every page on its way. */
const ASK_AFTER_MS = 50;

/**
 * @template T
 * @typedef {object} VirtualOptions
 * @property {HTMLElement} host
 * @property {HTMLElement} scroller
 * @property {Pages<T>} pages
 * @property {string} label
 * @property {(width_px: number) => {columns: number, height_px: number}} measure
 * @property {(item: T) => HTMLElement} draw  its main control carries data-main
 * @property {() => HTMLElement} placeholder
 * @property {(item: T) => string} keyOf
 * @property {() => void} [settled]  the total became known or moved, or a fetch failed
 * @property {AbortSignal} signal
 */

/** @typedef {{element: HTMLElement, text: string}} Cell  `text` is the item as it was drawn, "" for a placeholder */

/**
 * Index of the cell that an element stands in.
 * @param {EventTarget | null} target
 */
export const indexOf = (target) =>
  Number(target instanceof Element ? target.closest(".cell")?.getAttribute("data-index") : -1);

/** @template T */
export class Virtual {
  /** @type {VirtualOptions<T>} */
  #options;
  /** @type {HTMLElement} */
  #box;
  /** @type {Map<number, Cell>} */
  #cells = new Map();
  #active = 0;
  #columns = 1;
  #height_px = 1;
  #width_px = 0;
  #frame = 0;
  #ask = 0;
  /** @type {{key: string, index: number} | null} */
  #anchor = null;

  /** @param {VirtualOptions<T>} options */
  constructor(options) {
    this.#options = options;
    const { host, scroller, pages, label, signal } = options;
    this.#box = h("div", { class: "virtual", role: "list", "aria-label": label });
    host.append(this.#box);
    on(scroller, { scroll: () => this.#schedule() }, signal);
    on(this.#box, { keydown: (event) => this.#key(event), focusin: (event) => this.#focused(event) }, signal);
    const watch = new ResizeObserver(() => this.#resize());
    watch.observe(host);
    watch.observe(scroller);
    signal.addEventListener("abort", () => {
      watch.disconnect();
      cancelAnimationFrame(this.#frame);
      clearTimeout(this.#ask);
    });
    pages.changed.on(() => this.#arrived(), signal);
    this.#resize();
    pages.ensure(0, 0);
    if (pages.total !== null) pages.refresh();
  }

  /** Put the keyboard on the first cell, or on the one it was on last. */
  focus() {
    this.#focusIndex(this.#active);
  }

  #rows() {
    return Math.ceil((this.#options.pages.total ?? 30) / this.#columns);
  }

  #resize() {
    const width = this.#options.host.clientWidth;
    if (!width) return;
    if (width !== this.#width_px) {
      const first = this.#firstVisible();
      this.#width_px = width;
      ({ columns: this.#columns, height_px: this.#height_px } = this.#options.measure(width));
      this.#box.style.setProperty("--cell-width", `${100 / this.#columns}%`);
      for (const [index, cell] of this.#cells) this.#place(cell.element, index);
      this.#applyHeight();
      if (first > 0) this.#scrollTo(first);
    }
    this.#draw();
  }

  #applyHeight() {
    this.#box.style.height = `${this.#rows() * this.#height_px}px`;
  }

  /** How far the box's top edge lies above the screen's. */
  #hidden_px() {
    return this.#options.scroller.getBoundingClientRect().top - this.#box.getBoundingClientRect().top;
  }

  #firstVisible() {
    return Math.max(0, Math.floor(this.#hidden_px() / this.#height_px)) * this.#columns;
  }

  /** @param {number} index */
  #scrollTo(index) {
    const { scroller } = this.#options;
    scroller.scrollTop += Math.floor(index / this.#columns) * this.#height_px - this.#hidden_px();
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #arrived() {
    if (this.#options.signal.aborted) return;
    this.#keepPlace();
    this.#applyHeight();
    this.#draw();
    this.#options.settled?.();
  }

  /** When items came or went above the screen, move with them: what the person looks at stays where it is. */
  #keepPlace() {
    if (!this.#anchor || this.#hidden_px() <= 0) return;
    const { key, index } = this.#anchor;
    const now = this.#options.pages.indexNear((item) => this.#options.keyOf(item) === key, index);
    if (now < 0 || now === index) return;
    this.#applyHeight();
    const rows = Math.floor(now / this.#columns) - Math.floor(index / this.#columns);
    this.#options.scroller.scrollTop += rows * this.#height_px;
    this.#active += now - index;
  }

  #draw() {
    const { pages, scroller, keyOf } = this.#options;
    const total = pages.total ?? this.#rows() * this.#columns;
    const top = this.#hidden_px();
    const firstRow = Math.max(0, Math.floor(top / this.#height_px) - OVERSCAN_ROWS);
    const lastRow = Math.ceil((top + scroller.clientHeight) / this.#height_px) + OVERSCAN_ROWS;
    const first = firstRow * this.#columns;
    const last = Math.min(total, Math.max(0, lastRow * this.#columns)) - 1;
    this.#drawCells(first, last, total);
    const visible = this.#firstVisible();
    const item = pages.get(visible);
    this.#anchor = item ? { key: keyOf(item), index: visible } : null;
    clearTimeout(this.#ask);
    this.#ask = setTimeout(
      () => pages.ensure(first, Math.max(first, last)),
      pages.get(first) && pages.get(last) ? 0 : ASK_AFTER_MS,
    );
  }

  /**
   * @param {number} first
   * @param {number} last
   * @param {number} total
   */
  #drawCells(first, last, total) {
    const { pages } = this.#options;
    /** What left its place but may be wanted at another. @type {Map<string, HTMLElement>} */
    const loose = new Map();
    const focused = document.activeElement?.closest(".virtual") === this.#box ? document.activeElement : null;
    const holder = indexOf(focused);
    for (const [index, cell] of this.#cells) {
      const item = pages.get(index);
      const text = item ? JSON.stringify(item) : "";
      const outside = (index < first || index > last) && index !== holder;
      if (!outside && index < total && text === cell.text) continue;
      this.#cells.delete(index);
      if (cell.text) loose.set(cell.text, cell.element);
      else cell.element.remove();
    }
    for (let index = first; index <= last; index++) {
      if (this.#cells.has(index)) continue;
      const item = pages.get(index);
      const text = item ? JSON.stringify(item) : "";
      const element = loose.get(text) ?? this.#make(item);
      loose.delete(text);
      this.#cells.set(index, { element, text });
      this.#place(element, index);
      element.setAttribute("aria-posinset", String(index + 1));
      element.setAttribute("aria-setsize", String(total));
      if (element.parentNode !== this.#box) this.#box.append(element);
    }
    for (const element of loose.values()) element.remove();
    this.#mark();
    if (focused && !focused.isConnected) this.#focusIndex(this.#active);
  }

  /** @param {T | null} item */
  #make(item) {
    const element = item === null ? this.#options.placeholder() : this.#options.draw(item);
    // The keyboard may stand here before the item does.
    if (item === null) element.tabIndex = -1;
    element.classList.add("cell");
    element.setAttribute("role", "listitem");
    return element;
  }

  /**
   * @param {HTMLElement} element
   * @param {number} index
   */
  #place(element, index) {
    element.setAttribute("data-index", String(index));
    const y = Math.floor(index / this.#columns) * this.#height_px;
    const x = (index % this.#columns) * 100;
    element.style.transform = `translate(${x}%, ${y}px)`;
    element.style.height = `${this.#height_px}px`;
  }

  /** One cell is in the tab order: the active one. */
  #mark() {
    const { total } = this.#options.pages;
    this.#active = Math.max(0, Math.min(this.#active, (total ?? 1) - 1));
    const reachable = this.#cells.has(this.#active) ? this.#active : Math.min(...this.#cells.keys());
    for (const [index, { element }] of this.#cells) {
      for (const control of element.querySelectorAll("button, a"))
        control.setAttribute("tabindex", index === reachable ? "0" : "-1");
    }
  }

  /** @param {FocusEvent} event */
  #focused(event) {
    const index = indexOf(event.target);
    if (index < 0 || index === this.#active) return;
    this.#active = index;
    this.#mark();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const at = indexOf(event.target);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const total = this.#options.pages.total ?? 0;
    const screen = Math.max(1, Math.floor(this.#options.scroller.clientHeight / this.#height_px) - 1) * this.#columns;
    const to = step(event.key, { at, total, columns: this.#columns, screen });
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.#focusIndex(to);
  }

  /** @param {number} index */
  #focusIndex(index) {
    this.#active = index;
    const { scroller } = this.#options;
    const top = Math.floor(index / this.#columns) * this.#height_px - this.#hidden_px();
    if (top < 0 || top + this.#height_px > scroller.clientHeight) {
      scroller.scrollTop += top - (scroller.clientHeight - this.#height_px) / 2;
    }
    this.#draw();
    const cell = this.#cells.get(this.#active)?.element;
    const control = cell?.querySelector("[data-main]") ?? cell;
    if (control instanceof HTMLElement) control.focus({ preventScroll: true });
  }
}

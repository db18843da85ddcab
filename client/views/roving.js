// One stop in the tab order per list; arrows, j and k move inside it.

import { on } from "./dom.js";

/**
 * Where a key leads in a list or grid, null when it leads nowhere.
 * @param {string} key
 * @param {{at: number, total: number, columns: number, screen: number}} where  `screen`: cells on one screen
 */
export function step(key, { at, total, columns, screen }) {
  /** @type {Record<string, number>} */
  const moves = {
    ArrowDown: columns,
    j: columns,
    ArrowUp: -columns,
    k: -columns,
    PageDown: screen,
    PageUp: -screen,
    Home: -total,
    End: total,
  };
  if (columns > 1) Object.assign(moves, { ArrowRight: 1, ArrowLeft: -1 });
  const move = moves[key];
  if (move === undefined || total === 0) return null;
  const to = at + move;
  const sideways = Math.abs(move) === 1 && columns > 1;
  if (sideways && (to < 0 || to >= total)) return null;
  return Math.max(0, Math.min(total - 1, to));
}

/**
 * @param {HTMLElement} list  whose [data-main] controls are the stops
 * @param {AbortSignal} signal
 * @param {{horizontal?: boolean}} [how]
 */
export function rove(list, signal, { horizontal = false } = {}) {
  const stops = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[data-main]")]);
  /** @param {HTMLElement | undefined} chosen */
  const mark = (chosen) => {
    for (const stop of stops()) stop.tabIndex = stop === chosen ? 0 : -1;
  };
  mark(stops()[0]);
  on(
    list,
    {
      focusin: (event) => {
        const stop = event.target.closest("[data-main]");
        if (stop) mark(stop);
      },
      keydown: (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
        const all = stops();
        const at = all.findIndex(
          (stop) => stop === event.target || stop.closest("[role=listitem]")?.contains(event.target),
        );
        const columns = horizontal ? all.length + 1 : 1;
        const to = at < 0 ? null : step(event.key, { at, total: all.length, columns, screen: 10 });
        if (to === null || (horizontal && /^(Arrow(Up|Down)|j|k)$/.test(event.key))) return;
        event.preventDefault();
        event.stopPropagation();
        all[to].focus();
      },
    },
    signal,
  );
}

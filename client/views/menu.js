// A menu of actions: beside the pointer on a wide screen, a sheet from below on a phone.

import { button, h, on } from "./dom.js";
import { icon } from "./icon.js";

/**
 * @typedef {object} Action
 * @property {import("./icon.js").IconName} icon
 * @property {string} label
 * @property {() => void} run
 */

const SHEET = "(max-width: 640px)";
const EDGE_PX = 8;

/**
 * @param {string} title  what the actions are for
 * @param {Action[]} actions
 * @param {{x: number, y: number} | Element} where
 */
export function openMenu(title, actions, where) {
  const back = document.activeElement;
  const list = h("div", { role: "menu", "aria-label": title, class: "menu-list" });
  const dialog = h(
    "dialog",
    { class: "menu", "aria-label": title },
    h("p", { class: "menu-title", dir: "auto" }, title),
    list,
  );
  const close = () => dialog.close();
  const items = actions.map((action) =>
    button(
      { role: "menuitem", tabindex: "-1" },
      () => {
        close();
        action.run();
      },
      icon(action.icon),
      action.label,
    ),
  );
  list.append(...items);
  on(dialog, {
    click: (event) => {
      if (event.target === dialog) close();
    },
    close: () => {
      dialog.remove();
      if (back instanceof HTMLElement && back.isConnected && document.activeElement === document.body)
        back.focus({ preventScroll: true });
    },
    keydown: (event) => {
      event.stopPropagation();
      const at = items.findIndex((item) => item === document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[
        /** @type {string} */ (event.key)
      ];
      if (event.key === "Tab") close();
      if (to === undefined) return;
      event.preventDefault();
      items[(to + items.length) % items.length].focus();
    },
  });
  document.body.append(dialog);
  dialog.showModal();
  if (!matchMedia(SHEET).matches) place(dialog, where);
  items[0]?.focus();
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {{x: number, y: number} | Element} where
 */
function place(dialog, where) {
  const box = where instanceof Element ? where.getBoundingClientRect() : null;
  const x = box ? box.right - dialog.offsetWidth : /** @type {{x: number}} */ (where).x;
  const below = box ? box.bottom + 4 : /** @type {{y: number}} */ (where).y;
  const above = (box ? box.top - 4 : below) - dialog.offsetHeight;
  const y = below + dialog.offsetHeight > innerHeight - EDGE_PX && above > EDGE_PX ? above : below;
  dialog.style.left = `${Math.max(EDGE_PX, Math.min(x, innerWidth - dialog.offsetWidth - EDGE_PX))}px`;
  dialog.style.top = `${Math.max(EDGE_PX, Math.min(y, innerHeight - dialog.offsetHeight - EDGE_PX))}px`;
}

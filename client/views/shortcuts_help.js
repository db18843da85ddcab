// What the keys do, in a dialog.

import { button, h } from "./dom.js";
import { icon } from "./icon.js";

/** @type {[string, string][]} */
const HELP = [
  ["Space", "Play or pause"],
  ["N / P", "Next, previous song"],
  ["← / →", "Five seconds back, on"],
  ["Shift ↑ / ↓", "Louder, softer"],
  ["M", "Mute"],
  ["S", "Shuffle"],
  ["R", "Repeat"],
  ["F", "Star the song that plays"],
  ["J / K", "Down, up in a list"],
  ["Enter", "Play or open what is chosen"],
  ["Alt ↑ / ↓", "Move in the queue"],
  ["Delete", "Remove from the queue"],
  ["/", "Search"],
  ["Q", "Queue"],
  ["?", "This help"],
  ["Esc", "Close, or back"],
];

/** The list of shortcuts, in a dialog. */
export function openShortcuts() {
  const dialog = h(
    "dialog",
    { class: "sheet", "aria-label": "Keyboard shortcuts" },
    h(
      "header",
      { class: "sheet-head" },
      h("h2", null, "Keyboard shortcuts"),
      button({ class: "ghost", "aria-label": "Close" }, () => dialog.close(), icon("close")),
    ),
    h(
      "dl",
      { class: "facts keys" },
      ...HELP.flatMap(([key, does]) => [h("dt", null, h("kbd", null, key)), h("dd", null, does)]),
    ),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

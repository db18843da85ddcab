// One to five, in a dialog.

import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";

/** @import {Markable} from "../core/source.js" */
/** @import {App} from "./app.js" */

const MOST = 5;

/**
 * @param {App} app
 * @param {Markable} kind
 * @param {import("./star.js").Thing} thing
 */
export function openRating(app, kind, thing) {
  const name = thing.title ?? thing.name ?? "";
  const title = `Rate “${name}”`;
  const dialog = h("dialog", { class: "sheet ask", "aria-label": title });
  /** @param {number | null} rating */
  const rate = (rating) => () => {
    dialog.close();
    app.source.personal?.rate(kind, thing.id, rating).then(
      () => app.tell(rating ? `“${name}” is rated ${rating} of ${MOST}.` : `“${name}” is not rated any more.`),
      (error) => app.tell(error.message),
    );
  };
  const choices = h("div", { class: "rating", role: "group", "aria-label": title });
  /** @param {number} lit */
  const draw = (lit) => {
    for (const [i, choice] of [...choices.children].entries()) fill(choice, icon(i < lit ? "starred" : "star"));
  };
  for (let rating = 1; rating <= MOST; rating++) {
    const choice = button({ class: "ghost", "aria-label": `${rating} of ${MOST}`, "aria-pressed": String(thing.rating === rating) }, rate(rating));
    for (const near of ["pointerenter", "focus"]) choice.addEventListener(near, () => draw(rating));
    choices.append(choice);
  }
  choices.addEventListener("pointerleave", () => draw(thing.rating ?? 0));
  draw(thing.rating ?? 0);
  dialog.append(
    h("h2", { dir: "auto" }, title),
    choices,
    h(
      "div",
      { class: "actions" },
      thing.rating ? button({ class: "pill" }, rate(null), "Take it back") : null,
      button({ class: "pill" }, () => dialog.close(), "Cancel"),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

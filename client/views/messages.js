// Short messages from below, the voice of what changed, and questions with two answers.

import { button, h, say } from "./dom.js";
import { byId } from "./shell.js";

const SHOWN_MS = 5000;
const SHOWN_WITH_WAY_MS = 10_000;
const AT_ONCE = 3;

/**
 * A message that is seen, and read out by its live region.
 * @param {string} text
 * @param {{label: string, run: () => void}} [way]  what can be done about it, for a while
 */
export function tell(text, way) {
  const host = byId("messages");
  for (const same of host.children) if (same.textContent === text) same.remove();
  const message = h("p", { class: "message", dir: "auto" }, text);
  if (way) {
    const act = () => {
      message.remove();
      way.run();
    };
    message.append(button({ class: "message-way" }, act, way.label));
  }
  host.append(message);
  while (host.childElementCount > AT_ONCE) host.firstElementChild?.remove();
  setTimeout(() => message.remove(), way ? SHOWN_WITH_WAY_MS : SHOWN_MS);
}

/** Words for a voice only. @param {string} text */
export function announce(text) {
  say(byId("announcer"), text);
}

/**
 * Ask for a line of text.
 * @param {string} title
 * @param {string} text
 * @param {{yes: string, placeholder?: string, value?: string}} how
 * @returns {Promise<string | null>}  null: they would rather not
 */
export function ask(title, text, { yes, placeholder = "", value = "" }) {
  return new Promise((resolve) => {
    const input = h("input", {
      type: "text",
      "aria-label": title,
      placeholder,
      value,
      spellcheck: "false",
      autocapitalize: "none",
      maxlength: "4096",
      required: true,
    });
    const form = h(
      "form",
      null,
      input,
      h(
        "div",
        { class: "actions" },
        button({ class: "pill" }, () => dialog.close(), "Cancel"),
        h("button", { type: "submit", class: "pill primary" }, yes),
      ),
    );
    const dialog = h(
      "dialog",
      { class: "sheet ask", "aria-label": title },
      h("h2", null, title),
      h("p", null, text),
      form,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      resolve(input.value.trim() || null);
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      resolve(null);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}

/**
 * Ask before something that cannot be undone.
 * @param {string} title
 * @param {string} text
 * @param {string} yes  what the button that does it says
 * @returns {Promise<boolean>}
 */
export function confirm(title, text, yes) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { class: "sheet ask", "aria-label": title });
    const answer = (/** @type {boolean} */ value) => () => {
      resolve(value);
      dialog.close();
    };
    dialog.append(
      h("h2", { dir: "auto" }, title),
      h("p", null, text),
      h(
        "div",
        { class: "actions" },
        button({ class: "pill" }, answer(false), "Cancel"),
        button({ class: "pill danger" }, answer(true), yes),
      ),
    );
    dialog.addEventListener("close", () => {
      resolve(false);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

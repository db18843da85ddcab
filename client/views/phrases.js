// The page of recovery phrases: which open the library, another one made, one removed.

import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";
import { trouble } from "./live.js";
import { backButton, pageHead } from "./page.js";

/** @import {Beside, Phrase, PhraseDraft, Phrases} from "../core/source.js" */
/** @import {App} from "./app.js" */

/**
 * @param {HTMLElement} host
 * @param {App} app
 * @param {Phrases} phrases
 * @param {AbortSignal} signal
 */
export function mountPhrases(host, app, phrases, signal) {
  const list = h("section", { class: "panel" });
  const making = h("section", { class: "panel", "aria-live": "polite" });
  host.append(backButton(app), pageHead("Recovery phrases"), list, making);
  const show = async () => {
    const { items } = await phrases.list();
    if (signal.aborted) return;
    fill(
      list,
      h("p", { class: "quiet" }, "Each opens your whole library when your devices are lost. The first outranks every device; one made later ranks just above the device that made it."),
      h("div", { role: "list", "aria-label": "Recovery phrases", class: "folders" }, ...items.map((one) => row(app, phrases, one, items.length > 1, again))),
    );
  };
  const again = () => void show().catch((error) => fill(list, trouble(error, again)));
  const offer = () => fill(making, button({ class: "pill", "data-key": "new-phrase" }, () => void make(), icon("plus"), "Make another phrase"));
  const make = async () => {
    try {
      const draft = await phrases.draft();
      if (signal.aborted) return void phrases.discard(draft.id).catch(() => {});
      signal.addEventListener("abort", () => void phrases.discard(draft.id).catch(() => {}), { once: true });
      showWords(making, app, phrases, draft, () => {
        offer();
        again();
      });
    } catch (error) {
      app.tell(error instanceof Error ? error.message : "That didn’t work.");
    }
  };
  offer();
  again();
}

/** @param {Phrase} phrase */
function made({ first, added_ms, made_by }) {
  return first ? "Made with the library" : `Made ${new Date(added_ms).toLocaleDateString()} by ${made_by}`;
}

/**
 * @param {App} app
 * @param {Phrases} phrases
 * @param {Phrase} phrase
 * @param {boolean} removable
 * @param {() => void} changed
 */
function row(app, phrases, phrase, removable, changed) {
  const short = phrase.id.slice(0, 8);
  const remove = async () => {
    const text = "It opens nothing that comes from then on.";
    let words = "";
    if (phrase.outranks_this) {
      const typed = await app.ask(`Remove phrase ${short}?`, `${text} This device doesn’t outrank it: type its 24 words, or those of a phrase that outranks it.`, { yes: "Remove", value: "" });
      if (!typed) return;
      words = typed;
    } else if (!(await app.confirm(`Remove phrase ${short}?`, text, "Remove"))) return;
    await phrases.remove(phrase.id, words).then(changed, (error) => app.tell(error.message));
  };
  return h(
    "div",
    { class: "folder", role: "listitem" },
    icon("key"),
    h("div", { class: "folder-what" }, h("strong", { class: "mono" }, short), h("p", { class: "quiet", dir: "auto" }, made(phrase))),
    removable ? button({ class: "ghost", "aria-label": `Remove phrase ${short}` }, () => void remove(), icon("close")) : null,
  );
}

/**
 * @param {HTMLElement} host
 * @param {App} app
 * @param {Phrases} phrases
 * @param {PhraseDraft} draft
 * @param {() => void} done
 */
function showWords(host, app, phrases, draft, done) {
  const heading = h("h2", { tabindex: "-1" }, "Write these words on paper, in order");
  fill(
    host,
    heading,
    h("p", null, "They are shown this once. Whoever has them can read your library."),
    h("ol", { class: "phrase" }, ...draft.words.map((word) => h("li", null, h("span", { translate: "no" }, word)))),
    ...beside(draft),
    h(
      "div",
      { class: "actions" },
      button({ class: "pill primary" }, () => askWords(host, app, phrases, draft, done), "I have written them down"),
      button({ class: "quiet" }, () => void phrases.discard(draft.id).then(done, done), "Cancel"),
    ),
  );
  heading.focus();
}

/** What must stand beside the words. @param {Beside} where */
export function beside({ seeds, trackers }) {
  const addresses = [...seeds.map((each) => ["Seed", each]), ...trackers.map((each) => ["Tracker", each])];
  if (!addresses.length) return [h("p", { class: "quiet" }, "When you add a seed or a tracker, write its address beside the words: with the words alone nobody could look for your library.")];
  return [
    h("p", null, "And beside them, where your library is found:"),
    h("dl", { class: "facts" }, ...addresses.flatMap(([kind, address]) => [h("dt", null, kind), h("dd", { class: "mono" }, address)])),
  ];
}

/**
 * @param {HTMLElement} host
 * @param {App} app
 * @param {Phrases} phrases
 * @param {PhraseDraft} draft
 * @param {() => void} done
 */
function askWords(host, app, phrases, draft, done) {
  const inputs = draft.positions.map((position) =>
    h("input", { type: "text", autocomplete: "off", autocapitalize: "none", autocorrect: "off", spellcheck: "false", maxlength: "20", required: true }),
  );
  const error = h("p", { class: "error", role: "alert" });
  const submit = h("button", { type: "submit", class: "pill primary" }, "Confirm");
  const form = h(
    "form",
    { class: "gate-form words" },
    ...inputs.map((input, i) => h("label", null, h("span", null, `Word ${draft.positions[i]}`), input)),
    error,
    h("div", { class: "actions" }, submit, button({ class: "quiet" }, () => showWords(host, app, phrases, draft, done), "Show the words again")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    error.textContent = "";
    try {
      await phrases.confirm(draft.id, Object.fromEntries(inputs.map((input, i) => [draft.positions[i], input.value.trim().toLowerCase()])));
      app.tell("The new phrase opens your library from now on.");
      done();
    } catch (reason) {
      error.textContent = reason instanceof Error ? reason.message : "That didn’t work.";
      inputs[0].select();
    } finally {
      submit.disabled = false;
    }
  });
  fill(host, h("h2", null, "Now from your paper"), h("p", null, "Type these three words, so that we both know the paper is right."), form);
  inputs[0]?.focus();
}

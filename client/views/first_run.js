// A new library: its recovery phrase is shown, and asked for, before anything else.

import { SourceError } from "../core/source_error.js";
import { button, fill, h } from "./dom.js";
import { mark } from "./mark.js";
import { beside } from "./phrases.js";

/** @import {App} from "./app.js" */

/**
 * @param {HTMLElement} host
 * @param {App} app
 * @param {() => void} done
 */
export function mountFirstRun(host, app, done) {
  const card = h("main", { class: "gate-card wide" });
  fill(host, card);
  void showWords(card, app, done);
}

/**
 * @param {HTMLElement} card
 * @param {App} app
 * @param {() => void} done
 */
async function showWords(card, app, done) {
  let phrase;
  try {
    phrase = await app.source.phrase();
  } catch (error) {
    app.tell(error instanceof SourceError ? error.message : "The recovery phrase could not be shown.");
    return done();
  }
  if (!phrase) return done();
  fill(
    card,
    mark(),
    h("h1", { tabindex: "-1" }, "Your recovery phrase"),
    h(
      "p",
      null,
      "These words are the only way back to your library if you lose your devices. Nobody else has them. Write them on paper, in order.",
    ),
    h("ol", { class: "phrase" }, ...phrase.words.map((word) => h("li", null, h("span", { translate: "no" }, word)))),
    ...beside(phrase),
    h(
      "div",
      { class: "actions" },
      button({ class: "pill primary" }, () => void askWords(card, app, done), "I have written them down"),
      button({ class: "quiet" }, done, "Later"),
    ),
  );
  /** @type {HTMLElement | null} */ (card.querySelector("h1"))?.focus();
}

/**
 * @param {HTMLElement} card
 * @param {App} app
 * @param {() => void} done
 */
async function askWords(card, app, done) {
  let positions;
  try {
    positions = await app.source.phraseChallenge();
  } catch (error) {
    return app.tell(error instanceof Error ? error.message : "That didn’t work.");
  }
  const inputs = positions.map((position) =>
    h("input", {
      type: "text",
      autocomplete: "off",
      autocapitalize: "none",
      autocorrect: "off",
      spellcheck: "false",
      maxlength: "20",
      "aria-label": `Word ${position}`,
      "data-position": position,
      required: true,
    }),
  );
  const error = h("p", { class: "error", role: "alert" });
  const submit = h("button", { type: "submit", class: "pill primary" }, "Confirm");
  const form = h(
    "form",
    { class: "gate-form words" },
    ...inputs.map((input, i) => h("label", null, h("span", null, `Word ${positions[i]}`), input)),
    error,
    h(
      "div",
      { class: "actions" },
      submit,
      button({ class: "quiet" }, () => void showWords(card, app, done), "Show the words again"),
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    error.textContent = "";
    try {
      await app.source.confirmPhrase(
        Object.fromEntries(inputs.map((input, i) => [positions[i], input.value.trim().toLowerCase()])),
      );
      app.tell("Your recovery phrase is confirmed. Keep it safe.");
      done();
    } catch (reason) {
      error.textContent = reason instanceof Error ? reason.message : "That didn’t work.";
      inputs[0].select();
    } finally {
      submit.disabled = false;
    }
  });
  fill(
    card,
    mark(),
    h("h1", null, "Now from your paper"),
    h("p", null, "Type these three words, so that we both know the paper is right."),
    form,
  );
  inputs[0]?.focus();
}

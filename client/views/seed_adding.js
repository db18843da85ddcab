// Having one more seed keep the library: by the code of whoever runs it, or in room that the tracker's pool offers.

import { bytes, counted, number } from "../core/format.js";
import { roomFor } from "../core/seed_room.js";
import { h, on, say } from "./dom.js";

/** @import {Seed, Seeds} from "../core/source.js" */
/** @import {App} from "./app.js" */

const GB = 1_000_000_000;
const SIZES_BYTES = [2 * GB, 10 * GB, 40 * GB, 100 * GB, 200 * GB, 500 * GB];
const LIKELY_BYTES = 40 * GB;
const CODE_CHARS = 400;

/**
 * Lasts as long as the page, so that what is typed outlasts news of the library. `seen` says how many tracks that has
 * and what to run when a seed was added.
 *
 * @typedef {{element: HTMLElement, seen: (tracks: number, added: () => void) => void}} Adding
 */

/**
 * @param {App} app
 * @param {Seeds} seeds
 * @returns {Adding}
 */
export function seedAdding(app, seeds) {
  let added = () => {};
  const pool = poolForm();
  const forms = [codeForm(), pool];
  for (const { form, ask, doing } of forms) {
    const error = h("p", { class: "error", role: "alert" });
    form.append(error);
    on(form, {
      submit: async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        const wish = ask();
        if (!wish) return;
        busy(true);
        say(error, "");
        app.tell(doing);
        try {
          app.tell(kept(await seeds.add(wish)));
          form.reset();
          pool.tell();
          added();
        } catch (reason) {
          error.textContent = reason instanceof Error ? reason.message : "That didn’t work.";
        } finally {
          busy(false);
        }
      },
    });
  }
  /** @param {boolean} now */
  const busy = (now) => {
    for (const { submit } of forms) submit.disabled = now;
  };
  const heading = h("summary", { "data-key": "seed-adding" }, "Add a seed");
  return {
    element: h("details", { class: "seed-adding" }, heading, ...forms.map(({ form }) => form)),
    seen: (tracks, then) => {
      added = then;
      pool.tell(tracks);
    },
  };
}

/** @param {Seed} seed */
const kept = ({ url }) =>
  `${url.replace(/^https?:\/\//, "")} keeps your library from now on. Write its address beside your recovery phrase.`;

function codeForm() {
  const code = h("input", {
    type: "text",
    "aria-label": "Code",
    placeholder: "seed.example:7666#invite=…",
    "data-key": "seed-code",
    spellcheck: "false",
    autocapitalize: "none",
    autocomplete: "off",
    maxlength: String(CODE_CHARS),
  });
  const submit = h("button", { type: "submit", class: "pill", "data-key": "seed-add" }, "Add");
  const form = h(
    "form",
    { "aria-label": "A friend’s, or your own" },
    h("h3", null, "A friend’s, or your own"),
    h("p", { class: "quiet" }, "Whoever runs it makes a code with ", h("code", null, "songkeep seed invite --quota 40GB"), "."),
    h("div", { class: "inline-form" }, code, submit),
  );
  const ask = () => {
    const typed = code.value.trim();
    if (!typed) code.focus();
    return typed ? { code: typed } : null;
  };
  return { form, submit, ask, doing: "Asking the seed…" };
}

function poolForm() {
  let known = 0;
  const select = h(
    "select",
    { "aria-label": "Room on a seed", "aria-describedby": "pool-meaning", "data-key": "seed-room" },
    ...SIZES_BYTES.map((size) => h("option", { value: size, selected: size === LIKELY_BYTES }, bytes(size))),
  );
  const meaning = h("p", { class: "quiet", id: "pool-meaning", "aria-live": "polite" });
  const submit = h("button", { type: "submit", class: "pill", "data-key": "seed-find" }, "Find a seed");
  const form = h(
    "form",
    { "aria-label": "From your tracker’s pool" },
    h("h3", null, "From your tracker’s pool"),
    h(
      "p",
      { class: "quiet" },
      "Some trackers know seeds that have room for their accounts. Such a seed may be a stranger’s: it keeps your library sealed and can’t read it, but sees sizes, times and addresses. If it doesn’t give what it promised, another is tried.",
    ),
    h("div", { class: "inline-form" }, h("span", { class: "select" }, select), submit),
    meaning,
  );
  const tell = (tracks = known) => {
    known = tracks;
    say(meaning, meant(Number(select.value), known));
  };
  on(form, { change: () => tell() });
  const ask = () => ({ grant_bytes: Number(select.value) });
  return { form, submit, ask, tell, doing: "Looking for a seed with so much room…" };
}

/** @param {number} size_bytes @param {number} tracks */
function meant(size_bytes, tracks) {
  const { songs, all, left_bytes } = roomFor(size_bytes, tracks);
  const room = `${bytes(size_bytes)} are about ${counted(songs, "song")} of the size for the phone.`;
  const yours = `Your library has ${number(tracks)}`;
  if (!tracks) return room;
  if (!all) return `${room} ${yours}: not all would find room.`;
  return `${room} ${yours}, so everything would play from anywhere, with ${bytes(left_bytes)} left for originals.`;
}

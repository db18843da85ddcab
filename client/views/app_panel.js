// Other people's music apps: the passwords they sign in with, made, listed and revoked.

import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";

/** @import {AppPassword, Apps} from "../core/source.js" */
/** @import {App} from "./app.js" */

const DAY_MS = 86_400_000;

/**
 * @param {App} app
 * @param {Apps} apps
 * @param {AbortSignal} signal
 */
export function appPanel(app, apps, signal) {
  const list = h("div", { role: "list", "aria-label": "Music apps", class: "folders" });
  const made = h("div", { role: "status" });
  const show = () =>
    apps.list().then(
      (known) => {
        if (!signal.aborted) fill(list, ...known.map((one) => row(app, apps, one, show)));
      },
      (error) => app.tell(error.message),
    );
  void show();
  return h(
    "section",
    { class: "panel" },
    h("h2", null, "Music apps"),
    h(
      "p",
      { class: "quiet" },
      "Symfonium, Tempus, DSub, Feishin, Amperfy and every other app that speaks Subsonic plays from this computer. Each gets a password of its own.",
    ),
    list,
    made,
    form(app, apps, (one) => {
      fill(made, ...secret(one));
      void show();
    }),
  );
}

/**
 * @param {App} app
 * @param {Apps} apps
 * @param {AppPassword} one
 * @param {() => void} changed
 */
function row(app, apps, one, changed) {
  const revoke = async () => {
    if (await app.confirm(`Revoke “${one.name}”?`, "The app opens nothing from then on.", "Revoke"))
      apps.revoke(one.id).then(changed, (error) => app.tell(error.message));
  };
  return h(
    "div",
    { class: "folder", role: "listitem" },
    icon("key"),
    h("div", { class: "folder-what" }, h("bdi", null, one.name), h("p", { class: "quiet" }, lastUse(one))),
    button({ class: "ghost", "aria-label": `Revoke ${one.name}` }, revoke, icon("close")),
  );
}

/**
 * @param {App} app
 * @param {Apps} apps
 * @param {(made: AppPassword & {password: string}) => void} done
 */
function form(app, apps, done) {
  const name = h("input", {
    type: "text",
    placeholder: "Symfonium on Pixel",
    "aria-label": "Name of the app and the device",
    maxlength: "100",
    "data-key": "new-app",
  });
  const element = h(
    "form",
    { class: "inline-form" },
    name,
    h("button", { type: "submit", class: "pill" }, icon("plus"), "Let it in"),
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = name.value.trim();
    if (!wanted) return name.focus();
    apps.create(wanted).then(
      (made) => {
        name.value = "";
        done(made);
      },
      (error) => app.tell(error.message),
    );
  });
  return element;
}

/** @param {AppPassword & {password: string}} made */
function secret(made) {
  const facts = [
    ["Address", location.origin],
    ["User name", "songkeep"],
    ["Password", made.password],
  ];
  return [
    h("p", null, `Type this into ${made.name}. It is shown this once.`),
    h("dl", { class: "facts" }, ...facts.flatMap(([term, value]) => [h("dt", null, term), h("dd", { class: "mono" }, value)])),
  ];
}

/** @param {AppPassword} one */
function lastUse(one) {
  if (one.used_ms === null) return "Never used";
  const days = Math.floor((Date.now() - one.used_ms) / DAY_MS);
  return days < 1 ? "Used today" : `Last used ${new Date(one.used_ms).toLocaleDateString()}`;
}

import { href } from "../core/route.js";
import { appPanel } from "./app_panel.js";
import { leave } from "./guard.js";
import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";
import { backButton, pageHead } from "./page.js";
import { openShortcuts } from "./shortcuts_help.js";

/** @import {Choices} from "../core/settings.js" */
/** @import {App, Mount} from "./app.js" */

/** @type {Mount} */
export function mountSettings(host, app, _route, signal) {
  const about = h("dl", { class: "facts" });
  host.append(
    backButton(app),
    pageHead("Settings"),
    choice(app, signal, "theme", "Appearance", "", [
      ["auto", "System"],
      ["dark", "Dark"],
      ["light", "Light"],
    ]),
    choice(
      app,
      signal,
      "rendition",
      "Quality",
      "Originals are bit for bit your files. The small copy is Opus, made for the road. An original that comes too slowly goes on as the small copy.",
      app.source.keeping
        ? [
            ["auto", "Small"],
            ["lan", "Original at home"],
            ["original", "Original"],
          ]
        : [
            ["auto", "Automatic"],
            ["original", "Original"],
            ["mobile", "Small"],
          ],
    ),
    choice(
      app,
      signal,
      "loudness",
      "Even loudness",
      "Uses the ReplayGain values in your files. By album keeps the differences inside an album.",
      [
        ["off", "Off"],
        ["track", "By song"],
        ["album", "By album"],
      ],
    ),
    app.source.can.has("plays") ? forYou(app) : h("span", null),
    h(
      "section",
      { class: "panel" },
      h("h2", null, "Keyboard"),
      h("p", { class: "quiet" }, "Everything can be done without a mouse."),
      button({ class: "pill" }, openShortcuts, icon("keyboard"), "Show shortcuts"),
    ),
    app.source.apps ? appPanel(app, app.source.apps, signal) : h("span", null),
    app.source.can.has("devices") ? devices() : h("span", null),
    h("section", { class: "panel" }, h("h2", null, "About"), about),
    app.source.can.has("sign_out") ? signOut(app) : h("span", null),
  );
  app.source.library().then(
    ({ version, device, library }) => {
      if (signal.aborted) return;
      const rows = [
        ["Songkeep", version],
        ["This device", device],
        ["Library", library],
      ];
      fill(
        about,
        ...rows
          .filter(([, value]) => value)
          .flatMap(([term, value]) => [h("dt", null, term), h("dd", { class: "mono" }, value)]),
      );
    },
    () => {},
  );
}

/**
 * @template {"theme" | "rendition" | "loudness"} K
 * @param {App} app
 * @param {AbortSignal} signal
 * @param {K} name
 * @param {string} title
 * @param {string} text
 * @param {[Choices[K], string][]} options
 */
function choice({ settings }, signal, name, title, text, options) {
  const inputs = options.map(([value, label]) => {
    const input = h("input", { type: "radio", name, value, checked: settings.get(name) === value });
    input.addEventListener("change", () => settings.set(name, value));
    return h("label", { class: "segment" }, input, h("span", null, label));
  });
  settings.changed.on((changed) => {
    if (changed !== name) return;
    for (const label of inputs) {
      const input = /** @type {HTMLInputElement} */ (label.firstElementChild);
      input.checked = input.value === settings.get(name);
    }
  }, signal);
  return h(
    "section",
    { class: "panel" },
    h(
      "fieldset",
      null,
      h("legend", null, title),
      text ? h("p", { class: "quiet" }, text) : null,
      h("div", { class: "segments" }, ...inputs),
    ),
  );
}

/** @param {App} app */
function forYou({ settings }) {
  const input = h("input", { type: "checkbox", role: "switch", checked: settings.get("for_you") });
  input.addEventListener("change", () => settings.set("for_you", input.checked));
  return h(
    "section",
    { class: "panel" },
    h("h2", null, "For you"),
    h("p", { class: "quiet" }, "Mixes, and songs to rediscover, worked out on this device from your own plays. Nobody else learns of them."),
    h("label", { class: "switch" }, input, h("span", null, "Suggest music from what I play")),
  );
}

const devices = () =>
  h(
    "section",
    { class: "panel" },
    h("h2", null, "Devices and trackers"),
    h("p", { class: "quiet" }, "Who belongs to your library, and where its devices meet."),
    h("a", { class: "pill", href: href("devices") }, icon("devices"), "Show them"),
  );

/** What leaving means: on a computer's player a sign-out, on a paired device the end of all that it keeps. @param {App} app */
const leaving = ({ source }) =>
  source.keeping
    ? {
        title: "This device",
        text: "Forgetting it deletes its keys and all music kept here. ",
        ask: "Forget this device?",
        why: "Its keys, the catalog and every song kept here are deleted. What was changed here and not told to a computer yet is lost. To come back, it must be paired again.",
        yes: "Forget",
        label: "Forget this device",
      }
    : {
        title: "This browser",
        text: `${isSecureContext ? "" : "The way to your computer is not encrypted: others in this network could listen. "}Signing out forgets the queue, recent albums and searches kept here. `,
        ask: "Sign out here?",
        why: "To come back, run “songkeep open” on your computer.",
        yes: "Sign out",
        label: "Sign out",
      };

/** @param {App} app */
const signOut = (app) => {
  const { title, text, ask, why, yes, label } = leaving(app);
  return h(
    "section",
    { class: "panel" },
    h("h2", null, title),
    h("p", { class: "quiet" }, text, h("a", { href: href("locker") }, "Your music"), " stays where it is."),
    button(
      { class: "pill danger" },
      async () => {
        if (await app.confirm(ask, why, yes)) await leave(app);
      },
      label,
    ),
    app.source.keeping ? h("a", { class: "quiet", href: href("move") }, "Moving to another address") : null,
  );
};

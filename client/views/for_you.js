// For you: what the person's own plays suggest, each song with its reason; and the songs like one song.

import { forYou, similar } from "../core/for_you.js";
import { gatherKnown } from "../io/for_you_known.js";
import { href } from "../core/route.js";
import { button, h } from "./dom.js";
import { icon } from "./icon.js";
import { blank, live } from "./live.js";
import { backButton, pageHead } from "./page.js";
import { rove } from "./roving.js";
import { markCurrent, trackRow } from "./track_row.js";

/** @import {Group} from "../core/for_you.js" */
/** @import {App, Mount} from "./app.js" */

/** Shown of a group before the rest is asked for. */
const FIRST = 6;

/** With a track's id: songs like it. @type {Mount} */
export function mountForYou(host, app, route, signal) {
  const content = h("div", null);
  host.append(backButton(app), pageHead(route.id ? "Similar songs" : "For you"), content);
  if (!app.settings.get("for_you")) {
    content.append(
      blank("star", "Switched off", "Nothing is worked out from what you play.", h("a", { class: "pill", href: href("settings") }, "Settings")),
    );
    return;
  }
  live({
    host: content,
    app,
    signal,
    fetch: () => (route.id ? alike(app, route.id) : gatherKnown(app.source).then(forYou)),
    draw: (groups, inner) => [
      ...(groups.length
        ? groups.map((group) => groupView(app, group, inner))
        : [blank("history", "Nothing to go by yet", "Play some music, give stars, make a playlist. What is found here is worked out on this device and told to nobody.")]),
      h("p", { class: "quiet" }, "Worked out on this device from your own plays, and told to nobody. ", h("a", { href: href("settings") }, "Switch it off")),
    ],
  });
}

/**
 * @param {App} app
 * @param {string} id
 * @returns {Promise<Group[]>}
 */
async function alike(app, id) {
  const seed = await app.source.track(id);
  const picks = similar(seed, await gatherKnown(app.source, seed));
  return picks.length ? [{ id, title: `Like “${seed.title}”`, why: "By artist, genre, your playlists, and what you heard with it", picks }] : [];
}

/**
 * @param {App} app
 * @param {Group} group
 * @param {AbortSignal} signal
 */
function groupView(app, { title, why, picks }, signal) {
  const tracks = picks.map(({ track }) => track);
  const rows = picks.map(({ track, why: reason }, at) => trackRow(track, { app, lead: "cover", second: reason, play: () => app.player.playAll(tracks, at) }));
  const list = h("div", { class: "tracks two-columns", role: "list", "aria-label": title }, ...rows.slice(0, FIRST));
  const more = button({ class: "quiet" }, () => {
    list.append(...rows.slice(FIRST));
    more.remove();
  }, `All ${picks.length}`);
  rove(list, signal);
  markCurrent(list, app, signal);
  return h(
    "section",
    { class: "shelf" },
    h(
      "div",
      { class: "shelf-head" },
      h("div", null, h("h2", { dir: "auto" }, title), h("p", { class: "quiet", dir: "auto" }, why)),
      button({ class: "ghost", "aria-label": `Play ${title}` }, () => app.player.playAll(tracks, 0, { shuffle: false }), icon("play")),
    ),
    list,
    rows.length > FIRST ? more : null,
  );
}

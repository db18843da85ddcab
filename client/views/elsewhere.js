// "Go on with what the other device played": one line on the first page.

import { goOn, stoppedElsewhere } from "../io/continuing.js";
import { clock, names } from "../core/format.js";
import { cover } from "./cover.js";
import { button, fill, h, words } from "./dom.js";
import { icon } from "./icon.js";

/** @import {App} from "./app.js" */

/**
 * Fill `host` if another device stopped somewhere; nothing is shown while this one plays.
 * @param {HTMLElement} host
 * @param {App} app
 * @param {AbortSignal} signal
 */
export async function mountElsewhere(host, app, signal) {
  const elsewhere = await stoppedElsewhere(app.source).catch(() => null);
  if (!elsewhere || signal.aborted || app.player.playing) return;
  const [track] = elsewhere.tracks;
  const take = button(
    { class: "pill primary", "aria-label": `Go on with ${track.title} at ${clock(elsewhere.position_ms)}` },
    () => {
      goOn(app.player, elsewhere);
      host.replaceChildren();
    },
    icon("play"),
    "Go on",
  );
  fill(
    host,
    h(
      "section",
      { class: "elsewhere", "aria-label": "Go on from another device" },
      cover(app.source, { name: track.album?.name ?? track.title, cover: track.cover }, { width_px: 48 }),
      h(
        "div",
        { class: "elsewhere-what" },
        words("span", "quiet", elsewhere.by ? `Stopped on ${elsewhere.by}` : "Stopped on another device"),
        words("strong", "", track.title),
        words("span", "quiet", [names(track.artists), clock(elsewhere.position_ms)].filter(Boolean).join(" · ")),
      ),
      take,
    ),
  );
  app.player.changed.on((what) => what === "state" && app.player.playing && host.replaceChildren(), signal);
}

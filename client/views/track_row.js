import { clock, names } from "../core/format.js";
import { cover } from "./cover.js";
import { button, h, onContext, words } from "./dom.js";
import { icon } from "./icon.js";

/** @import {Track} from "../core/model.js" */
/** @import {App} from "./app.js" */

/**
 * @typedef {object} RowOptions
 * @property {App} app
 * @property {(row: HTMLElement) => void} play
 * @property {"cover" | "number"} lead  what stands in front
 * @property {boolean} [showAlbum]
 * @property {boolean} [showArtists]
 * @property {string} [second]  the line under the title, else its artists
 * @property {import("./menu.js").Action[]} [actions]
 */

/** Why a song is not to be had now, in two words; "" when it is. @param {Track} track */
function trouble({ state }) {
  if (state.playable && state.source !== "missing") return "";
  return { away: "Away", cloud: "In the cloud", missing: state.playable ? "Not here" : "File missing", changed: "File changed", present: "Not ready" }[state.source] ?? "";
}

/**
 * One song in a list.
 * @param {Track} track
 * @param {RowOptions} options
 */
export function trackRow(track, { app, play, lead, showAlbum = false, showArtists = true, second, actions }) {
  const artists = names(track.artists);
  const why = trouble(track);
  const label = [track.title, artists && `by ${artists}`, clock(track.duration_ms), track.starred_ms && "starred", why, second].filter(Boolean).join(", ");
  const row = h("div", { class: "track", role: "listitem", "data-track": track.id });
  const openMenu = (/** @type {{x: number, y: number} | Element} */ where) =>
    void import("./track_actions.js").then(({ openTrackMenu }) => openTrackMenu(app, track, where, actions));
  const number = track.track_no === null ? "" : String(track.track_no);
  const front =
    lead === "cover"
      ? cover(app.source, { name: track.album?.name ?? track.title, cover: track.cover }, { width_px: 48 })
      : h("span", { class: "track-no" }, number);
  const main = button(
    {
      class: "track-main",
      "data-main": true,
      "data-key": track.id,
      "aria-label": label,
      "aria-disabled": track.state.playable ? null : "true",
    },
    () => play(row),
    h("span", { class: "track-lead" }, front, h("span", { class: "beat" }, h("i", null), h("i", null), h("i", null))),
    h(
      "span",
      { class: "track-names" },
      words("span", "track-title", track.title),
      showArtists && (second || artists) ? words("span", "track-artists", second || artists) : null,
    ),
    showAlbum ? words("span", "track-album", track.album?.name ?? "") : null,
    why
      ? h(
          "span",
          { class: "tag", title: track.state.note || null },
          icon(["away", "cloud"].includes(track.state.source) || track.state.playable ? "away" : "warning"),
          why,
        )
      : null,
    track.starred_ms ? icon("starred") : showAlbum ? h("span", { class: "track-unstarred" }) : null,
    h("span", { class: "track-time" }, clock(track.duration_ms)),
  );
  const more = button(
    { class: "ghost track-more", "aria-label": `More for ${track.title}`, "aria-haspopup": "menu" },
    (event) => openMenu(/** @type {Element} */ (event.currentTarget)),
    icon("more"),
  );
  row.append(main, more);
  row.classList.toggle("unplayable", !track.state.playable);
  row.classList.toggle("current", app.player.current?.track.id === track.id);
  onContext(row, openMenu);
  return row;
}

/** A row whose song is still on its way. */
export const rowSkeleton = () =>
  h(
    "div",
    { class: "track skeleton", "aria-hidden": "true" },
    h("span", { class: "bone bone-cover" }),
    h(
      "span",
      { class: "track-names" },
      h("span", { class: "bone bone-line" }),
      h("span", { class: "bone bone-line short" }),
    ),
  );

/**
 * Keep the mark on the song that plays, in every list on the page.
 * @param {HTMLElement} root
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function markCurrent(root, app, signal) {
  const mark = () => {
    const id = app.player.current?.track.id;
    root.classList.toggle("sounding", app.player.playing);
    for (const row of root.querySelectorAll("[data-track]")) {
      const is = row.getAttribute("data-track") === id;
      row.classList.toggle("current", is);
      const main = row.querySelector("[data-main]");
      if (is) main?.setAttribute("aria-current", "true");
      else main?.removeAttribute("aria-current");
    }
  };
  app.player.changed.on((what) => {
    if (what === "track" || what === "state") mark();
  }, signal);
  mark();
}

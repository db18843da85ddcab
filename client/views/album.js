import { counted, names, span } from "../core/format.js";
import { cover } from "./cover.js";
import { button, h, words } from "./dom.js";
import { icon } from "./icon.js";
import { live } from "./live.js";
import { artistLinks, backButton } from "./page.js";
import { rove } from "./roving.js";
import { starButton } from "./star.js";
import { tint } from "./tint.js";
import { openAlbumMenu } from "./track_actions.js";
import { markCurrent, rowSkeleton, trackRow } from "./track_row.js";

/** @import {AlbumDetail, Track} from "../core/model.js" */
/** @import {App, Mount} from "./app.js" */

const COVER_PX = 300;
/** Longer names are set smaller. */
const LONG_NAME = 40;

/** @type {Mount} */
export function mountAlbum(host, app, route, signal) {
  const content = h("article", { class: "album" });
  host.append(backButton(app), content);
  live({
    host: content,
    app,
    signal,
    fetch: () => app.source.album(route.id),
    draw: (album, inner) => {
      tint(host, app.source, album, inner);
      return [head(app, album), trackList(app, album, inner), foot(album)];
    },
    skeleton: () =>
      h(
        "div",
        null,
        h(
          "div",
          { class: "album-head" },
          h("span", { class: "cover bone" }),
          h(
            "div",
            { class: "album-what" },
            h("span", { class: "bone bone-title" }),
            h("span", { class: "bone bone-line" }),
          ),
        ),
        ...Array.from({ length: 8 }, rowSkeleton),
      ),
  });
}

/**
 * @param {App} app
 * @param {AlbumDetail} album
 */
function head(app, album) {
  const meta = [
    album.year ? String(album.year) : "",
    album.genres.slice(0, 2).join(", "),
    counted(album.tracks.length, "song"),
    span(album.duration_ms),
  ];
  return h(
    "header",
    { class: "album-head" },
    cover(app.source, album, { width_px: COVER_PX, eager: true }),
    h(
      "div",
      { class: "album-what" },
      h("p", { class: "kicker" }, album.compilation ? "Compilation" : "Album"),
      h("h1", { dir: "auto", tabindex: "-1", class: album.name.length > LONG_NAME ? "long" : null }, album.name),
      h("p", { class: "album-artists" }, ...artistLinks(album.artists)),
      h("p", { class: "album-meta" }, meta.filter(Boolean).join(" · ")),
      h(
        "div",
        { class: "actions" },
        button(
          { class: "pill primary" },
          () => app.player.playAll(album.tracks, 0, { shuffle: false }),
          icon("play"),
          "Play",
        ),
        button(
          { class: "pill" },
          () => app.player.playAll(album.tracks, 0, { shuffle: true }),
          icon("shuffle"),
          "Shuffle",
        ),
        starButton(app, "albums", album),
        button(
          { class: "ghost", "aria-label": `More for ${album.name}`, "aria-haspopup": "menu" },
          (event) => openAlbumMenu(app, album, /** @type {Element} */ (event.currentTarget)),
          icon("more"),
        ),
      ),
    ),
  );
}

/**
 * @param {App} app
 * @param {AlbumDetail} album
 * @param {AbortSignal} signal
 */
function trackList(app, album, signal) {
  const own = names(album.artists);
  const discs = new Set(album.tracks.map((track) => track.disc_no ?? 1));
  const list = h("div", { class: "tracks", role: "list", "aria-label": `Songs on ${album.name}` });
  /** @type {number | null} */
  let disc = null;
  album.tracks.forEach((track, i) => {
    const no = track.disc_no ?? 1;
    if (discs.size > 1 && no !== disc) list.append(h("h2", { class: "disc" }, `Disc ${no}`));
    disc = no;
    const showArtists = album.compilation || differs(track, own);
    list.append(trackRow(track, { app, lead: "number", showArtists, play: () => app.player.playAll(album.tracks, i) }));
  });
  rove(list, signal);
  markCurrent(list, app, signal);
  return list;
}

/**
 * @param {Track} track
 * @param {string} own
 */
const differs = (track, own) => names(track.artists) !== own && track.artists.length > 0;

/** @param {AlbumDetail} album */
const foot = (album) =>
  words("p", "album-foot", `Added ${new Date(album.added_ms).toLocaleDateString(undefined, { dateStyle: "long" })}`);

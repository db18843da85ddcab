import { counted } from "../core/format.js";
import { albumCard, cardSkeleton } from "./album_card.js";
import { cover } from "./cover.js";
import { button, h } from "./dom.js";
import { icon } from "./icon.js";
import { live } from "./live.js";
import { backButton } from "./page.js";
import { rove } from "./roving.js";
import { starButton } from "./star.js";
import { tint } from "./tint.js";
import { markCurrent, trackRow } from "./track_row.js";

/** @import {Album, ArtistDetail} from "../core/model.js" */
/** @import {App, Mount} from "./app.js" */

const PORTRAIT_PX = 200;
const CARD_PX = 190;
/** Songs shown before the person asks for all. */
const SONGS_FIRST = 8;

/** @type {Mount} */
export function mountArtist(host, app, route, signal) {
  const content = h("article", { class: "artist" });
  host.append(backButton(app), content);
  let all = false;
  live({
    host: content,
    app,
    signal,
    fetch: () => app.source.artist(route.id),
    draw: (artist, inner) => {
      tint(host, app.source, artist, inner);
      return [head(app, artist), ...albums(app, artist, inner), ...songs(app, artist, inner, all, () => (all = true))];
    },
    skeleton: () => h("div", { class: "shelf-row" }, ...Array.from({ length: 6 }, cardSkeleton)),
  });
}

/**
 * @param {App} app
 * @param {ArtistDetail} artist
 */
function head(app, artist) {
  const tracks = artist.tracks.filter((track) => track.state.playable);
  return h(
    "header",
    { class: "album-head artist-head" },
    cover(app.source, artist, { width_px: PORTRAIT_PX, round: true, eager: true }),
    h(
      "div",
      { class: "album-what" },
      h("p", { class: "kicker" }, "Artist"),
      h("h1", { dir: "auto", tabindex: "-1" }, artist.name),
      h(
        "p",
        { class: "album-meta" },
        [artist.albums.length ? counted(artist.albums.length, "album") : "", counted(artist.tracks.length, "song")]
          .filter(Boolean)
          .join(" · "),
      ),
      h(
        "div",
        { class: "actions" },
        button(
          { class: "pill primary", disabled: !tracks.length },
          () => app.player.playAll(tracks, 0, { shuffle: true }),
          icon("shuffle"),
          "Shuffle",
        ),
        button(
          { class: "pill", disabled: !tracks.length },
          () => app.player.playAll(tracks, 0, { shuffle: false }),
          icon("play"),
          "Play",
        ),
        starButton(app, "artists", artist),
      ),
    ),
  );
}

/**
 * @param {App} app
 * @param {ArtistDetail} artist
 * @param {AbortSignal} signal
 */
function albums(app, artist, signal) {
  /** @param {string} title @param {Album[]} list */
  const section = (title, list) => {
    if (!list.length) return null;
    const grid = h(
      "div",
      { class: "card-grid", role: "list", "aria-label": title },
      ...list.map((album) =>
        albumCard(app, album, {
          width_px: CARD_PX,
          second: album.year ? String(album.year) : counted(album.tracks, "song"),
        }),
      ),
    );
    rove(grid, signal, { horizontal: true });
    return h("section", { class: "shelf" }, h("div", { class: "shelf-head" }, h("h2", null, title)), grid);
  };
  return [section("Albums", artist.albums), section("Appears on", artist.appears_on)].filter((node) => node !== null);
}

/**
 * @param {App} app
 * @param {ArtistDetail} artist
 * @param {AbortSignal} signal
 * @param {boolean} all
 * @param {() => void} opened
 */
function songs(app, artist, signal, all, opened) {
  const { tracks } = artist;
  if (!tracks.length) return [];
  const list = h("div", { class: "tracks", role: "list", "aria-label": "Songs" });
  const rows = tracks.map((track, i) =>
    trackRow(track, {
      app,
      lead: "cover",
      showAlbum: true,
      showArtists: track.artists.length > 1,
      play: () => app.player.playAll(tracks, i),
    }),
  );
  list.append(...rows.slice(0, all ? rows.length : SONGS_FIRST));
  rove(list, signal);
  markCurrent(list, app, signal);
  const more = button(
    { class: "pill small" },
    () => {
      opened();
      list.append(...rows.slice(SONGS_FIRST));
      more.remove();
      rows[SONGS_FIRST].querySelector("button")?.focus();
    },
    `Show all ${tracks.length}`,
  );
  return [
    h(
      "section",
      { class: "shelf" },
      h("div", { class: "shelf-head" }, h("h2", null, "Songs")),
      list,
      rows.length > SONGS_FIRST && !all ? more : h("span", null),
    ),
  ];
}

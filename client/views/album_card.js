import { counted, names } from "../core/format.js";
import { cover } from "./cover.js";
import { button, h, onContext, words } from "./dom.js";
import { icon } from "./icon.js";
import { href } from "../core/route.js";

/** @import {Album, Artist} from "../core/model.js" */
/** @import {App} from "./app.js" */

/**
 * @param {App} app
 * @param {Album} album
 * @param {{width_px: number, eager?: boolean, second?: string}} how  `second`: the line under the name, else its artists
 */
export function albumCard(app, album, { width_px, eager, second = names(album.artists) || "Unknown artist" }) {
  const card = h(
    "div",
    { class: "card", role: "listitem" },
    h(
      "a",
      {
        class: "card-main",
        href: href("album", album.id),
        "data-main": true,
        "data-key": album.id,
        "aria-label": `${album.name}, ${second}`,
      },
      cover(app.source, album, { width_px, eager }),
      words("span", "card-name", album.name),
      words("span", "card-second", second),
    ),
    button(
      { class: "card-play", "aria-label": `Play ${album.name}`, tabindex: "-1" },
      () => {
        app.source.album(album.id).then(
          ({ tracks }) => app.player.playAll(tracks, 0),
          (error) => app.tell(error.message),
        );
      },
      icon("play"),
    ),
  );
  onContext(card, (where) => void import("./track_actions.js").then(({ openAlbumMenu }) => openAlbumMenu(app, album, where)));
  return card;
}

/**
 * @param {App} app
 * @param {Artist} artist
 * @param {{width_px: number}} how
 */
export function artistCard(app, artist, { width_px }) {
  const second = artist.albums ? counted(artist.albums, "album") : counted(artist.tracks, "song");
  return h(
    "div",
    { class: "card artist-card", role: "listitem" },
    h(
      "a",
      {
        class: "card-main",
        href: href("artist", artist.id),
        "data-main": true,
        "data-key": artist.id,
        "aria-label": `${artist.name}, ${second}`,
      },
      cover(app.source, artist, { width_px, round: true }),
      words("span", "card-name", artist.name),
      h("span", { class: "card-second" }, second),
    ),
  );
}

export const cardSkeleton = () =>
  h(
    "div",
    { class: "card skeleton", "aria-hidden": "true" },
    h("span", { class: "cover bone" }),
    h("span", { class: "bone bone-line" }),
    h("span", { class: "bone bone-line short" }),
  );

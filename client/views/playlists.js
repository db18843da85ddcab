import { counted, span } from "../core/format.js";
import { href } from "../core/route.js";
import { cover } from "./cover.js";
import { button, h, onContext, words } from "./dom.js";
import { icon } from "./icon.js";
import { blank, live } from "./live.js";
import { pageHead, shelfTabs } from "./page.js";
import { makePlaylist, openPlaylistMenu } from "./playlist_actions.js";
import { rove } from "./roving.js";

/** @import {Playlist} from "../core/model.js" */
/** @import {App, Mount} from "./app.js" */

/** @type {Mount} */
export function mountPlaylists(host, app, _route, signal) {
  const editing = app.source.can.has("edit_playlists");
  const make = () => button({ class: "pill" }, () => void makePlaylist(app), icon("plus"), "New playlist");
  const content = h("div", null);
  host.append(shelfTabs(app, "playlists"), pageHead("Playlists", { beside: editing ? [make()] : [] }), content);
  live({
    host: content,
    app,
    signal,
    fetch: async () => (await app.source.playlists?.all()) ?? [],
    draw: (playlists, inner) => {
      if (!playlists.length)
        return [blank("playlist", "No playlists yet", editing ? "Make one, and add songs to it from their menu." : "Those you make on your computer show up here.")];
      const list = h("div", { class: "tracks", role: "list", "aria-label": "Playlists" }, ...playlists.map((one) => row(app, one)));
      rove(list, inner);
      return [list];
    },
  });
}

/**
 * @param {App} app
 * @param {Playlist} playlist
 */
function row(app, playlist) {
  const second = playlist.tracks ? `${counted(playlist.tracks, "song")}, ${span(playlist.duration_ms)}` : "Empty";
  const more = button(
    { class: "ghost track-more", "aria-label": `More for ${playlist.name}`, "aria-haspopup": "menu" },
    () => openPlaylistMenu(app, playlist, more),
    icon("more"),
  );
  const element = h(
    "div",
    { class: "track", role: "listitem" },
    h(
      "a",
      {
        class: "track-main",
        href: href("playlist", playlist.id),
        "data-main": true,
        "data-key": playlist.id,
        "aria-label": `${playlist.name}, ${second}`,
      },
      h("span", { class: "track-lead" }, cover(app.source, playlist, { width_px: 48 })),
      h("span", { class: "track-names" }, words("span", "track-title", playlist.name), h("span", { class: "track-artists" }, second)),
    ),
    more,
  );
  onContext(element, (where) => openPlaylistMenu(app, playlist, where));
  return element;
}

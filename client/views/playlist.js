import { counted, span } from "../core/format.js";
import { href } from "../core/route.js";
import { SourceError } from "../core/source_error.js";
import { cover } from "./cover.js";
import { button, fill, h, say } from "./dom.js";
import { icon } from "./icon.js";
import { blank, trouble, whenChanged } from "./live.js";
import { backButton } from "./page.js";
import { openPlaylistMenu } from "./playlist_actions.js";
import { playlistList } from "./playlist_list.js";
import { tint } from "./tint.js";

/** @import {PlaylistDetail} from "../core/model.js" */
/** @import {App, Mount} from "./app.js" */

const COVER_PX = 240;

/** @type {Mount} */
export function mountPlaylist(host, app, route, signal) {
  const { playlists } = app.source;
  const head = h("div", null);
  const empty = h("div", null);
  const list = h("div", { class: "list-host" });
  host.append(backButton(app), head, empty, list);

  let shown = "";
  /** @param {PlaylistDetail} playlist */
  const show = (playlist) => {
    const { items, ...facts } = playlist;
    empty.replaceChildren(...(items.length ? [] : [blank("playlist", "Nothing on it yet", "Add songs and albums from their menu.")]));
    const text = JSON.stringify({ ...facts, changed_ms: 0 });
    if (text === shown) return;
    shown = text;
    const key = host.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.key : "";
    fill(head, header(app, playlist, rows.tracks));
    if (key) /** @type {HTMLElement | null} */ (head.querySelector(`[data-key="${CSS.escape(key)}"]`))?.focus();
    tint(host, app.source, playlist, signal);
  };
  const rows = playlistList(list, app, route.id, signal, show);

  const fetch = async () => {
    try {
      const playlist = await playlists?.get(route.id);
      if (!playlist || signal.aborted) return;
      show(playlist);
      rows.show(playlist);
    } catch (error) {
      const gone = error instanceof SourceError && error.code === "not_found";
      if (signal.aborted || (shown && !gone)) return;
      shown = "";
      fill(head, trouble(error, () => void fetch()));
      fill(empty);
      list.hidden = true;
    }
  };
  void fetch();
  whenChanged(app, signal, () => void fetch());
}

/**
 * @param {App} app
 * @param {PlaylistDetail} playlist
 * @param {() => readonly import("../core/model.js").Track[]} tracks  as they stand now
 */
function header(app, playlist, tracks) {
  const none = !playlist.items.length;
  const more = button(
    { class: "ghost", "aria-label": `More for ${playlist.name}`, "aria-haspopup": "menu", "data-key": "playlist-more" },
    () => openPlaylistMenu(app, playlist, more, () => (location.hash = href("playlists"))),
    icon("more"),
  );
  const meta = h("p", { class: "album-meta" });
  say(meta, none ? "Empty" : `${counted(playlist.items.length, "song")} · ${span(playlist.duration_ms)}`);
  return h(
    "header",
    { class: "album-head" },
    cover(app.source, playlist, { width_px: COVER_PX, eager: true }),
    h(
      "div",
      { class: "album-what" },
      h("p", { class: "kicker" }, "Playlist"),
      h("h1", { dir: "auto", tabindex: "-1" }, playlist.name),
      playlist.comment ? h("p", { dir: "auto" }, playlist.comment) : null,
      meta,
      h(
        "div",
        { class: "actions" },
        button(
          { class: "pill primary", disabled: none, "data-key": "playlist-play" },
          () => app.player.playAll(tracks(), 0, { shuffle: false }),
          icon("play"),
          "Play",
        ),
        button(
          { class: "pill", disabled: none, "data-key": "playlist-shuffle" },
          () => app.player.playAll(tracks(), 0, { shuffle: true }),
          icon("shuffle"),
          "Shuffle",
        ),
        more,
      ),
    ),
  );
}

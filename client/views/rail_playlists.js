// The playlists beside every page, on screens wide enough for their names.

import { href } from "../core/route.js";
import { fill, h, onContext } from "./dom.js";
import { icon } from "./icon.js";
import { whenChanged } from "./live.js";
import { openPlaylistMenu } from "./playlist_actions.js";

/** @import {App} from "./app.js" */

/** The page has them all. */
const SHOWN = 30;

/**
 * @param {HTMLElement} host
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function mountRailPlaylists(host, app, signal) {
  const { playlists } = app.source;
  if (!playlists || !app.source.can.has("playlists")) return;
  const mark = () => {
    for (const link of host.querySelectorAll("a")) {
      if (link.hash === location.hash) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  const draw = async () => {
    const known = await playlists.all().catch(() => null);
    if (!known || signal.aborted) return;
    fill(
      host,
      ...known.slice(0, SHOWN).map((playlist) => {
        const link = h("a", { href: href("playlist", playlist.id) }, icon("playlist"), h("span", { dir: "auto" }, playlist.name));
        onContext(link, (where) => openPlaylistMenu(app, playlist, where));
        return link;
      }),
    );
    mark();
  };
  void draw();
  whenChanged(app, signal, () => void draw());
  addEventListener("hashchange", mark, { signal });
}

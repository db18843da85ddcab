import { counted } from "../core/format.js";
import { Pages } from "../core/pages.js";
import { artistCard } from "./album_card.js";
import { mountGrid } from "./albums.js";
import { h, say } from "./dom.js";
import { blank } from "./live.js";
import { pageHead, shelfTabs } from "./page.js";

/** @import {Mount} from "./app.js" */

/** @type {Mount} */
export function mountArtists(host, app, _route, signal) {
  const count = h("p", { class: "page-count", role: "status" });
  const list = h("div", { class: "grid-host" });
  host.append(shelfTabs(app, "artists"), pageHead("Artists", { count }), list);
  const pages = app.pages("artists", () => new Pages((offset, limit) => app.source.artists({ offset, limit })));
  mountGrid(list, app, pages, signal, {
    label: "Artists",
    draw: (artist, width_px) => artistCard(app, artist, { width_px }),
    empty: () => blank("artists", "No artists yet", "Artists appear here as soon as your music is read."),
    counted: (total) => say(count, counted(total, "artist")),
  });
}

import { href } from "../core/route.js";
import { h } from "./dom.js";
import { heldList } from "./held_list.js";
import { blank, live } from "./live.js";
import { backButton, pageHead } from "./page.js";

/** @import {Mount} from "./app.js" */

const SHOWN = 500;

/** What was played last, or, with "most", what is played most. @type {Mount} */
export function mountHistory(host, app, route, signal) {
  const most = route.id === "most";
  const content = h("div", null);
  host.append(
    backButton(app),
    pageHead(most ? "Played most" : "Played lately"),
    h(
      "nav",
      { class: "chips", "aria-label": "History" },
      h("a", { class: "chip", href: href("history"), "aria-current": most ? null : "page" }, "Lately"),
      h("a", { class: "chip", href: href("history", "most"), "aria-current": most ? "page" : null }, "Most"),
    ),
    content,
  );
  const { personal } = app.source;
  live({
    host: content,
    app,
    signal,
    fetch: async () => {
      const history = await personal?.history(SHOWN);
      return (most ? history?.most : history?.recent) ?? [];
    },
    draw: (tracks, inner) => {
      if (!tracks.length) return [blank("history", "Nothing played yet", "A song counts once half of it, or four minutes, have sounded.")];
      const list = h("div", { class: "list-host" });
      queueMicrotask(() => inner.aborted || heldList(list, app, inner, { label: most ? "Played most" : "Played lately" })(tracks));
      return [list];
    },
  });
}

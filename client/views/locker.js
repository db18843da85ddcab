// The state of the locker: its folders, what is being done, what needs attention.

import { bytes, counted, number, sentence } from "../core/format.js";
import { href } from "../core/route.js";
import { button, fill, h } from "./dom.js";
import { folderPanel } from "./folder_panel.js";
import { heldPanel } from "./held_panel.js";
import { icon } from "./icon.js";
import { followJobs } from "./jobs.js";
import { live } from "./live.js";
import { pageHead } from "./page.js";
import { seedAdding } from "./seed_adding.js";
import { seedPanel } from "./seed_panel.js";

/** @import {Status} from "../core/model.js" */
/** @import {App, Mount} from "./app.js" */

/** @type {Mount} */
export function mountLocker(host, app, _route, signal) {
  const notices = h("div", { class: "notices" });
  const jobs = h("div", { class: "jobs" });
  const rest = h("div", null);
  host.append(
    pageHead("Locker", {
      beside: [
        ...(app.source.can.has("devices") ? [h("a", { class: "ghost locker-devices", href: href("devices"), "aria-label": "Devices" }, icon("devices"))] : []),
        h("a", { class: "ghost locker-settings", href: href("settings"), "aria-label": "Settings" }, icon("settings")),
      ],
    }),
    notices,
    jobs,
    rest,
  );

  const follow = followJobs(jobs, app, signal);
  const adding = app.source.seeds && seedAdding(app, app.source.seeds);

  live({
    host: rest,
    app,
    signal,
    fetch: async () => {
      const [status, library] = await Promise.all([app.source.status(), app.source.library()]);
      follow(status.jobs ?? []);
      fill(
        notices,
        ...(status.notices ?? []).map(({ level, text }) =>
          h(
            "p",
            { class: `notice ${level}` },
            icon(level === "info" ? "info" : "warning"),
            h("span", { dir: "auto" }, sentence(text)),
          ),
        ),
      );
      return { folders: status.folders ?? [], store: status.store ?? {}, library };
    },
    draw: ({ folders, store, library }, inner) => [
      app.source.keeping ? heldPanel(app, app.source.keeping, inner) : h("span", null),
      app.source.can.has("folders") || folders.length ? folderPanel(app, folders) : h("span", null),
      app.source.copies ? whereLink() : h("span", null),
      app.source.seeds && adding ? seedPanel(app, app.source.seeds, adding, library.counts.tracks, inner) : h("span", null),
      app.source.seeds ? forOthers(app.source.seeds.hosting, inner) : h("span", null),
      storePanel(store),
      h(
        "section",
        { class: "panel" },
        h("h2", null, "In it"),
        h(
          "div",
          { class: "figures" },
          ...[
            [library.counts.tracks, "songs"],
            [library.counts.albums, "albums"],
            [library.counts.artists, "artists"],
          ].map(([count, name]) =>
            h("div", null, h("strong", null, number(Number(count))), h("span", null, String(name))),
          ),
        ),
      ),
      ...(app.source.can.has("verify") ? [carePanel(app)] : []),
    ],
  });
}

const whereLink = () =>
  h(
    "a",
    { class: "panel where-link", href: href("where"), "data-key": "where" },
    icon("devices"),
    h(
      "span",
      null,
      h("strong", null, "Where your music lives"),
      h("span", { class: "quiet" }, "Devices, copies of each song, what moves, and room on this device"),
    ),
    icon("forward"),
  );

/** @param {Status["store"]} store */
function storePanel({ sealed, left_to_seal, left_to_render, disk_free_bytes }) {
  /** @param {{files: number, bytes: number} | undefined} left */
  const waiting = (left) => (left?.files ? `${counted(left.files, "file")}, ${bytes(left.bytes)}` : "");
  const facts = [
    ["Sealed copies", sealed ? bytes(sealed.cache_bytes + sealed.pinned_bytes) : ""],
    ["Still to seal", waiting(left_to_seal)],
    ["Small copies to make", waiting(left_to_render)],
    ["Free on this disk", disk_free_bytes === undefined ? "" : bytes(disk_free_bytes)],
    ["Damaged copies", sealed?.damaged_blobs ? number(sealed.damaged_blobs) : ""],
  ].filter(([, value]) => value);
  if (!facts.length) return h("span", null);
  return h(
    "section",
    { class: "panel" },
    h("h2", null, "Storage"),
    h("dl", { class: "facts" }, ...facts.flatMap(([term, value]) => [h("dt", null, term), h("dd", null, value)])),
  );
}

/** @param {App} app */
const carePanel = (app) =>
  h(
    "section",
    { class: "panel" },
    h("h2", null, "Care"),
    h(
      "p",
      { class: "quiet" },
      "Read everything once, compare every byte with what it should be, and mend what can be mended.",
    ),
    h(
      "div",
      { class: "actions" },
      button(
        { class: "pill" },
        () => {
          app.source.verify(true).then(
            () => app.tell("The check has begun."),
            (error) => app.tell(error.message),
          );
        },
        icon("check"),
        "Check the locker",
      ),
      app.source.can.has("export")
        ? button(
            { class: "pill" },
            async () => {
              const dir = await app.ask(
                "Where should your files go?",
                "Every song is written there, bit for bit as it came in, with its name and times.",
                { yes: "Export", placeholder: "/path/of/an/empty/folder" },
              );
              if (dir)
                app.source.exportTracks(null, dir).then(
                  () => app.tell("The export has begun."),
                  (error) => app.tell(error.message),
                );
            },
            "Get every file back",
          )
        : null,
    ),
  );

/**
 * What this node keeps for others. Few do, and a phone never: it is loaded only here.
 *
 * @param {() => Promise<import("../core/source.js").Hosting>} look
 * @param {AbortSignal} signal
 */
function forOthers(look, signal) {
  const host = h("div", null);
  import("./hosting_panel.js").then(
    ({ hostingPanel }) => signal.aborted || host.append(hostingPanel(look, signal)),
    () => {},
  );
  return host;
}

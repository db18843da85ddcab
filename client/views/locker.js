// The state of the locker: its folders, what is being done, what needs attention.

import { bytes, counted, left, number, sentence } from "../core/format.js";
import { href } from "../core/route.js";
import { paced } from "../core/pace.js";
import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";
import { heldPanel } from "./keeping.js";
import { live } from "./live.js";
import { openMenu } from "./menu.js";
import { pageHead } from "./page.js";

/** @import {Folder, Job, Status} from "../core/model.js" */
/** @import {App, Mount} from "./app.js" */

/** Failures listed before the person asks for the rest. */
const FAILURES_FIRST = 20;

/** @type {Mount} */
export function mountLocker(host, app, _route, signal) {
  const notices = h("div", { class: "notices" });
  const jobs = h("div", { class: "jobs" });
  const rest = h("div", null);
  host.append(
    pageHead("Locker", {
      beside: [
        h("a", { class: "ghost locker-settings", href: href("settings"), "aria-label": "Settings" }, icon("settings")),
      ],
    }),
    notices,
    jobs,
    rest,
  );

  /** @type {Map<string, Job>} */
  const known = new Map();
  /** @type {Map<string, {element: HTMLElement, show: (job: Job) => void}>} */
  const cards = new Map();
  const showJobs = () => {
    for (const job of known.values()) {
      let card = cards.get(job.id);
      if (!card) {
        card = jobCard(job);
        cards.set(job.id, card);
        jobs.prepend(card.element);
      }
      card.show(job);
    }
  };
  const showSoon = paced(showJobs, 200, signal);
  const stop = app.source.subscribe((event) => {
    if (event.kind !== "progress") return;
    known.set(event.job.id, event.job);
    showSoon();
  });
  signal.addEventListener("abort", stop);

  live({
    host: rest,
    app,
    signal,
    fetch: async () => {
      const [status, library] = await Promise.all([app.source.status(), app.source.library()]);
      for (const job of status.jobs ?? []) known.set(job.id, job);
      showJobs();
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

/** What a job does, while it does it and after. @type {Record<string, [string, string]>} */
const KINDS = {
  add: ["Adding music", "Music added"],
  export: ["Exporting", "Exported"],
  verify: ["Checking every song", "Every song checked"],
  seal: ["Sealing songs", "Songs sealed"],
  renditions: ["Making small copies", "Small copies made"],
};

/** @param {Job} first */
function jobCard(first) {
  const title = h("h2", null);
  const detail = h("p", { class: "quiet" });
  const bar = h(
    "div",
    { class: "meter", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" },
    h("span", null),
  );
  const failures = h("details", { class: "failures", hidden: true });
  const element = h("section", { class: "panel job" }, title, bar, detail, failures);
  let failedShown = 0;
  const show = (/** @type {Job} */ job) => {
    const [now, done] = KINDS[job.kind] ?? [job.kind, job.kind];
    const running = job.state === "running";
    element.dataset.state = job.state;
    title.textContent = running ? now : job.state === "failed" ? `${now}: stopped` : done;
    const share = job.bytes_total
      ? job.bytes_done / job.bytes_total
      : job.files_total
        ? job.files_done / job.files_total
        : running
          ? 0
          : 1;
    bar.setAttribute("aria-label", now);
    bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    bar.style.setProperty("--share", String(Math.min(1, share)));
    bar.hidden = !running;
    detail.textContent = [
      running && job.phase ? capital(job.phase) : "",
      job.files_total ? `${number(job.files_done)} of ${counted(job.files_total, "file")}` : "",
      running && job.bytes_total ? `${bytes(job.bytes_done)} of ${bytes(job.bytes_total)}` : "",
      running && job.rate_bytes_per_s ? `${bytes(job.rate_bytes_per_s)}/s` : "",
      running && job.left_s !== null ? left(job.left_s) : "",
    ]
      .filter(Boolean)
      .join(" · ");
    if (job.error) detail.textContent = sentence(job.error);
    const failed = job.failed ?? [];
    if (failed.length === failedShown) return;
    failedShown = failed.length;
    showFailures(failures, failed, job.failed_total ?? failed.length);
  };
  show(first);
  return { element, show };
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);

/**
 * @param {HTMLDetailsElement} host
 * @param {Job["failed"]} failed
 * @param {number} total
 */
function showFailures(host, failed, total) {
  host.hidden = failed.length === 0;
  const item = (/** @type {{path: string, reason: string}} */ { path, reason }) =>
    h("li", null, h("bdi", { class: "path" }, path), h("span", null, sentence(reason)));
  const list = h("ul", null, ...failed.slice(0, FAILURES_FIRST).map(item));
  const more =
    failed.length > FAILURES_FIRST
      ? button(
          { class: "pill small" },
          () => {
            list.append(...failed.slice(FAILURES_FIRST).map(item));
            more?.remove();
          },
          `Show all ${number(failed.length)}`,
        )
      : null;
  fill(host, h("summary", null, `${counted(total, "file")} left out`), list, more);
}

/**
 * @param {App} app
 * @param {Folder[]} folders
 */
function folderPanel(app, folders) {
  const rows = folders.map((folder) => {
    const away = folder.state !== "present";
    const detail = away
      ? folder.note || "Away: its drive is not connected. Nothing is lost, and nothing is removed."
      : folder.note ||
        (folder.tracks === undefined
          ? "Watched for changes"
          : `${counted(folder.tracks, "song")}, watched for changes`);
    const more = button(
      { class: "ghost", "aria-label": `More for ${folder.path}`, "aria-haspopup": "menu" },
      () => folderMenu(app, folder, more),
      icon("more"),
    );
    return h(
      "div",
      { class: away ? "folder away" : "folder", role: "listitem" },
      icon(away ? "away" : "folder"),
      h("div", { class: "folder-what" }, h("bdi", { class: "path" }, folder.path), h("p", { class: "quiet" }, detail)),
      app.source.can.has("folders") ? more : null,
    );
  });
  return h(
    "section",
    { class: "panel" },
    h("h2", null, "Music folders"),
    rows.length
      ? h("div", { role: "list", "aria-label": "Music folders", class: "folders" }, ...rows)
      : h("p", { class: "quiet" }, "No folder is watched yet."),
    app.source.can.has("folders") ? addFolderForm(app) : null,
  );
}

/** @param {App} app */
function addFolderForm(app) {
  const path = h("input", {
    type: "text",
    placeholder: "/home/you/Music",
    "aria-label": "Path of a folder on that computer",
    spellcheck: "false",
    autocapitalize: "none",
    maxlength: "4096",
    "data-key": "add-folder",
  });
  const form = h(
    "form",
    { class: "inline-form" },
    path,
    h("button", { type: "submit", class: "pill" }, icon("plus"), "Add folder"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = path.value.trim();
    if (!wanted) return path.focus();
    app.source.addFolder(wanted).then(
      () => {
        path.value = "";
        app.tell("Folder added. Its songs appear as they are read.");
        app.refreshPage();
      },
      (error) => app.tell(error.message),
    );
  });
  return form;
}

/**
 * @param {App} app
 * @param {Folder} folder
 * @param {Element} where
 */
function folderMenu(app, folder, where) {
  openMenu(
    folder.path,
    [
      {
        icon: "folder",
        label: "It is elsewhere now",
        run: async () => {
          const path = await app.ask(
            "Where is this folder now?",
            "Its songs are recognised there; nothing is read again but what changed.",
            { yes: "Move", value: folder.path },
          );
          if (path && path !== folder.path)
            app.source.moveFolder(folder.id, path).then(
              () => app.refreshPage(),
              (error) => app.tell(error.message),
            );
        },
      },
      {
        icon: "close",
        label: "Stop watching",
        run: async () => {
          if (
            !(await app.confirm(
              "Stop watching this folder?",
              "Its files stay where they are. Songs that only live there leave the library.",
              "Stop watching",
            ))
          )
            return;
          app.source.removeFolder(folder.id).then(
            () => app.refreshPage(),
            (error) => app.tell(error.message),
          );
        },
      },
    ],
    where,
  );
}

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

// The music folders that are watched, and what can be done with them.

import { counted } from "../core/format.js";
import { SourceError } from "../core/source_error.js";
import { button, h } from "./dom.js";
import { icon } from "./icon.js";
import { openMenu } from "./menu.js";

/** @import {Folder} from "../core/model.js" */
/** @import {App} from "./app.js" */

/**
 * @param {App} app
 * @param {Folder[]} folders
 */
export function folderPanel(app, folders) {
  const rows = folders.map((folder) => {
    const away = folder.state !== "present";
    const detail = away
      ? folder.note || "Away: its drive is not connected. Nothing is lost, and nothing is removed."
      : folder.note ||
        (folder.tracks === undefined
          ? "Watched for changes"
          : folder.whole === false
            ? `${counted(folder.tracks, "chosen song")}; others in it are not added`
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
    add(app, wanted).then(
      (added) => {
        if (!added) return;
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
 * Whether it was added: a whole home folder is asked about.
 *
 * @param {App} app
 * @param {string} path
 */
async function add(app, path) {
  try {
    await app.source.addFolder(path);
  } catch (error) {
    if (!(error instanceof SourceError && error.code === "unsure")) throw error;
    if (!(await app.confirm("Add all of it?", error.message, "Add all"))) return false;
    await app.source.addFolder(path, true);
  }
  return true;
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

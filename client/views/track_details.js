import { bytes, clock, counted, names } from "../core/format.js";
import { button, fill, h } from "./dom.js";
import { icon } from "./icon.js";

/** @import {Track, TrackDetail} from "../core/model.js" */
/** @import {App} from "./app.js" */

/** @type {Record<string, string>} */
const SOURCE_STATES = {
  present: "On your disk",
  away: "Its folder is away",
  cloud: "Only in the cloud",
  changed: "The file was changed",
  missing: "The file is gone",
};

/**
 * What the library knows of a song, in a dialog.
 * @param {App} app
 * @param {Track} track
 */
export function openTrackDetails(app, track) {
  const list = h("dl", { class: "facts" });
  const dialog = h(
    "dialog",
    { class: "sheet", "aria-label": `Details of ${track.title}` },
    h(
      "header",
      { class: "sheet-head" },
      h("h2", { dir: "auto" }, track.title),
      button({ class: "ghost", "aria-label": "Close" }, () => dialog.close(), icon("close")),
    ),
    list,
  );
  fill(list, ...facts(track));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  app.source.track(track.id).then(
    (detail) => fill(list, ...facts(detail), ...sources(detail)),
    () => {},
  );
}

/**
 * @param {string} term
 * @param {string} value
 */
const fact = (term, value) => (value ? [h("dt", null, term), h("dd", { dir: "auto" }, value)] : []);

/** @param {Track} track */
function facts(track) {
  const { state } = track;
  const kept = [state.sealed && "sealed", state.mobile && "small copy made"].filter(Boolean).join(", ");
  return [
    ...fact("Artists", names(track.artists)),
    ...fact("Album", track.album?.name ?? ""),
    ...fact("Album artists", names(track.album_artists)),
    ...fact("Year", track.year ? String(track.year) : ""),
    ...fact("Genres", track.genres.join(", ")),
    ...fact("Length", clock(track.duration_ms)),
    ...fact(
      "Format",
      [
        track.codec.toUpperCase(),
        track.bitrate_bps ? `${Math.round(track.bitrate_bps / 1000)} kbit/s` : "",
        track.size_bytes ? bytes(track.size_bytes) : "",
      ]
        .filter(Boolean)
        .join(" · "),
    ),
    ...fact("Added", new Date(track.added_ms).toLocaleDateString(undefined, { dateStyle: "medium" })),
    ...fact("Rating", track.rating ? `${track.rating} of 5` : ""),
    ...fact("Played", track.plays ? plays(track.plays, track.played_ms ?? null) : ""),
    ...fact("Source", SOURCE_STATES[state.source] ?? state.source),
    ...fact("In the locker", kept),
    ...fact("Note", state.note),
  ];
}

/**
 * @param {number} count
 * @param {number | null} last_ms
 */
const plays = (count, last_ms) =>
  `${counted(count, "time")}${last_ms ? `, last on ${new Date(last_ms).toLocaleDateString(undefined, { dateStyle: "medium" })}` : ""}`;

/** @param {TrackDetail} detail */
const sources = (detail) => (detail.sources ?? []).slice(0, 10).flatMap((source) => fact("File", source.path));

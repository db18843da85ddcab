// Work that takes a while: a card for each, followed as it goes.

import { bytes, counted, left, number, sentence } from "../core/format.js";
import { paced } from "../core/pace.js";
import { button, fill, h } from "./dom.js";

/** @import {Job} from "../core/model.js" */
/** @import {App} from "./app.js" */

/** Failures listed before the person asks for the rest. */
const FAILURES_FIRST = 20;
const SHOW_EVERY_MS = 200;
/** Work that the locker does by itself: once it went well, nobody needs to read of it. */
const QUIET_KINDS = new Set(["seal", "renditions"]);

/**
 * Show the jobs that the source tells of.
 * @param {HTMLElement} host
 * @param {App} app
 * @param {AbortSignal} signal
 * @returns {(running: Job[]) => void}  to be told of all that runs now
 */
export function followJobs(host, app, signal) {
  /** @type {Map<string, Job>} */
  const known = new Map();
  /** @type {Map<string, {element: HTMLElement, show: (job: Job) => void}>} */
  const cards = new Map();
  /** @param {string} id */
  const drop = (id) => {
    known.delete(id);
    cards.get(id)?.element.remove();
    cards.delete(id);
  };
  const show = () => {
    for (const job of known.values()) {
      if (job.state === "done" && QUIET_KINDS.has(job.kind) && !job.failed?.length) {
        drop(job.id);
        continue;
      }
      let card = cards.get(job.id);
      if (!card) {
        card = jobCard(job);
        cards.set(job.id, card);
        host.prepend(card.element);
      }
      card.show(job);
    }
  };
  const showSoon = paced(show, SHOW_EVERY_MS, signal);
  const stop = app.source.subscribe((event) => {
    if (event.kind !== "progress") return;
    known.set(event.job.id, event.job);
    showSoon();
  });
  signal.addEventListener("abort", stop);
  return (running) => {
    // What ended while nobody listened is not told any more.
    const ids = new Set(running.map((job) => job.id));
    for (const job of [...known.values()]) if (job.state === "running" && !ids.has(job.id)) drop(job.id);
    for (const job of running) known.set(job.id, job);
    show();
  };
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

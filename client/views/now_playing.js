import { href } from "../core/route.js";
import { cover } from "./cover.js";
import { button, fill, h, on, say, words } from "./dom.js";
import { icon } from "./icon.js";
import { mountLyrics } from "./lyrics_panel.js";
import { artistLinks } from "./page.js";
import { mountQueue } from "./queue_panel.js";
import { followStar } from "./star.js";
import { tint } from "./tint.js";
import { openFreshTrackMenu } from "./track_actions.js";
import { mainControls, modeControls, seekBar, volumeControl } from "./transport.js";

/** @import {App} from "./app.js" */

/** @typedef {(host: HTMLElement, app: App, signal: AbortSignal) => (panel: string) => void} MountNow  gives what opens a panel: "", "queue" or "lyrics" */

const COVER_PX = 560;
/** A pull this far down closes the page. */
const PULL_PX = 90;

/** @type {MountNow} */
export function mountNowPlaying(host, app, signal) {
  const { player, source } = app;
  const art = h("div", { class: "now-art" });
  const title = h("div", { class: "now-names" });
  const star = followStar(app, signal);
  const { previous, play, next } = mainControls(app, signal);
  const { shuffle, repeat } = modeControls(app, signal);
  const panel = h("section", { class: "now-panel" });
  const tabs = ["lyrics", "queue"].map((name) =>
    h(
      "a",
      {
        class: "ghost",
        href: href("now", name),
        "data-panel": name,
        "aria-label": name === "queue" ? "Queue" : "Lyrics",
      },
      icon(name === "queue" ? "queue" : "lyrics"),
    ),
  );
  const more = button(
    { class: "ghost", "aria-label": "More for this song", "aria-haspopup": "menu" },
    () => player.current && void openFreshTrackMenu(app, player.current.track, more),
    icon("more"),
  );
  const top = h(
    "header",
    { class: "now-top" },
    button({ class: "ghost", "aria-label": "Close" }, () => app.back(), icon("down")),
    h("span", { class: "now-from" }),
    star,
    more,
  );
  const quality = h("span", { class: "quality" });
  const stage = h(
    "div",
    { class: "now-stage" },
    art,
    h(
      "div",
      { class: "now-controls" },
      title,
      seekBar(app, signal),
      h("div", { class: "transport" }, shuffle, previous, play, next, repeat),
      h("div", { class: "now-foot" }, tabs[0], quality, volumeControl(app, signal), tabs[1]),
    ),
  );
  host.setAttribute("aria-label", "Now playing");
  fill(host, h("div", { class: "now-glow", "aria-hidden": "true" }), top, stage, panel);
  pullToClose(top, host, () => app.back(), signal);

  let shown = "";
  const showTrack = () => {
    const track = player.current?.track;
    const text = JSON.stringify(track ?? null);
    if (text === shown) return;
    shown = text;
    more.disabled = !track;
    say(
      quality,
      track
        ? [
            track.codec.replace(/^pcm_.*/, "wav").toUpperCase(),
            track.bitrate_bps ? `${Math.round(track.bitrate_bps / 1000)} kbit/s` : "",
          ]
            .filter(Boolean)
            .join(" · ")
        : "",
    );
    if (!track) {
      fill(art, h("span", { class: "cover nothing" }, icon("songs")));
      return fill(
        title,
        words("h1", "now-title", "Nothing is playing"),
        h("p", { class: "now-artists" }, "Choose something, and it shows up here."),
      );
    }
    tint(host, source, track, signal);
    const { album } = track;
    fill(
      art,
      cover(source, { name: album?.name ?? track.title, cover: track.cover }, { width_px: COVER_PX, eager: true }),
    );
    fill(
      title,
      h("h1", { class: "now-title", dir: "auto", tabindex: "-1" }, track.title),
      h("p", { class: "now-artists" }, ...artistLinks(track.artists)),
      album ? h("p", { class: "now-album" }, h("a", { href: href("album", album.id), dir: "auto" }, album.name)) : null,
    );
  };
  player.changed.on((what) => what === "track" && showTrack(), signal);
  showTrack();

  /** @type {AbortController | null} */
  let open = null;
  let opened = "-";
  signal.addEventListener("abort", () => open?.abort());
  // Between panels there is no history: back closes the page.
  for (const tab of tabs) {
    on(tab, {
      click: (/** @type {Event} */ event) => {
        event.preventDefault();
        const name = tab.dataset.panel ?? "";
        location.replace(href("now", name === opened ? "" : name));
      },
    });
  }
  return (name) => {
    if (name === opened) return;
    const first = opened === "-";
    opened = name;
    open?.abort();
    open = new AbortController();
    host.classList.toggle("with-panel", name !== "");
    for (const tab of tabs) {
      if (tab.dataset.panel === name) tab.setAttribute("aria-current", "true");
      else tab.removeAttribute("aria-current");
    }
    fill(panel);
    if (name === "lyrics") mountLyrics(panel, app, open.signal);
    else if (name === "queue") mountQueue(panel, app, open.signal);
    if (first) /** @type {HTMLElement | null} */ (host.querySelector("button"))?.focus({ preventScroll: true });
  };
}

/**
 * @param {HTMLElement} handle
 * @param {HTMLElement} sheet
 * @param {() => void} close
 * @param {AbortSignal} signal
 */
function pullToClose(handle, sheet, close, signal) {
  /** @type {number | null} */
  let from = null;
  on(
    handle,
    {
      pointerdown: (event) => {
        if (event.pointerType !== "touch" || event.target.closest("button, a")) return;
        from = event.clientY;
        handle.setPointerCapture(event.pointerId);
      },
      pointermove: (event) => {
        if (from !== null) sheet.style.translate = `0 ${Math.max(0, event.clientY - from)}px`;
      },
      pointerup: (event) => {
        if (from !== null && event.clientY - from > PULL_PX) close();
        from = null;
        sheet.style.translate = "";
      },
      pointercancel: () => {
        from = null;
        sheet.style.translate = "";
      },
    },
    signal,
  );
}

import { names } from "../core/format.js";
import { href } from "../core/route.js";
import { cover } from "./cover.js";
import { fill, h, words } from "./dom.js";
import { icon } from "./icon.js";
import { artistLinks } from "./page.js";
import { tint } from "./tint.js";
import { mainControls, modeControls, seekBar, volumeControl } from "./transport.js";

/** @import {App} from "./app.js" */

/**
 * What plays, always within reach: a slim bar above the tabs on a phone, the full transport on a wide screen.
 * @param {HTMLElement} host
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function mountPlayerBar(host, app, signal) {
  const { player, source } = app;
  const what = h("div", { class: "bar-what" });
  const progress = h("div", { class: "bar-progress", "aria-hidden": "true" });
  const { previous, play, next } = mainControls(app, signal);
  const { shuffle, repeat } = modeControls(app, signal);
  host.append(
    progress,
    what,
    h(
      "div",
      { class: "bar-middle" },
      h("div", { class: "transport" }, shuffle, previous, play, next, repeat),
      seekBar(app, signal),
    ),
    h(
      "div",
      { class: "bar-more" },
      h("a", { class: "ghost", href: href("now", "lyrics"), "aria-label": "Lyrics" }, icon("lyrics")),
      h("a", { class: "ghost", href: href("now", "queue"), "aria-label": "Queue" }, icon("queue")),
      volumeControl(app, signal),
    ),
  );

  let shown = "";
  const showTrack = () => {
    const track = player.current?.track;
    host.classList.toggle("empty", !track);
    const text = JSON.stringify(track ?? null);
    if (text === shown) return;
    shown = text;
    if (!track) return fill(what, h("p", { class: "bar-idle" }, "Nothing is playing"));
    tint(host, source, track, signal);
    const { title, artists, album } = track;
    fill(
      what,
      h(
        "a",
        {
          class: "bar-open",
          href: href("now"),
          "aria-label": `Now playing: ${title}${artists.length ? ` by ${names(artists)}` : ""}`,
        },
        cover(source, { name: album?.name ?? title, cover: track.cover }, { width_px: 56, eager: true }),
      ),
      h(
        "div",
        { class: "bar-names" },
        album
          ? h("a", { class: "bar-title", href: href("album", album.id), dir: "auto" }, title)
          : words("span", "bar-title", title),
        h("span", { class: "bar-artists" }, ...artistLinks(artists)),
      ),
    );
  };
  const showProgress = () =>
    progress.style.setProperty("--share", String(player.duration_ms ? player.position_ms / player.duration_ms : 0));
  player.changed.on((change) => {
    if (change === "track") showTrack();
    if (change === "time" || change === "track") showProgress();
  }, signal);
  // On a phone the bar is one big way into the now-playing page.
  host.addEventListener(
    "click",
    (event) => {
      const { target } = event;
      if (!matchMedia("(max-width: 639px)").matches || !player.current) return;
      if (target instanceof Element && target.closest("button, input")) return;
      event.preventDefault();
      app.go("now");
    },
    { signal },
  );
  showTrack();
  showProgress();
}

// The controls that the player bar and the now-playing page share.

import { clock, spokenClock } from "../core/format.js";
import { button, h, say } from "./dom.js";
import { icon, setIcon } from "./icon.js";
import { slider } from "./slider.js";

/** @import {App} from "./app.js" */
/** @import {Repeat} from "../core/queue.js" */

/** @type {Record<Repeat, Repeat>} */
const AFTER = { off: "all", all: "one", one: "off" };
/** @type {Record<Repeat, string>} */
const REPEATS = { off: "Repeat is off", all: "Repeats everything", one: "Repeats this song" };

/** @param {App} app */
export function cycleRepeat({ player, announce }) {
  const repeat = AFTER[player.queue.repeat];
  player.setRepeat(repeat);
  announce(REPEATS[repeat]);
}

/** @param {App} app */
export function toggleShuffle({ player, announce }) {
  player.setShuffle(!player.queue.shuffle);
  announce(player.queue.shuffle ? "Shuffle is on" : "Shuffle is off");
}

/**
 * Previous, play, next.
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function mainControls({ player }, signal) {
  const sign = icon("play");
  const play = button(
    { class: "play-button", "aria-label": "Play" },
    () => player.toggle(),
    sign,
    h("span", { class: "spin" }),
  );
  const previous = button(
    { class: "ghost skip-back", "aria-label": "Previous" },
    () => player.previous(),
    icon("previous"),
  );
  const next = button({ class: "ghost skip-on", "aria-label": "Next" }, () => player.next(), icon("next"));
  const follow = () => {
    setIcon(sign, player.playing ? "pause" : "play");
    play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
    play.classList.toggle("waiting", player.waiting);
    for (const control of [play, previous, next]) control.disabled = !player.current;
  };
  player.changed.on((what) => what !== "time" && follow(), signal);
  follow();
  return { previous, play, next };
}

/**
 * Shuffle and repeat.
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function modeControls(app, signal) {
  const { player } = app;
  const shuffle = button({ class: "ghost toggle", "aria-label": "Shuffle" }, () => toggleShuffle(app), icon("shuffle"));
  const one = h("span", { class: "repeat-one", "aria-hidden": "true" }, "1");
  const repeat = button({ class: "ghost toggle" }, () => cycleRepeat(app), icon("repeat"), one);
  const follow = () => {
    const { queue } = player;
    shuffle.setAttribute("aria-pressed", String(queue.shuffle));
    repeat.setAttribute("aria-pressed", String(queue.repeat !== "off"));
    repeat.setAttribute("aria-label", REPEATS[queue.repeat]);
    one.hidden = queue.repeat !== "one";
  };
  player.changed.on((what) => what === "queue" && follow(), signal);
  follow();
  return { shuffle, repeat };
}

/**
 * Where the song is, and the way to anywhere in it.
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function seekBar({ player }, signal) {
  const now = h("span", { class: "time" }, clock(0));
  const end = h("span", { class: "time end" }, clock(0));
  const range = slider(
    {
      label: "Position",
      className: "seek",
      max: 1,
      step: 1,
      say: (value) => `${spokenClock(value)} of ${spokenClock(player.duration_ms)}`,
    },
    { input: (value) => say(now, clock(value)), change: (value) => player.seek(value) },
  );
  range.element.addEventListener("keydown", (event) => {
    // Arrow keys in steps of five seconds, not of one millisecond.
    const by = {
      ArrowLeft: -5000,
      ArrowDown: -5000,
      ArrowRight: 5000,
      ArrowUp: 5000,
      PageDown: -30_000,
      PageUp: 30_000,
    }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    player.skip(by);
  });
  const follow = () => {
    if (range.held) return;
    const { duration_ms } = player;
    range.element.disabled = !player.current;
    range.set(Math.round(player.position_ms), Math.max(1, Math.round(duration_ms)));
    range.element.style.setProperty(
      "--loaded",
      String(duration_ms ? Math.min(1, player.buffered_ms / duration_ms) : 0),
    );
    say(now, clock(player.position_ms));
    say(end, clock(duration_ms));
  };
  player.changed.on((what) => what !== "queue" && follow(), signal);
  follow();
  return h("div", { class: "seek-bar" }, now, range.element, end);
}

/**
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function volumeControl({ player, settings }, signal) {
  const sign = icon("volume");
  const mute = button(
    { class: "ghost", "aria-label": "Mute" },
    () => settings.set("muted", !settings.get("muted")),
    sign,
  );
  const range = slider(
    { label: "Volume", className: "volume", max: 100, step: 1, say: (value) => `${value} percent` },
    { input: (value) => player.setVolume(value / 100) },
  );
  const follow = () => {
    const muted = settings.get("muted");
    setIcon(sign, muted || settings.get("volume") === 0 ? "muted" : "volume");
    mute.setAttribute("aria-pressed", String(muted));
    range.set(muted ? 0 : Math.round(settings.get("volume") * 100));
  };
  settings.changed.on((name) => (name === "volume" || name === "muted") && follow(), signal);
  follow();
  return h("div", { class: "volume-control" }, mute, range.element);
}

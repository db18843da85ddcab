// Stars and ratings, wherever a song, an album or an artist stands.

import { button } from "./dom.js";
import { icon, setIcon } from "./icon.js";
import { whenChanged } from "./live.js";

/** @import {Mark} from "../core/model.js" */
/** @import {Markable} from "../core/source.js" */
/** @import {App} from "./app.js" */
/** @import {Action} from "./menu.js" */

/** @typedef {Mark & {id: string, title?: string, name?: string}} Thing */

/** @param {Thing} thing */
const nameOf = ({ title, name }) => title ?? name ?? "";

/**
 * @param {App} app
 * @param {Markable} kind
 * @param {Thing} thing
 * @param {boolean} on
 */
async function star(app, kind, thing, on) {
  try {
    await app.source.personal?.star(kind, thing.id, on);
    app.announce(on ? `Star on ${nameOf(thing)}` : `No star on ${nameOf(thing)}`);
  } catch (error) {
    app.tell(error instanceof Error ? error.message : "That didn’t work.");
    throw error;
  }
}

/**
 * The line in a menu; [] where there are no stars.
 * @param {App} app
 * @param {Markable} kind
 * @param {Thing} thing
 * @returns {Action[]}
 */
export function starAction(app, kind, thing) {
  if (!app.source.can.has("star")) return [];
  const on = !thing.starred_ms;
  return [
    {
      icon: on ? "star" : "starred",
      label: on ? "Star" : "Remove the star",
      run: () => void star(app, kind, thing, on).catch(() => {}),
    },
  ];
}

/**
 * @param {App} app
 * @param {Markable} kind
 * @param {Thing} thing
 * @returns {Action[]}
 */
export function rateAction(app, kind, thing) {
  if (!app.source.can.has("star")) return [];
  const run = () => void import("./rating.js").then(({ openRating }) => openRating(app, kind, thing));
  return [{ icon: "sort", label: thing.rating ? `Rated ${thing.rating} of 5` : "Rate", run }];
}

/**
 * @param {App} app
 * @returns {{element: HTMLButtonElement, show: (kind: Markable, thing: Thing | null) => void}}
 */
function starSwitch(app) {
  const sign = icon("star");
  /** @type {{kind: Markable, thing: Thing} | null} */
  let shown = null;
  const draw = () => {
    const on = Boolean(shown?.thing.starred_ms);
    setIcon(sign, on ? "starred" : "star");
    element.setAttribute("aria-pressed", String(on));
    element.setAttribute("aria-label", shown ? `Star ${nameOf(shown.thing)}` : "Star");
    element.disabled = !shown;
  };
  const element = button(
    { class: "ghost star-switch", "data-key": "star", hidden: !app.source.can.has("star") },
    () => {
      if (!shown) return;
      const { kind, thing } = shown;
      const before = thing.starred_ms ?? null;
      thing.starred_ms = before ? null : Date.now();
      draw();
      star(app, kind, thing, !before).catch(() => {
        thing.starred_ms = before;
        draw();
      });
    },
    sign,
  );
  return {
    element,
    show: (kind, thing) => {
      shown = thing && { kind, thing: { ...thing } };
      draw();
    },
  };
}

/**
 * A switch on the page of a thing.
 * @param {App} app
 * @param {Markable} kind
 * @param {Thing} thing
 */
export function starButton(app, kind, thing) {
  const { element, show } = starSwitch(app);
  show(kind, thing);
  return element;
}

/**
 * The switch for the song that plays. What the queue knows of a song may be old: the library is asked.
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function followStar(app, signal) {
  const { player, source } = app;
  const { element, show } = starSwitch(app);
  let asked = "";
  const ask = () => {
    const id = player.current?.track.id ?? "";
    asked = id;
    if (!id) return show("tracks", null);
    source.track(id).then(
      (track) => id === asked && !signal.aborted && show("tracks", track),
      () => {},
    );
  };
  player.changed.on((what) => {
    if (what !== "track") return;
    show("tracks", player.current?.track ?? null);
    ask();
  }, signal);
  whenChanged(app, signal, ask);
  show("tracks", player.current?.track ?? null);
  ask();
  return element;
}

/** Turn the star of the song that plays. @param {App} app */
export async function starCurrent(app) {
  const playing = app.player.current?.track;
  if (!playing || !app.source.can.has("star")) return;
  try {
    const track = await app.source.track(playing.id);
    await star(app, "tracks", track, !track.starred_ms);
    app.tell(track.starred_ms ? `No star on “${track.title}” any more.` : `“${track.title}” has a star now.`);
  } catch {
    // Told already, or the song is gone.
  }
}

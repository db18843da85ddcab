import { lineAt } from "../core/lyrics.js";
import { button, calm, fill, h } from "./dom.js";
import { blank, trouble } from "./live.js";

/** @import {App} from "./app.js" */
/** @import {Lyrics} from "../core/model.js" */

/** After the person scrolled, the text stays where they put it for so long. */
const HANDS_OFF_MS = 4000;

/**
 * The words of what plays, in time where they are timed; a tap on a line goes there.
 * @param {HTMLElement} host
 * @param {App} app
 * @param {AbortSignal} signal
 */
export function mountLyrics(host, app, signal) {
  const { player, source } = app;
  const body = h("div", { class: "lyrics", tabindex: "0", role: "region", "aria-label": "Lyrics" });
  fill(host, body);
  let shown = "";
  /** @type {Lyrics | null} */
  let lyrics = null;
  /** @type {HTMLElement[]} */
  let lines = [];
  let active = -2;
  let touched_ms = -Infinity;
  for (const name of ["wheel", "touchmove"])
    body.addEventListener(name, () => (touched_ms = performance.now()), { signal, passive: true });

  const follow = () => {
    if (!lyrics?.synced) return;
    const at = lineAt(lyrics.lines, player.position_ms);
    if (at === active) return;
    lines[active]?.classList.remove("sung");
    active = at;
    const line = lines[at];
    line?.classList.add("sung");
    if (!line || performance.now() - touched_ms < HANDS_OFF_MS) return;
    const top = line.offsetTop - body.clientHeight * 0.35;
    body.scrollTo({ top, behavior: calm() ? "instant" : "smooth" });
  };

  const load = async () => {
    const id = player.current?.track.id ?? "";
    if (id === shown && id) return;
    shown = id;
    lyrics = null;
    active = -2;
    if (!id) return fill(body, blank("lyrics", "No words yet", "Lyrics of the song that plays are shown here."));
    fill(body, ...Array.from({ length: 6 }, () => h("span", { class: "bone bone-line lyric-bone" })));
    try {
      const found = await source.lyrics(id);
      if (signal.aborted || shown !== id) return;
      if (!found?.lines.length)
        return fill(
          body,
          blank("lyrics", "No lyrics", "This song came without words: none in its tags, and no .lrc file beside it."),
        );
      lyrics = found;
      lines = found.lines.map((line) => lineOf(line, found.synced, app));
      fill(body, ...lines);
      body.classList.toggle("timed", found.synced);
      body.scrollTop = 0;
      follow();
    } catch (error) {
      if (signal.aborted || shown !== id) return;
      shown = "";
      fill(
        body,
        trouble(error, () => void load()),
      );
    }
  };
  player.changed.on((what) => {
    if (what === "track") void load();
    if (what === "time") follow();
  }, signal);
  void load();
}

/**
 * @param {Lyrics["lines"][number]} line
 * @param {boolean} synced
 * @param {App} app
 * @returns {HTMLElement}
 */
function lineOf({ time_ms, text }, synced, app) {
  const words = text.trim() || "♪";
  if (!synced || time_ms === null) return h("p", { class: "lyric", dir: "auto" }, words);
  return button({ class: "lyric", dir: "auto" }, () => app.player.seek(time_ms), words);
}

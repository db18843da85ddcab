// Builds everything once and starts it.

import { Player } from "./core/player.js";
import { href } from "./core/route.js";
import { Settings } from "./core/settings.js";
import { Deck } from "./io/audio.js";
import { boot } from "./io/boot.js";
import { joinOtherTabs } from "./io/one_voice.js";
import { keepPlace } from "./io/resume.js";
import { recall, remember } from "./io/shelf.js";
import { guard, showPairing, showRemoved } from "./views/guard.js";
import { announce, ask, confirm, tell } from "./views/messages.js";
import { mountPlayerBar } from "./views/player_bar.js";
import { followRecent } from "./views/recent.js";
import { route } from "./views/router.js";
import { byId, mountNavigation } from "./views/shell.js";
import { followTheme } from "./views/theme.js";

/** @import {App} from "./views/app.js" */
/** @import {Pages} from "./core/pages.js" */

/** Long lists kept for the way back to them. */
const LISTS_KEPT = 8;

const settings = new Settings(recall("settings"), (choices) => remember("settings", choices));

/**
 * @param {import("./io/boot.js").Booted} booted
 * @param {AbortSignal} signal
 */
function start({ source, known }, signal) {
  const deck = new Deck();
  const player = new Player({ source, deck, settings, random: Math.random });
  const refresh = { page: () => {} };
  const inside = { steps: 0 };

  /** @type {Map<string, Pages<any>>} */
  const lists = new Map();
  /** @type {App} */
  const app = {
    source,
    player,
    settings,
    scroller: byId("scroller"),
    go: (place, id) => {
      location.hash = href(place, id);
    },
    back: () => {
      if (inside.steps > 0) history.back();
      else location.replace(href("home"));
    },
    refreshPage: () => refresh.page(),
    tell,
    announce,
    confirm,
    ask,
    pages: (key, make) => {
      const list = lists.get(key) ?? make();
      lists.delete(key);
      lists.set(key, list);
      if (lists.size > LISTS_KEPT) lists.delete(/** @type {string} */ (lists.keys().next().value));
      return list;
    },
  };

  addEventListener("hashchange", () => inside.steps++);
  for (const name of ["click", "keydown"]) addEventListener(name, () => deck.unlock(), { once: true, capture: true });
  player.told.on((text) => tell(text));
  keepPlace(player);
  void import("./io/media_session.js").then(({ joinMediaSession }) => joinMediaSession(player, source));
  const { continuing } = source;
  if (continuing) void import("./io/continuing.js").then(({ leavePlace }) => leavePlace(player, continuing));
  joinOtherTabs(player);
  followRecent(app);
  void import("./io/plays.js").then(({ countPlays }) => countPlays(player, source));
  mountPlayerBar(byId("player"), app, signal);
  void import("./views/shortcuts.js").then(({ listenForShortcuts }) => listenForShortcuts(app, signal));
  const marked = mountNavigation(source.can);
  guard(app, {
    open: (errands) => {
      void import("./views/rail_playlists.js").then(({ mountRailPlaylists }) => mountRailPlaylists(byId("rail-playlists"), app, signal));
      const pages = route({ app, host: byId("page"), overlay: byId("now"), marked, errands, signal });
      refresh.page = pages.refresh;
    },
    forget: () => lists.clear(),
    known,
  });
}

followTheme(settings);
const { signal } = new AbortController();
boot({ pair: showPairing, removed: showRemoved }, signal)
  .then((booted) => start(booted, signal))
  .then(() => dispatchEvent(new Event("app-begun")))
  .catch((error) => {
    dispatchEvent(new CustomEvent("app-failed", { detail: error }));
    throw error;
  });

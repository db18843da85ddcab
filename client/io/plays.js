// Plays, counted as they happen and told to the library; what can't be told now is kept until it can.

import { PlayCount } from "../core/play_count.js";
import { SourceError } from "../core/source_error.js";
import { recall, remember } from "./shelf.js";

/** @import {Player} from "../core/player.js" */
/** @import {Source} from "../core/source.js" */

/** @typedef {{track: string, played_ms: number}} Play */

const KEPT_MOST = 500;
/** Of a song that is not in the library any more, nothing needs to be counted. */
const IN_VAIN = new Set(["not_found", "invalid"]);

/** @returns {Play[]} */
function untold() {
  const kept = recall("plays");
  return Array.isArray(kept) ? kept.filter(({ track, played_ms }) => typeof track === "string" && Number.isInteger(played_ms)) : [];
}

/**
 * @param {Player} player
 * @param {Source} source
 */
export function countPlays(player, source) {
  const { personal } = source;
  if (!personal || !source.can.has("plays")) return;
  const count = new PlayCount();
  let telling = false;

  const tell = async () => {
    if (telling) return;
    telling = true;
    try {
      for (let play = untold()[0]; play; play = untold()[0]) {
        await personal.play(play.track, play.played_ms).catch((error) => {
          if (!(error instanceof SourceError && IN_VAIN.has(error.code))) throw error;
        });
        remember("plays", untold().slice(1));
      }
    } catch {
      // Told when the next song begins.
    } finally {
      telling = false;
    }
  };

  count.begin(player.position_ms);
  player.changed.on((what) => {
    if (what === "track") {
      count.begin(player.position_ms);
      if (untold().length) void tell();
    }
    const track = player.current?.track;
    if (what !== "time" || !track || !count.at(player.position_ms, player.duration_ms)) return;
    remember("plays", [...untold(), { track: track.id, played_ms: Date.now() }].slice(-KEPT_MOST));
    void tell();
  });
  if (untold().length) void tell();
}

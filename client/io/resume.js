// The queue and the position, kept for the next visit.

import { recall, remember } from "./shelf.js";

/** @import {Kept, Player} from "../core/player.js" */

const POSITION_EVERY_MS = 5000;
const QUEUE_AFTER_MS = 800;

/** @param {Player} player */
export function keepPlace(player) {
  const queue = /** @type {Kept["queue"] | null} */ (recall("queue"));
  const place = /** @type {{key: number, position_ms: number} | null} */ (recall("place"));
  if (queue && Array.isArray(queue.entries) && queue.entries[queue.at]?.track?.id) {
    const position_ms = place && place.key === queue.entries[queue.at].key ? place.position_ms : 0;
    player.restore({ queue, position_ms });
  }

  let timer = 0;
  let placed_ms = 0;
  const keepQueue = () => {
    clearTimeout(timer);
    timer = 0;
    remember("queue", player.kept()?.queue ?? null);
  };
  const keepPosition = () => {
    placed_ms = performance.now();
    const key = player.current?.key;
    remember("place", key === undefined ? null : { key, position_ms: Math.round(player.position_ms) });
  };
  player.changed.on((what) => {
    if (what === "queue" || what === "track") timer ||= setTimeout(keepQueue, QUEUE_AFTER_MS);
    if (what === "track" || what === "state" || (what === "time" && performance.now() - placed_ms > POSITION_EVERY_MS))
      keepPosition();
  });
  addEventListener("pagehide", () => {
    if (timer) keepQueue();
    keepPosition();
  });
}

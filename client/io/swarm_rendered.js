// Mobile renditions that are made for this phone when it asks.

import { renditionOf } from "../core/catalog_values.js";
import { unpack } from "../core/msgpack.js";
import { firstPlayable } from "./playable.js";

/** @import {Rendition} from "../core/catalog_values.js" */
/** @import {Swarm} from "./swarm.js" */
/** @import {SmallCodec} from "./playable.js" */

/** One that isn't made yet is waited for so long. */
const TIMEOUT_MS = 12_000;
const MAX_ANSWER_BYTES = 4_096;

/**
 * Gives a track's mobile rendition, made now by a computer of the library and remembered until the catalog names it; null if none can.
 * @param {Pick<Swarm, "ask">} swarm
 * @returns {(id: string, codec: SmallCodec | "") => Promise<Rendition | null>}
 */
export function renderedBy(swarm) {
  /** @type {Map<string, Promise<Rendition | null>>} */
  const known = new Map();
  return (id, codec) => {
    if (!codec) return Promise.resolve(null);
    const made =
      known.get(id) ??
      swarm
        .ask("render", { track: id, codec }, TIMEOUT_MS)
        // A computer with an older Songkeep gives Opus, whatever was asked for.
        .then((answer) => firstPlayable([renditionOf(unpack(answer, { max_bytes: MAX_ANSWER_BYTES }))]))
        .catch(() => {
          known.delete(id);
          return null;
        });
    known.set(id, made);
    return made;
  };
}

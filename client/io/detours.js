// Ways to a device that go through a server, for where none leads directly, as in networks that let no UDP through.

import { equal } from "../core/bytes.js";
import { RelayWay } from "./relay_way.js";
import { SeedRanges } from "./seed_ranges.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {Room} from "./room.js" */
/** @import {Membership} from "./swarm_membership.js" */

/** @typedef {SeedRanges | RelayWay} Detour */

/**
 * To a seed: its own HTTP address. To a computer: the room of a seed, where both are; a tracker's is never used for it. Null if there is none.
 * @param {Bytes} member
 * @param {{membership: Membership, rooms: readonly Room[], isUsable: (url: string) => boolean}} reach
 *   isUsable: the browser lets this page speak to that address
 * @returns {Detour | null}
 */
export function detourTo(member, { membership, rooms, isUsable }) {
  const seeds = membership.roster.active("seed");
  const seed = seeds.find(({ sign }) => equal(sign, member));
  if (seed) {
    const base = seed.addresses.find((url) => URL.canParse(url) && isUsable(url));
    return base ? new SeedRanges(base, membership) : null;
  }
  const bases = new Set(seeds.flatMap(({ addresses }) => addresses.map(roomBase)));
  const room = rooms.find((each) => each.joined && bases.has(each.base) && each.has(member));
  return room ? new RelayWay(room, member) : null;
}

/** Where a seed's room is. @param {string} url  the seed's HTTP address */
const roomBase = (url) => url.replace(/^http/, "ws").replace(/\/+$/, "");

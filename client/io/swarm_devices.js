// The library's devices, as a phone knows them: from the roster, the catalog and who is here.

import { toBase32 } from "../core/bytes.js";
import { deviceNameOps } from "../core/catalog_personal.js";
import { rules } from "../core/roster_entries.js";
import { SourceError } from "../core/source_error.js";
import { trackerAddress } from "../core/tracker_address.js";
import { MAX_ROOMS } from "./swarm.js";

/** @import {Devices} from "../core/source.js" */
/** @import {Swarm} from "./swarm.js" */
/** @import {Membership} from "./swarm_membership.js" */
/** @import {PersonalParts} from "./swarm_personal.js" */

/** As rooms are named. @param {string} url */
const bare = (url) => url.replace(/\/+$/, "");
const SHOWN = new Set(["owner", "player", "seed"]);

/**
 * @param {PersonalParts & {membership: Membership, swarm: Swarm, held_bytes: () => Promise<{budget_bytes: number, used_bytes: number}>}} parts
 * @returns {Devices}
 */
export const swarmDevices = ({ catalog, write, membership, swarm, held_bytes }) => ({
  list: async () => {
    const { personal } = await catalog();
    const own = toBase32(membership.id);
    const here = await held_bytes();
    return [...membership.roster.members].filter(([, { role }]) => SHOWN.has(role)).map(([id, { role, revoked_seq }]) => {
      const presence = swarm.presences.get(id);
      const linked = swarm.ways().some((way) => way.id === id);
      return {
        id,
        name: personal.deviceName(id) || (id === own ? membership.name : presence?.name) || (role === "seed" ? "Seed" : "A device"),
        role: /** @type {"owner" | "player" | "seed"} */ (role),
        this: id === own,
        active: revoked_seq === null,
        present: id === own || linked || swarm.isHere(id),
        seen_ms: presence?.time_ms ?? null,
        budget_bytes: id === own ? here.budget_bytes : null,
        held_bytes: id === own ? here.used_bytes : null,
        health: revoked_seq === null ? (presence?.asleep ? "It is going to sleep." : "") : "It was revoked.",
      };
    });
  },
  rooms: async () => {
    const names = (/** @type {string} */ server) =>
      Object.entries(membership.told).flatMap(([id, told]) => (told.includes(server) ? [swarm.presences.get(id)?.name || "a computer"] : []));
    return swarm.rooms().map((room) => ({ ...room, own: membership.trackers.some((url) => bare(url) === room.server), of: names(room.server) }));
  },
  rename: async (id, name) => {
    const own = toBase32(membership.id);
    const role = membership.roster.members.get(own)?.role;
    if (id !== own && !(role && rules(role)))
      throw new SourceError("refused", "This device may rename only itself. Rename others on a device that is an owner.");
    await write(deviceNameOps(id, name));
  },
  addTracker: async (typed) => {
    const address = trackerAddress(typed, { secure: location.protocol === "https:" });
    const rooms = swarm.rooms();
    if (rooms.some(({ server }) => server === address)) throw new SourceError("invalid", "Your devices meet there already.");
    if (rooms.length >= MAX_ROOMS) throw new SourceError("refused", `More than ${MAX_ROOMS} places to meet are not used. Remove one first.`);
    await membership.meetAt([...membership.trackers, address]);
  },
  removeTracker: async (server) => {
    if (swarm.rooms().length < 2) throw new SourceError("refused", "This is the only place where this device meets the others. Add another one first.");
    await membership.meetAt(membership.trackers.filter((url) => bare(url) !== server));
  },
});

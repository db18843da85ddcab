// A computer said in which trackers' rooms it can be met: this device goes there too.

import { toBase32 } from "../core/bytes.js";
import { afterTold } from "../core/told_trackers.js";

/** @import {Bytes} from "../core/bytes.js" */
/** @import {Membership} from "./swarm_membership.js" */

/**
 * @param {Membership} membership
 * @param {Bytes} member  who said it
 * @param {unknown} said
 */
export async function followTrackers(membership, member, said) {
  const members = new Set(membership.roster.active("owner").map(({ sign }) => toBase32(sign)));
  const next = afterTold(membership, { by: toBase32(member), said }, { secure: location.protocol === "https:", members });
  if (next) await membership.meetAt(next.trackers, next.told);
}

// Where a device stopped, in the catalog: read and written by a phone (node/catalog/personal.py, the saved queue).

import { queueOps } from "../core/catalog_personal.js";

/** @import {Continuing} from "../core/source.js" */
/** @import {PersonalParts} from "./swarm_personal.js" */

/**
 * @param {PersonalParts & {name: string}} parts  `name`: of this device
 * @returns {Continuing}
 */
export const swarmContinuing = ({ catalog, write, name }) => ({
  left: async () => {
    const { queue } = (await catalog()).personal;
    return queue && { ...queue, tracks: queue.tracks.slice(queue.index) };
  },
  leave: async ({ tracks, position_ms }) => {
    const { personal } = await catalog();
    const changed_ms = Date.now();
    await write(queueOps({ tracks, position_ms, changed_ms, by: name }, personal.queue));
    return changed_ms;
  },
});

// Stars, ratings, plays, playlists and where a device stopped, over a node's HTTP API.

import { deviceName } from "./device_name.js";
import { request } from "./node_http.js";

/** @import {Continuing, Personal, Playlists} from "../core/source.js" */

/** @typedef {(path: string) => Promise<any>} Get  kept until the library changes */
/** @typedef {(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown) => Promise<any>} Change */

/** @param {string} id */
const part = (id) => encodeURIComponent(id);

/**
 * @param {Get} get
 * @param {Change} change
 * @returns {Personal}
 */
export const nodePersonal = (get, change) => ({
  star: (kind, id, on) => change(on ? "PUT" : "DELETE", `${kind}/${part(id)}/star`),
  rate: (kind, id, rating) =>
    rating === null
      ? change("DELETE", `${kind}/${part(id)}/rating`)
      : change("PUT", `${kind}/${part(id)}/rating`, { rating }),
  starred: () => get("starred"),
  // Nothing on screen waits for it: lists are drawn again when the node says that it is counted.
  play: async (track, played_ms) => void (await request("POST", "plays", { body: { track, played_ms } })),
  history: (limit) => get(`history?limit=${limit}`),
});

/**
 * @param {Get} get
 * @param {Change} change
 * @returns {Playlists}
 */
export const nodePlaylists = (get, change) => ({
  all: async () => (await get("playlists")).items,
  get: (id) => get(`playlists/${part(id)}`),
  create: (name, tracks, comment = "") => change("POST", "playlists", { name, tracks, comment }),
  rename: (id, name) => change("PATCH", `playlists/${part(id)}`, { name }),
  remove: (id) => change("DELETE", `playlists/${part(id)}`),
  append: (id, tracks) => change("POST", `playlists/${part(id)}/tracks`, { tracks }),
  replace: (id, tracks) => change("PUT", `playlists/${part(id)}/tracks`, { tracks }),
  take: (id, places) => change("PATCH", `playlists/${part(id)}`, { remove: places }),
});

/**
 * @param {Get} get
 * @returns {Continuing}
 */
export const nodeContinuing = (get) => ({
  left: async () => {
    const { tracks, index, position_ms, changed_ms, changed_by } = await get("queue");
    return index === null ? null : { tracks: tracks.slice(index), position_ms, changed_ms, by: changed_by };
  },
  leave: async ({ tracks, position_ms }) => {
    const body = { tracks, index: tracks.length ? 0 : null, position_ms, changed_by: deviceName() };
    return /** @type {{changed_ms: number}} */ (await request("PUT", "queue", { body })).changed_ms;
  },
});

// The library's devices, over a node's HTTP API; and letting new ones in.

import { request } from "./node_http.js";
import { nodePhrases } from "./node_phrases.js";

/** @import {Devices} from "../core/source.js" */

/** @param {string} id */
const part = (id) => encodeURIComponent(id);
/** @param {"GET" | "POST" | "PATCH" | "DELETE"} method @param {string} path @param {unknown} [body] @param {AbortSignal} [signal] @returns {Promise<any>} */
const ask = (method, path, body, signal) => request(method, path, { body, signal });

/** @type {Devices} */
export const nodeDevices = {
  list: async () => (await ask("GET", "devices")).items,
  rooms: async () => (await ask("GET", "network")).rooms,
  rename: (id, name) => ask("PATCH", `devices/${part(id)}`, { name }),
  revoke: (id) => ask("POST", `devices/${part(id)}/revoke`),
  phrases: nodePhrases,
  pairing: {
    app: async () => (await ask("GET", "config")).app,
    begin: async (how) => (await ask("POST", "pair", how)).id,
    events: (id, after, signal) => ask("GET", `pair/${part(id)}/events?after=${after}`, undefined, signal),
    check: (id, digits) => ask("POST", `pair/${part(id)}/check`, { digits }),
    cancel: (id) => ask("DELETE", `pair/${part(id)}`),
  },
};

// The library's recovery phrases, over a node's HTTP API.

import { request } from "./node_http.js";

/** @import {Phrases} from "../core/source.js" */

/** @param {"GET" | "POST"} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
const ask = (method, path, body) => request(method, path, { body });
/** @param {string} id */
const at = (id) => `phrases/${encodeURIComponent(id)}`;

/** @type {Phrases} */
export const nodePhrases = {
  list: () => ask("GET", "phrases"),
  draft: () => ask("POST", "phrases", {}),
  confirm: (id, words) => ask("POST", `${at(id)}/confirm`, { words }),
  discard: (id) => ask("POST", `${at(id)}/discard`),
  remove: (id, phrase) => ask("POST", `${at(id)}/remove`, phrase ? { phrase } : {}),
};

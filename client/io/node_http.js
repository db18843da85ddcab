// Requests to the node that served this page, with the session's token.

import { sentence } from "../core/format.js";
import { SourceError } from "../core/source_error.js";
import { recall, remember } from "./shelf.js";

/** @typedef {{token: string, media_key: string, expires_ms: number}} Session */

const REQUEST_TIMEOUT_MS = 20_000;
const SILENT = "Songkeep on your computer is not answering.";

/** @param {string} path  below /api/v1/ */
export const apiUrl = (path) => new URL(`api/v1/${path}`, document.baseURI).href;

/** @returns {Session | null} */
export function session() {
  const kept = /** @type {Partial<Session> | null} */ (recall("session"));
  return typeof kept?.token === "string" && typeof kept.media_key === "string" ? /** @type {Session} */ (kept) : null;
}

export const endSession = () => remember("session", null);

/**
 * Trade a sign-in code or the LAN password for a session, kept in this browser.
 * @param {{code: string} | {password: string}} proof
 */
export async function beginSession(proof) {
  const answer = /** @type {Session} */ (await request("POST", "session", { body: proof, anonymous: true }));
  remember("session", { token: answer.token, media_key: answer.media_key, expires_ms: answer.expires_ms });
}

/**
 * @param {number} status
 * @returns {import("../core/source_error.js").SourceErrorCode}
 */
function codeFor(status) {
  if (status === 401) return "signed_out";
  if (status === 404) return "not_found";
  if (status === 400 || status === 422) return "invalid";
  return status === 403 || status === 409 || status === 429 ? "refused" : "failed";
}

/**
 * One request; the answer's JSON, or null when it has none.
 * @param {"GET" | "POST" | "PUT" | "PATCH" | "DELETE"} method
 * @param {string} path  below /api/v1/
 * @param {{body?: unknown, signal?: AbortSignal, anonymous?: boolean, timeout_ms?: number}} [options]
 * @returns {Promise<unknown>}
 */
export async function request(method, path, { body, signal, anonymous, timeout_ms = REQUEST_TIMEOUT_MS } = {}) {
  const token = anonymous ? null : (session()?.token ?? "");
  const response = await send(method, path, body, token, AbortSignal.timeout(timeout_ms), signal);
  if (response.ok) return response.status === 204 ? null : response.json().catch(() => null);
  const told = await response.json().catch(() => null);
  throw new SourceError(
    told?.error?.code === "unsure" ? "unsure" : codeFor(response.status),
    sentence(told?.error?.message ?? `the computer answered with an error (${response.status})`),
  );
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {string | null} token
 * @param {AbortSignal} timeout
 * @param {AbortSignal} [signal]
 */
async function send(method, path, body, token, timeout, signal) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(apiUrl(path), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      cache: "no-store",
      credentials: "omit",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new SourceError("offline", SILENT);
  }
}

/**
 * The node's event stream, as text in pieces, until it breaks.
 * @param {AbortSignal} signal
 * @returns {Promise<ReadableStreamDefaultReader<string>>}
 */
export async function openEvents(signal) {
  const response = await fetch(apiUrl("events"), {
    headers: { Accept: "text/event-stream", Authorization: `Bearer ${session()?.token ?? ""}` },
    signal,
    cache: "no-store",
    credentials: "omit",
  }).catch(() => {
    throw new SourceError("offline", SILENT);
  });
  if (!response.ok || !response.body) throw new SourceError(codeFor(response.status), SILENT);
  return response.body.pipeThrough(new TextDecoderStream()).getReader();
}

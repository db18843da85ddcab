// One event stream for the whole app, opened while anybody listens and opened again whenever it breaks.

import { eventReader } from "../core/event_stream.js";
import { SourceError } from "../core/source_error.js";
import { openEvents } from "./node_http.js";

/** @import {SourceEvent} from "../core/source.js" */

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 10_000;

/**
 * @param {import("../core/event_stream.js").ServerEvent} event
 * @returns {SourceEvent | null}  null for kinds this version doesn't know
 */
function understood({ name, data }) {
  let value;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (name === "changed") return { kind: "changed", revision: Number(value.revision) };
  if (name === "progress")
    return { kind: "progress", job: value.job && typeof value.job === "object" ? value.job : value };
  if (name === "notice") return { kind: "notice", notice: value };
  return null;
}

/**
 * @param {(event: SourceEvent) => void} tell
 * @returns {() => void}  closes it
 */
export function followEvents(tell) {
  const life = new AbortController();
  void follow(tell, life.signal);
  return () => life.abort();
}

/**
 * @param {(event: SourceEvent) => void} tell
 * @param {AbortSignal} signal
 */
async function follow(tell, signal) {
  let retry_ms = RETRY_FIRST_MS;
  let online = true;
  while (!signal.aborted) {
    try {
      const reader = await openEvents(signal);
      const read = eventReader();
      if (!online) tell({ kind: "link", online: (online = true) });
      retry_ms = RETRY_FIRST_MS;
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        for (const event of read(piece.value)) {
          const known = understood(event);
          if (known) tell(known);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof SourceError && error.code === "signed_out") return tell({ kind: "signed_out" });
    }
    if (signal.aborted) return;
    if (online) tell({ kind: "link", online: (online = false) });
    await pause(retry_ms, signal);
    retry_ms = Math.min(retry_ms * 2, RETRY_LONGEST_MS);
  }
}

/**
 * Wait, but no longer once the browser says it is back on a network.
 * @param {number} ms
 * @param {AbortSignal} signal
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve(undefined);
    }
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}

// The address of a tracker, as a person types it.

import { SourceError } from "./source_error.js";

const MAX_CHARS = 500;

/**
 * The whole WebSocket address. Throws a SourceError that says what is wrong with it.
 * @param {string} text  with or without its beginning: "tracker.example.org"
 * @param {{secure: boolean}} page  a page from an https address reaches no others
 */
export function trackerAddress(text, { secure }) {
  const typed = text.trim();
  const whole = /^\w+:\/\//.test(typed) ? typed.replace(/^http/i, "ws") : `wss://${typed}`;
  const url = typed && whole.length <= MAX_CHARS && URL.canParse(whole) ? new URL(whole) : null;
  if (!url || !/^wss?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new SourceError("invalid", `“${typed.slice(0, 80)}” is not a tracker’s address. One looks like wss://tracker.example.org`);
  }
  if (secure && url.protocol === "ws:") throw new SourceError("invalid", "From here only encrypted addresses can be reached, which begin with wss://");
  return url.href.replace(/\/+$/, "");
}

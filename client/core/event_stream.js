/** @typedef {{name: string, data: string}} ServerEvent */

/** The most characters one event may have; a longer one is dropped. */
const EVENT_LIMIT = 1_000_000;

/**
 * Read server-sent events from text that arrives in any pieces. Source: WHATWG HTML, "Interpreting an event stream".
 * @returns {(text: string) => ServerEvent[]}
 */
export function eventReader() {
  let rest = "";
  let name = "";
  /** @type {string[]} */
  let data = [];
  return (text) => {
    /** @type {ServerEvent[]} */
    const out = [];
    rest += text;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    if (rest.length > EVENT_LIMIT) rest = "";
    for (const line of lines) {
      if (line === "") {
        if (data.length) out.push({ name: name || "message", data: data.join("\n") });
        name = "";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") name = value;
      else if (field === "data") data.push(value);
    }
    return out;
  };
}

// Numbers as people read them.

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** "4:05" or "1:02:03". @param {number} ms */
export function clock(ms) {
  if (!Number.isFinite(ms) || ms < 0) return "–:––";
  const total = Math.floor(ms / SECOND_MS);
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const seconds = String(total % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

/** "4 minutes 5 seconds", for a voice. @param {number} ms */
export function spokenClock(ms) {
  const total = Math.max(0, Math.floor(ms / SECOND_MS));
  return `${Math.floor(total / 60)} minutes ${total % 60} seconds`;
}

/** "43 min", "5 hr 12 min", "12 days". @param {number} ms */
export function span(ms) {
  if (ms >= 2 * DAY_MS) return `${Math.round(ms / DAY_MS)} days`;
  const minutes = Math.max(1, Math.round(ms / MINUTE_MS));
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} hr${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
}

/** "about 3 min left". @param {number} seconds */
export function left(seconds) {
  return seconds < 10
    ? "a few seconds left"
    : seconds < 90
      ? `${Math.round(seconds)} s left`
      : `about ${span(seconds * 1000)} left`;
}

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** Decimal units: "4.2 MB". @param {number} size */
export function bytes(size) {
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

const COUNT = new Intl.NumberFormat();

/** @param {number} value */
export const number = (value) => COUNT.format(value);

/**
 * "1 song", "1,204 songs".
 * @param {number} value
 * @param {string} one
 * @param {string} [many]
 */
export const counted = (value, one, many = `${one}s`) => `${COUNT.format(value)} ${value === 1 ? one : many}`;

/** A message as a sentence: a capital in front, a full stop at the end. @param {string} text */
export const sentence = (text) =>
  text.charAt(0).toLocaleUpperCase() + text.slice(1) + (/[\p{L}\p{N})'”"]$/u.test(text) ? "." : "");

/** @param {readonly {name: string}[]} people */
export const names = (people) => people.map((person) => person.name).join(", ");

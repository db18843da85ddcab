// Checks of single fields that came from outside. Each gives the value, or throws a WireError "peer" that names the field.

import { peerError } from "./wire_errors.js";

/** @import {Bytes} from "./bytes.js" */

/**
 * A list of at least `length` items: newer writers may add some.
 * @param {unknown} value
 * @param {number} length
 * @param {string} what
 * @returns {any[]}
 */
export function list(value, length, what) {
  if (!Array.isArray(value) || value.length < length) throw peerError(`${what} is not a list of ${length} fields`);
  return value;
}

/**
 * @param {unknown} value
 * @param {number} length
 * @param {string} what
 * @returns {Bytes}
 */
export function fixedBytes(value, length, what) {
  if (!(value instanceof Uint8Array) || value.length !== length) throw peerError(`${what} is not ${length} bytes`);
  return /** @type {Bytes} */ (value);
}

/**
 * @param {unknown} value
 * @param {number} max_bytes
 * @param {string} what
 * @returns {Bytes}
 */
export function boundedBytes(value, max_bytes, what) {
  if (!(value instanceof Uint8Array) || value.length > max_bytes) throw peerError(`${what} is not at most ${max_bytes} bytes`);
  return /** @type {Bytes} */ (value);
}

/**
 * @param {unknown} value
 * @param {number} max_chars  Unicode code points, as Python counts
 * @param {string} what
 * @returns {string}
 */
export function boundedText(value, max_chars, what) {
  const fits = typeof value === "string" && (value.length <= max_chars || (value.length <= 2 * max_chars && [...value].length <= max_chars));
  if (!fits) throw peerError(`${what} is not text of at most ${max_chars} characters`);
  return /** @type {string} */ (value);
}

/**
 * @param {unknown} value
 * @param {number} maximum
 * @param {string} what
 * @returns {number}
 */
export function natural(value, maximum, what) {
  if (!Number.isSafeInteger(value) || /** @type {number} */ (value) < 0 || /** @type {number} */ (value) > maximum) {
    throw peerError(`${what} is not a number from 0 to ${maximum}`);
  }
  return /** @type {number} */ (value);
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {Record<string, unknown>}
 */
export function textMap(value, what) {
  const plain = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map) && !(value instanceof Uint8Array);
  if (!plain) throw peerError(`${what} is not a map`);
  return /** @type {Record<string, unknown>} */ (value);
}

// Bytes: joining, comparing, and their textual forms.

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const encoder = new TextEncoder();
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** @param {string} text @returns {Bytes} */
export const utf8 = (text) => encoder.encode(text);

/** @param {...Uint8Array} parts @returns {Bytes} */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Whether both are the same bytes; takes as long for a first difference at the end as at the beginning.
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
export function equal(a, b) {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}

/**
 * A whole number, big-endian.
 * @param {number} value  0 to 2^53 - 1
 * @param {number} length  in bytes
 * @returns {Bytes}
 */
export function bigEndian(value, length) {
  const bytes = new Uint8Array(length);
  for (let i = length - 1, left = value; i >= 0; i--, left = Math.floor(left / 256)) bytes[i] = left % 256;
  return bytes;
}

/** @param {Uint8Array} bytes */
export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string} hex @returns {Bytes} */
export const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/**
 * RFC 4648 base32, lower case, no padding: how identifiers are written.
 * @param {Uint8Array} bytes
 */
export function toBase32(bytes) {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(value >>> (bits - 5)) & 31];
    value &= 0xff;
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

/**
 * The bytes that `toBase32` made `text` of; null for anything else.
 * @param {string} text
 * @returns {Bytes | null}
 */
export function fromBase32(text) {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let bits = 0;
  let value = 0;
  let at = 0;
  for (const letter of text) {
    const five = BASE32.indexOf(letter);
    if (five < 0) return null;
    value = ((value << 5) | five) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes[at++] = (value >>> (bits -= 8)) & 0xff;
  }
  return toBase32(bytes) === text ? bytes : null;
}

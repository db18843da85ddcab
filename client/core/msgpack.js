// msgpack with limits: the one way that structured bytes from outside become values, and back.
// Bytes are Uint8Array; whole numbers beyond 2^53 are BigInt; a map with only text keys is an object without prototype,
// any other a Map. Extension types are refused.

import { peerError } from "./wire_errors.js";

/** @import {Bytes} from "./bytes.js" */

/** Lists and maps inside one another. */
const MAX_DEPTH = 16;
const MALFORMED = "a message is not in the form that was expected";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * @param {unknown} value  null, boolean, number, bigint, string, Uint8Array, array, Map or plain object
 * @returns {Bytes}
 */
export function pack(value) {
  const writer = new Writer();
  writer.value(value);
  return writer.done();
}

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  done() {
    return this.#bytes.slice(0, this.#at);
  }

  /** @param {number} count */
  #room(count) {
    const at = this.#at;
    this.#at += count;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#at, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  /** @param {number} byte */
  #byte(byte) {
    const at = this.#room(1);
    this.#bytes[at] = byte;
  }

  /**
   * A type byte and a count of one, two or four bytes, the shortest that there is.
   * @param {number} count
   * @param {[number | null, number, number]} types  null: no one-byte form
   */
  #counted(count, [one, two, four]) {
    if (one !== null && count < 0x100) {
      this.#byte(one);
      this.#byte(count);
    } else if (count < 0x10000) {
      this.#byte(two);
      const at = this.#room(2);
      this.#view.setUint16(at, count);
    } else {
      this.#byte(four);
      const at = this.#room(4);
      this.#view.setUint32(at, count);
    }
  }

  /** @param {Uint8Array} bytes */
  #raw(bytes) {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** @param {unknown} value */
  value(value) {
    if (value === null || value === undefined) this.#byte(0xc0);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "bigint") this.#whole(value);
    else if (typeof value === "number") {
      if (Number.isSafeInteger(value)) this.#whole(value);
      else this.#float(value);
    } else if (typeof value === "string") this.#text(value);
    else if (value instanceof Uint8Array) {
      this.#counted(value.length, [0xc4, 0xc5, 0xc6]);
      this.#raw(value);
    } else if (Array.isArray(value)) {
      if (value.length < 16) this.#byte(0x90 | value.length);
      else this.#counted(value.length, [null, 0xdc, 0xdd]);
      for (const item of value) this.value(item);
    } else if (typeof value === "object") this.#map(value instanceof Map ? [...value] : Object.entries(value));
    else throw new TypeError(`msgpack has no form for a ${typeof value}`);
  }

  /** @param {[unknown, unknown][]} entries */
  #map(entries) {
    if (entries.length < 16) this.#byte(0x80 | entries.length);
    else this.#counted(entries.length, [null, 0xde, 0xdf]);
    for (const [key, item] of entries) {
      this.value(key);
      this.value(item);
    }
  }

  /** @param {string} text */
  #text(text) {
    const bytes = encoder.encode(text);
    if (bytes.length < 32) this.#byte(0xa0 | bytes.length);
    else this.#counted(bytes.length, [0xd9, 0xda, 0xdb]);
    this.#raw(bytes);
  }

  /** @param {number} value */
  #float(value) {
    this.#byte(0xcb);
    const at = this.#room(8);
    this.#view.setFloat64(at, value);
  }

  /** @param {number | bigint} value */
  #whole(value) {
    if (value >= 0) {
      if (value < 0x80) this.#byte(Number(value));
      else if (value < 0x100000000) this.#counted(Number(value), [0xcc, 0xcd, 0xce]);
      else {
        this.#byte(0xcf);
        const at = this.#room(8);
        this.#view.setBigUint64(at, BigInt(value));
      }
    } else if (value >= -0x20) this.#byte(0x100 + Number(value));
    else this.#negative(value);
  }

  /** @param {number | bigint} value  under -32 */
  #negative(value) {
    const [type, size] = value >= -0x80 ? [0xd0, 1] : value >= -0x8000 ? [0xd1, 2] : value >= -0x80000000 ? [0xd2, 4] : [0xd3, 8];
    this.#byte(type);
    const at = this.#room(size);
    if (size === 1) this.#view.setInt8(at, Number(value));
    else if (size === 2) this.#view.setInt16(at, Number(value));
    else if (size === 4) this.#view.setInt32(at, Number(value));
    else this.#view.setBigInt64(at, BigInt(value));
  }
}

/**
 * The one value in `data`. Throws a WireError "peer" for anything longer than `max_bytes`, nested deeper than 16, or malformed.
 * @param {Uint8Array} data
 * @param {{max_bytes: number, floats?: boolean}} limits  `floats` false refuses them: 5.0 is then never taken for 5
 * @returns {any}
 */
export function unpack(data, { max_bytes, floats = true }) {
  if (data.length > max_bytes) throw peerError(`a message has ${data.length} bytes, over the limit of ${max_bytes}`);
  const reader = new Reader(data, floats);
  try {
    const value = reader.value(MAX_DEPTH);
    if (!reader.ended) throw peerError(MALFORMED);
    return value;
  } catch (error) {
    // Reading past the end, or text that isn't UTF-8.
    if (error instanceof RangeError || error instanceof TypeError) throw peerError(MALFORMED);
    throw error;
  }
}

/**
 * Values that stand one behind the other.
 * @param {Uint8Array} data
 * @returns {Generator<{value: any, start: number, end: number}, undefined>}  and where each stands
 */
export function* unpackMany(data) {
  const reader = new Reader(data, true);
  while (!reader.ended) {
    const start = reader.at;
    try {
      yield { value: reader.value(MAX_DEPTH), start, end: reader.at };
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) throw peerError(MALFORMED);
      throw error;
    }
  }
  return undefined;
}

class Reader {
  #data;
  #view;
  #floats;
  #at = 0;

  /**
   * @param {Uint8Array} data
   * @param {boolean} floats
   */
  constructor(data, floats) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.#floats = floats;
  }

  get at() {
    return this.#at;
  }

  get ended() {
    return this.#at === this.#data.length;
  }

  /** @param {number} size */
  #skip(size) {
    const at = this.#at;
    this.#at += size;
    if (this.#at > this.#data.length) throw peerError(MALFORMED);
    return at;
  }

  /** @param {1 | 2 | 4} size */
  #unsigned(size) {
    const at = this.#skip(size);
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  /** @param {number} depth  how many levels may still be opened @returns {unknown} */
  value(depth) {
    const type = this.#unsigned(1);
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 15, depth);
    if (type < 0xa0) return this.#list(type & 15, depth);
    if (type < 0xc0) return this.#text(type & 31);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.#bytes(this.#unsigned(1));
      case 0xc5: return this.#bytes(this.#unsigned(2));
      case 0xc6: return this.#bytes(this.#unsigned(4));
      case 0xca: return this.#float(this.#view.getFloat32(this.#skip(4)));
      case 0xcb: return this.#float(this.#view.getFloat64(this.#skip(8)));
      case 0xcc: return this.#unsigned(1);
      case 0xcd: return this.#unsigned(2);
      case 0xce: return this.#unsigned(4);
      case 0xcf: return narrowed(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0: return this.#view.getInt8(this.#skip(1));
      case 0xd1: return this.#view.getInt16(this.#skip(2));
      case 0xd2: return this.#view.getInt32(this.#skip(4));
      case 0xd3: return narrowed(this.#view.getBigInt64(this.#skip(8)));
      case 0xd9: return this.#text(this.#unsigned(1));
      case 0xda: return this.#text(this.#unsigned(2));
      case 0xdb: return this.#text(this.#unsigned(4));
      case 0xdc: return this.#list(this.#unsigned(2), depth);
      case 0xdd: return this.#list(this.#unsigned(4), depth);
      case 0xde: return this.#map(this.#unsigned(2), depth);
      case 0xdf: return this.#map(this.#unsigned(4), depth);
      default: throw peerError(MALFORMED);
    }
  }

  /** @param {number} value */
  #float(value) {
    if (!this.#floats) throw peerError("a message has a fraction where none belongs");
    return value;
  }

  /** @param {number} length */
  #bytes(length) {
    const at = this.#skip(length);
    return this.#data.slice(at, at + length);
  }

  /** @param {number} length */
  #text(length) {
    const at = this.#skip(length);
    return decoder.decode(this.#data.subarray(at, at + length));
  }

  /** @param {number} count @param {number} depth */
  #open(count, depth) {
    if (depth === 0) throw peerError("a message is nested too deeply");
    // Each item takes a byte or more: a count that can't be true costs nothing.
    if (count > this.#data.length - this.#at) throw peerError(MALFORMED);
  }

  /** @param {number} count @param {number} depth */
  #list(count, depth) {
    this.#open(count, depth);
    const items = [];
    for (let i = 0; i < count; i++) items.push(this.value(depth - 1));
    return items;
  }

  /** @param {number} count @param {number} depth */
  #map(count, depth) {
    this.#open(count, depth);
    /** @type {[unknown, unknown][]} */
    const entries = [];
    let text = true;
    for (let i = 0; i < count; i++) {
      const key = this.value(0);
      const known = typeof key === "string" || typeof key === "number" || typeof key === "bigint" || key instanceof Uint8Array;
      if (!known) throw peerError("a message has a map with keys of an unknown kind");
      text &&= typeof key === "string";
      entries.push([key, this.value(depth - 1)]);
    }
    if (!text) return new Map(entries);
    const object = Object.create(null);
    for (const [key, item] of entries) object[/** @type {string} */ (key)] = item;
    return object;
  }
}

/** @param {bigint} value */
const narrowed = (value) => (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value);

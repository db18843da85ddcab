// The newcomer's side of pairing (docs/PROTOCOL.md, "Pairing"), told from top to bottom.

import { bigEndian, concat, equal, fromBase32, toBase32, utf8 } from "./bytes.js";
import { aesKey, derive, labelled, openAes, random, sealAes, sha256 } from "./crypto.js";
import { diffieHellman } from "./crypto_hpke.js";
import { KEY_BYTES, LABEL_PAIR_CHECK, LABEL_PAIR_COMMIT, LABEL_PAIR_KEY, LABEL_PAIR_ROOM, LABEL_SIGN_PAIRING, NONCE_BYTES } from "./crypto_labels.js";
import { pack, unpack } from "./msgpack.js";
import { readRoster } from "./roster_reading.js";
import { peerError, refused, WireError } from "./wire_errors.js";
import { boundedText, fixedBytes, list, textMap } from "./wire_fields.js";
import { ownServer } from "./wire_room.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {MemberKeys} from "./crypto_keys.js" */
/** @import {Roster} from "./roster.js" */

const CODE_CHARS = 16;
const CHECK_DIGITS = 6;
const SALT_BYTES = 32;
const MAX_FRAME_BYTES = 1 << 20;
const MAX_TRACKERS = 16;
const MAX_URL_CHARS = 300;
const NEW = "N";
const OLD = "O";

/**
 * @typedef {object} Pipe  Frames to and from the other device.
 * @property {(frame: Bytes) => void} send
 * @property {() => Promise<Uint8Array>} receive  rejects when the other side left
 */

/**
 * @typedef {object} Invitation
 * @property {Bytes} code  10 bytes
 * @property {string | null} tracker  WebSocket address of the pairing room's server; null: the one that the page came from
 */

/** What the eye takes for letters that base32 doesn't have. @type {Record<string, string>} */
const MISREAD = { 0: "o", 1: "l", 8: "b" };

/**
 * What stands after `#pair=`, or was typed. Throws a WireError "refused" with a sentence for the person.
 * @param {string} text
 * @returns {Invitation}
 */
export function readInvitation(text) {
  const [, afterMarker] = text.trim().split("#pair=");
  const [typed, place] = (afterMarker ?? text.trim()).split("@");
  const plain = typed.replace(/[\s-]/g, "").toLowerCase().replace(/[018]/g, (char) => MISREAD[char]);
  if (plain.length !== CODE_CHARS) throw refused(`A pairing code has ${CODE_CHARS} letters and digits, this one has ${plain.length}.`);
  const code = fromBase32(plain);
  if (!code) throw refused("A pairing code has only the letters a to z and the digits 2 to 7.");
  return { code, tracker: place ? trackerIn(place) : null };
}

/**
 * The invitation in what a camera read, as it would be typed on this page; null if there is none in it.
 * @param {string} text
 * @param {string} base  address of this page
 */
export function scannedInvitation(text, base) {
  const [address, invitation = ""] = text.trim().split("#pair=");
  if (!/^https?:/.test(address) || !URL.canParse(address)) return null;
  // A link that names no tracker means the server that it leads to, which may be another than this page's.
  const server = ownServer(address);
  const named = invitation.includes("@") || server === ownServer(base) ? invitation : `${invitation}@${encodeURIComponent(server)}`;
  try {
    readInvitation(named);
  } catch {
    return null;
  }
  return named;
}

/** @param {string} place */
function trackerIn(place) {
  try {
    const url = new URL(decodeURIComponent(place));
    if (url.protocol === "ws:" || url.protocol === "wss:") return url.href.replace(/\/$/, "");
  } catch {
    // Told below.
  }
  throw refused("The pairing link names a tracker in a form that this app doesn’t know.");
}

/**
 * Name of the pairing room: whoever sees it does not learn the code.
 * @param {Uint8Array} code
 */
export const pairRoom = async (code) => toBase32(await derive(code, LABEL_PAIR_ROOM));

/** Six digits, evenly drawn. */
export function drawCheckCode() {
  let digits = "";
  while (digits.length < CHECK_DIGITS) {
    const [byte] = random(1);
    if (byte < 250) digits += byte % 10;
  }
  return digits;
}

/** @typedef {{pair: CryptoKeyPair, salt: Bytes, salts: Bytes[]}} Chance  what is drawn for one pairing; only test vectors fix it */

/** @returns {Promise<Chance>} */
const drawChance = async () => ({
  pair: /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("X25519", false, ["deriveBits"])),
  salt: random(SALT_BYTES),
  salts: Array.from({ length: CHECK_DIGITS }, () => random(SALT_BYTES)),
});

/**
 * @typedef {object} Joined  What pairing ends with.
 * @property {Roster} roster
 * @property {string[]} trackers  WebSocket addresses of rooms
 */

/**
 * Pair this device. Throws a WireError whose message is a sentence.
 * @param {Pipe} pipe
 * @param {object} newcomer
 * @param {Uint8Array} newcomer.code
 * @param {MemberKeys} newcomer.keys
 * @param {string} newcomer.name
 * @param {string} newcomer.digits  the check code that this device shows
 * @param {() => void} newcomer.showCheckCode  called when the other device is there and asks for it
 * @param {() => void} newcomer.matched  called when the person has typed it there, rightly
 * @param {(joined: Joined) => Promise<unknown>} newcomer.keep  keeps what was given for good, before the other device is told that it arrived
 * @param {Chance} [newcomer.chance]
 * @returns {Promise<Joined>}
 */
export async function pairAsNewcomer(pipe, { code, keys, name, digits, showCheckCode, matched, keep, chance }) {
  const { pair, salt, salts } = chance ?? (await drawChance());
  const secured = await exchange(pipe, code, pair, salt);
  const bound = concat(secured.transcript, keys.id, keys.receivePublic);
  const mine = [...digits].map((digit, place) => ({ digit, place, salt: salts[place] }));
  await secured.say(["hello", keys.id, keys.receivePublic, name, await Promise.all(mine.map((each) => commitment(NEW, each, bound)))]);
  showCheckCode();
  const [, rawCommitments] = await secured.hear("typed", 2);
  const theirs = list(rawCommitments, CHECK_DIGITS, "the check code's commitments").map((each) => fixedBytes(each, KEY_BYTES, "a commitment"));
  for (const each of mine) {
    // The other side opens each digit first: one who doesn't know the code learns none of ours by asking.
    const [, digit, salt] = await secured.hear("digit", 3);
    const opened = { digit: boundedText(digit, 1, "a digit"), place: each.place, salt: fixedBytes(salt, SALT_BYTES, "a salt") };
    if (opened.digit !== each.digit || !equal(await commitment(OLD, opened, bound), theirs[each.place])) {
      const different = "the check code is not the same on both devices; pair again with a new code";
      await secured.say(["no", different]);
      throw refused(different);
    }
    await secured.say(["digit", each.digit, each.salt]);
  }
  matched();
  const [, entries, about] = await secured.hear("welcome", 3);
  const joined = await welcomed(entries, about, keys);
  await keep(joined);
  const signature = await keys.sign(LABEL_SIGN_PAIRING, concat(secured.transcript, joined.roster.library));
  await secured.say(["signed", signature]);
  return joined;
}

/**
 * @param {string} side
 * @param {{digit: string, place: number, salt: Uint8Array}} opening
 * @param {Uint8Array} bound  transcript and the newcomer's two public keys
 */
const commitment = (side, { digit, place, salt }, bound) =>
  sha256(labelled(LABEL_PAIR_CHECK, utf8(side), Uint8Array.of(place), utf8(digit), salt, bound));

/**
 * Both commit before either reveals; then a key that only holders of the code come to.
 * @param {Pipe} pipe
 * @param {Uint8Array} code
 * @param {CryptoKeyPair} pair
 * @param {Uint8Array} salt
 */
async function exchange(pipe, code, pair, salt) {
  const own = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const committed = await exchangeCommitment(NEW, own, salt);
  pipe.send(pack(["commit", committed]));
  const theirCommitment = fixedBytes(frame(await pipe.receive(), "commit", 2)[1], KEY_BYTES, "a commitment");
  pipe.send(pack(["reveal", own, salt]));
  const [, rawPublic, rawSalt] = frame(await pipe.receive(), "reveal", 3);
  const theirs = fixedBytes(rawPublic, KEY_BYTES, "an ephemeral key");
  const theirSalt = fixedBytes(rawSalt, SALT_BYTES, "a salt");
  if (!equal(await exchangeCommitment(OLD, theirs, theirSalt), theirCommitment)) {
    throw refused("the other device did not keep to what it had committed to: somebody may be in between");
  }
  const shared = await diffieHellman(pair.privateKey, theirs).catch(() => {
    throw peerError("the other device sent an ephemeral key that is not one");
  });
  const transcript = await sha256(concat(committed, theirCommitment, own, salt, theirs, theirSalt));
  /** @param {string} side */
  const keyOf = async (side) => aesKey(await derive(shared, LABEL_PAIR_KEY, concat(code, transcript, utf8(side))));
  return new Secured(pipe, { transcript, send: await keyOf(NEW), receive: await keyOf(OLD) });
}

/**
 * @param {string} side
 * @param {Uint8Array} publicKey
 * @param {Uint8Array} salt
 */
const exchangeCommitment = (side, publicKey, salt) => sha256(labelled(LABEL_PAIR_COMMIT, utf8(side), publicKey, salt));

/**
 * @param {Uint8Array} data
 * @param {string} word
 * @param {number} length
 */
function frame(data, word, length) {
  const fields = list(unpack(data, { max_bytes: MAX_FRAME_BYTES }), 1, "a pairing message");
  if (fields[0] !== word) throw peerError(`the other device spoke out of turn while pairing (“${word}” was expected)`);
  return list(fields, length, `the pairing message “${word}”`);
}

/** The sealed channel between two devices that hold the same code. */
class Secured {
  #pipe;
  #keys;
  #sent = 0;
  #received = 0;

  /**
   * @param {Pipe} pipe
   * @param {{transcript: Bytes, send: CryptoKey, receive: CryptoKey}} keys
   */
  constructor(pipe, keys) {
    this.#pipe = pipe;
    this.#keys = keys;
    this.transcript = keys.transcript;
  }

  /** @param {unknown[]} values */
  async say(values) {
    const nonce = bigEndian(this.#sent++, NONCE_BYTES);
    this.#pipe.send(pack(["sealed", await sealAes(this.#keys.send, nonce, pack(values))]));
  }

  /**
   * @param {string} word
   * @param {number} length
   */
  async hear(word, length) {
    const [, sealed] = frame(await this.#pipe.receive(), "sealed", 2);
    if (!(sealed instanceof Uint8Array)) throw peerError("a pairing message has no content");
    const plain = await openAes(this.#keys.receive, bigEndian(this.#received++, NONCE_BYTES), sealed).catch(() => {
      throw refused("the other device doesn’t have this pairing code, or somebody is in between");
    });
    const fields = list(unpack(plain, { max_bytes: MAX_FRAME_BYTES }), 1, "a pairing message");
    if (fields[0] === "no") throw refused(`the other device ended the pairing: ${boundedText(fields[1], 300, "a refusal")}`);
    return frame(plain, word, length);
  }
}

/**
 * Check that the library's chain has this device on it, as it asked, and that its secrets open.
 * @param {unknown} entries
 * @param {unknown} about
 * @param {MemberKeys} keys
 * @returns {Promise<Joined>}
 */
async function welcomed(entries, about, keys) {
  const roster = await readRoster(list(entries, 1, "a roster"));
  const member = roster.member(keys.id);
  if (!equal(member.receive, keys.receivePublic)) throw peerError("the other device admitted this one with another key");
  const epochs = await roster.epochsFor(keys);
  if (!epochs.has(roster.epoch)) throw new WireError("refused", "the other device did not give this one the library’s keys");
  const { trackers } = textMap(about, "a welcome");
  const urls = list(trackers ?? [], 0, "a list of trackers").slice(0, MAX_TRACKERS);
  return { roster, trackers: urls.map((url) => boundedText(url, MAX_URL_CHARS, "a tracker's address")) };
}

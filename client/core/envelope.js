// Sealed, signed messages between members: to the whole room, or to one (docs/FORMAT.md, "Messages").

import { concat, equal } from "./bytes.js";
import { openAes, sealAes, verify } from "./crypto.js";
import { sealTo } from "./crypto_keys.js";
import { KEY_BYTES, LABEL_HPKE_MESSAGE, LABEL_SIGN_MESSAGE, NONCE_BYTES, SIGNATURE_BYTES } from "./crypto_labels.js";
import { pack, unpack } from "./msgpack.js";
import { peerError, refused, unavailable, unknownFormat } from "./wire_errors.js";
import { boundedBytes, boundedText, fixedBytes, list, natural } from "./wire_fields.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {EpochKeys, MemberKeys} from "./crypto_keys.js" */
/** @import {Roster} from "./roster.js" */

/**
 * @typedef {object} Said  What is to be sealed.
 * @property {string} kind
 * @property {unknown} body
 * @property {number} counter
 * @property {number} time_ms
 */

/** @typedef {Said & {sender: Bytes, body: any, to_room: boolean}} Message */

const VERSION = 1;
export const MAX_MESSAGE_BYTES = 65_536;
const MAX_HEADER_BYTES = 512;
const TO_ROOM = 0;
const TO_MEMBER = 1;

/**
 * @param {MemberKeys} keys
 * @param {Uint8Array} header
 * @param {Said} said
 */
async function signed(keys, header, { counter, time_ms, kind, body }) {
  const inner = pack([counter, time_ms, kind, body]);
  return pack([inner, await keys.sign(LABEL_SIGN_MESSAGE, concat(header, inner))]);
}

/**
 * @param {Uint8Array} header
 * @param {Uint8Array} sealed
 */
function bounded(header, sealed) {
  const message = pack([header, sealed]);
  if (message.length > MAX_MESSAGE_BYTES) throw new RangeError(`a message of ${message.length} bytes is over the limit of ${MAX_MESSAGE_BYTES}`);
  return message;
}

/**
 * For every member that reads.
 * @param {MemberKeys} keys
 * @param {{epoch: EpochKeys, library: Uint8Array, nonce: Uint8Array}} room  `nonce`: 12 fresh random bytes
 * @param {Said} said
 */
export async function sealToRoom(keys, { epoch, library, nonce }, said) {
  const header = pack([VERSION, TO_ROOM, library, epoch.number, keys.id, nonce]);
  const cipher = await epoch.roomCipher(keys.id);
  return bounded(header, await sealAes(cipher, nonce, await signed(keys, header, said), header));
}

/**
 * For one member alone, a seed included.
 * @param {MemberKeys} keys
 * @param {{sign: Uint8Array, receive: Uint8Array, library: Uint8Array}} recipient
 * @param {Said} said
 */
export async function sealToMember(keys, { sign, receive, library }, said) {
  const header = pack([VERSION, TO_MEMBER, library, keys.id, sign]);
  return bounded(header, await sealTo(receive, LABEL_HPKE_MESSAGE, await signed(keys, header, said), header));
}

/**
 * Check and open a message of an active member. Throws a WireError: "peer" (malformed or altered), "refused" (not a member, not
 * for this device or library), "unavailable" (of an epoch not learned of yet).
 * @param {Uint8Array} data
 * @param {{keys: MemberKeys, roster: Roster, epochs: ReadonlyMap<number, EpochKeys>}} reader
 * @returns {Promise<Message>}
 */
export async function openMessage(data, { keys, roster, epochs }) {
  const outer = list(unpack(data, { max_bytes: MAX_MESSAGE_BYTES }), 2, "a message");
  const header = boundedBytes(outer[0], MAX_HEADER_BYTES, "a message's header");
  const sealed = boundedBytes(outer[1], MAX_MESSAGE_BYTES, "a message's content");
  const fields = list(unpack(header, { max_bytes: MAX_HEADER_BYTES, floats: false }), 5, "a message's header");
  if (fields[0] !== VERSION) throw unknownFormat("a message is of a version that this program doesn't know");
  if (!(fields[2] instanceof Uint8Array) || !equal(fields[2], roster.library)) throw refused("a message is for another library");
  const { sender, plain } = await opened(fields, header, sealed, { keys, epochs });
  roster.member(sender);
  const content = list(unpack(plain, { max_bytes: MAX_MESSAGE_BYTES }), 2, "a message's content");
  const inner = boundedBytes(content[0], MAX_MESSAGE_BYTES, "a message's content");
  const signature = fixedBytes(content[1], SIGNATURE_BYTES, "a message's signature");
  await verify(sender, LABEL_SIGN_MESSAGE, concat(header, inner), signature);
  const [counter, time_ms, kind, body] = list(unpack(inner, { max_bytes: MAX_MESSAGE_BYTES }), 4, "a message's content");
  return {
    sender,
    counter: natural(counter, Number.MAX_SAFE_INTEGER, "a message's counter"),
    time_ms: natural(time_ms, 2 ** 48, "a message's time"),
    kind: boundedText(kind, 40, "a message's kind"),
    body,
    to_room: fields[1] === TO_ROOM,
  };
}

/**
 * @param {any[]} fields
 * @param {Uint8Array} header
 * @param {Uint8Array} sealed
 * @param {{keys: MemberKeys, epochs: ReadonlyMap<number, EpochKeys>}} reader
 */
async function opened(fields, header, sealed, { keys, epochs }) {
  if (fields[1] === TO_ROOM) return openedRoom(fields, header, sealed, epochs);
  if (fields[1] !== TO_MEMBER) throw unknownFormat("a message is of a kind that this program doesn't know");
  const sender = fixedBytes(fields[3], KEY_BYTES, "a message's sender");
  if (!(fields[4] instanceof Uint8Array) || !equal(fields[4], keys.id)) throw refused("a message is for another device");
  return { sender, plain: await keys.openSealed(LABEL_HPKE_MESSAGE, sealed, header) };
}

/**
 * @param {any[]} fields
 * @param {Uint8Array} header
 * @param {Uint8Array} sealed
 * @param {ReadonlyMap<number, EpochKeys>} epochs
 */
async function openedRoom(fields, header, sealed, epochs) {
  list(fields, 6, "a message's header");
  const number = natural(fields[3], 2 ** 31, "an epoch's number");
  const sender = fixedBytes(fields[4], KEY_BYTES, "a message's sender");
  const nonce = fixedBytes(fields[5], NONCE_BYTES, "a message's nonce");
  const epoch = epochs.get(number);
  if (!epoch) throw unavailable("a message is of an epoch that this device doesn't know yet");
  if (number !== Math.max(...epochs.keys())) throw refused("a message is sealed with an epoch that has ended");
  const cipher = await epoch.roomCipher(sender);
  try {
    return { sender, plain: await openAes(cipher, nonce, sealed, header) };
  } catch {
    throw peerError("a message was altered on its way, or isn't of this room");
  }
}

/**
 * A sender's counter after `last`: microseconds of its clock, at least one up.
 * @param {number} last
 * @param {number} now_ms
 */
export const nextCounter = (last, now_ms) => Math.max(last + 1, Math.floor(now_ms * 1000));

// Heads records (docs/FORMAT.md, "Heads"): where a device's newest catalog is, sealed for members and left at a seed. Bytes in, values out.

import { equal } from "./bytes.js";
import { blobRefOf, headsOf } from "./catalog_values.js";
import { openAes, verify } from "./crypto.js";
import { KEY_BYTES, LABEL_SIGN_HEADS, NONCE_BYTES, SIGNATURE_BYTES } from "./crypto_labels.js";
import { pack, unpack } from "./msgpack.js";
import { reads } from "./roster_entries.js";
import { peerError, refused, unknownFormat } from "./wire_errors.js";
import { boundedBytes, fixedBytes, list, natural, textMap } from "./wire_fields.js";

/** @import {Bytes} from "./bytes.js" */
/** @import {BlobRef} from "./crypto_blob.js" */
/** @import {EpochKeys} from "./crypto_keys.js" */
/** @import {Roster} from "./roster.js" */

const VERSION = 1;
const MAX_RECORD_BYTES = 65_536;
const MAX_RECORDS = 1_000;

/** @typedef {{device: Bytes, epoch: number, header: Bytes, sealed: Bytes}} Heads  a checked record, not opened yet */

/**
 * The records in a seed's answer, unchecked. Throws a WireError "peer".
 * @param {Uint8Array} answer
 * @returns {Bytes[]}
 */
export const headsRecords = (answer) =>
  list(unpack(answer, { max_bytes: answer.length }), 0, "a seed’s heads")
    .slice(0, MAX_RECORDS)
    .map((record) => boundedBytes(record, MAX_RECORD_BYTES, "a heads record"));

/**
 * Check a record: its form, and that an active member that reads signed it. Throws a WireError: "peer", "refused", "unknown_format".
 * @param {Uint8Array} record
 * @param {Roster} roster
 * @returns {Promise<Heads>}
 */
export async function readHeads(record, roster) {
  const outer = list(unpack(record, { max_bytes: MAX_RECORD_BYTES }), 2, "a heads record");
  const payload = boundedBytes(outer[0], MAX_RECORD_BYTES, "a heads record’s payload");
  const signature = fixedBytes(outer[1], SIGNATURE_BYTES, "a heads record’s signature");
  const fields = list(unpack(payload, { max_bytes: MAX_RECORD_BYTES }), 8, "a heads record");
  if (fields[0] !== VERSION) throw unknownFormat("a heads record is of a version that this program doesn’t know");
  const device = fixedBytes(fields[2], KEY_BYTES, "a heads record’s device");
  await verify(device, LABEL_SIGN_HEADS, payload, signature);
  if (!equal(fixedBytes(fields[1], KEY_BYTES, "a heads record’s library"), roster.library)) throw refused("a heads record is of another library");
  if (!reads(roster.member(device).role)) throw refused("a heads record is signed by a member that can’t read the catalog");
  return {
    device,
    epoch: natural(fields[5], 2 ** 31, "a heads record’s epoch"),
    header: pack(fields.slice(0, 7)),
    sealed: boundedBytes(fields[7], MAX_RECORD_BYTES, "a heads record’s content"),
  };
}

/**
 * What the device said. Throws a WireError: "refused" (of an epoch that this device was not given), "peer" (altered).
 * @param {Heads} heads
 * @param {ReadonlyMap<number, EpochKeys>} epochs
 * @returns {Promise<{snapshot: BlobRef, heads: Map<string, number>}>}  the newest catalog, and log in base32 -> number of its last batch
 */
export async function openHeads({ device, epoch: number, header, sealed }, epochs) {
  const epoch = epochs.get(number);
  if (!epoch) throw refused("a heads record is sealed with an epoch that this device was not given");
  const cipher = await epoch.headsCipher(device);
  const plain = await openAes(cipher, sealed.slice(0, NONCE_BYTES), sealed.slice(NONCE_BYTES), header).catch(() => {
    throw peerError("a heads record does not open with the epoch that it names");
  });
  const body = textMap(unpack(plain, { max_bytes: MAX_RECORD_BYTES }), "a heads record’s content");
  return { snapshot: blobRefOf(body.snapshot), heads: headsOf(body.heads) };
}

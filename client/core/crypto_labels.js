// Every label and size of the format, in one table (docs/FORMAT.md, "Labels and sizes").

import { utf8 } from "./bytes.js";

export const KEY_BYTES = 32;
export const TAG_BYTES = 16;
export const NONCE_BYTES = 12;
export const SIGNATURE_BYTES = 64;

/** Sealed. */
export const CHUNK_BYTES = 16_384;
export const CHUNK_PLAIN_BYTES = CHUNK_BYTES - TAG_BYTES;
export const MIN_PADDED_BYTES = 1_024;
/** Of plaintext: 1 TiB, a bound for what others claim. */
export const MAX_BLOB_BYTES = 2 ** 40;

export const BLOB_FORMAT_VERSION = 1;

/** @param {string} name */
const label = (name) => utf8(`songkeep/v1/${name}`);

export const LABEL_BLOB_KEY = label("blob-key");
export const LABEL_BLOB_CIPHER = label("blob-cipher");

export const LABEL_CONVERGENCE = label("convergence");
export const LABEL_IDENTITY = label("identity");
export const LABEL_LOG = label("log");
export const LABEL_HEADS = label("heads");
export const LABEL_ROOM = label("room");
export const LABEL_ROOM_NAME = label("room-name");
export const LABEL_ROOM_SENDER = label("room-sender");
export const LABEL_SEED_CAPABILITY = label("seed-capability");

export const LABEL_SIGN_ROSTER = label("sign/roster");
export const LABEL_SIGN_BATCH = label("sign/batch");
export const LABEL_SIGN_MESSAGE = label("sign/message");
export const LABEL_SIGN_HEADS = label("sign/heads");
export const LABEL_SIGN_JOIN = label("sign/join");
export const LABEL_SIGN_SEED = label("sign/seed");
export const LABEL_SIGN_PAIRING = label("sign/pairing");

export const LABEL_HPKE_EPOCH = label("hpke/epoch");
export const LABEL_HPKE_MESSAGE = label("hpke/message");

export const LABEL_PAIR_ROOM = label("pair/room");
export const LABEL_PAIR_COMMIT = label("pair/commit");
export const LABEL_PAIR_KEY = label("pair/key");
export const LABEL_PAIR_CHECK = label("pair/check");

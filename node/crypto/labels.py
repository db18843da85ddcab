"""Every label and size of the format, in one table (docs/FORMAT.md, "Labels and sizes")."""

from __future__ import annotations

from typing import Final

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
NONCE_BYTES: Final = 12

CHUNK_BYTES: Final = 16_384
"""Sealed: one BitTorrent block, one leaf of the BEP 52 tree."""
CHUNK_PLAIN_BYTES: Final = CHUNK_BYTES - TAG_BYTES
PIECE_CHUNKS: Final = 4
PIECE_BYTES: Final = CHUNK_BYTES * PIECE_CHUNKS
MIN_PADDED_BYTES: Final = 1_024
MAX_BLOB_BYTES: Final = 1 << 40
"""Of plaintext: 1 TiB, far above any recording; a bound for what others claim."""

BLOB_FORMAT_VERSION: Final = 1

LABEL_BLOB_KEY: Final = b"songkeep/v1/blob-key"
LABEL_BLOB_CIPHER: Final = b"songkeep/v1/blob-cipher"

LABEL_CONVERGENCE: Final = b"songkeep/v1/convergence"
LABEL_IDENTITY: Final = b"songkeep/v1/identity"
LABEL_ROOM: Final = b"songkeep/v1/room"
LABEL_ROOM_NAME: Final = b"songkeep/v1/room-name"
LABEL_LOG: Final = b"songkeep/v1/log"
LABEL_VOLUME: Final = b"songkeep/v1/volume"
LABEL_LAN_TAG: Final = b"songkeep/v1/lan-tag"
LABEL_SEED_CAPABILITY: Final = b"songkeep/v1/seed-capability"
LABEL_DHT_PLACE: Final = b"songkeep/v1/dht/place"
LABEL_DHT_RECORD: Final = b"songkeep/v1/dht/record"
LABEL_DHT_KEY: Final = b"songkeep/v1/dht/key"

LABEL_RECOVERY_SIGN: Final = b"songkeep/v1/recovery/sign"
LABEL_RECOVERY_RECEIVE: Final = b"songkeep/v1/recovery/receive"

LABEL_SIGN_ROSTER: Final = b"songkeep/v1/sign/roster"
LABEL_SIGN_BATCH: Final = b"songkeep/v1/sign/batch"
LABEL_SIGN_MESSAGE: Final = b"songkeep/v1/sign/message"
LABEL_SIGN_JOIN: Final = b"songkeep/v1/sign/join"
LABEL_SIGN_HOLD_LIST: Final = b"songkeep/v1/sign/hold-list"
LABEL_SIGN_HEADS: Final = b"songkeep/v1/sign/heads"
LABEL_SIGN_SEED: Final = b"songkeep/v1/sign/seed"
LABEL_SIGN_RECEIPT: Final = b"songkeep/v1/sign/receipt"
LABEL_SIGN_GRANT: Final = b"songkeep/v1/sign/grant"
LABEL_SIGN_DHT_KEY: Final = b"songkeep/v1/sign/dht-key"
LABEL_SIGN_USAGE: Final = b"songkeep/v1/sign/usage"
LABEL_SIGN_OFFER: Final = b"songkeep/v1/sign/offer"
LABEL_SIGN_PAIRING: Final = b"songkeep/v1/sign/pairing"
LABEL_SIGN_LANE: Final = b"songkeep/v1/sign/lane"

LABEL_HPKE_EPOCH: Final = b"songkeep/v1/hpke/epoch"
LABEL_HPKE_MESSAGE: Final = b"songkeep/v1/hpke/message"

LABEL_TRACK: Final = b"songkeep/v1/track"
LABEL_VAULT: Final = b"songkeep/v1/vault"
LABEL_APP_PASSWORD: Final = b"songkeep/v1/app-password"
LABEL_ROOM_SENDER: Final = b"songkeep/v1/room-sender"
LABEL_HEADS: Final = b"songkeep/v1/heads"
LABEL_SEED_INVITE: Final = b"songkeep/v1/seed-invite"

LABEL_PAIR_ROOM: Final = b"songkeep/v1/pair/room"
LABEL_PAIR_COMMIT: Final = b"songkeep/v1/pair/commit"
LABEL_PAIR_KEY: Final = b"songkeep/v1/pair/key"
LABEL_PAIR_CHECK: Final = b"songkeep/v1/pair/check"

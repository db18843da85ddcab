"""Writes the test vectors beside it, from the Python code: `python -m tests.vectors.make [NAME ...]`.

Each vector names the failure it guards against. Python checks them in tests/wire/test_vectors.py, JavaScript in
tests/client. All but HPKE's own randomness is fixed, so a second run changes sealed secrets only. Bytes are in hex.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from node.crypto import labels, merkle
from node.crypto.blob import BlobCipher, Purpose, Shape, blob_key
from node.crypto.keys import EpochKeys, derive, seal_to, track_id
from node.crypto.phrase import phrase_from_entropy, recovery_keys
from tests.vectors.batches import batch_vectors
from tests.vectors.common import member, pattern
from tests.vectors.far import dht_vectors
from tests.vectors.meeting import channel_vectors, message_vectors, pairing_vectors
from tests.vectors.rosters import roster_vectors
from tests.vectors.seeds import seed_vectors
from tests.wire.family import keys_of

HERE = Path(__file__).parent
Vectors = list[dict[str, Any]]


def key_vectors() -> dict[str, Any]:
    entropy = bytes(range(32))
    epoch = EpochKeys(1, b"\x07" * 32)
    names = ("convergence", "room", "room_name", "log", "volume", "identity", "seed_capability")
    keys = keys_of(1)
    signed = keys.sign(labels.LABEL_SIGN_MESSAGE, b"hello")
    context = b"\0\0\0\1"
    return {
        "derive": [
            {
                "guards": "info is label, a zero byte, context: a label must not run into its context",
                "secret": (b"\x01" * 32).hex(),
                "label": "songkeep/v1/room",
                "context": context.hex(),
                "length_bytes": length,
                "out": derive(b"\x01" * 32, labels.LABEL_ROOM, context, length_bytes=length).hex(),
            }
            for length in (16, 32, 64)
        ],
        "phrase": {
            "guards": "the phrase is the entropy itself, without PBKDF2",
            "entropy": entropy.hex(),
            "words": phrase_from_entropy(entropy),
            "recovery": member(recovery_keys(entropy)),
        },
        "epoch": {
            "guards": "each use of an epoch's secret has a key of its own",
            "number": 1,
            "secret": epoch.secret.hex(),
            **{name: getattr(epoch, name).hex() for name in names},
            "lan_tag": {"day": 20_000, "tag": epoch.lan_tag(20_000).hex()},
            "volume_tag": {"volume_id": ("ab" * 32), "tag": epoch.volume_tag(b"\xab" * 32).hex()},
            "track": {"digest": "cd" * 32, "id": track_id(epoch.identity, b"\xcd" * 32)},
        },
        "sign": {
            "guards": "a signature made for one use is not valid for another",
            "keys": member(keys),
            "label": "songkeep/v1/sign/message",
            "message": b"hello".hex(),
            "signature": signed.hex(),
        },
        "seal_to": {
            "guards": "HPKE info is the label, a zero byte and the context",
            "keys": member(keys),
            "label": "songkeep/v1/hpke/epoch",
            "context": context.hex(),
            "plain": epoch.secret.hex(),
            "sealed": seal_to(keys.public.receive, labels.LABEL_HPKE_EPOCH, epoch.secret, context).hex(),
        },
        "room_sender": {
            "guards": "every sender seals room messages with a key of its own",
            "sender": keys.id.hex(),
            "key": derive(epoch.room, labels.LABEL_ROOM_SENDER, keys.id).hex(),
        },
    }


def blob_vectors() -> Vectors:
    convergence = EpochKeys(1, b"\x07" * 32).convergence
    made: Vectors = []
    for size, guards in (
        (0, "an empty plaintext is still one chunk of padding"),
        (1, "the smallest padding"),
        (1_024, "exactly the smallest padded size"),
        (1_025, "one byte over it"),
        (16_368, "exactly one chunk"),
        (16_369, "a second chunk with one byte in it"),
        (65_472, "exactly one piece"),
        (65_473, "one byte into the second piece: the root's tree changes form"),
        (300_000, "several pieces, the last one short"),
    ):
        plain = pattern(size)
        digest = hashlib.sha256(plain).digest()
        key = blob_key(convergence, Purpose.MOBILE, size_bytes=size, sha256=digest)
        cipher = BlobCipher(key, size)
        chunks = list(cipher.seal_all(plain))
        root, layer = merkle.root_of_chunks(chunks)
        shape = Shape(size)
        vector = {
            "guards": guards,
            "plain": "pattern",
            "size_bytes": size,
            "sha256": digest.hex(),
            "convergence": convergence.hex(),
            "purpose": int(Purpose.MOBILE),
            "key": key.hex(),
            "commitment": cipher.commitment.hex(),
            "padded_bytes": shape.padded_bytes,
            "chunks": shape.chunks,
            "sealed_bytes": shape.sealed_bytes,
            "sealed_sha256": hashlib.sha256(b"".join(chunks)).hexdigest(),
            "root": root.hex(),
            "layer": layer.hex(),
        }
        if len(chunks) <= 2:
            vector["sealed"] = [chunk.hex() for chunk in chunks]
        made.append(vector)
    return made


def blob_refusals() -> Vectors:
    """Chunks that must not open, as (index, sealed) of the 16,369-byte blob above."""
    whole = next(each for each in blob_vectors() if each["size_bytes"] == 16_369)
    first, last = (bytes.fromhex(each) for each in whole["sealed"])
    flipped = bytes([first[0] ^ 1]) + first[1:]
    cases = [
        ("one bit differs", 0, flipped),
        ("chunks in another order", 1, first),
        ("the first chunk passed off as the last: a truncated blob", 1, first[: len(last)]),
        ("the last chunk at another place", 0, last),
        ("a chunk beyond the end: an extended blob", 2, last),
        ("a chunk cut short", 0, first[:-1]),
        ("an empty chunk", 0, b""),
    ]
    common = {"key": whole["key"], "size_bytes": 16_369}
    return [{"guards": guards, **common, "index": index, "sealed": sealed.hex()} for guards, index, sealed in cases]


def merkle_vectors() -> Vectors:
    made: Vectors = []
    for chunks in (1, 2, 3, 4, 5, 8, 9, 13, 16, 17, 33):
        leaves = [bytes([at]) * (labels.CHUNK_BYTES if at < chunks - 1 else 100) for at in range(chunks)]
        root, layer = merkle.root_of_chunks(leaves)
        made.append({
            "guards": f"the tree over {chunks} chunks; chunk i is 16,384 bytes of value i, the last one 100 bytes",
            "chunks": chunks,
            "root": root.hex(),
            "layer": layer.hex(),
        })  # fmt: skip
    return made


ALL: dict[str, Callable[[], Any]] = {
    "keys": key_vectors,
    "blobs": blob_vectors,
    "blob_refusals": blob_refusals,
    "merkle": merkle_vectors,
    "roster": roster_vectors,
    "messages": message_vectors,
    "pairing": pairing_vectors,
    "channel": channel_vectors,
    "batches": batch_vectors,
    "dht": dht_vectors,
    "seeds": seed_vectors,
}


def main() -> None:
    for name in sys.argv[1:] or ALL:
        make = ALL[name]
        (HERE / f"{name}.json").write_text(json.dumps(make(), indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""What a holder gives is laid where it belongs, so that nobody is blamed for another's bytes."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncGenerator
from pathlib import Path

from node.catalog.model import BlobRef
from node.crypto import merkle
from node.crypto.blob import BlobCipher, Purpose
from node.crypto.labels import CHUNK_BYTES
from node.errors import UnavailableError
from node.flows.bring import Bringing
from node.flows.pace import Pace
from node.ids import BlobRoot, DeviceId
from tests.flows.home import open_home

PLAIN = random.Random(3).randbytes(600_000)
CIPHER = BlobCipher(bytes(range(32)), len(PLAIN))
CHUNKS = list(CIPHER.seal_all(PLAIN))
BLOB = BlobRef(
    root=merkle.root_of_chunks(CHUNKS)[0],
    key=bytes(range(32)),
    commitment=CIPHER.commitment,
    size_bytes=len(PLAIN),
    sha256=hashlib.sha256(PLAIN).digest(),
)
SLY, HONEST = DeviceId(b"s" * 32), DeviceId(b"h" * 32)


async def test_nobody_is_blamed_for_bytes_that_another_moved_out_of_their_place(tmp_path: Path) -> None:
    lies: list[DeviceId] = []

    async def on_lie(member: DeviceId) -> None:
        lies.append(member)

    async def take(member: DeviceId, _root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        chunks = CHUNKS[first : first + count]
        if member == HONEST:
            yield b"".join(chunks)
        elif first:
            raise UnavailableError("it breaks off")
        else:
            yield b"".join(chunks)[: 1 - CHUNK_BYTES]  # as many chunks as were asked for, the last of one byte

    paced = Pace(1_000_000_000)  # with a limit a blob comes in several answers
    async with open_home(tmp_path) as home:
        bringing = Bringing(home.library, home.store, take, paced, now_ms=lambda: 1, on_lie=on_lie)
        await bringing.bring(BLOB, Purpose.ORIGINAL, [SLY, HONEST])
        assert lies == []
        with home.store.reader(BLOB.root) as reader:
            assert reader.chunks(0, len(CHUNKS)) == b"".join(CHUNKS)

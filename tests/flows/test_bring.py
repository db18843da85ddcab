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


async def test_what_came_before_a_holder_broke_off_is_not_asked_for_again(tmp_path: Path) -> None:
    plain = random.Random(5).randbytes(3_000_000)
    cipher = BlobCipher(bytes(range(32)), len(plain))
    chunks = list(cipher.seal_all(plain))
    digest = hashlib.sha256(plain).digest()
    root = merkle.root_of_chunks(chunks)[0]
    blob = BlobRef(root=root, key=bytes(range(32)), commitment=cipher.commitment, size_bytes=len(plain), sha256=digest)
    asked: list[tuple[DeviceId, int]] = []

    async def take(member: DeviceId, _root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        asked.append((member, first))
        for at in range(first, first + count, 16):
            if member == SLY and at >= 96:
                raise UnavailableError("it breaks off")
            yield b"".join(chunks[at : min(at + 16, first + count)])

    async with open_home(tmp_path) as home:
        bringing = Bringing(home.library, home.store, take, Pace(0), now_ms=lambda: 1, on_lie=_no_lie)
        await bringing.bring(blob, Purpose.ORIGINAL, [SLY, HONEST])
        assert asked == [(SLY, 0), (HONEST, 64)], "the first megabyte is written, the half after it is not"
        with home.store.reader(root) as reader:
            assert reader.chunks(0, len(chunks)) == b"".join(chunks)


async def _no_lie(member: DeviceId) -> None:
    raise AssertionError("nobody lied")

"""Several devices give one song: who is late is raced, who fails is left, who lies is found out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

import pytest

from node.crypto import merkle
from node.crypto.blob import CHUNK, BlobCipher
from node.errors import NotHeldError, UnavailableError
from node.flows import gather as gathering
from node.flows.gather import OVERDUE_S, Gather, WrongBytesError
from node.ids import BlobRoot, DeviceId

PLAIN = random.Random(7).randbytes(1_500_000)
CIPHER = BlobCipher(bytes(range(32)), len(PLAIN))
CHUNKS = list(CIPHER.seal_all(PLAIN))
ROOT = merkle.root_of_chunks(CHUNKS)[0]
FIRST, SECOND, THIRD = (DeviceId(bytes([number]) * 32) for number in (1, 2, 3))

Behaviour = Callable[[int], AsyncGenerator[bytes, None]]
"""What a device gives from a chunk on."""


async def well(first: int) -> AsyncGenerator[bytes, None]:
    for index in range(first, len(CHUNKS), 4):
        yield b"".join(CHUNKS[index : index + 4])
        await asyncio.sleep(0)


async def nothing(first: int) -> AsyncGenerator[bytes, None]:
    raise NotHeldError("not held")
    yield b""


async def silence(first: int) -> AsyncGenerator[bytes, None]:
    await asyncio.Event().wait()
    yield b""


def stops_after(count: int, then: Exception | None = None) -> Behaviour:
    async def behaviour(first: int) -> AsyncGenerator[bytes, None]:
        for index in range(first, first + count):
            yield CHUNKS[index]
        if then is not None:
            raise then
        await asyncio.Event().wait()

    return behaviour


async def lies(first: int) -> AsyncGenerator[bytes, None]:
    yield CHUNKS[first]
    yield CHUNKS[first + 1][:-1] + bytes([CHUNKS[first + 1][-1] ^ 1])


@dataclass
class Devices:
    behaviours: dict[DeviceId, Behaviour]
    asked: list[tuple[DeviceId, int, int]] = field(default_factory=list)

    async def take(self, member: DeviceId, root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        assert root == ROOT
        self.asked.append((member, first, count))
        left = count * CHUNK
        async for part in self.behaviours[member](first):
            yield part[:left]
            left -= len(part)
            if left <= 0:
                return

    def gather(self, *, at_once: int = 1) -> Gather:
        return Gather(self.take, ROOT, CIPHER, list(self.behaviours), at_once=at_once)


@pytest.fixture
def nobody_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long this machine is held up."""
    monkeypatch.setattr(gathering, "OVERDUE_S", 3_600.0)


@pytest.mark.usefixtures("nobody_is_overdue")
async def test_one_device_gives_everything_in_one_request() -> None:
    devices = Devices({FIRST: well, SECOND: well})
    assert await devices.gather().run(5, 40) == b"".join(CHUNKS[5:45])
    assert devices.asked == [(FIRST, 5, 40)]


@pytest.mark.usefixtures("nobody_is_overdue")
async def test_several_devices_share_a_read() -> None:
    devices = Devices({FIRST: well, SECOND: well})
    assert await devices.gather(at_once=2).run(0, 64) == b"".join(CHUNKS[:64])
    assert {member for member, _, _ in devices.asked} == {FIRST, SECOND}


async def test_a_device_that_is_silent_is_raced_after_a_quarter_of_a_second() -> None:
    devices = Devices({FIRST: silence, SECOND: well})
    gather = devices.gather()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    assert await gather.run(0, 64) == b"".join(CHUNKS[:64])
    assert loop.time() - began_s >= OVERDUE_S
    assert gather.late == {FIRST}


async def test_one_that_stops_in_the_middle_is_raced_from_where_it_stands() -> None:
    devices = Devices({FIRST: stops_after(9), SECOND: well})
    assert await devices.gather().run(0, 64) == b"".join(CHUNKS[:64])
    assert devices.asked == [(FIRST, 0, 64), (SECOND, 9, 55)]


@pytest.mark.usefixtures("nobody_is_overdue")
async def test_one_that_fails_in_the_middle_is_left_at_once_for_the_next_at_the_same_chunk() -> None:
    devices = Devices({FIRST: stops_after(9, UnavailableError("killed")), SECOND: well})
    gather = devices.gather()
    async with asyncio.timeout(60):
        assert await gather.run(0, 64) == b"".join(CHUNKS[:64])
    assert devices.asked == [(FIRST, 0, 64), (SECOND, 9, 55)]
    assert not gather.late


@pytest.mark.usefixtures("nobody_is_overdue")
async def test_a_liar_is_found_out_at_the_chunk_and_its_wrong_bytes_are_not_used() -> None:
    devices = Devices({FIRST: lies, SECOND: well})
    gather = devices.gather()
    assert await gather.run(0, 64) == b"".join(CHUNKS[:64])
    assert isinstance(gather.failed[FIRST], WrongBytesError)
    assert devices.asked[1] == (SECOND, 1, 63)


async def test_whoever_has_it_not_is_passed_over_and_if_nobody_has_it_that_is_said() -> None:
    devices = Devices({FIRST: nothing, SECOND: nothing, THIRD: well})
    assert await devices.gather(at_once=3).run(0, 64) == b"".join(CHUNKS[:64])
    with pytest.raises(NotHeldError):
        await Devices({FIRST: nothing, SECOND: nothing}).gather().run(0, 4)


async def test_a_device_that_gave_its_share_takes_over_that_of_one_that_failed() -> None:
    devices = Devices({FIRST: well, SECOND: stops_after(3, UnavailableError("killed"))})
    assert await devices.gather(at_once=2).run(0, 64) == b"".join(CHUNKS[:64])


async def test_what_went_wrong_is_said_before_what_is_lacking() -> None:
    devices = Devices({FIRST: stops_after(3, UnavailableError("killed")), SECOND: nothing})
    with pytest.raises(UnavailableError, match="killed"):
        await devices.gather().run(0, 64)


async def test_more_than_was_asked_for_is_refused() -> None:
    async def take(member: DeviceId, root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        yield b"".join(CHUNKS[first : first + count + 1])

    gather = Gather(take, ROOT, CIPHER, [FIRST], at_once=1)
    with pytest.raises(Exception, match="more than it was asked for"):
        await gather.run(0, 4)

"""The swarm door: songs go between one's devices, and to nobody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from node.crypto.labels import PIECE_BYTES
from node.doors.swarm import Endpoint, Swarm, SwarmSettings
from node.errors import UnavailableError
from tests.doors.swarm.blobs import TAG, all_held, noises

HOLDER = "127.0.0.2"
READER = "127.0.0.3"
THIRD = "127.0.0.4"


@asynccontextmanager
async def swarm_at(ip: str) -> AsyncIterator[Swarm]:
    async with Swarm.open(SwarmSettings(listen=f"{ip}:0", outgoing=ip)) as swarm:
        yield swarm


@asynccontextmanager
async def two() -> AsyncIterator[tuple[Swarm, Endpoint, Swarm, Endpoint]]:
    async with AsyncExitStack() as stack:
        holder = await stack.enter_async_context(swarm_at(HOLDER))
        reader = await stack.enter_async_context(swarm_at(READER))
        yield holder, Endpoint(HOLDER, holder.port), reader, Endpoint(READER, reader.port)


async def test_a_whole_blob_comes_bit_for_bit(tmp_path: Path) -> None:
    volume, made = noises(1_040, 65_536, 65_537, 3_000_000)
    async with two() as (holder, at_holder, reader, at_reader):
        await holder.add(
            volume, TAG, held=all_held(made, tmp_path / "a"), incoming=tmp_path / "a", peers=[at_reader], dial=False
        )
        (tmp_path / "b").mkdir()
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b", peers=[at_holder])
        for index, each in enumerate(made):
            path = await shared.fetch(index, stall_timeout_s=60)
            assert path.read_bytes() == each.data
            assert shared.has(index)


async def test_a_piece_is_there_long_before_the_one_second_tick(tmp_path: Path) -> None:
    volume, made = noises(3_000_000, 3_000_000)
    held = all_held(made, tmp_path / "a")
    cold_s, warm_s = list[float](), list[float]()
    for number in range(7):
        async with two() as (holder, at_holder, reader, at_reader):
            await holder.add(volume, TAG, held=held, incoming=tmp_path / "a", peers=[at_reader], dial=False)
            own = tmp_path / f"b{number}"
            own.mkdir()
            began = time.perf_counter()
            shared = await reader.add(volume, TAG, held={}, incoming=own, peers=[at_holder])
            first = await shared.piece(0, 5, within_ms=0, timeout_s=60)
            cold_s.append(time.perf_counter() - began)
            began = time.perf_counter()
            second = await shared.piece(1, 45, within_ms=0, timeout_s=60)
            warm_s.append(time.perf_counter() - began)
        assert first == made[0].data[5 * PIECE_BYTES : 6 * PIECE_BYTES]
        assert second == made[1].data[45 * PIECE_BYTES :]
    for name, took_s in (("cold", sorted(cold_s)), ("warm", sorted(warm_s))):
        print(name, *(f"{each * 1000:.1f}" for each in took_s), "ms")
        # Of what waits for a tick, few come sooner; a machine that was held up now and then changes nothing.
        assert took_s[len(took_s) // 2] < 0.5


async def test_peers_that_become_known_later_are_connected_to_at_once(tmp_path: Path) -> None:
    volume, made = noises(500_000)
    async with two() as (holder, at_holder, reader, at_reader):
        await holder.add(
            volume, TAG, held=all_held(made, tmp_path / "a"), incoming=tmp_path / "a", peers=[at_reader], dial=False
        )
        (tmp_path / "b").mkdir()
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b")
        with pytest.raises(UnavailableError):
            await shared.piece(0, 0, within_ms=0, timeout_s=0.3)
        shared.set_peers([at_holder])
        assert await shared.piece(0, 0, within_ms=0, timeout_s=60) == made[0].data[:PIECE_BYTES]
        assert [view.endpoint for view in shared.peers()] == [at_holder]


async def test_a_blob_sealed_on_demand_reaches_whoever_asked_before(tmp_path: Path) -> None:
    volume, made = noises(1_000_000)
    async with two() as (holder, at_holder, reader, at_reader):
        (tmp_path / "a").mkdir()
        giving = await holder.add(volume, TAG, held={}, incoming=tmp_path / "a", peers=[at_reader], dial=False)
        (tmp_path / "b").mkdir()
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b", peers=[at_holder])
        asked = asyncio.ensure_future(shared.fetch(0, stall_timeout_s=60))
        await asyncio.sleep(0)
        giving.offer(0)
        for piece in range(volume.blobs[0].pieces):
            giving.give(0, piece, made[0].data[piece * PIECE_BYTES : (piece + 1) * PIECE_BYTES])
        assert (await asked).read_bytes() == made[0].data
        assert (await giving.fetch(0, stall_timeout_s=60)).read_bytes() == made[0].data


async def test_a_wrong_piece_given_never_leaves(tmp_path: Path) -> None:
    volume, _ = noises(1_000_000)
    async with two() as (holder, at_holder, reader, at_reader):
        (tmp_path / "a").mkdir()
        giving = await holder.add(volume, TAG, held={}, incoming=tmp_path / "a", peers=[at_reader], dial=False)
        (tmp_path / "b").mkdir()
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b", peers=[at_holder])
        giving.offer(0)
        giving.give(0, 0, bytes(PIECE_BYTES))
        with pytest.raises(UnavailableError):
            await shared.piece(0, 0, within_ms=0, timeout_s=1)
        assert not giving.has(0)


async def test_a_blob_moved_into_the_store_is_still_shared(tmp_path: Path) -> None:
    volume, made = noises(400_000)
    async with two() as (holder, at_holder, reader, at_reader):
        (tmp_path / "a").mkdir()
        giving = await holder.add(volume, TAG, held={}, incoming=tmp_path / "a", peers=[at_reader], dial=False)
        giving.offer(0)
        for piece in range(volume.blobs[0].pieces):
            giving.give(0, piece, made[0].data[piece * PIECE_BYTES : (piece + 1) * PIECE_BYTES])
        await giving.fetch(0, stall_timeout_s=60)
        await giving.moved(0, tmp_path / "kept")
        assert (tmp_path / "kept").read_bytes() == made[0].data
        (tmp_path / "b").mkdir()
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b", peers=[at_holder])
        assert (await shared.fetch(0, stall_timeout_s=60)).read_bytes() == made[0].data


async def test_an_address_that_is_not_a_peers_gets_nothing(tmp_path: Path) -> None:
    volume, made = noises(200_000)
    async with two() as (holder, at_holder, reader, _):
        giving = await holder.add(
            volume, TAG, held=all_held(made, tmp_path / "a"), incoming=tmp_path / "a", peers=[Endpoint(THIRD, 1)]
        )
        (tmp_path / "b").mkdir()
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b", peers=[at_holder])
        with pytest.raises(UnavailableError):
            await shared.piece(0, 0, within_ms=0, timeout_s=1.5)
        assert giving.peers() == []


async def test_a_member_of_an_older_epoch_gets_nothing(tmp_path: Path) -> None:
    volume, made = noises(200_000)
    async with two() as (holder, at_holder, reader, at_reader):
        await holder.add(
            volume,
            b"\x0f" * 32,
            held=all_held(made, tmp_path / "a"),
            incoming=tmp_path / "a",
            peers=[at_reader],
            dial=False,
        )
        (tmp_path / "b").mkdir()
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b", peers=[at_holder])
        with pytest.raises(UnavailableError):
            await shared.piece(0, 0, within_ms=0, timeout_s=1.5)


async def test_a_volume_removed_and_added_again_with_more_held_needs_no_checking(tmp_path: Path) -> None:
    volume, made = noises(200_000, 300_000)
    async with two() as (holder, at_holder, reader, at_reader):
        held = all_held(made, tmp_path / "a")
        await holder.add(volume, TAG, held={0: held[0]}, incoming=tmp_path / "a", peers=[at_reader], dial=False)
        await holder.remove(volume.id)
        await holder.add(volume, TAG, held=held, incoming=tmp_path / "a", peers=[at_reader], dial=False)
        (tmp_path / "b").mkdir()
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b", peers=[at_holder])
        for index, each in enumerate(made):
            assert (await shared.fetch(index, stall_timeout_s=60)).read_bytes() == each.data

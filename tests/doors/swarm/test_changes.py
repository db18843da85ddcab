"""What changes in the middle of a song, and odd addresses: nobody who belongs is cut off, and nobody else comes in."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.doors.swarm import Endpoint, Swarm, SwarmSettings
from node.doors.swarm.torrent import SharedVolume
from node.errors import UnavailableError
from tests.doors.swarm.blobs import TAG, all_held, noises
from tests.doors.swarm.test_strangers import stock_libtorrent
from tests.doors.swarm.test_swarm import HOLDER, READER, THIRD, swarm_at
from tests.needs import require
from tests.ports import free_port

BIG = 8_000_000
SLOWLY_BYTES_PER_S = 500_000
"""On the fastest machine too the song is still on its way when things change."""


async def begun(shared: SharedVolume, index: int) -> None:
    """Until some of a blob has come, though not all of it."""
    await shared.piece(index, 0, within_ms=0, timeout_s=60)
    assert not shared.has(index)


async def test_a_filter_update_in_mid_song_cuts_nobody_off(tmp_path: Path) -> None:
    volume, made = noises(BIG)
    other, others_made = noises(50_000, 70_000)
    (tmp_path / "b").mkdir()
    async with swarm_at(HOLDER) as holder, swarm_at(READER) as reader:
        here = Endpoint(READER, reader.port)
        held = all_held(made, tmp_path / "a")
        giving = await holder.add(volume, TAG, held=held, incoming=tmp_path / "a", peers=[here], dial=False)
        giving.handle.set_upload_limit(SLOWLY_BYTES_PER_S)
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b", peers=[Endpoint(HOLDER, holder.port)])
        coming = asyncio.create_task(shared.fetch(0, stall_timeout_s=60))
        await begun(shared, 0)
        connections = [view.endpoint for view in giving.peers()]
        assert len(connections) == 1
        more = all_held(others_made, tmp_path / "a2")
        for _ in range(5):
            assert not shared.has(0)
            await holder.add(other, TAG, held=more, incoming=tmp_path / "a2", peers=[Endpoint(THIRD, 1)], dial=False)
            await holder.remove(other.id)
        giving.handle.set_upload_limit(0)
        assert (await coming).read_bytes() == made[0].data
        assert [view.endpoint for view in giving.peers()] == connections  # the very same connection


async def test_an_eviction_in_mid_song_cuts_nobody_off(tmp_path: Path) -> None:
    volume, made = noises(BIG, 200_000)
    big = max(range(2), key=lambda index: len(made[index].data))
    (tmp_path / "b").mkdir()
    async with swarm_at(HOLDER) as holder, swarm_at(READER) as reader:
        peers = [Endpoint(READER, reader.port)]
        held = all_held(made, tmp_path / "a")
        giving = await holder.add(volume, TAG, held=held, incoming=tmp_path / "a", peers=peers, dial=False)
        giving.handle.set_upload_limit(SLOWLY_BYTES_PER_S)
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b", peers=[Endpoint(HOLDER, holder.port)])
        coming = asyncio.create_task(shared.fetch(big, stall_timeout_s=60))
        await begun(shared, big)
        await holder.remove(volume.id)
        held.pop(1 - big).path.unlink()
        await holder.add(volume, TAG, held=held, incoming=tmp_path / "a", peers=peers, dial=False)
        assert (await coming).read_bytes() == made[big].data


async def test_two_devices_behind_one_address_are_both_served(tmp_path: Path) -> None:
    volume, made = noises(400_000)
    async with swarm_at(HOLDER) as holder, swarm_at(READER) as one, swarm_at(READER) as two:
        peers = [Endpoint(READER, one.port), Endpoint(READER, two.port)]
        held = all_held(made, tmp_path / "a")
        await holder.add(volume, TAG, held=held, incoming=tmp_path / "a", peers=peers, dial=False)
        for name, reader in (("b", one), ("c", two)):
            (tmp_path / name).mkdir()
            shared = await reader.add(
                volume, TAG, held={}, incoming=tmp_path / name, peers=[Endpoint(HOLDER, holder.port)]
            )
            assert (await shared.fetch(0, stall_timeout_s=60)).read_bytes() == made[0].data


@contextlib.asynccontextmanager
async def on_both() -> AsyncIterator[Swarm]:
    port = free_port(HOLDER)
    async with Swarm.open(SwarmSettings(listen=f"{HOLDER}:{port},[::1]:{port}")) as swarm:
        yield swarm


def need_ipv6() -> None:
    there = False
    with contextlib.suppress(OSError):
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        there = True
    require("IPv6 on loopback", there)


async def test_ipv6_beside_ipv4_serves_who_belongs_and_lets_no_stranger_in(tmp_path: Path) -> None:
    need_ipv6()
    volume, made = noises(300_000)
    async with on_both() as holder:
        held = all_held(made, tmp_path / "a")
        giving = await holder.add(
            volume, TAG, held=held, incoming=tmp_path / "a", peers=[Endpoint(READER, 1)], dial=False
        )
        at = Endpoint("::1", holder.port)
        assert await stock_libtorrent(volume, TAG, ip="[::1]", holder=at, directory=tmp_path / "s") == 0
        giving.set_peers([Endpoint("::1", 1)])
        got = await stock_libtorrent(volume, TAG, ip="[::1]", holder=at, directory=tmp_path / "t", hoping=True)
        assert got == 300_000


async def test_a_device_at_another_address_than_it_told_stays_out_until_it_tells_the_right_one(tmp_path: Path) -> None:
    volume, made = noises(300_000)
    async with swarm_at(HOLDER) as holder, swarm_at(THIRD) as reader:
        held = all_held(made, tmp_path / "a")
        giving = await holder.add(
            volume, TAG, held=held, incoming=tmp_path / "a", peers=[Endpoint(READER, reader.port)], dial=False
        )
        (tmp_path / "b").mkdir()
        shared = await reader.add(volume, TAG, held={}, incoming=tmp_path / "b", peers=[Endpoint(HOLDER, holder.port)])
        with pytest.raises(UnavailableError):
            await shared.piece(0, 0, within_ms=0, timeout_s=1)
        giving.set_peers([Endpoint(THIRD, reader.port)])
        shared.set_peers([])
        shared.set_peers([Endpoint(HOLDER, holder.port)])
        assert (await shared.fetch(0, stall_timeout_s=60)).read_bytes() == made[0].data

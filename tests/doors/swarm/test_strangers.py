"""Strangers with stock BitTorrent clients: not a byte, and from an address of their own not even a handshake."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest
from aiohttp import web

from node.crypto.labels import PIECE_BYTES
from node.doors.swarm import Endpoint, Swarm
from node.doors.swarm.settings import compact
from node.doors.swarm.torrent import SharedVolume
from node.wire.bencode import bencode
from node.wire.volume import Volume
from tests.doors.swarm import clients
from tests.doors.swarm.blobs import TAG, Noise, all_held, noises
from tests.doors.swarm.clients import Wanted
from tests.doors.swarm.test_swarm import HOLDER, READER, swarm_at
from tests.lab import Host, ip, open_lab
from tests.needs import require_program

STRANGER = "127.0.0.66"
OLD_TAG = b"\x0d" * 32
WAIT_S = 4.0
START_S = 60.0


@contextlib.asynccontextmanager
async def holder_of(
    volume: Volume, made: list[Noise], directory: Path, *, at: str = HOLDER, present: str = READER
) -> AsyncIterator[Swarm]:
    """A node that shares a volume with one present device, at `present`."""
    async with swarm_at(at) as swarm:
        await swarm.add(
            volume, TAG, held=all_held(made, directory), incoming=directory, peers=[Endpoint(present, 1)], dial=False
        )
        yield swarm


@contextlib.asynccontextmanager
async def a_tracker(at: str, answer: Endpoint) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A public tracker that has heard of the holder; whether anybody has asked it."""
    asked = asyncio.Event()

    async def announce(_request: web.Request) -> web.Response:
        asked.set()
        return web.Response(body=bencode({b"interval": 1_800, b"peers": compact([answer])[0]}))

    app = web.Application()
    app.router.add_get("/announce", announce)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, at, 0).start()
        yield f"http://{at}:{runner.addresses[0][1]}/announce", asked
    finally:
        await runner.cleanup()


async def stock_libtorrent(
    volume: Volume, tag: bytes, *, ip: str, holder: Endpoint, directory: Path, hoping: bool = False
) -> int:
    """Bytes that an ordinary client gets, given the whole torrent and the holder's address.

    It has a few seconds; if the test is `hoping`, until it has them all.
    """
    session = lt.session(
        {
            "listen_interfaces": f"{ip}:0",
            "outgoing_interfaces": ip.strip("[]"),
            "enable_dht": False,
            "enable_lsd": False,
        }
    )
    try:
        params = lt.load_torrent_buffer(volume.torrent(tag, {}))
        await asyncio.to_thread(directory.mkdir)
        params.save_path = str(directory)
        handle = session.add_torrent(params)
        handle.connect_peer((holder.ip, holder.port))
        loop = asyncio.get_running_loop()
        until_s = loop.time() + (START_S if hoping else WAIT_S)
        while loop.time() < until_s:
            got = int(handle.status().total_payload_download)
            if got >= volume.sealed_bytes:
                break
            await asyncio.sleep(0.1)
        return got
    finally:
        last = [session]
        del session
        await asyncio.to_thread(last.clear)


async def test_a_stock_client_with_the_current_torrent_gets_nothing_from_an_address_of_its_own(tmp_path: Path) -> None:
    volume, made = noises(300_000)
    async with holder_of(volume, made, tmp_path / "a") as holder:
        at = Endpoint(HOLDER, holder.port)
        assert await stock_libtorrent(volume, TAG, ip=STRANGER, holder=at, directory=tmp_path / "s") == 0


async def test_behind_the_address_of_a_present_device_it_gets_nothing_without_the_current_info_hash(
    tmp_path: Path,
) -> None:
    volume, made = noises(300_000)
    async with holder_of(volume, made, tmp_path / "a") as holder:
        at = Endpoint(HOLDER, holder.port)
        assert await stock_libtorrent(volume, OLD_TAG, ip=READER, holder=at, directory=tmp_path / "s") == 0


async def test_there_with_the_current_info_hash_it_gets_ciphertext_at_most(tmp_path: Path) -> None:
    volume, made = noises(300_000)
    async with holder_of(volume, made, tmp_path / "a") as holder:
        at = Endpoint(HOLDER, holder.port)
        # This is what the two tests above would see if they could not fail.
        got = await stock_libtorrent(volume, TAG, ip=READER, holder=at, directory=tmp_path / "s", hoping=True)
        assert got == 300_000


async def said_to(ip: str, at: Endpoint, greeting: bytes, *, wait_s: float = WAIT_S) -> bytes:
    """What the holder answers to a greeting from that address before it closes."""
    try:
        reader, writer = await asyncio.open_connection(at.ip, at.port, local_addr=(ip, 0))
    except OSError:
        return b""
    try:
        writer.write(greeting)
        async with asyncio.timeout(wait_s):
            return await reader.read(1_000)
    except (OSError, TimeoutError):
        return b""
    finally:
        writer.close()


async def test_a_stranger_is_not_even_greeted(tmp_path: Path) -> None:
    volume, made = noises(50_000)
    plain = b"\x13BitTorrent protocol" + bytes(8) + volume.info_hash(TAG)[:20] + b"-XX0000-" + bytes(12)
    encrypted = os.urandom(96)
    async with holder_of(volume, made, tmp_path / "a") as holder:
        at = Endpoint(HOLDER, holder.port)
        for greeting in (plain, encrypted):
            assert await said_to(STRANGER, at, greeting) == b""
        # From a present device's address the obfuscated handshake is answered, the plain one never is.
        assert await said_to(READER, at, plain) == b""
        assert len(await said_to(READER, at, encrypted, wait_s=START_S)) >= 96


STOCK = {"aria2": clients.aria2, "transmission": clients.transmission, "qbittorrent": clients.qbittorrent}
ON_LOOPBACK = ("aria2", "qbittorrent")
"""Transmission takes no address of 127.0.0.0/8 for a peer's: there it would meet nobody, whatever we do."""


@dataclass(frozen=True)
class Places:
    """Addresses: the holder's, that of the device which is present, and one of nobody's."""

    holder: str
    present: str
    stranger: str


LOOPBACK = Places(HOLDER, READER, STRANGER)
ELSEWHERE = Places("10.213.78.2", "10.213.78.3", "10.213.78.66")
"""Only in a network namespace."""


async def tried(
    name: str, directory: Path, *, ip: str, tag: bytes, places: Places = LOOPBACK, hoping: bool = False
) -> tuple[bool, bool]:
    """A stock client goes after a volume: whether the holder took its handshake, and whether it got anything.

    It has a few seconds; if the test is `hoping`, until it was met, and had what it can understand.
    """
    volume, made = noises(300_000)
    needles = [each.data[at : at + 32] for each in made for at in range(0, len(each.data), PIECE_BYTES)]
    own = directory / "stranger"
    await asyncio.to_thread(own.mkdir)
    async with holder_of(volume, made, directory / "a", at=places.holder, present=places.present) as holder:
        met = handshakes(holder.volumes()[volume.id])
        at = Endpoint(places.holder, holder.port)
        async with a_tracker(ip, at) as (tracker, asked), STOCK[name](Wanted(volume, tag, tracker, ip, own)):
            async with asyncio.timeout(START_S):
                await asked.wait()  # the client is up, and knows where the holder is
            got = False
            loop = asyncio.get_running_loop()
            until_s = loop.time() + (START_S if hoping else WAIT_S)
            while loop.time() < until_s and not (got or (hoping and ip in met and name != "qbittorrent")):
                got = await asyncio.to_thread(clients.got, own, needles)
                await asyncio.sleep(0.05)
    return ip in met, got


def handshakes(shared: SharedVolume) -> set[str]:
    """Addresses whose handshake is taken from now on, those included that leave again at once."""
    met: set[str] = set()
    take = shared.take

    def noting(alert: Any) -> None:
        if isinstance(alert, lt.peer_connect_alert):
            met.add(alert.endpoint[0])
        take(alert)

    shared.take = noting  # type: ignore[method-assign]
    return met


@pytest.mark.parametrize("client", ON_LOOPBACK)
async def test_a_stock_client_at_an_address_of_its_own_is_not_even_met(client: str, tmp_path: Path) -> None:
    assert await tried(client, tmp_path, ip=STRANGER, tag=TAG) == (False, False)


@pytest.mark.parametrize("client", ON_LOOPBACK)
async def test_behind_a_present_devices_address_it_gets_nothing_with_the_info_hash_of_an_older_epoch(
    client: str, tmp_path: Path
) -> None:
    assert await tried(client, tmp_path, ip=READER, tag=OLD_TAG) == (False, False)


# What the two tests above would see if they could not fail.


async def test_there_with_the_whole_current_torrent_qbittorrent_gets_ciphertext_at_most(tmp_path: Path) -> None:
    assert await tried("qbittorrent", tmp_path, ip=READER, tag=TAG, hoping=True) == (True, True)


async def test_there_with_the_current_info_hash_aria2_is_met_though_it_knows_no_such_torrents(tmp_path: Path) -> None:
    assert await tried("aria2", tmp_path, ip=READER, tag=TAG, hoping=True) == (True, False)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Host]:
    """A machine whose own addresses are no loopback ones."""
    require_program("transmission-cli")
    with open_lab() as lab:
        host = lab.host("swarm")
        for address in (ELSEWHERE.holder, ELSEWHERE.present, ELSEWHERE.stranger):
            ip("-n", host.namespace, "addr", "add", f"{address}/32", "dev", "lo")
        yield host


@pytest.mark.parametrize(
    ("at", "tag", "met"),
    [("stranger", TAG, False), ("present", OLD_TAG, False), ("present", TAG, True)],
    ids=["from an address of its own", "with an older info-hash", "with the current one from a present address"],
)
def test_transmission_is_met_only_with_the_current_info_hash_from_a_present_address(
    elsewhere: Host, tmp_path: Path, at: str, tag: bytes, met: bool
) -> None:
    address = getattr(ELSEWHERE, at)
    program = [
        sys.executable,
        "-m",
        "tests.doors.swarm.elsewhere",
        tmp_path,
        address,
        tag.hex(),
        "yes" if met else "no",
    ]
    done = elsewhere.run(program, timeout_s=3 * START_S)
    assert json.loads(done.stdout or "null") == [met, False], done.stderr

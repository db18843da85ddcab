"""The tracker as its clients find it: real sockets, real database."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from node.crypto.keys import EpochKeys, MemberKeys
from node.doors.rooms import Room, joined, look_up_roster
from node.doors.webrtc import public_address
from node.errors import PeerError, RefusedError, UnavailableError
from node.ids import to_text
from node.wire.bucket import Rate
from node.wire.roomeffects import Limits
from node.wire.roomevents import Came, Said
from node.wire.roster import Roster
from tests.flows.people import a_tracker, until
from tests.wire.family import Family, make_family
from tracker import admin
from tracker.access import AccessLogging


def enter(
    session: aiohttp.ClientSession, url: str, keys: MemberKeys, roster: Roster, room: bytes
) -> contextlib.AbstractAsyncContextManager[Room]:
    return joined(session, url, keys=keys, library=roster.library, room=room, roster=roster.entries)


@contextlib.asynccontextmanager
async def pair_in(family: Family, url: str) -> AsyncIterator[tuple[Room, Room]]:
    room = family.epoch.room_name
    async with (
        aiohttp.ClientSession() as session,
        enter(session, url, family.founder, family.roster, room) as first,
        enter(session, url, family.player, family.roster, room) as second,
    ):
        yield first, second


async def said_to(room: Room) -> Said:
    async for event in room.events():
        if isinstance(event, Said):
            return event
    raise AssertionError


async def test_members_meet_and_speak(tmp_path: Path) -> None:
    family = make_family()
    async with a_tracker(tmp_path) as (url, _), pair_in(family, url) as (first, second):
        assert list(second.present.values()) == [family.founder.id]
        async with asyncio.timeout(60):
            assert await anext(first.events()) == Came(second.own, family.player.id)
            await second.send(b"sealed", to=first.own)
            assert await said_to(first) == Said(second.own, family.player.id, b"sealed")


async def test_a_tracker_that_was_restarted_still_knows_the_roster(tmp_path: Path) -> None:
    family = make_family()
    async with a_tracker(tmp_path) as (url, _), pair_in(family, url):
        pass
    async with a_tracker(tmp_path) as (url, _), aiohttp.ClientSession() as session:
        assert tuple(await look_up_roster(session, url, family.recovery)) == family.roster.entries
        assert await look_up_roster(session, url, MemberKeys(b"\x31" * 32, b"\x32" * 32)) == []


async def test_a_stranger_is_told_that_it_is_no_member(tmp_path: Path) -> None:
    family = make_family()
    stranger = MemberKeys(b"\x31" * 32, b"\x32" * 32)
    async with a_tracker(tmp_path) as (url, _), pair_in(family, url), aiohttp.ClientSession() as session:
        with pytest.raises(RefusedError, match="not a member"):
            async with enter(session, url, stranger, family.roster, family.epoch.room_name):
                pass


async def test_a_name_that_is_not_the_trackers_is_refused(tmp_path: Path) -> None:
    """A proof made for one server must not open another one."""
    family = make_family()
    names = frozenset({"tracker.example"})
    async with a_tracker(tmp_path, names=names) as (url, _), aiohttp.ClientSession() as session:
        with pytest.raises(PeerError, match="did not understand"):
            async with enter(session, url, family.founder, family.roster, family.epoch.room_name):
                pass


async def test_a_receiver_that_died_does_not_hurt_the_sender(tmp_path: Path) -> None:
    family = make_family()
    room = family.epoch.room_name
    async with a_tracker(tmp_path) as (url, _), pair_in(family, url) as (first, second):
        session = aiohttp.ClientSession()
        dying = await session.ws_connect(f"{url}/v1/room")
        doomed = Room(dying, url)
        await doomed.join(family.seed, family.roster.library, room, family.roster.entries)
        transport = dying.get_extra_info("socket")
        assert transport is not None
        dying._response.connection.transport.abort()  # type: ignore[union-attr]
        for number in range(50):
            await first.send(b"%d" % number)
        async with asyncio.timeout(60):
            got = [(await said_to(second)).data for _ in range(50)]
        assert got == [b"%d" % number for number in range(50)]
        await session.close()


async def test_a_reader_that_is_too_slow_is_dropped_and_the_others_are_not_held_up(tmp_path: Path) -> None:
    family = make_family()
    limits = Limits(
        byte_rate=Rate(per_s=1e9, burst=1e9),
        library_byte_rate=Rate(per_s=1e9, burst=1e9),
        frame_rate=Rate(per_s=1e6, burst=1e6),
        library_frame_rate=Rate(per_s=1e6, burst=1e6),
    )
    async with (
        a_tracker(tmp_path, limits=limits) as (url, tracker),
        pair_in(family, url) as (first, second),
        aiohttp.ClientSession() as session,
    ):
        slow = await session.ws_connect(f"{url}/v1/room")
        lazy = Room(slow, url)
        await lazy.join(family.seed, family.roster.library, family.epoch.room_name, family.roster.entries)
        slow._response.connection.transport.pause_reading()  # type: ignore[union-attr]
        message = os.urandom(60_000)
        for _ in range(300):
            await first.send(message)
            assert (await asyncio.wait_for(said_to(second), 60)).data == message
        await until(lambda: tracker.rooms.rooms.connections == 2)


async def test_a_flood_by_one_library_leaves_the_others_latency_as_it_was(tmp_path: Path) -> None:
    calm, loud = make_family(), make_other_family()
    async with a_tracker(tmp_path) as (url, _), pair_in(calm, url) as (first, second):

        async def round_trips(count: int) -> list[float]:
            took = []
            for _ in range(count):
                began_s = time.perf_counter()
                await first.send(b"x" * 800, to=second.own)
                await asyncio.wait_for(said_to(second), 60)
                took.append(time.perf_counter() - began_s)
            return sorted(took)

        async def flood() -> None:
            while True:
                with contextlib.suppress(UnavailableError, RefusedError):
                    async with pair_in(loud, url) as (shouting, _):
                        while True:
                            await shouting.send(os.urandom(60_000))
                await asyncio.sleep(0)

        quiet = await round_trips(50)  # one and the other stay within a connection's burst, however fast they are
        flooding = asyncio.create_task(flood())
        try:
            under = await round_trips(50)
        finally:
            flooding.cancel()
        # The flooder shares this process and its loop with the tracker, so the bound is a loose one.
        assert under[25] < max(quiet[25] * 30, 0.25), (quiet[25], under[25])


async def test_one_address_can_not_fill_the_ledger_with_new_libraries(tmp_path: Path) -> None:
    limits = Limits(connections_per_address=3, newcomers_per_s=0.001)
    families = [make_family(number) for number in range(4)]
    async with a_tracker(tmp_path, limits=limits) as (url, _), aiohttp.ClientSession() as session:
        for family in (*families[:3], families[0]):  # who was here before is no newcomer
            async with enter(session, url, family.founder, family.roster, family.epoch.room_name) as room:
                assert room.own
        last = families[3]
        with pytest.raises(UnavailableError, match="too much to do"):
            async with enter(session, url, last.founder, last.roster, last.epoch.room_name):
                pass


def make_other_family() -> Family:
    from node.crypto.phrase import recovery_keys
    from node.wire.roster import Role, admit, found_library
    from tests.wire.family import keys_of

    founder, player = keys_of(21), keys_of(22)
    recovery, epoch = recovery_keys(b"\x29" * 32), EpochKeys(1, b"\x27" * 32)
    roster = found_library(founder, recovery.public, epoch, time_ms=1, random_16=b"\x25" * 16)
    roster = admit(roster, founder, player.public, role=Role.PLAYER, epochs=[epoch], time_ms=2)
    return Family(founder, recovery, player, player, epoch, roster)


async def test_stun_tells_a_client_its_address(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (_, tracker):
        assert tracker.stun_port is not None
        host, port = await public_address(("127.0.0.1", tracker.stun_port))
        assert host == "127.0.0.1"
        assert port > 0


async def test_a_stun_server_that_is_silent_is_given_up(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    silent, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    try:
        with pytest.raises(UnavailableError):
            await public_address(silent.get_extra_info("sockname"))
    finally:
        silent.close()


async def test_a_suspended_library_is_cut_off_at_once_and_others_are_not(tmp_path: Path) -> None:
    family, others = make_family(), make_family(9)
    async with (
        a_tracker(tmp_path) as (url, _),
        pair_in(family, url) as (first, second),
        pair_in(others, url) as (one, two),
    ):
        asked = argparse.Namespace(library=to_text(family.roster.library)[:8], json=True)
        suspend = partial(admin.suspending(True), asked, tmp_path)
        assert await asyncio.to_thread(suspend) == 0
        async with asyncio.timeout(60):
            for room in (first, second):
                with pytest.raises(RefusedError, match="suspended your library's account"):
                    async for _ in room.events():
                        pass
        async with aiohttp.ClientSession() as session:
            with pytest.raises(RefusedError, match="suspended"):
                async with enter(session, url, family.founder, family.roster, family.epoch.room_name):
                    pass
            await two.send(b"still here", to=one.own)
            assert (await said_to(one)).data == b"still here"
            assert await asyncio.to_thread(admin.suspending(False), asked, tmp_path) == 0
            async with enter(session, url, family.founder, family.roster, family.epoch.room_name) as again:
                assert again.own


async def test_the_app_comes_with_a_strict_policy_and_nothing_outside_it_is_served(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (url, tracker), aiohttp.ClientSession(url.replace("ws:", "http:")) as session:
        async with session.get("/") as page:
            assert page.status == 200
            policy = page.headers["Content-Security-Policy"]
            assert "script-src 'self';" in policy
            assert "unsafe" not in policy
            assert page.headers["Permissions-Policy"].startswith("camera=(self), geolocation=()")
            etag = page.headers["ETag"]
        async with session.get("/", headers={"If-None-Match": etag}) as again:
            assert again.status == 304
        for path in ("/../pyproject.toml", "/%2e%2e/pyproject.toml", "/jsconfig.json", "/core/../../tracker/cli.py"):
            async with session.get(path) as outside:
                assert outside.status == 404, path
        async with session.get("/healthz") as health:
            assert await health.json() == {"ok": True, "key": tracker.key}
        async with session.get("/metrics") as metrics:
            assert "songkeep_tracker_connections 0" in await metrics.text()


async def test_the_app_comes_compressed_to_whom_can_read_it(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (base, _), aiohttp.ClientSession(auto_decompress=False) as session:
        url = base.replace("ws:", "http:") + "/core/player.js"
        async with session.get(url, headers={"Accept-Encoding": "identity"}) as plain:
            body, tag = await plain.read(), plain.headers["ETag"]
            assert "Content-Encoding" not in plain.headers
        async with session.get(url, headers={"Accept-Encoding": "gzip, br"}) as small:
            assert small.headers["Content-Encoding"] == "gzip"
            assert small.headers["Vary"] == "Accept-Encoding"
            assert gzip.decompress(await small.read()) == body
            assert small.headers["ETag"] != tag
        async with session.get(url, headers={"Accept-Encoding": "gzip", "If-None-Match": tag}) as other:
            assert other.status == 200, "the tag of other bytes was taken for these"


@pytest.mark.parametrize("mode", ["on", "addresses", "off"])
async def test_the_access_log_says_what_was_asked_and_by_whom_only_if_told_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: AccessLogging
) -> None:
    caplog.set_level(logging.INFO, "tracker.access")
    secret = "a" * 52
    async with a_tracker(tmp_path, access_log=mode) as (url, _), aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{url}/v1/pair/{secret}?wait=1"), session.ws_connect(f"{url}/v1/room") as room:
            await room.receive()
        async with session.get(url.replace("ws:", "http:") + "/healthz") as health:
            assert health.status == 200
    said = [each.getMessage() for each in caplog.records if each.name == "tracker.access"]
    kinds = {line.split()[1]: line.split()[2] for line in said}
    known = {"path=/v1/pair/{name}": "status=101", "path=/v1/room": "status=101", "path=/healthz": "status=200"}
    assert kinds == ({} if mode == "off" else known)
    assert all(("127.0.0.1" in line) == (mode == "addresses") for line in said)
    assert secret not in "".join(said)


async def test_a_tracker_may_leave_the_app_away(tmp_path: Path) -> None:
    async with (
        a_tracker(tmp_path, app=False) as (url, _),
        aiohttp.ClientSession() as session,
        session.get(url.replace("ws:", "http:") + "/") as page,
    ):
        assert page.status == 404


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such bound")
@pytest.mark.parametrize("kind", ["tracker", "seed"])
async def test_more_devices_come_than_files_may_usually_be_open(tmp_path: Path, kind: str) -> None:
    import resource

    def few_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node.cli.main", "--home", str(tmp_path), kind, "run",
        "--listen", "127.0.0.1:0", "--stun", "off", "--no-app", "--json",
        stdout=asyncio.subprocess.PIPE, preexec_fn=few_files,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60), contextlib.AsyncExitStack() as clients, aiohttp.ClientSession() as session:
            url = f"ws://127.0.0.1:{json.loads(await process.stdout.readline())['port']}/v1/room"
            for _ in range(100):
                socket = await clients.enter_async_context(session.ws_connect(url))
                assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY
    finally:
        process.terminate()
        await process.wait()


async def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (_, tracker):
        from tracker.options import Options
        from tracker.server import running

        with pytest.raises(UnavailableError, match=f"port {tracker.port}"):
            async with running(Options(home=tmp_path / "second", port=tracker.port, stun_port=None)):
                pass

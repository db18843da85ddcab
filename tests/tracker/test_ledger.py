"""The ledger over its database: accounts, invitations, grants, and asks that come all at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from node.crypto.keys import MemberKeys, member_keys_from_random
from node.doors.rooms import Room, joined
from node.errors import NotFoundError, PeerError, RefusedError, UserError
from node.ids import DeviceId, LibraryId, to_text
from node.wire.grants import check_grant, read_grant
from node.wire.roomevents import AccountTold, GrantAnswered
from node.wire.usage import Usage, sign_usage
from tests.flows.people import a_tracker
from tests.wire.family import make_family
from tracker.database import Database
from tracker.ledger import Ledger
from tracker.quota import Plans

LIBRARY = LibraryId(b"L" * 32)
SEEDS = [DeviceId(bytes([number]) * 32) for number in range(4)]
KEYS: MemberKeys = member_keys_from_random(b"k" * 64)
PLANS = Plans({"free": 1_000, "plus": 5_000})
DAY_MS = 86_400_000


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000 * DAY_MS

    def __call__(self) -> int:
        return self.now_ms


@contextlib.asynccontextmanager
async def a_ledger(
    folder: Path, *, plans: Plans = PLANS, clock: Clock | None = None
) -> AsyncIterator[tuple[Ledger, Clock]]:
    used = clock or Clock()
    async with Database.open(folder / "tracker.sqlite") as database:
        yield Ledger(database, KEYS, plans, now_ms=used), used


async def test_a_grant_proves_what_was_granted(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as (ledger, clock):
        await ledger.admit(LIBRARY, "")
        grant = read_grant(await ledger.grant(LIBRARY, SEEDS[0], 600))
        check_grant(grant, tracker=KEYS.id, library=LIBRARY, seed=SEEDS[0], now_ms=clock.now_ms)
        assert grant.granted_bytes == 600
        for wrong in (
            {"tracker": b"x" * 32},
            {"library": LibraryId(b"x" * 32)},
            {"seed": SEEDS[1]},
            {"now_ms": grant.expires_ms},
        ):
            right = {"tracker": KEYS.id, "library": LIBRARY, "seed": SEEDS[0], "now_ms": clock.now_ms}
            with pytest.raises(RefusedError):
                check_grant(grant, **{**right, **wrong})  # type: ignore[arg-type]
        assert await ledger.account(LIBRARY) == {
            "plan": "free",
            "plan_bytes": 1_000,
            "songs": 0,
            "granted": [[SEEDS[0], 600]],
        }


async def test_all_asks_at_once_get_no_more_than_the_plan(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as (ledger, _):
        await ledger.admit(LIBRARY, "")
        answers = await asyncio.gather(
            *(ledger.grant(LIBRARY, SEEDS[number % 4], 300 + number) for number in range(60)), return_exceptions=True
        )
        largest: dict[bytes, int] = {}
        for answer in answers:
            if isinstance(answer, bytes):
                grant = read_grant(answer)
                largest[grant.seed] = max(largest.get(grant.seed, 0), grant.granted_bytes)
            else:
                assert isinstance(answer, RefusedError)
        assert 600 < sum(largest.values()) <= 1_000


RACER = """
import asyncio, sys
from pathlib import Path
from node.crypto.keys import member_keys_from_random
from node.errors import RefusedError
from node.wire.grants import read_grant
from tracker.database import Database
from tracker.ledger import Ledger
from tracker.quota import Plans

async def race(path, first):
    async with Database.open(Path(path)) as database:
        ledger = Ledger(database, member_keys_from_random(b"k" * 64), Plans({"free": 1_000}))
        for number in range(40):
            try:
                grant = read_grant(await ledger.grant(b"L" * 32, bytes([(first + number) % 5]) * 32, 100 + number))
                print(grant.seed[0], grant.granted_bytes, flush=True)
            except RefusedError:
                pass

asyncio.run(race(sys.argv[1], int(sys.argv[2])))
"""


def start_racer(folder: Path, first: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RACER, str(folder / "tracker.sqlite"), str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_processes_that_race_get_no_more_than_the_plan(tmp_path: Path) -> None:
    """Three trackers on one database; one of them is killed in the middle."""
    async with a_ledger(tmp_path) as (ledger, _):
        await ledger.admit(LIBRARY, "")
    racers = [start_racer(tmp_path, first) for first in range(3)]
    assert racers[0].stdout is not None
    told = await asyncio.to_thread(racers[0].stdout.readline)
    racers[0].kill()
    for racer in racers:
        told += (await asyncio.to_thread(racer.communicate, timeout=60))[0]
    largest: dict[str, int] = {}
    for line in told.split("\n"):
        if line.count(" ") == 1 and line.split()[1:]:
            seed, size = line.split()
            largest[seed] = max(largest.get(seed, 0), int(size))
    assert [racer.returncode for racer in racers[1:]] == [0, 0]
    assert 500 < sum(largest.values()) <= 1_000
    async with a_ledger(tmp_path) as (ledger, _):
        granted = (await ledger.account(LIBRARY))["granted"]
        assert sum(size for _, size in granted) <= 1_000  # type: ignore[attr-defined]


async def test_a_clock_that_was_set_back_frees_nothing(tmp_path: Path) -> None:
    clock = Clock()
    async with a_ledger(tmp_path, clock=clock) as (ledger, _):
        await ledger.admit(LIBRARY, "")
        first = read_grant(await ledger.grant(LIBRARY, SEEDS[0], 1_000))
        clock.now_ms -= 500 * DAY_MS
        with pytest.raises(RefusedError):
            await ledger.grant(LIBRARY, SEEDS[1], 1)
        second = read_grant(await ledger.grant(LIBRARY, SEEDS[0], 900))
        assert second.issued_ms >= first.issued_ms
        assert second.serial > first.serial


async def test_a_seeds_signed_word_frees_what_it_keeps_no_more_and_nobody_elses_does(tmp_path: Path) -> None:
    seed, other = (member_keys_from_random(bytes([number]) * 64) for number in (1, 2))

    def word(serial: int, kept: int, *, keys: MemberKeys = seed, tracker: bytes = KEYS.id, time_ms: int = 5) -> bytes:
        return sign_usage(
            keys,
            Usage(
                seed=keys.id,
                library=LIBRARY,
                tracker=tracker,
                serial=serial,
                kept_bytes=kept,
                used_bytes=kept,
                time_ms=time_ms,
            ),
        )

    async with a_ledger(tmp_path) as (ledger, clock):
        await ledger.admit(LIBRARY, "")
        await ledger.grant(LIBRARY, seed.id, 1_000)
        clock.now_ms += 400 * DAY_MS  # it has run out long ago, and the seed may still keep to it
        with pytest.raises(RefusedError, match="0 of them are left"):
            await ledger.grant(LIBRARY, SEEDS[1], 1)
        nothing = read_grant(await ledger.grant(LIBRARY, seed.id, 0))
        await ledger.keep_usage(LIBRARY, word(nothing.serial, 700))
        await ledger.keep_usage(LIBRARY, word(nothing.serial - 1, 0, time_ms=9))  # older: it changes nothing
        await ledger.keep_usage(LIBRARY, word(nothing.serial, 0, keys=other, time_ms=9))
        for wrong in (word(nothing.serial, 0, tracker=bytes(32)), word(nothing.serial + 1, 0)):
            with pytest.raises(RefusedError):
                await ledger.keep_usage(LIBRARY, wrong)
        with pytest.raises(PeerError):
            await ledger.keep_usage(LIBRARY, word(nothing.serial, 0)[:-1] + b"x")
        assert (await ledger.account(LIBRARY))["granted"] == [[seed.id, 700]]
        await ledger.keep_usage(LIBRARY, word(nothing.serial, 0, time_ms=6))
        await ledger.grant(LIBRARY, SEEDS[1], 1_000)
        assert (await ledger.account(LIBRARY))["granted"] == [[SEEDS[1], 1_000]]


async def test_a_seed_that_says_it_keeps_more_than_was_ever_granted_there_uses_up_no_more_of_the_plan(
    tmp_path: Path,
) -> None:
    liar = member_keys_from_random(b"l" * 64)

    def word(serial: int, time_ms: int) -> bytes:
        usage = Usage(
            seed=liar.id,
            library=LIBRARY,
            tracker=KEYS.id,
            serial=serial,
            kept_bytes=1 << 50,
            used_bytes=0,
            time_ms=time_ms,
        )
        return sign_usage(liar, usage)

    async with a_ledger(tmp_path) as (ledger, _):
        await ledger.admit(LIBRARY, "")
        await ledger.grant(LIBRARY, liar.id, 300)
        smaller = read_grant(await ledger.grant(LIBRARY, liar.id, 100))
        for time_ms in (5, 6):  # once the ledger has its word, the first grant is settled
            await ledger.keep_usage(LIBRARY, word(smaller.serial, time_ms))
            assert (await ledger.account(LIBRARY))["granted"] == [[liar.id, 300]]
        await ledger.grant(LIBRARY, SEEDS[1], 700)


async def test_who_runs_the_tracker_may_write_off_a_seed_that_is_gone(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as (ledger, _):
        await ledger.admit(LIBRARY, "")
        await ledger.grant(LIBRARY, SEEDS[2], 1_000)
        with pytest.raises(NotFoundError):
            ledger.release(to_text(LIBRARY), to_text(SEEDS[3]))
        ledger.release(to_text(LIBRARY), to_text(SEEDS[2]))
        await ledger.grant(LIBRARY, SEEDS[3], 1_000)


async def test_an_invitation_is_good_for_as_many_as_it_says_and_no_longer(tmp_path: Path) -> None:
    plans = Plans({"free": 1_000, "plus": 5_000}, invitation_only=True)
    async with a_ledger(tmp_path, plans=plans) as (ledger, clock):
        code = ledger.invite(b"0123456789", plan="plus", uses=2)
        for number in range(2):
            await ledger.admit(LibraryId(bytes([number]) * 32), code)
        for invitation in (code, "", "nonsense", to_text(b"9876543210")):
            with pytest.raises(RefusedError, match="invitation"):
                await ledger.admit(LibraryId(b"3" * 32), invitation)
        late = ledger.invite(b"abcdefghij", plan=None, uses=1)
        clock.now_ms += 31 * DAY_MS
        with pytest.raises(RefusedError):
            await ledger.admit(LibraryId(b"3" * 32), late)
        assert [each.plan for each in ledger.accounts()] == ["plus", "plus"]
        await ledger.admit(LibraryId(bytes(32)), "")  # who is in needs no invitation again
        with pytest.raises(UserError):
            ledger.invite(b"x" * 10, plan="huge", uses=1)


async def test_plans_change_and_accounts_are_suspended(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as (ledger, _):
        await ledger.admit(LIBRARY, "")
        name = to_text(LIBRARY)
        ledger.set_plan(name[:8], "plus")
        await ledger.grant(LIBRARY, SEEDS[0], 4_000)
        ledger.suspend(name, suspended=True)
        with pytest.raises(RefusedError, match="suspended"):
            await ledger.grant(LIBRARY, SEEDS[0], 1)
        ledger.suspend(name, suspended=False)
        await ledger.grant(LIBRARY, SEEDS[0], 1)
        with pytest.raises(NotFoundError):
            ledger.suspend("zzzzzzzz", suspended=True)
        with pytest.raises(UserError):
            ledger.set_plan(name, "huge")


async def answer_of(room: Room, kind: type) -> object:
    async with asyncio.timeout(60):
        async for event in room.events():
            if isinstance(event, kind):
                return event
    raise AssertionError


async def test_devices_ask_through_their_room_and_only_owners_are_given(tmp_path: Path) -> None:
    family = make_family()
    async with a_tracker(tmp_path) as (url, _), aiohttp.ClientSession() as session:

        def enter(keys: MemberKeys) -> contextlib.AbstractAsyncContextManager[Room]:
            roster = family.roster
            return joined(
                session,
                url,
                keys=keys,
                library=roster.library,
                room=family.epoch.room_name,
                roster=roster.entries,
            )

        async with enter(family.founder) as owner, enter(family.player) as player:
            await owner.ask_account()
            assert await answer_of(owner, AccountTold) == AccountTold("free", 2_000_000_000, 1_307)
            await owner.ask_grant(family.seed.id, 10**9)
            answer = await answer_of(owner, GrantAnswered)
            assert isinstance(answer, GrantAnswered)
            assert answer.grant is not None
            assert owner.key is not None
            grant = read_grant(answer.grant)
            check_grant(grant, tracker=owner.key, library=family.roster.library, seed=family.seed.id, now_ms=0)
            await owner.ask_grant(SEEDS[1], 2 * 10**9)
            answer = await answer_of(owner, GrantAnswered)
            assert isinstance(answer, GrantAnswered)
            assert "1,000,000,000 of them are left" in answer.refusal
            # The seed has taken a smaller grant: by its own word the rest is free, whichever device brings it.
            await owner.ask_grant(family.seed.id, 10**8)
            answer = await answer_of(owner, GrantAnswered)
            assert isinstance(answer, GrantAnswered)
            assert answer.grant is not None
            usage = Usage(
                seed=family.seed.id,
                library=family.roster.library,
                tracker=owner.key,
                serial=read_grant(answer.grant).serial,
                kept_bytes=10**8,
                used_bytes=0,
                time_ms=1,
            )
            await player.tell_usage(sign_usage(family.seed, usage))
            told = await answer_of(player, AccountTold)
            assert isinstance(told, AccountTold)
            await owner.ask_grant(SEEDS[1], 19 * 10**8)
            answer = await answer_of(owner, GrantAnswered)
            assert isinstance(answer, GrantAnswered)
            assert answer.grant is not None
            await player.ask_grant(family.seed.id, 1)
            answer = await answer_of(player, GrantAnswered)
            assert isinstance(answer, GrantAnswered)
            assert "owner" in answer.refusal


async def test_a_tracker_by_invitation_lets_in_who_brings_one(tmp_path: Path) -> None:
    family = make_family()
    (tmp_path / "plans.toml").write_text('registration = "invitation"\n[plans.few]\nbytes = "1GB"\n', "utf-8")
    async with a_tracker(tmp_path) as (url, _), aiohttp.ClientSession() as session:

        def enter(address: str) -> contextlib.AbstractAsyncContextManager[Room]:
            return joined(
                session,
                address,
                keys=family.founder,
                library=family.roster.library,
                room=family.epoch.room_name,
                roster=family.roster.entries,
            )

        with pytest.raises(RefusedError):
            async with enter(url):
                pass
        database = Database.open(tmp_path / "tracker.sqlite")
        code = Ledger(database, KEYS, Plans({"few": 1}, default="few")).invite(os.urandom(10), plan="few", uses=1)
        database.close()
        async with enter(f"{url}#invite={code}") as room:
            await room.ask_account()
            assert await answer_of(room, AccountTold) == AccountTold("few", 10**9, 653)

"""How a library's room ends: only by a signed smaller grant or the word of who runs the seed, never by silence or by a
clock, and then only after thirty days of warnings. The clock of these tests is a number.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.crypto.keys import MemberKeys, member_keys_from_random
from node.doors.seeds import SeedStanding
from node.doors.swarm import Swarm, SwarmSettings
from node.errors import NotFoundError, RefusedError
from node.flows.seed_links import SeedLink
from node.ids import DeviceId
from node.seed.facts import LibraryFacts
from node.seed.keeper import Keeper
from node.seed.ledger import Ledger
from node.seed.patience import DAY_MS
from node.seed.schema import State
from node.seed.scrub import Scrub
from node.seed.shelves import Shelves
from node.seed.traffic import Traffic
from node.wire import seedapi
from node.wire.grants import Grant
from node.wire.holdlist import read_hold_list
from node.wire.volume import Volume
from tests.doors.swarm.blobs import Noise, noises
from tests.flows.test_seed_lists import _member
from tests.seed.owner import Owner, make_owner

TRACKER: MemberKeys = member_keys_from_random(b"t" * 64)
SEED = DeviceId(b"s" * 32)
CAPACITY = 1_000_000
SIZES = (200_000, 40_000, 30_000)


@dataclass
class Keeping:
    """A seed without a network that keeps one library, and a clock that only the test moves."""

    ledger: Ledger
    scrub: Scrub
    shelves: Shelves
    owner: Owner
    volume: Volume
    made: list[Noise]
    now_ms: int = 1_000 * DAY_MS

    async def grant(self, size_bytes: int, serial: int) -> LibraryFacts:
        grant = Grant(
            tracker=TRACKER.id,
            library=self.owner.roster.library,
            seed=SEED,
            granted_bytes=size_bytes,
            serial=serial,
            issued_ms=self.now_ms,
            expires_ms=self.now_ms + 31 * DAY_MS,
        )
        return await self.ledger.take_grant(grant, self.owner.roster, capacity_bytes=CAPACITY, now_ms=self.now_ms)

    async def fill(self) -> None:
        hold = read_hold_list(self.owner.list_of([self.volume]), self.owner.roster)
        await self.ledger.take_list(hold, [self.volume], now_ms=self.now_ms)
        shelf = self.shelves.of(self.owner.roster.library)
        for noise in self.made:
            arrived = shelf.arriving / "blob"
            arrived.write_bytes(noise.data)
            layer = shelf.take(arrived, noise.root, len(noise.data))
            await self.ledger.set_held(self.owner.roster.library, noise.root, layer, now_ms=self.now_ms)

    async def held(self) -> list[int]:
        """Sizes of what is there, by the ledger and on the disk."""
        known = await self.ledger.blobs(self.owner.roster.library, [noise.root for noise in self.made])
        shelf = self.shelves.of(self.owner.roster.library)
        listed = {root for root, blob in known.items() if blob.state is State.HELD}
        on_disk = {noise.root for noise in self.made if shelf.store.path_of(noise.root) is not None}
        assert listed == on_disk
        return sorted((len(noise.data) for noise in self.made if noise.root in listed), reverse=True)

    async def pass_days(self, days: int) -> None:
        """As the seed lives through them: housekeeping comes round, more often than once a day."""
        for _ in range(days * 2):
            self.now_ms += DAY_MS // 2
            await self.scrub.empty_trash()

    async def days_left(self) -> int | None:
        return await self.ledger.days_left(self.owner.roster.library, now_ms=self.now_ms)


@contextlib.asynccontextmanager
async def keeping(home: Path) -> AsyncIterator[Keeping]:
    volume, made = noises(*SIZES)
    shelves = Shelves(home)
    await asyncio.to_thread(home.mkdir)
    async with (
        Ledger.open(home / "seed.sqlite") as ledger,
        Swarm.open(SwarmSettings(listen="127.0.0.5:0", outgoing="127.0.0.5")) as swarm,
        Keeper(ledger, shelves, swarm, traffic=Traffic(started_ms=0), now_ms=lambda: one.now_ms) as keeper,
    ):
        scrub = Scrub(ledger, shelves, keeper, now_ms=lambda: one.now_ms)
        one = Keeping(ledger, scrub, shelves, make_owner(), volume, made)
        await one.grant(CAPACITY // 2, 1)
        await one.fill()
        await scrub.empty_trash()
        yield one


async def test_a_tracker_that_is_silent_for_years_ends_nothing(tmp_path: Path) -> None:
    async with keeping(tmp_path / "seed") as seed:
        await seed.pass_days(800)
        assert await seed.days_left() is None
        assert await seed.held() == list(SIZES)


async def test_a_smaller_grant_ends_room_after_thirty_days_and_the_largest_goes_first(tmp_path: Path) -> None:
    async with keeping(tmp_path / "seed") as seed:
        await seed.grant(80_000, 2)
        assert await seed.days_left() == 30
        await seed.pass_days(29)
        assert (await seed.days_left(), await seed.held()) == (1, list(SIZES))
        await seed.pass_days(2)
        assert await seed.held() == [40_000, 30_000]
        assert await seed.days_left() is None


async def test_a_larger_grant_within_the_thirty_days_takes_it_back(tmp_path: Path) -> None:
    async with keeping(tmp_path / "seed") as seed:
        await seed.grant(0, 2)
        await seed.pass_days(20)
        await seed.grant(CAPACITY // 2, 3)
        assert await seed.days_left() is None
        await seed.pass_days(90)
        assert await seed.held() == list(SIZES)


async def test_a_clock_that_jumps_deletes_nothing(tmp_path: Path) -> None:
    async with keeping(tmp_path / "seed") as seed:
        await seed.grant(0, 2)
        for jump_ms in (1 * DAY_MS, 400 * DAY_MS, -30 * DAY_MS, 20_000 * DAY_MS):
            seed.now_ms += jump_ms
            await seed.scrub.empty_trash()
            assert (await seed.days_left(), await seed.held()) == (30, list(SIZES))
        await seed.pass_days(29)
        assert await seed.held() == list(SIZES)
        await seed.pass_days(2)
        assert await seed.held() == []


async def test_who_runs_the_seed_ends_a_library_and_no_grant_opens_it_again_but_an_invitation_does(
    tmp_path: Path,
) -> None:
    async with keeping(tmp_path / "seed") as seed:
        with pytest.raises(NotFoundError):
            await seed.ledger.refuse(7, now_ms=seed.now_ms)
        await seed.ledger.refuse(1, now_ms=seed.now_ms)
        assert await seed.days_left() == 30
        with pytest.raises(RefusedError, match="who runs this seed"):
            await seed.grant(CAPACITY // 2, 2)
        # What is still there takes room that can't be promised to others.
        token = seedapi.invite_token(b"i" * 16)
        with pytest.raises(RefusedError, match="not promised"):
            await seed.ledger.invite(token, quota_bytes=CAPACITY - 100_000, capacity_bytes=CAPACITY, now_ms=seed.now_ms)
        await seed.ledger.invite(token, quota_bytes=CAPACITY // 2, capacity_bytes=CAPACITY, now_ms=seed.now_ms)
        await seed.ledger.join(token, seed.owner.roster, now_ms=seed.now_ms)
        await seed.pass_days(40)
        assert await seed.held() == list(SIZES)


async def test_the_seeds_word_for_the_tracker_counts_what_it_still_holds(tmp_path: Path) -> None:
    async with keeping(tmp_path / "seed") as seed:
        library, tracker = seed.owner.roster.library, TRACKER.id
        used = sum(SIZES)
        assert await seed.ledger.kept_by_grant(library, tracker) == (1, CAPACITY // 2, used)
        await seed.grant(80_000, 2)
        assert await seed.ledger.kept_by_grant(library, tracker) == (2, used, used)
        await seed.pass_days(31)
        assert await seed.ledger.kept_by_grant(library, tracker) == (2, 80_000, 70_000)
        assert await seed.ledger.kept_by_grant(library, bytes(32)) == (0, 0, 0)


def test_the_owner_is_warned_again_as_the_day_comes_nearer() -> None:
    link = SeedLink(_member(), 1)
    said = []
    for days_left in (None, 30, 29, 14, 13, 7, 3, 2, 1, 0, None, 30):
        link.standing = SeedStanding(
            serial=1, quota_bytes=0, held_bytes=5_000_000_000, held_blobs=1, missing_bytes=0, missing_blobs=0,
            trash_bytes=0, days_left=days_left,
        )  # fmt: skip
        said.append(link.ending_warning())
    assert [text is not None for text in said] == [
        False, True, False, True, False, True, True, False, True, False, False, True,
    ]  # fmt: skip
    assert "In 30 days it drops 5.00 GB" in str(said[1])

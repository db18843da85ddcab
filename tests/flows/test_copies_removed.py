"""What was removed, between whole devices: it stays for thirty days, and goes only once others were asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from node.doors.index import Index
from node.flows.discard import SETTING as TRASH
from node.flows.root_times import RootTimes
from node.ids import BlobRoot
from node.library import Library
from node.placement.facts import DAY_MS
from tests.flows.copying import Holder, a_home, add_songs, holder, household, settled
from tests.flows.home import EPOCH
from tests.flows.people import a_tracker


class ManualClock:
    """Stands still until it is told."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def __call__(self) -> int:
        return self._now_ms

    def days(self, count: int) -> None:
        self._now_ms += count * 86_400_000


async def test_what_is_removed_stays_for_thirty_days_and_then_goes_but_not_where_it_was_added(tmp_path: Path) -> None:
    async with a_home(tmp_path, songs=3, others=2) as (pc, nas, laptop):
        songs = laptop.sealed()
        for root in songs:  # the PC keeps its own sealed too
            ref = pc.home.library.blob_ref(root)
            assert ref is not None
            await asyncio.to_thread(pc.home.holdings.ensure_sealed, ref, keep=True)
        for each in (pc, nas, laptop):  # the machines' clocks may jump: what counts is time that surely passed
            each.copies.census.now_ms = ManualClock(each.copies.census.now_ms())  # type: ignore[method-assign]
        for track in pc.home.library.tracks(0, 9)["items"]:
            pc.home.library.hide(track["id"])
        await settled(lambda: nas.copies.census.sight.leaving == songs, "the NAS knows that they were removed")
        await settled(lambda: laptop.copies.census.sight.leaving == songs, "the laptop knows that they were removed")
        assert await emptied(laptop) == 0
        laptop.copies.census.now_ms.days(29)  # type: ignore[attr-defined]
        assert await emptied(laptop) == 0
        laptop.copies.census.now_ms.days(2)  # type: ignore[attr-defined]
        await settled(lambda: not laptop.sealed(), "they are gone from the laptop")
        assert nas.sealed() == songs  # its own 30 days are not over
        pc.copies.census.now_ms.days(99)  # type: ignore[attr-defined]
        await asyncio.to_thread(pc.copies.census.look)
        assert await emptied(pc) == 0
        pc.copies.census.now_ms.days(99)  # type: ignore[attr-defined]
        assert await emptied(pc) == 0
        assert pc.sealed() == songs
        assert pc.home.library.undo()  # and all is as it was
        await settled(lambda: laptop.sealed() == songs, "the laptop has them again")


async def test_the_trash_stays_until_another_device_was_asked_whether_it_was_brought_back(tmp_path: Path) -> None:
    pc_secrets, laptop_secrets = household(2)
    async with a_tracker(tmp_path / "tracker") as (url, _), holder(tmp_path / "pc", pc_secrets, url) as pc:
        await add_songs(pc, tmp_path / "music", range(2))
        await pc.home.ingest.idle()
        [kept, gone] = [track["id"] for track in pc.home.library.tracks(0, 9)["items"]]
        async with holder(tmp_path / "laptop", laptop_secrets, url) as laptop:
            await settled(lambda: len(laptop.sealed()) == 2, "the laptop holds both songs")
            songs = laptop.sealed()
            pc.home.library.hide(gone)
            pc.home.library.hide(kept)
            await settled(
                lambda: laptop.copies.census.sight.leaving == songs, "the laptop knows that both were removed"
            )
            long_ago = laptop.copies.census.now_ms() - 31 * DAY_MS
        with Index.open(tmp_path / "laptop" / "index.sqlite") as index:
            times = RootTimes(Library.open(index, laptop_secrets.device, EPOCH.identity), TRASH)
            times.save(dict.fromkeys(songs, long_ago))
        pc.home.library.unhide(kept)
        async with holder(tmp_path / "laptop", laptop_secrets, "ws://127.0.0.1:9") as laptop:  # nobody is met there
            assert await emptied(laptop) == 0
            assert laptop.sealed() == songs
        async with holder(tmp_path / "laptop", laptop_secrets, url) as laptop:
            await settled(lambda: len(laptop.sealed()) == 1, "what was not brought back is gone")
            [left] = laptop.sealed()
            assert [track for track, _ in laptop.home.index.tracks.named_by(left)] == [kept]
            await settled(lambda: not laptop.copies.census.sight.leaving, "nothing is leaving any more")


async def test_what_is_brought_back_while_the_others_are_asked_stays(tmp_path: Path) -> None:
    async with a_home(tmp_path, songs=1, others=1) as (pc, laptop):
        song = pc.home.only_track()
        async with nearly_gone(pc, laptop, song) as songs:

            async def is_brought_back() -> bool:
                laptop.home.library.unhide(song)
                return True

            laptop.copies._hear_all = is_brought_back
            assert await emptied(laptop) == 0
            assert laptop.sealed() == songs


async def test_the_person_may_empty_the_trash_without_asking_others(tmp_path: Path) -> None:
    async with (
        a_home(tmp_path, songs=1, others=1) as (pc, laptop),
        nearly_gone(pc, laptop, pc.home.only_track()) as songs,
    ):
        assert await emptied(laptop) == 0
        assert laptop.sealed() == songs
        assert (await laptop.wanted.free_removed())["freed_blobs"] == 1
        assert not laptop.sealed()


@contextlib.asynccontextmanager
async def nearly_gone(pc: Holder, laptop: Holder, song: str) -> AsyncIterator[set[BlobRoot]]:
    """Removed for over thirty days, and nobody could be asked yet whether it was brought back."""
    songs = laptop.sealed()
    pc.home.library.hide(song)
    await settled(lambda: laptop.copies.census.sight.leaving == songs, "the laptop knows that it was removed")
    laptop.copies._hear_all = nobody_answers
    laptop.copies.census.now_ms = ManualClock(laptop.copies.census.now_ms())  # type: ignore[method-assign]
    assert (await laptop.wanted.free_removed())["freed_blobs"] == 0
    laptop.copies.census.now_ms.days(31)  # type: ignore[attr-defined]
    yield songs


async def nobody_answers() -> bool:
    return False


async def emptied(device: Holder) -> int:
    """How many blobs go from its trash when it looks now."""
    async with device.copies.turn:
        device.copies._hear_again_s = 0.0
        return await device.copies.look()

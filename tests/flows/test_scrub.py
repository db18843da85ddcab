"""Sealed bytes are read again in time, one flipped bit in any place is found, and what is whole is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.flows.scrub import Scrub
from node.ids import BlobRoot
from node.placement.facts import DAY_MS
from tests.flows.home import Home, open_home
from tests.flows.people import now_ms
from tests.music import make_track


async def sealed_home(home: Home, folder: Path, songs: int) -> None:
    folder.mkdir()  # noqa: ASYNC240 - tests may wait for the disk
    for number in range(songs):
        make_track(folder / f"{number}.flac", seconds=0.4, seed=number, title=f"Song {number}")
    await home.ingest.add([folder])
    await home.ingest.idle()


def scrub_of(home: Home, found: list[BlobRoot], *, days: int) -> Scrub:
    return Scrub(home.library, home.store, on_damaged=found.append, now_ms=lambda: now_ms() + days * DAY_MS)


async def test_what_came_lately_is_not_read_and_everything_is_within_thirty_days(tmp_path: Path) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await sealed_home(home, tmp_path / "music", 3)
        assert scrub_of(home, [], days=20).some() == 0
        later = scrub_of(home, [], days=26)
        size_bytes = home.index.blobs.totals()["pinned_bytes"]
        assert later.some() == size_bytes
        assert later.some() == 0  # it was read, and isn't due any more
        assert scrub_of(home, [], days=52).some() == size_bytes


@pytest.mark.parametrize("clock_days", [-400, 26])
async def test_a_clock_that_jumped_puts_no_check_off(tmp_path: Path, clock_days: int) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await sealed_home(home, tmp_path / "music", 1)
        assert scrub_of(home, [], days=clock_days).some() > 0


async def test_one_flipped_bit_in_any_place_is_found(tmp_path: Path, exhaustive: bool) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await sealed_home(home, tmp_path / "music", 1)
        [stored] = home.store.stored()
        path = home.store.path_of(stored.root)
        assert path is not None
        whole = path.read_bytes()
        places = 1_000 if exhaustive else 25
        for number in range(places):
            at = number * (len(whole) - 1) // (places - 1)
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << number % 8)]) + whole[at + 1 :])
            found: list[BlobRoot] = []
            scrub_of(home, found, days=26).some()
            assert found == [stored.root], f"byte {at}"
            assert home.index.blobs.totals()["damaged_blobs"] == 1
            home.index.blobs.set_damaged(stored.root, False)
        path.write_bytes(whole)
        found = []
        scrub_of(home, found, days=26).some()
        assert not found


async def test_a_file_that_vanished_is_found_missing(tmp_path: Path) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await sealed_home(home, tmp_path / "music", 1)
        [stored] = home.store.stored()
        path = home.store.path_of(stored.root)
        assert path is not None
        path.unlink()
        found: list[BlobRoot] = []
        scrub_of(home, found, days=26).some()
        assert found == [stored.root]

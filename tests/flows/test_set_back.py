"""A device that comes back from an old backup: nothing that was edited anywhere is lost, and the person hears of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from node.catalog.batch import Op
from node.catalog.personal import set_plays
from node.catalog.register import Key
from node.flows.history_teller import FORGOTTEN, WRITTEN_ANEW
from node.ids import TrackId, from_text, to_text
from tests.flows.people import a_tracker, found, let_in, now_ms, until
from tests.flows.readers import Reader, readers, together

WAIT_S = 60.0
TRACK = TrackId("a" * 26)


def back_up(folder: Path, name: str) -> None:
    """A copy of a device's index under the name `old`."""
    with (
        closing(sqlite3.connect(folder / f"{name}.sqlite")) as now,
        closing(sqlite3.connect(folder / "old.sqlite")) as copy,
    ):
        now.backup(copy)


def play(reader: Reader, times: int) -> None:
    """As the library counts: a number for each log."""
    log = reader.library.changes.log
    had = reader.library.index.log.value(Key("plays", TRACK, to_text(log))) or [0, 0]
    reader.library.write([set_plays(TRACK, log, had[0] + times, 5)])


def plays(reader: Reader) -> int:
    fields = reader.library.index.log.fields("plays", TRACK)
    assert all(len(from_text(name)) == 36 for name in fields)
    return sum(count for count, _ in fields.values())


def alike(*each: Reader) -> bool:
    return len({reader.library.index.log.digest() for reader in each}) == 1


@pytest.mark.parametrize(("forgotten", "written"), [(3, 0), (4, 2), (2, 4), (3, 3), (0, 3)])
async def test_a_restored_device_gets_what_it_forgot_and_keeps_what_it_wrote(
    tmp_path: Path, forgotten: int, written: int
) -> None:
    home, laptop = let_in(found())
    async with a_tracker(tmp_path / "t") as (url, _):
        async with readers(tmp_path, url, ("pc", home), ("laptop", laptop)) as (pc, lap):
            pc.write("base", 1)
            play(pc, 3)
            back_up(tmp_path, "pc")
            for number in range(forgotten):
                pc.write(f"forgotten {number}", number)
                pc.write("same", f"forgotten {number}")
                play(pc, 1)
            first = pc.library.changes.log
            async with together(pc, lap):
                await until(lambda: alike(pc, lap), timeout_s=WAIT_S)
        async with readers(tmp_path, url, ("old", home), ("laptop", laptop)) as (old, lap):
            assert old.library.changes.log == first
            for number in range(written):
                old.write(f"written {number}", number)
                old.write("same", f"written {number}")
                play(old, 1)
            if forgotten != written:  # of two logs as long as each other nothing but their ends tells
                lap.write("of the laptop", 1)
            async with together(old, lap):
                await until(lambda: alike(old, lap), timeout_s=WAIT_S)
                old.write("later", 1)
                await until(lambda: lap.value("later") == 1, timeout_s=WAIT_S)
            for reader in (old, lap):
                assert [reader.value(f"forgotten {number}") for number in range(forgotten)] == list(range(forgotten))
                assert [reader.value(f"written {number}") for number in range(written)] == list(range(written))
                assert plays(reader) == 3 + forgotten + written
                values = set(reader.library.index.log.values(Key("playlist", "same", "name")))
                said = [f"forgotten {forgotten - 1}"] * bool(forgotten) + [f"written {written - 1}"] * bool(written)
                assert values == set(said), "both stand side by side"
                assert not reader.library.index.log.forks()
            assert old.library.snapshot() == lap.library.snapshot()
            if forgotten:
                assert old.library.changes.log != first
                assert [text for text in old.told if WRITTEN_ANEW in text or FORGOTTEN in text] == old.told != []
                assert (WRITTEN_ANEW in old.told[0]) == bool(written)


async def test_whom_the_restored_device_met_first_ends_like_the_others(tmp_path: Path) -> None:
    """The tablet knows the history that was written after the restore, the laptop the one from before."""
    home, laptop = let_in(found())
    home, tablet = let_in(home)
    async with a_tracker(tmp_path / "t") as (url, _):
        async with readers(tmp_path, url, ("pc", home), ("laptop", laptop), ("tablet", tablet)) as (pc, lap, tab):
            pc.write("base", 1)
            async with together(pc, lap, tab):
                await until(lambda: alike(pc, lap, tab), timeout_s=WAIT_S)
            back_up(tmp_path, "pc")
            for number in range(3):
                pc.write(f"forgotten {number}", number)
            async with together(pc, lap):
                await until(lambda: alike(pc, lap), timeout_s=WAIT_S)
        about = (("old", home), ("laptop", laptop), ("tablet", tablet))
        async with readers(tmp_path, url, *about) as (old, lap, tab):
            for number in range(5):
                old.write(f"written {number}", number)
            async with together(old, tab):
                await until(lambda: alike(old, tab) and tab.value("written 4") == 4, timeout_s=WAIT_S)
            async with together(lap, tab):
                await until(lambda: any("was set back" in text for text in [*lap.told, *tab.told]), timeout_s=WAIT_S)
            async with together(old, lap, tab):
                await until(lambda: alike(old, lap, tab), timeout_s=WAIT_S)
            for reader in (old, lap, tab):
                assert [reader.value(f"forgotten {number}") for number in range(3)] == [0, 1, 2]
                assert [reader.value(f"written {number}") for number in range(5)] == [0, 1, 2, 3, 4]
                assert not reader.library.index.log.forks()
            assert len({reader.library.snapshot() for reader in (old, lap, tab)}) == 1


async def test_a_clock_that_runs_to_2099_wins_nothing_and_the_person_is_told(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    year_ms = 365 * 86_400_000
    ahead_ms = 73 * year_ms

    def clock() -> int:
        return now_ms() + ahead_ms

    async with (
        a_tracker(tmp_path / "t") as (url, _),
        readers(tmp_path, url, ("pc", home), ("laptop", laptop), clocks={"laptop": clock}) as (pc, lap),
    ):
        pc.write("same", "before")
        async with together(pc, lap):
            await until(lambda: alike(pc, lap), timeout_s=WAIT_S)
        assert not lap.told, "it had seen nothing to compare its clock with"
        lap.write("same", "of 2099")
        lap.write("own", "of 2099")
        pc.write("same", "of now")
        async with together(pc, lap):
            await until(lambda: bool(lap.told), timeout_s=WAIT_S)
            await until(lambda: alike(pc, lap), timeout_s=WAIT_S)
        assert "If the clock is wrong, set it" in lap.told[0]
        assert not pc.told
        for reader in (pc, lap):
            assert reader.library.index.log.values(Key("playlist", "same", "name")) == ["of now", "of 2099"]
            assert reader.value("own") == "of 2099"
        pc.write("later", "of now")
        assert pc.library.index.log.newest() < (now_ms() + year_ms) << 16, "no other clock was carried along"
        ahead_ms = 0
        lap.write("own", "set right")
        async with together(pc, lap):
            await until(lambda: alike(pc, lap) and pc.value("own") == "set right", timeout_s=WAIT_S)


async def test_only_a_logs_own_device_chooses_its_history(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    async with (
        a_tracker(tmp_path / "t") as (url, _),
        readers(tmp_path, url, ("pc", home), ("laptop", laptop)) as (pc, lap),
    ):
        pc.write("mine", 1)
        async with together(pc, lap):
            await until(lambda: alike(pc, lap), timeout_s=WAIT_S)
            name = to_text(pc.library.changes.log)
            lap.library.write([Op(Key("log", name, "branch"), [1, bytes(32)])])
            lap.library.write([Op(Key("log", "nonsense", "branch"), [1, bytes(32)])])
            lap.write("seen", 1)
            await until(lambda: pc.value("seen") == 1)
        assert pc.value("mine") == 1
        assert not pc.library.index.log.branches()

"""One bit flipped anywhere in a seed's database is found without keys, named and healed."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from node.errors import StorageError
from node.ids import LibraryId
from node.seed.ledger import Ledger
from node.seed.schema import META
from node.seed.soundness import row_sum
from node.wire import seedapi
from node.wire.holdlist import read_hold_list
from tests.doors.swarm.blobs import noises
from tests.seed.owner import Owner, make_owner

FLIPS = 60
EXHAUSTIVE_FLIPS = 1_000
NAME = "seed.sqlite"


async def made(home: Path) -> Owner:
    """A ledger with a library, its roster, a list and blobs that are here, and a copy of it."""
    await asyncio.to_thread(home.mkdir)
    owner = make_owner()
    token = seedapi.invite_token(b"i" * 16)
    volume, noise = noises(*range(1_100, 71_000, 1_000))
    async with Ledger.open(home / NAME) as ledger:
        await ledger.invite(token, quota_bytes=10**9, capacity_bytes=10**9, now_ms=1)
        await ledger.join(token, owner.roster, now_ms=1)
        await ledger.take_list(read_hold_list(owner.list_of([volume]), owner.roster), [volume], now_ms=2)
        for each in noise[:-5]:
            await ledger.set_held(owner.roster.library, each.root, b"l" * 64, now_ms=3)
        assert await ledger.make_sound() == 0
    assert (home / f"{NAME}.copy").exists()
    return owner


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    db = sqlite3.connect(path)
    try:
        return {table.name: sorted(db.execute(f"SELECT * FROM {table.name}")) for table in META.sorted_tables}
    finally:
        db.close()


def flip(path: Path, bit: int) -> None:
    with open(path, "r+b") as file:
        file.seek(bit // 8)
        [byte] = file.read(1)
        file.seek(bit // 8)
        file.write(bytes([byte ^ 1 << (bit % 8)]))


async def test_a_flipped_bit_anywhere_in_the_database_leaves_it_as_it_was(tmp_path: Path, exhaustive: bool) -> None:
    await made(tmp_path / "base")
    before = content(tmp_path / "base" / NAME)
    size = (tmp_path / "base" / NAME).stat().st_size
    flips = EXHAUSTIVE_FLIPS if exhaustive else FLIPS
    chance = random.Random(7)
    healed = 0
    for _ in range(flips):
        home = tmp_path / "flipped"
        shutil.copytree(tmp_path / "base", home)
        bit = chance.randrange(size * 8)
        flip(home / NAME, bit)
        async with Ledger.open(home / NAME) as ledger:
            healed += await ledger.make_sound()
            assert await ledger.make_sound() == 0, bit
        assert content(home / NAME) == before, bit
        shutil.rmtree(home)
    assert healed > flips // 8


async def test_a_rotten_row_is_named_and_taken_back_from_the_copy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await made(tmp_path / "seed")
    path = tmp_path / "seed" / NAME
    before = content(path)
    _rot(path, "UPDATE libraries SET quota_bytes = quota_bytes + 4096")
    with caplog.at_level(logging.WARNING):
        async with Ledger.open(path) as ledger:
            assert await ledger.make_sound() == 1
    assert "row_damaged table=libraries" in caplog.text
    assert content(path) == before


async def test_without_a_copy_a_listed_blob_is_wanted_again_and_a_lost_list_is_asked_for_again(tmp_path: Path) -> None:
    owner = await made(tmp_path / "seed")
    path, library = tmp_path / "seed" / NAME, LibraryId(owner.roster.library)
    (tmp_path / "seed" / f"{NAME}.copy").unlink()
    _rot(path, "UPDATE blobs SET sealed_bytes = sealed_bytes + 1 WHERE rowid = 3")
    async with Ledger.open(path) as ledger:
        before = await ledger.usage(library)
        assert await ledger.make_sound() == 1
        after = await ledger.usage(library)
        assert sum(after.blobs_by_state.values()) == sum(before.blobs_by_state.values())
        assert after.listed_bytes == before.listed_bytes - 1
    (tmp_path / "seed" / f"{NAME}.copy").unlink()
    _rot(path, "UPDATE volumes SET tag = zeroblob(32)")
    async with Ledger.open(path) as ledger:
        assert await ledger.make_sound() == 1
        facts = await ledger.facts(library)
        assert (facts.list_serial, facts.list_record, facts.quota_bytes) == (0, b"", 10**9)


async def test_a_rotten_row_is_not_given_a_good_sum_by_the_next_change_of_it(tmp_path: Path) -> None:
    owner = await made(tmp_path / "seed")
    path = tmp_path / "seed" / NAME
    _rot(path, "UPDATE blobs SET sealed_bytes = 99 WHERE rowid = 3")
    async with Ledger.open(path) as ledger:
        [bad] = [row[1] for row in content(path)["blobs"] if row[2] == 99]
        with pytest.raises(StorageError):
            await ledger.set_held(owner.roster.library, bad, b"l" * 64, now_ms=9)  # type: ignore[arg-type]
        assert await ledger.make_sound() == 1
        await ledger.set_held(owner.roster.library, bad, b"l" * 64, now_ms=9)  # type: ignore[arg-type]


async def test_a_value_whose_type_has_rotted_has_the_whole_database_put_back(tmp_path: Path) -> None:
    await made(tmp_path / "seed")
    path = tmp_path / "seed" / NAME
    before = content(path)
    _rot(path, "UPDATE volumes SET packed = CAST(packed AS TEXT)")
    async with Ledger.open(path) as ledger:
        assert await ledger.make_sound() == 1
    assert content(path) == before


async def test_a_broken_file_without_a_copy_is_said_to_be_and_left_alone(tmp_path: Path) -> None:
    await made(tmp_path / "seed")
    path = tmp_path / "seed" / NAME
    (tmp_path / "seed" / f"{NAME}.copy").unlink()
    data = path.read_bytes()
    path.write_bytes(b"\0" * 100 + data[100:])
    with pytest.raises(StorageError, match="no copy"):
        Ledger.open(path)
    assert path.read_bytes()[100:] == data[100:]


def _rot(path: Path, change: str) -> None:
    """Change what a row says behind the back of what keeps its sum, as a failing disk does."""
    db = sqlite3.connect(path)
    db.create_function("row_sum", -1, row_sum, deterministic=True)
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _text in triggers:
        db.execute(f"DROP TRIGGER {name}")
    db.execute(change)
    for _name, text in triggers:
        db.execute(text)
    db.commit()
    db.close()

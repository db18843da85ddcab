"""Catalogs of devices that meet: all end alike, nothing is lost, and a revoked device changes nothing any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.catalog.batch import Op, make_batch
from node.catalog.register import Key
from node.crypto.keys import EpochKeys
from node.doors.index import Index
from node.doors.vault import Secrets
from node.flows.exchange import Exchange
from node.library import Library
from node.wire import codec
from node.wire.roster import Role, revoke
from tests.flows.people import Device, a_tracker, found, let_in, make_device, meeting, now_ms, until


@dataclass
class Reader:
    """A device with a library."""

    device: Device
    library: Library
    exchange: Exchange

    def write(self, row: str, value: Any) -> None:
        self.library.write([Op(Key("playlist", row, "name"), value)])

    def value(self, row: str) -> Any:
        return self.library.index.log.value(Key("playlist", row, "name"))

    def heads(self) -> dict[bytes, int]:
        return {log: head.seq for log, head in self.library.index.log.heads().items()}


@contextlib.asynccontextmanager
async def readers(folder: Path, url: str, *about: tuple[str, Secrets]) -> AsyncIterator[list[Reader]]:
    with contextlib.ExitStack() as stack:
        made = []
        for name, secrets in about:
            index = stack.enter_context(Index.open(folder / f"{name}.sqlite"))
            library = Library.open(index, secrets.device, secrets.epochs[0].identity)
            answers: dict[str, Any] = {}
            device = make_device(name, secrets, url, answers=answers, heads=lambda own=library: heads_of(own))
            exchange = Exchange(library, device.membership, device.directory, device.meeting)

            async def whole(_body: object, own: Library = library) -> bytes:
                return await asyncio.to_thread(own.snapshot)

            answers.update(exchange.answers, catalog=whole)
            made.append(Reader(device, library, exchange))
        yield made


def heads_of(library: Library) -> dict[bytes, int]:
    return {log: head.seq for log, head in library.index.log.heads().items()}


@contextlib.asynccontextmanager
async def together(*each: Reader) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(reader.exchange.run()) for reader in each]
    try:
        async with meeting(*(reader.device for reader in each)):
            yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_is_edited_on_one_device_shows_on_the_other(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    async with (
        a_tracker(tmp_path / "t") as (url, _),
        readers(tmp_path, url, ("pc", home), ("laptop", laptop)) as (pc, lap),
    ):
        pc.write("a", "before they met")
        async with together(pc, lap):
            await until(lambda: lap.value("a") == "before they met")
            lap.write("b", "while they are together")
            await until(lambda: pc.value("b") == "while they are together")
            pc.write("a", None)
            await until(lambda: lap.value("a") is None)


async def test_weeks_apart_both_end_alike_with_every_edit_kept(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    async with (
        a_tracker(tmp_path / "t") as (url, _),
        readers(tmp_path, url, ("pc", home), ("laptop", laptop)) as (pc, lap),
    ):
        for number in range(300):
            pc.write(f"pc {number}", number)
            lap.write(f"laptop {number}", number)
        pc.write("same", "of the pc")
        lap.write("same", "of the laptop")
        async with together(pc, lap):
            await until(lambda: pc.heads() == lap.heads(), timeout_s=30)
        for reader in (pc, lap):
            assert [reader.value(f"pc {number}") for number in range(300)] == list(range(300))
            assert [reader.value(f"laptop {number}") for number in range(300)] == list(range(300))
        assert pc.value("same") == lap.value("same")
        assert set(pc.library.index.log.values(Key("playlist", "same", "name"))) == {"of the pc", "of the laptop"}


async def test_what_a_revoked_device_writes_afterwards_counts_nowhere(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    home, third = let_in(home, Role.OWNER)
    async with (
        a_tracker(tmp_path / "t") as (url, _),
        readers(tmp_path, url, ("pc", home), ("laptop", laptop), ("third", third)) as (pc, lap, other),
    ):
        async with together(pc, lap, other):
            lap.write("before", 1)
            await until(lambda: pc.value("before") == 1 and other.value("before") == 1)
        lap.write("unseen", 1)
        other_log = lap.library.changes.log
        seen = {log: seq for log, seq in pc.heads().items() if log == other_log}
        batch = lap.library.write([Op(Key("playlist", "late", "name"), 1)])
        other.library.apply(batch_all(lap))  # one device had heard of it before the revocation
        assert other.value("late") == 1
        await pc.device.membership.change(
            lambda roster, keys, _epochs: revoke(
                roster, keys, [lap.device.id], next_epoch=EpochKeys(2, b"\x07" * 32), time_ms=now_ms(), heads=seen
            )  # type: ignore[list-item]
        )
        async with together(pc, other):
            await until(lambda: other.value("late") is None and other.value("unseen") is None)
            assert other.value("before") == pc.value("before") == 1
            answer = await pc.exchange.answers["changes"]({"batches": [each.signed for each in batch]})
            assert codec.unpack(answer, max_bytes=1 << 20)[other_log] == seen[other_log]
            assert pc.value("late") is None


def batch_all(reader: Reader) -> list[Any]:
    from node.catalog.batch import decode_batch

    log = reader.library.changes.log
    return [decode_batch(signed) for signed in reader.library.index.log.batches(log, 0, 1_000)]


async def test_changes_by_a_stranger_are_refused(tmp_path: Path) -> None:
    import pytest

    from node.catalog.batch import Head
    from node.errors import PeerError, RefusedError
    from tests.flows.people import new_keys

    home, _ = let_in(found())
    async with a_tracker(tmp_path / "t") as (url, _), readers(tmp_path, url, ("pc", home)) as (pc,):
        forged = make_batch(
            new_keys(),
            incarnation=1,
            head=Head(),
            stamp=now_ms() << 16,
            seen={},
            ops=[Op(Key("playlist", "x", "name"), 1)],
        )
        with pytest.raises(RefusedError, match="never a member"):
            await pc.exchange.answers["changes"]({"batches": [forged.signed]})
        for body in (None, {}, {"batches": 5}, {"batches": [b"x"]}, {"batches": [5]}):
            with pytest.raises(PeerError):
                await pc.exchange.answers["changes"](body)
        for body in (None, {}, {"heads": {b"short": 1}}, {"heads": {b"l" * 36: -1}}):
            with pytest.raises(PeerError):
                await pc.exchange.answers["batches"](body)

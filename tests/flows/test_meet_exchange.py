"""Catalogs of devices that meet: all end alike, nothing is lost, and a revoked device changes nothing any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.catalog.batch import Head, Op, decode_batch, make_batch
from node.catalog.register import Key
from node.catalog.vector import log_incarnation
from node.crypto.keys import EpochKeys
from node.errors import PeerError, RefusedError
from node.flows.exchange import ANSWER_BYTES, Exchange
from node.flows.void import check_snapshot, void_what_is_beyond
from node.wire import codec
from node.wire.roster import Role, revoke
from tests.flows.people import a_tracker, found, let_in, meeting, new_keys, now_ms, until
from tests.flows.readers import batch_all, readers, together


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
            await until(lambda: pc.heads() == lap.heads(), timeout_s=60)
        for reader in (pc, lap):
            assert [reader.value(f"pc {number}") for number in range(300)] == list(range(300))
            assert [reader.value(f"laptop {number}") for number in range(300)] == list(range(300))
        assert pc.value("same") == lap.value("same")
        assert set(pc.library.index.log.values(Key("playlist", "same", "name"))) == {"of the pc", "of the laptop"}


async def test_a_long_history_comes_in_answers_that_are_small_enough_to_be_merged_in_little_memory(
    tmp_path: Path,
) -> None:
    home, laptop = let_in(found())
    async with readers(tmp_path, "ws://127.0.0.1:9", ("pc", home), ("laptop", laptop)) as (pc, lap):
        for number in range(24):  # 1.4 MB
            pc.write(f"long {number}", "x" * 60_000)
        answers = 0
        while lap.heads() != pc.heads():
            answer = await pc.exchange.answers["batches"]({"heads": lap.heads()})
            signed, more, _ = codec.unpack(answer, max_bytes=1 << 24)
            assert len(answer) < ANSWER_BYTES + 1_000
            assert lap.library.apply([decode_batch(each) for each in signed]).new == len(signed) > 0
            assert more == (lap.heads() != pc.heads())
            answers += 1
        assert answers == 3
        assert lap.value("long 23") == pc.value("long 23")


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


async def test_what_a_revoked_device_deletes_and_backdates_comes_back_everywhere(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    home, third = let_in(home, Role.OWNER)
    async with (
        a_tracker(tmp_path / "t") as (url, _),
        readers(tmp_path, url, ("pc", home), ("laptop", laptop), ("third", third)) as (pc, lap, other),
    ):
        for number in range(20):
            pc.write(f"song {number}", number)
        lap.write("of the laptop", 1)
        async with together(pc, lap, other):
            await until(lambda: pc.heads() == lap.heads() == other.heads(), timeout_s=60)
        kept, log = lap.library.index.log, lap.library.changes.log
        seen = pc.heads()[log]
        for number in range(20):  # signed now, with a clock that says last century
            batch = make_batch(
                laptop.device,
                incarnation=log_incarnation(log),
                head=kept.heads()[log],
                stamp=number,
                seen={each: seq for each, seq in lap.heads().items() if each != log},
                ops=[Op(Key("playlist", f"song {number}", "name"), None)],
            )
            kept.apply([batch])
        other.library.apply(batch_all(lap))
        assert other.value("song 3") is None
        poisoned = other.library.snapshot()
        await pc.device.membership.change(
            lambda roster, keys, _epochs: revoke(
                roster,
                keys,
                [lap.device.id],  # type: ignore[list-item]
                next_epoch=EpochKeys(2, b"\x07" * 32),
                time_ms=now_ms(),
                heads={log: seen},
            )
        )
        with pytest.raises(RefusedError, match="was revoked"):
            check_snapshot(poisoned, pc.device.membership.roster)
        async with together(pc, other):
            await until(lambda: other.value("song 19") == 19 and other.value("of the laptop") == 1, timeout_s=60)
        for reader in (pc, other):
            assert [reader.value(f"song {number}") for number in range(20)] == list(range(20))
        assert pc.library.snapshot() == other.library.snapshot()


async def test_a_revocation_that_was_not_acted_on_is_made_up_for_at_the_next_start(tmp_path: Path) -> None:
    """A command revoked a device while no player ran, or the power went in between."""
    home, laptop = let_in(found())
    async with (
        a_tracker(tmp_path / "t") as (url, _),
        readers(tmp_path, url, ("pc", home), ("laptop", laptop)) as (pc, lap),
    ):
        lap.write("late", 1)
        pc.library.apply(batch_all(lap))
        await pc.device.membership.change(
            lambda roster, keys, _epochs: revoke(
                roster, keys, [lap.device.id], next_epoch=EpochKeys(2, b"\x07" * 32), time_ms=now_ms()
            )  # type: ignore[list-item]
        )
        assert pc.value("late") == 1
        async with together(pc):
            await until(lambda: pc.value("late") is None)


async def test_of_two_revocations_the_one_that_had_seen_more_counts(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    async with (
        a_tracker(tmp_path / "t") as (url, _),
        readers(tmp_path, url, ("pc", home), ("laptop", laptop)) as (pc, lap),
    ):
        lap.write("one", 1)
        lap.write("two", 2)
        pc.library.apply(batch_all(lap))
        log = lap.library.changes.log
        without = pc.device.membership.roster
        for seen in (1, 2):
            gone = revoke(
                without,
                home.device,
                [lap.device.id],  # type: ignore[list-item]
                next_epoch=EpochKeys(2, bytes([seen]) * 32),
                time_ms=now_ms(),
                heads={log: seen},
            )
            await pc.device.membership.learn(gone.entries)
            void_what_is_beyond(pc.library, pc.device.membership.roster)
            assert pc.heads()[log] == 1
        pc.library.apply(batch_all(lap))
        assert pc.value("two") == 2


async def test_changes_by_a_stranger_are_refused(tmp_path: Path) -> None:
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


async def test_all_are_heard_only_when_everyone_who_is_here_was_asked_and_gave_what_it_knows(tmp_path: Path) -> None:
    home, laptop = let_in(found(), Role.OWNER)
    home, third = let_in(home, Role.OWNER)
    async with (
        a_tracker(tmp_path / "t") as (url, _),
        readers(tmp_path, url, ("pc", home), ("laptop", laptop), ("third", third)) as (pc, lap, other),
        meeting(pc.device, lap.device, other.device),
    ):
        # Nobody's exchange runs: what is learnt is learnt because it was asked for.
        await until(lambda: len([*pc.device.directory.present()]) == 2)
        lap.write("a", "of the laptop")
        assert await pc.exchange.hear_all()
        assert pc.value("a") == "of the laptop"
        other.write("b", "of the third")
        answers = other.device.links._giving.answers
        broken = answers.pop("batches")  # type: ignore[attr-defined]
        assert not await pc.exchange.hear_all()
        answers["batches"] = broken  # type: ignore[index]
        assert await pc.exchange.hear_all()
        assert pc.value("b") == "of the third"


async def test_nobody_was_heard_where_nobody_is_but_phones_need_not_be_asked(tmp_path: Path) -> None:
    home, laptop = let_in(found(), Role.OWNER)
    async with readers(tmp_path, "ws://127.0.0.1:9", ("pc", home), ("laptop", laptop)) as (pc, lap):
        assert not await pc.exchange.hear_all()
        device = pc.device
        household = Exchange(
            pc.library, device.membership, device.directory, device.meeting, is_phone=lambda each: each == lap.device.id
        )
        assert await household.hear_all()

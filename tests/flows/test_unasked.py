"""Removed music that stays because nobody can be asked: the person is told for whom it waits, and nothing goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from node.flows.unasked import Unasked, Unseen
from node.ids import DeviceId
from node.placement.facts import DAY_MS
from tests.flows.copying import Holder, a_home, settled
from tests.flows.people import now_ms
from tests.flows.test_copies_removed import emptied, nearly_gone

PC, GONE = DeviceId(b"p" * 32), DeviceId(b"g" * 32)


class Here:
    """A directory in which so many are present."""

    def __init__(self, *members: DeviceId) -> None:
        self.members = members

    def present(self) -> list[tuple[DeviceId, None]]:
        return [(each, None) for each in self.members]


class Due:
    """Trash of which so much has waited for its 30 days."""

    def __init__(self, due: int) -> None:
        self.due = due


def asked(due: int, *here: DeviceId, **seen_days_ago: float | None) -> list[Unseen]:
    """Whom it waits for, if the PC and the one that is gone were seen so long ago (None: never)."""
    return unasked(due, *here, **seen_days_ago).unseen()


def unasked(due: int, *here: DeviceId, **seen_days_ago: float | None) -> Unasked:
    now = now_ms()
    ids = {"pc": PC, "gone": GONE}
    seen = {ids[name]: None if days is None else now - int(days * DAY_MS) for name, days in seen_days_ago.items()}
    return Unasked(
        Due(due),  # type: ignore[arg-type]
        Here(*here),  # type: ignore[arg-type]
        to_ask=lambda: set(seen),
        last_seen_ms=seen.__getitem__,
        name_of=lambda each: each[:1].decode(),
        wall_ms=lambda: now,
    )


def test_devices_that_none_saw_for_thirty_days_are_named_once_something_waits_for_them() -> None:
    assert [each.name for each in asked(3, pc=31, gone=90)] == ["g", "p"]
    assert [each.seen_ms for each in asked(3, gone=None)] == [None]
    assert asked(0, pc=31, gone=90) == []


def test_nobody_is_named_while_one_that_can_be_asked_is_here_or_was_of_late() -> None:
    assert asked(3, pc=29, gone=90) == []
    assert asked(3, PC, pc=31, gone=90) == []
    assert asked(3) == []  # nobody need be asked


async def test_a_lost_device_is_named_and_nothing_goes_until_the_person_says_that_it_may(tmp_path: Path) -> None:
    async with a_home(tmp_path, songs=1, others=1) as (pc, laptop), waits(pc, laptop) as waiting:
        assert await emptied(laptop) == 0
        assert laptop.sealed()
        [unseen] = waiting.unseen()
        assert (unseen.id, waiting.blobs) == (pc.id, 1)
        assert (await laptop.wanted.free_removed())["freed_blobs"] == 1
        await asyncio.to_thread(laptop.copies.census.look)
        await laptop.copies.discards.note()
        assert (waiting.unseen(), waiting.blobs) == ([], 0)


@contextlib.asynccontextmanager
async def waits(pc: Holder, laptop: Holder) -> AsyncIterator[Unasked]:
    """The laptop's trash waits for the PC, which is away for long."""
    async with nearly_gone(pc, laptop, pc.home.only_track()):
        await settled(lambda: laptop.copies.discards.due == 1, "it has waited for its 30 days")
        yield Unasked(
            laptop.copies.discards,
            Here(),  # type: ignore[arg-type]
            to_ask=lambda: {pc.id},
            last_seen_ms=lambda _each: now_ms() - 40 * DAY_MS,
            name_of=lambda _each: "PC",
            wall_ms=now_ms,
        )

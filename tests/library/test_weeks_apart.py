"""Several devices edit what is the person's own for weeks, apart and meeting now and then: nothing is lost.

Every device is a real library on a disk; batches go in any order, in parts and more than once. An oracle that knows
only who had heard of what says what must be there in the end.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.catalog.batch import decode_batch
from node.doors.index import Index
from node.errors import NotFoundError
from node.library.personal import Play
from tests.library.test_personal import START_MS, Device

TITLES = ("One", "Two", "Three", "Four")
ACTIONS = (
    "star", "unstar", "rate", "play", "bookmark", "forget", "queue", "tag", "create", "add", "rename", "delete", "meet",
)  # fmt: skip

scripts = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 2), st.integers(0, 3)), max_size=40)

SLOW = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)


@dataclass
class Deed:
    """Something that was done, and how far its doer had heard of each log then and right after."""

    what: str
    about: str
    seen: dict[bytes, int]
    did: dict[bytes, int]
    value: Any = None

    def knew(self, other: Deed) -> bool:
        return all(self.seen.get(log, 0) >= seq for log, seq in other.did.items())


@dataclass
class Weeks:
    """Devices that share four tracks and a playlist at first."""

    devices: list[Device]
    tracks: list[str]
    chance: random.Random
    lists: list[str] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    plays: dict[str, int] = field(default_factory=dict)

    def act(self, what: str, who: int, which: int) -> None:
        device, track = self.devices[who % len(self.devices)], self.tracks[which]
        personal = device.library.personal
        match what:
            case "star" | "unstar":
                self._do(device, what, track, lambda: personal.star([track], starred=what == "star"))
            case "rate":
                personal.rate(track, 1 + len(self.deeds) % 5)
            case "play":
                self.plays[track] = self.plays.get(track, 0) + 1
                personal.play([Play(track, START_MS + 1_000 * len(self.deeds) + self.plays[track])])
            case "bookmark":
                self._do(device, what, track, lambda: personal.set_bookmark(track, 1_000 * (1 + len(self.deeds))))
            case "forget":
                self._do(device, what, track, lambda: personal.remove_bookmark(track))
            case "queue":
                personal.save_queue([track] * (1 + len(self.deeds) % 3), index=0)
            case "tag":
                device.library.edit_tags(track, {"comment": f"said {len(self.deeds)}"})
            case "create":
                if len(self.lists) < 4:
                    name = f"List {len(self.lists)}"
                    self._do(device, what, name, lambda: self.lists.append(device.library.playlists.create(name)))
                    self.deeds[-1].about = self.lists[-1]
            case "add" | "rename" | "delete":
                self._edit_list(device, what, which)
            case _:
                self.meet(device, self.devices[(who + 1 + which) % len(self.devices)])

    def _edit_list(self, device: Device, what: str, which: int) -> None:
        playlist = self.lists[which % len(self.lists)]
        lists = device.library.playlists
        try:
            lists.get(playlist)
        except NotFoundError:
            return  # deleted, or not heard of yet
        edits: dict[str, Callable[[], object]] = {
            "add": lambda: lists.edit(playlist, add=[self.tracks[which]]),
            "rename": lambda: lists.edit(playlist, name=f"Renamed {len(self.deeds)}"),
            "delete": lambda: lists.delete(playlist),
        }
        self._do(device, what, playlist, edits[what])

    def _do(self, device: Device, what: str, about: str, deed: Callable[[], object]) -> None:
        items = {item for item, _ in device.index.personal.items(about)} if what == "add" else set()
        before = heads(device)
        deed()
        after = heads(device)
        log = device.library.changes.log
        if after != before:
            new = {item for item, _ in device.index.personal.items(about)} - items if what == "add" else None
            self.deeds.append(Deed(what, about, before, {log: after[log]}, new))

    def meet(self, one: Device, other: Device) -> None:
        """Each gives what the other lacks: all of it, or only the beginning of some logs; in any order, some twice."""
        for source, target in ((one, other), (other, one)):
            known = heads(target)
            batches = []
            for log in source.index.log.heads():
                signed = source.index.log.batches(log, known.get(log, 0), 10_000)
                whole = self.chance.random() < 0.7
                batches += signed if whole else signed[: self.chance.randrange(len(signed) + 1)]
            batches += self.chance.sample(batches, len(batches) // 3)
            self.chance.shuffle(batches)
            while batches:
                some = self.chance.randint(1, len(batches))
                target.library.apply([decode_batch(each) for each in batches[:some]])
                batches = batches[some:]

    def all_meet(self) -> None:
        """Until everybody knows everything."""
        while len({frozenset(heads(device).items()) for device in self.devices}) > 1:
            self.meet(*self.chance.sample(self.devices, 2))


def heads(device: Device) -> dict[bytes, int]:
    return {log: head.seq for log, head in device.index.log.heads().items()}


def shown(device: Device, weeks: Weeks) -> dict[str, Any]:
    """All that a person sees of their own."""
    library = device.library
    marks = {track: library.personal.mark(track) for track in weeks.tracks}
    lists = [(row, [each["id"] for each in library.browse.playlist_tracks(row.id)]) for row in library.playlists.all()]
    tags = {track: device.index.log.fields("track", track).get("tag:comment") for track in weeks.tracks}
    return {
        "marks": marks, "lists": lists, "bookmarks": library.personal.bookmarks(), "queue": library.personal.queue(),
        "tags": tags,
    }  # fmt: skip


def check(weeks: Weeks) -> None:
    """What must hold once everybody knows everything."""
    views = [shown(device, weeks) for device in weeks.devices]
    assert all(view == views[0] for view in views[1:]), "all devices end alike"
    assert len({device.library.snapshot() for device in weeks.devices}) == 1
    device, view = weeks.devices[0], views[0]
    for track in weeks.tracks:
        assert view["marks"][track].plays == weeks.plays.get(track, 0), "every play counts, once"
        stands = _stands(weeks.deeds, track, "star", "unstar")
        assert (view["marks"][track].starred_ms is not None) == stands
        assert (track in {marked for marked, _ in view["bookmarks"]}) == _stands(
            weeks.deeds, track, "bookmark", "forget"
        )
    there = {row.id for row, _ in view["lists"]}
    for playlist in weeks.lists:
        deletions = [deed for deed in weeks.deeds if (deed.what, deed.about) == ("delete", playlist)]
        items = {item for item, _ in device.index.personal.items(playlist)}
        naming = [deed for deed in weeks.deeds if deed.about == playlist and deed.what in ("create", "rename")]
        assert (playlist in there) == any(not any(gone.knew(deed) for gone in deletions) for deed in naming)
        for deed in weeks.deeds:
            if (deed.what, deed.about) == ("add", playlist):
                gone = any(deletion.knew(deed) for deletion in deletions)
                assert bool(deed.value & items) != gone, "it stays unless somebody who knew it deleted the list"


def _stands(deeds: list[Deed], about: str, puts: str, takes: str) -> bool:
    """Whether something that was put there was never taken away by anybody who knew of it."""
    own = [deed for deed in deeds if deed.about == about]
    taking = [deed for deed in own if deed.what == takes]
    return any(deed.what == puts and not any(gone.knew(deed) for gone in taking) for deed in own)


@pytest.fixture
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[random.Random], Weeks]]:
    with ExitStack() as open_ones:

        def begin(chance: random.Random) -> Weeks:
            place: Path = tmp_path_factory.mktemp("weeks")
            devices = [Device(open_ones.enter_context(Index.open(place / f"{n}.db")), n) for n in (1, 2, 3)]
            tracks = devices[0].added(*TITLES)
            weeks = Weeks(devices, tracks, chance)
            weeks.act("create", 0, 0)
            weeks.all_meet()
            return weeks

        yield begin


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
@given(script=scripts, seed=st.integers(0, 1 << 32))
def test_after_weeks_apart_all_devices_end_alike_and_nothing_is_lost(
    begun: Callable[[random.Random], Weeks], script: list[tuple[str, int, int]], seed: int
) -> None:
    weeks = begun(random.Random(seed))
    for step in script:
        weeks.act(*step)
    weeks.all_meet()
    check(weeks)


def test_a_long_time_apart(begun: Callable[[random.Random], Weeks], exhaustive: bool) -> None:
    """Hundreds of edits on each side without meeting once."""
    for seed in range(20 if exhaustive else 1):
        chance = random.Random(seed)
        weeks = begun(chance)
        alone = [action for action in ACTIONS if action != "meet"]
        for _ in range(1_000 if exhaustive else 150):
            weeks.act(chance.choice(alone), chance.randrange(3), chance.randrange(4))
        weeks.all_meet()
        check(weeks)

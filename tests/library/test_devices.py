"""Two devices of one library: what one writes, the other shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from node.catalog.batch import decode_batch
from node.catalog.vector import log_id
from node.catalog.vocabulary import edit_tag
from node.doors.index import Index
from node.errors import UserError
from node.ids import BlobRoot
from node.library import Library
from node.library.shapes import Elsewhere
from tests.catalog.devices import member
from tests.library.music import IDENTITY, NOW_MS, file, opened, seal_all, sealing, titles


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Library]:
    with opened(tmp_path / "home.db") as library:
        library.index.folders.add("/music", 1)
        library.record_scan(1, [file("a.flac", artists=("A",), album="X"), file("b.flac", album="X")])
        yield library


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Library]:
    with opened(tmp_path / "laptop.db", name="laptop") as library:
        yield library


def give(source: Library, target: Library) -> None:
    """Send every batch that `target` has not seen."""
    known = target.index.log.heads()
    for log in source.index.log.heads():
        after = known[log].seq if log in known else 0
        target.apply([decode_batch(signed) for signed in source.index.log.batches(log, after, 1_000)])


def test_what_one_device_took_in_the_other_shows(home: Library, laptop: Library) -> None:
    seal_all(home)
    give(home, laptop)
    assert titles(laptop) == ["a", "b"]
    state = laptop.tracks()["items"][0]["state"]
    assert (state["playable"], state["sealed"], state["source"]) == (False, True, "missing")
    assert laptop.next_to_render(9) == []


def test_what_another_device_has_is_playable_while_that_one_is_here_and_every_list_says_so(
    home: Library, laptop: Library
) -> None:
    seal_all(home)
    give(home, laptop)
    [first, second] = [track["id"] for track in laptop.tracks()["items"]]
    asked: list[dict[str, int]] = []

    def elsewhere(roots: Mapping[str, Sequence[BlobRoot]]) -> dict[str, Elsewhere]:
        asked.append({track: len(blobs) for track, blobs in roots.items()})
        return {
            first: Elsewhere(True, "It plays from Home PC."),
            second: Elsewhere(False, "Home PC was last here 9:00."),
        }

    laptop.shown.elsewhere = elsewhere
    shown = laptop.tracks()["items"]
    assert asked == [{first: 1, second: 1}]
    assert [track["state"]["playable"] for track in shown] == [True, False]
    assert shown[0]["state"]["note"] == "Its file is not on this device. It plays from Home PC."
    assert laptop.track(second)["state"] == shown[1]["state"]
    of_album = laptop.album(shown[0]["album"]["id"])["tracks"]
    assert all(track in shown for track in of_album)
    assert not asked.clear()
    assert home.tracks()["items"][0]["state"]["note"] == ""
    assert asked == [], "what is here nobody else is asked for"


def test_the_same_music_on_both_devices_is_one_track_with_the_files_of_each(home: Library, laptop: Library) -> None:
    laptop.index.folders.add("/other", 1)
    laptop.record_scan(1, [file("renamed.flac", title="own name")])
    [theirs] = laptop.index.sources.next_to_seal(9)
    laptop.record_sealed([sealing(theirs, content=b"a.flac")])
    seal_all(home)
    give(home, laptop)
    give(laptop, home)
    assert home.snapshot() == laptop.snapshot()
    assert len(titles(home)) == 2
    assert {track["state"]["source"] for track in laptop.tracks()["items"]} == {"present", "missing"}


def test_edits_on_both_sides_while_apart_end_alike(home: Library, laptop: Library) -> None:
    one, two = seal_all(home)
    assert one is not None
    assert two is not None
    give(home, laptop)
    home.edit_tags(one, {"title": "home"})
    laptop.edit_tags(one, {"title": "laptop", "album": "moved"})
    laptop.hide(two)
    give(home, laptop)
    give(laptop, home)
    assert home.snapshot() == laptop.snapshot()
    assert titles(home) == titles(laptop)
    assert len(titles(home)) == 1
    assert home.albums()["items"][0]["name"] == "moved"


def test_a_snapshot_brings_a_new_device_to_the_same_lists(home: Library, laptop: Library) -> None:
    one, _ = seal_all(home)
    assert one is not None
    home.edit_tags(one, {"title": "edited"})
    laptop.load_snapshot(home.snapshot())
    assert titles(laptop) == titles(home)
    assert laptop.albums() == home.albums()
    assert laptop.snapshot() == home.snapshot()
    home.edit_tags(one, {"title": "again"})
    give(home, laptop)
    assert laptop.search("again")["tracks"][0]["id"] == one


def test_a_device_set_back_to_an_older_state_begins_a_new_log(tmp_path: Path, home: Library) -> None:
    seal_all(home)
    first = home.changes.log
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(tmp_path / "home.db")) as original, closing(sqlite3.connect(backup)) as copy:
        original.backup(copy)
    track = home.tracks()["items"][0]["id"]
    home.edit_tags(track, {"title": "after the backup"})
    with Index.open(backup) as index:
        restored = Library(index, member("home"), IDENTITY, now_ms=lambda: NOW_MS, new_incarnation=lambda: 77)
        assert restored.changes.log == first
        give(home, restored)
        assert restored.changes.log == log_id(member("home").id, 77)
        restored.edit_tags(track, {"title": "goes on"})
        give(restored, home)
        assert "goes on" in titles(home)
        assert home.index.log.forks() == {}
        assert home.snapshot() == restored.snapshot()


def test_a_device_that_wrote_on_after_being_set_back_is_told_by_its_fork(tmp_path: Path) -> None:
    paths = [tmp_path / "one.db", tmp_path / "clone.db"]
    logs = []
    for number, path in enumerate(paths):
        with Index.open(path) as index:
            library = Library(index, member("home"), IDENTITY, now_ms=lambda: NOW_MS, new_incarnation=lambda: 5)
            library.index.folders.add("/music", 1)
            library.record_scan(1, [file(f"{number}.flac")])
            seal_all(library)
            logs.append([decode_batch(signed) for signed in index.log.batches(library.changes.log, 0, 9)])
    with Index.open(paths[0]) as index:
        library = Library(index, member("home"), IDENTITY, new_incarnation=lambda: 6)
        assert len(library.apply(logs[1]).forks) == 1
        assert library.changes.log == log_id(member("home").id, 6)
        library.hide(library.tracks()["items"][0]["id"])
        assert titles(library) == []


def test_many_writes_are_several_batches_in_one_step(home: Library) -> None:
    seal_all(home)
    before = home.index.log.heads()[home.changes.log].seq
    ids = [track["id"] for track in home.tracks()["items"]]
    batches = home.write([edit_tag(ids[number % 2], "comment", f"{number}" * 500) for number in range(600)])
    assert len(batches) > 2
    assert [batch.seq for batch in batches] == list(range(before + 1, before + 1 + len(batches)))
    assert all(len(batch.signed) < 1 << 20 for batch in batches)
    assert home.write([]) == []


def test_an_edit_of_a_track_not_yet_sealed_or_of_no_tag_is_refused_in_words(home: Library) -> None:
    pending = home.tracks()["items"][0]["id"]
    with pytest.raises(UserError, match="still being taken in"):
        home.edit_tags(pending, {"title": "x"})
    [track, _] = seal_all(home)
    assert track is not None
    with pytest.raises(UserError):
        home.edit_tags(track, {"titel": "x"})
    with pytest.raises(UserError):
        home.edit_tags(track, {"track_no": "x"})


def test_a_clock_far_ahead_of_the_library_is_noticed(tmp_path: Path) -> None:
    clock = [NOW_MS]
    with opened(tmp_path / "i.db", now_ms=lambda: clock[0]) as library:
        library.index.folders.add("/music", 1)
        library.record_scan(1, [file("a.flac")])
        seal_all(library)
        assert not library.changes.clock_is_doubted()
        clock[0] += 80 * 365 * 86_400_000
        assert library.changes.clock_is_doubted()

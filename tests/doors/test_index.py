"""The index as a store: nothing acknowledged is lost, errors are ours, older files open, newer ones are told."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from node.crypto.blob import Purpose
from node.doors.index import Index
from node.doors.index.schema import MIGRATIONS
from node.errors import DamagedError, NotFoundError, StorageError, UnknownFormatError, UserError
from tests.library.music import blob, file, opened, seal_all


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


WRITER = """
import sys
from pathlib import Path
from tests.library.music import file, opened, sealing
with opened(Path(sys.argv[1])) as library:
    folder = library.index.folders.add("/music", 1).id
    number = len(library.index.sources.known(folder))
    while True:
        library.record_scan(folder, [file(f"{number + each:06d}.flac", album="X") for each in range(5)])
        number += 5
        print(number, flush=True)
        for source in library.index.sources.next_to_seal(3):
            [track] = library.record_sealed([sealing(source)])
            print(track, flush=True)
"""


@pytest.mark.parametrize("lines", [3, 30, 100])
def test_a_killed_process_loses_nothing_that_it_acknowledged(path: Path, lines: int) -> None:
    listed, sealed = 0, set()
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, path],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "."},
        )
        assert process.stdout is not None
        for _, line in zip(range(lines), process.stdout, strict=False):
            if line.strip().isdigit():
                listed = int(line)
            else:
                sealed.add(line.strip())
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with opened(path) as library:
        folder = library.index.folders.all()[0].id
        assert len(library.index.sources.known(folder)) >= listed
        for track in sealed:
            assert library.track(track)["state"]["sealed"]
        assert library.tracks()["total"] == len(library.index.sources.known(folder))
        batches = library.index.log.heads()[library.changes.log].seq
        assert batches == len(library.index.log.batches(library.changes.log, 0, 10_000)) >= len(sealed)
        seal_all(library)
        assert library.index.sources.next_to_seal(1) == []


def test_a_transaction_that_does_not_end_leaves_nothing(path: Path) -> None:
    with opened(path) as library:
        folder = library.index.folders.add("/music", 1).id
        revision = library.revision

        def half() -> None:
            with library.index.transaction():
                library.record_scan(folder, [file("a.flac")])
                assert list(library.index.sources.known(folder)) == ["a.flac"]
                raise KeyError

        with pytest.raises(KeyError):
            half()
        assert library.index.sources.known(folder) == {}
        assert library.tracks()["total"] == 0
        assert library.revision == revision


def test_a_part_that_fails_is_undone_alone(path: Path) -> None:
    with Index.open(path) as index, index.transaction():
        index.folders.add("/kept", 1)

        def part() -> None:
            with index.transaction():
                index.folders.add("/undone", 1)
                raise KeyError

        with pytest.raises(KeyError):
            part()
        index.folders.add("/also kept", 1)
    with Index.open(path) as index:
        assert [folder.path for folder in index.folders.all()] == ["/kept", "/also kept"]


def test_readers_in_other_threads_see_whole_transactions_only(path: Path) -> None:
    with opened(path) as library:
        folder = library.index.folders.add("/music", 1).id
        seen: set[int] = set()
        stop = threading.Event()

        def watch() -> None:
            while not stop.is_set():
                page = library.tracks()
                seen.add(page["total"])
                assert len(page["items"]) == min(page["total"], 100)

        readers = [threading.Thread(target=watch) for _ in range(6)]
        for reader in readers:
            reader.start()
        for number in range(10):
            library.record_scan(folder, [file(f"{number}/{each}.flac") for each in range(7)])
        stop.set()
        for reader in readers:
            reader.join()
        assert {total % 7 for total in seen} == {0}


def test_listeners_hear_of_changes_after_they_are_durable(path: Path) -> None:
    heard: list[tuple[int, int]] = []
    with opened(path) as library:
        folder = library.index.folders.add("/music", 1).id
        stop = library.on_change(lambda revision: heard.append((revision, library.tracks()["total"])))
        library.record_scan(folder, [file("a.flac")])
        library.index.settings.set("unseen", 1)
        assert heard == [(library.revision, 1)]
        stop()
        library.record_scan(folder, [file("b.flac")])
        assert len(heard) == 1


def test_a_file_that_is_no_index_is_damage(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 300)
    with pytest.raises(DamagedError):
        Index.open(path)


def test_damage_in_the_middle_is_told_as_damage(path: Path) -> None:
    with opened(path) as library:
        folder = library.index.folders.add("/music", 1).id
        library.record_scan(folder, [file(f"{number}.flac", comment="x" * 500) for number in range(500)])
    raw = bytearray(path.read_bytes())
    for at in range(4_096 * 60, len(raw), 4_096):
        raw[at : at + 64] = os.urandom(64)
    path.write_bytes(raw)

    def use() -> None:
        with opened(path) as library:
            library.index.sources.known(1)
            library.record_scan(1, [file(f"{number} more.flac") for number in range(500)])

    with pytest.raises(DamagedError):
        use()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_an_index_of_an_older_version_is_brought_up_to_date_with_what_is_in_it(path: Path, version: int) -> None:
    with sqlite3.connect(path) as sql:
        for statement in (each for step in MIGRATIONS[:version] for each in step):
            sql.execute(statement)
        sql.execute("INSERT INTO folder (path, state, added_ms) VALUES (?, 'present', 1)", (b"/music",))
        sql.execute(f"PRAGMA user_version = {version}")
    sql.close()
    with opened(path) as library:
        [folder] = library.index.folders.all()
        library.record_scan(folder.id, [file("1.flac")])
        library.index.folders.set_beside(folder.id, {"": b"mark", "a": None})
        assert library.index.folders.beside(folder.id) == {"": b"mark"}
        assert library.index.sources.counts()[folder.id]["present"] == 1
    with sqlite3.connect(path) as sql:
        assert sql.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    sql.close()


def test_a_newer_index_is_not_touched(path: Path) -> None:
    Index.open(path).close()
    with sqlite3.connect(path) as sql:
        sql.execute("PRAGMA user_version = 9999")
    sql.close()
    with pytest.raises(UnknownFormatError):
        Index.open(path)


def test_a_place_that_can_not_be_written_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        Index.open(tmp_path / "missing" / "index.db")


def test_a_full_disk_is_told_and_what_was_there_stays(path: Path) -> None:
    with opened(path) as library:
        folder = library.index.folders.add("/music", 1).id
        library.record_scan(folder, [file("a.flac")])
        with library.index.transaction() as step:
            pages = step.sql.execute("PRAGMA page_count").fetchone()[0]
        library.index._database._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StorageError, match="full"):
            library.record_scan(folder, [file(f"{number}.flac", comment="x" * 3_000) for number in range(200)])
        assert library.tracks()["total"] == 1
        library.index._database._writer.execute("PRAGMA max_page_count = 1000000")
        library.record_scan(folder, [file("b.flac")])
        assert library.tracks()["total"] == 2


def test_nothing_is_read_or_written_after_closing(path: Path) -> None:
    with opened(path) as library:
        pass
    with pytest.raises(StorageError):
        library.index.folders.add("/music", 1)
    with pytest.raises(StorageError):
        library.tracks()


def test_settings_are_kept(path: Path) -> None:
    with Index.open(path) as index:
        index.settings.set("a", {"b": [1, None, "x"]})
        index.settings.set("gone", 1)
        index.settings.set("gone", None)
    with Index.open(path) as index:
        assert index.settings.get("a") == {"b": [1, None, "x"]}
        assert index.settings.get("gone", 5) == 5


def test_a_session_ends_when_it_says_or_when_it_is_ended(path: Path) -> None:
    with Index.open(path) as index:
        index.sessions.add(b"t" * 32, b"m" * 32, now_ms=100, expires_ms=200)
        index.sessions.add(b"u" * 32, b"n" * 32, now_ms=100, expires_ms=300)
        assert index.sessions.expires_ms(b"t" * 32, 199) == 200
        assert index.sessions.expires_ms(b"t" * 32, 200) is None
        assert index.sessions.expires_ms(b"m" * 32, 100) is None
        assert index.sessions.media_expires_ms(b"m" * 32, 100) == 200
        assert index.sessions.media_expires_ms(b"t" * 32, 100) is None
        index.sessions.extend(b"t" * 32, 400)
        index.sessions.remove(b"u" * 32)
        assert index.sessions.expires_ms(b"t" * 32, 399) == 400
        assert index.sessions.expires_ms(b"u" * 32, 100) is None
        index.sessions.remove_all()
        assert index.sessions.expires_ms(b"t" * 32, 100) is None


def test_sessions_do_not_grow_for_ever(path: Path) -> None:
    with Index.open(path) as index:
        for number in range(300):
            index.sessions.add(number.to_bytes(32, "big"), number.to_bytes(33, "big"), now_ms=number, expires_ms=9_999)
        assert index.sessions.expires_ms((43).to_bytes(32, "big"), 300) is None
        assert index.sessions.expires_ms((44).to_bytes(32, "big"), 300) == 9_999


def test_folders_are_added_once_moved_and_told_apart(path: Path) -> None:
    with Index.open(path) as index:
        one = index.folders.add("/music/\udcff", 5)
        assert index.folders.add("/music/\udcff", 9) == one
        two = index.folders.add("/more", 6)
        assert [folder.path for folder in index.folders.all()] == ["/music/\udcff", "/more"]
        with pytest.raises(UserError):
            index.folders.move(two.id, "/music/\udcff")
        assert index.folders.move(two.id, "/other").path == "/other"
        index.folders.set_scanned(one.id, 77)
        assert index.folders.get(one.id).scanned_ms == 77
        with pytest.raises(NotFoundError):
            index.folders.get(99)


def test_a_blob_is_known_by_its_layer_and_evicted_oldest_first(path: Path) -> None:
    with Index.open(path) as index:
        blobs = [blob(bytes([number]), Purpose.MOBILE, stored="cache") for number in range(3)]
        for number, each in enumerate(blobs):
            index.blobs.put(each, 1_000_000 * (3 - number))
        assert [found.root for found in index.blobs.cached(2)] == [blobs[2].ref.root, blobs[1].ref.root]
        assert index.blobs.layer(blobs[0].ref.root) == blobs[0].layer
        index.blobs.touch(blobs[2].ref.root, 9_000_000)
        index.blobs.touch(blobs[2].ref.root, 9_000_001)
        assert index.blobs.cached(9)[-1].used_ms == 9_000_000
        index.blobs.set_stored(blobs[1].ref.root, "none")
        index.blobs.put(blob(bytes([0]), Purpose.MOBILE, stored="pinned"), 5)
        index.blobs.set_damaged(blobs[2].ref.root)
        assert index.blobs.totals() == {
            "cache_bytes": 2_000, "cache_blobs": 1, "pinned_bytes": 2_000, "pinned_blobs": 1, "damaged_blobs": 1,
        }  # fmt: skip
        roots = sorted(each.ref.root for each in blobs)
        assert [found.root for found in index.blobs.page(b"", 9)] == roots
        assert [found.root for found in index.blobs.page(roots[0], 9)] == roots[1:]
        assert len(index.blobs.page(b"", 9, stored=True)) == 2
        index.blobs.forget(roots[0])
        assert index.blobs.get(roots[0]) is None
        with pytest.raises(NotFoundError):
            index.blobs.layer(roots[0])

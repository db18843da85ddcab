"""The person's files: all found once, none changed, none mistaken for what it was before."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from node.doors.sources import (
    MAX_DEPTH,
    OpenSource,
    SourceChangedError,
    SourceMissingError,
    Wanted,
    fingerprint,
    is_placeholder,
    scan,
    stat_one,
)
from tests.needs import require

NOBODY = 65_534


def is_song(name: str) -> bool:
    return name.endswith(".mp3")


WANTED = Wanted(music=is_song)


def put(path: Path, data: bytes = b"music") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def paths(folder: Path, **options: object) -> list[str]:
    return sorted(file.path for file in scan(folder, wanted=WANTED, **options).files)  # type: ignore[arg-type]


def test_every_song_below_a_folder_is_found_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path / "a.mp3")
    put(tmp_path / "b" / "c" / "d.mp3")
    put(tmp_path / "b" / "cover.jpg")
    assert paths(tmp_path) == ["a.mp3", "b/c/d.mp3"]


def test_folders_that_systems_keep_for_themselves_are_passed_over(tmp_path: Path) -> None:
    for name in (".Trash", "@eaDir", "$RECYCLE.BIN", "lost+found"):
        put(tmp_path / name / "a.mp3")
    put(tmp_path / ".5 The Gray Chapter" / "a.mp3")
    put(tmp_path / "...And Justice" / "a.mp3")
    assert paths(tmp_path) == ["...And Justice/a.mp3", ".5 The Gray Chapter/a.mp3"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    put(tmp_path / "a" / "song.mp3")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    result = scan(tmp_path, wanted=WANTED)
    assert [file.path for file in result.files] == ["a/song.mp3"]
    assert result.problems == []


def test_a_song_that_links_to_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone.mp3").symlink_to(tmp_path / "nowhere")
    result = scan(tmp_path, wanted=WANTED)
    assert result.files == []
    assert [path for path, _ in result.problems] == ["gone.mp3"]


def test_a_pipe_with_the_name_of_a_song_is_told_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    assert [path for path, _ in scan(tmp_path, wanted=WANTED).problems] == ["pipe.mp3"]
    with pytest.raises(SourceMissingError, match="plain file"):
        OpenSource(tmp_path / "pipe.mp3")


def test_folders_too_deep_are_told(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * (MAX_DEPTH + 1))
    put(deep / "a.mp3")
    put(deep.parent / "b.mp3")
    result = scan(tmp_path, wanted=WANTED)
    assert [file.path.rpartition("/")[2] for file in result.files] == ["b.mp3"]
    assert len(result.problems) == 1
    assert not result.saw("/".join(["d"] * (MAX_DEPTH + 1)) + "/a.mp3")


def test_names_in_any_bytes_are_found_and_can_be_opened(tmp_path: Path) -> None:
    names = [b"caf\xe9.mp3", "日本.mp3".encode(), b"x" * 251 + b".mp3", b" leading.mp3", b"new\nline.mp3"]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(b"music")
    found = scan(tmp_path, wanted=WANTED).files
    assert {os.fsencode(file.path) for file in found} == set(names)
    for file in found:
        with OpenSource(tmp_path / file.path, expected=file.fingerprint) as source:
            assert source.read(0, 5) == b"music"


def test_a_hundred_thousand_files_in_one_folder_are_listed(tmp_path: Path, exhaustive: bool) -> None:
    count = 100_000 if exhaustive else 5_000
    for number in range(count):
        os.close(os.open(tmp_path / f"{number}.mp3", os.O_CREAT | os.O_WRONLY))
    assert len(scan(tmp_path, wanted=WANTED).files) == count


def test_a_folder_that_is_absent_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError):
        scan(tmp_path / "nowhere", wanted=WANTED)


@pytest.fixture
def ordinary() -> Iterator[Path]:
    """A folder of a user who may not read everything; root becomes one for the time of a test."""
    require("permissions that bind", os.name != "nt")
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() == 0:
            os.chown(name, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            if os.getuid() == 0:
                os.seteuid(0)


def test_a_folder_that_may_not_be_read_is_told_and_its_songs_are_not_gone(ordinary: Path) -> None:
    put(ordinary / "locked" / "a.mp3")
    (ordinary / "locked").chmod(0)
    result = scan(ordinary, wanted=WANTED)
    (ordinary / "locked").chmod(0o700)
    assert result.blind == ["locked"]
    assert not result.saw("locked/a.mp3")
    assert result.saw("other/a.mp3")


def test_part_of_a_folder_can_be_scanned_and_part_left_out(tmp_path: Path) -> None:
    for name in ("a/1.mp3", "a/b/2.mp3", "c/3.mp3"):
        put(tmp_path / name)
    assert paths(tmp_path, under="a") == ["a/1.mp3", "a/b/2.mp3"]
    assert paths(tmp_path, skip=("a",)) == ["c/3.mp3"]


def test_a_source_reads_what_is_in_it(tmp_path: Path) -> None:
    path = put(tmp_path / "a.mp3", bytes(range(100)))
    with OpenSource(path) as source:
        assert source.read(10, 5) == bytes(range(10, 15))
        assert b"".join(source.blocks(7)) == bytes(range(100))
        source.check()
        with pytest.raises(SourceChangedError):
            source.read(90, 11)


@pytest.mark.parametrize("change", ["grow", "touch", "replace", "rewrite"])
def test_a_changed_file_is_not_taken_for_the_one_that_was_read(tmp_path: Path, change: str) -> None:
    path = put(tmp_path / "a.mp3")
    before = stat_one(tmp_path, "a.mp3").fingerprint
    match change:
        case "grow":
            path.write_bytes(b"music!")
        case "touch":
            os.utime(path, ns=(1, 1))
        case "replace":
            other = put(tmp_path / "b.mp3")
            os.utime(other, ns=(before.mtime_ns, before.mtime_ns))
            os.replace(other, path)
        case "rewrite":  # same size, same date: the change time tells
            path.write_bytes(b"MUSIC")
            os.utime(path, ns=(before.mtime_ns, before.mtime_ns))
    with pytest.raises(SourceChangedError):
        OpenSource(path, expected=before)


def test_a_change_under_an_open_file_is_noticed(tmp_path: Path) -> None:
    path = put(tmp_path / "a.mp3")
    with OpenSource(path) as source:
        os.utime(path, ns=(1, 1))
        with pytest.raises(SourceChangedError):
            source.check()


def test_a_missing_file_and_an_impossible_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError):
        OpenSource(tmp_path / "nothing.mp3")
    with pytest.raises(SourceMissingError):
        OpenSource(f"{tmp_path}/a\0b.mp3")


def stat_like(**fields: int) -> os.stat_result:
    facts = {"st_mode": 0o100644, "st_size": 5, "st_mtime_ns": 1, "st_ctime_ns": 1, "st_ino": 1} | fields
    return cast(os.stat_result, SimpleNamespace(**facts))


def test_a_file_that_is_only_in_the_cloud_is_known_by_its_attributes() -> None:
    assert is_placeholder(stat_like(st_file_attributes=0x400000))
    assert is_placeholder(stat_like(st_file_attributes=0x1000))
    assert not is_placeholder(stat_like(st_file_attributes=0x20))
    assert not is_placeholder(stat_like())


def test_icloud_stand_ins_are_listed_as_not_here_and_look_changed_once_they_come(tmp_path: Path) -> None:
    put(tmp_path / ".song.mp3.icloud", b"plist")
    [found] = scan(tmp_path, wanted=WANTED).files
    assert (found.path, found.here) == ("song.mp3", False)
    os.rename(tmp_path / ".song.mp3.icloud", tmp_path / "song.mp3")
    [come] = scan(tmp_path, wanted=WANTED).files
    assert come.here
    assert come.fingerprint != found.fingerprint
    assert come.fingerprint == fingerprint(os.stat(tmp_path / "song.mp3"))

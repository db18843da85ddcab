"""Adding just what the person names: single files, folders within folders, what is no music or not there."""

# ruff: noqa: ASYNC240 - tests may wait for the disk

from __future__ import annotations

from pathlib import Path

import pytest

from node.errors import UserError
from tests.flows.home import open_home


async def test_single_files_are_added_without_their_neighbours(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        report = await home.ingest.add([music / "album" / "1.flac"])
        assert report.added == 1
        assert home.titles() == ["One"]
        await home.ingest.rescan()
        assert home.titles() == ["One"]
        await home.ingest.add([music / "album"])
        assert sorted(home.titles()) == ["One", "Two"]


async def test_a_folder_brings_the_neighbours_of_single_files_inside_it(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music / "album" / "1.flac"])
        await home.ingest.add([music])
        assert sorted(home.titles()) == ["One", "Three", "Two"]


async def test_a_file_that_is_no_music_leaves_no_folder_behind(tmp_path: Path, music: Path) -> None:
    (music / "words.mp3").write_text("no music")
    async with open_home(tmp_path / "home") as home:
        report = await home.ingest.add([music / "words.mp3"])
        assert (report.added, [each.path for each in report.failed]) == (0, [str(music / "words.mp3")])
        assert home.index.folders.all() == []


async def test_only_the_files_that_were_named_are_counted_and_told(tmp_path: Path, music: Path) -> None:
    album = music / "album"
    (music / "words.mp3").write_text("no music")
    (album / "notes.txt").write_text("no music")
    async with open_home(tmp_path / "home") as home:
        first = await home.ingest.add([music / "words.mp3", album / "1.flac", album / "2.mp3"])
        assert (first.added, first.known, [each.path for each in first.failed]) == (2, 0, [str(music / "words.mp3")])
        again = await home.ingest.add([album / "1.flac", album / "2.mp3"])
        assert (again.added, again.known, again.failed) == (0, 2, [])
        (album / "1.flac").rename(album / "one.flac")
        moved = await home.ingest.add([album / "one.flac"])
        assert (moved.added, moved.known, moved.failed) == (0, 1, [])
        await home.ingest.add([music])
        inside = await home.ingest.add([album / "2.mp3", album / "notes.txt"])
        assert (inside.added, inside.known) == (0, 1)
        assert [(each.path, each.reason) for each in inside.failed] == [
            (str(album / "notes.txt"), "by its name it is no music")
        ]


async def test_folders_within_folders_are_listed_once(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music / "album"])
        await home.ingest.add([music])
        await home.ingest.add([music / "album"])
        assert len(home.titles()) == 3
        assert sum(counts["present"] for counts in home.index.sources.counts().values()) == 3
        assert len(home.index.folders.all()) == 2


async def test_adding_a_music_folder_that_is_away_says_so(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        music.rename(tmp_path / "unplugged")
        report = await home.ingest.add([music])
        assert (report.away, report.failed, report.gone) == ([str(music)], [], 0)


async def test_naming_only_what_is_not_there_is_refused(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        with pytest.raises(UserError):
            await home.ingest.add([tmp_path / "nowhere"])
        report = await home.ingest.add([tmp_path / "nowhere", music])
        assert report.added == 3
        assert [failure.path for failure in report.failed] == [str(tmp_path / "nowhere")]

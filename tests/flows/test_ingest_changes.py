"""What became of files that were taken in: moved, retagged, gone, away, and back again."""

# ruff: noqa: ASYNC240 - tests may wait for the disk

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.flows.home import open_home, retag


async def test_a_renamed_file_and_a_moved_folder_are_the_same_tracks(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        before = {track["id"] for track in home.library.tracks(0, 10)["items"]}
        operations = home.operations()
        (music / "album").rename(music / "renamed")
        (music / "3.ogg").rename(music / "drei.ogg")
        report = await home.ingest.rescan()
        assert (report.added, report.known, report.gone) == (0, 3, 0)
        await home.ingest.idle()
        assert {track["id"] for track in home.library.tracks(0, 10)["items"]} == before
        assert home.operations() == operations
        paths = {source.path for track in before for source in home.library.files(track).sources}
        assert paths == {"renamed/1.flac", "renamed/2.mp3", "drei.ogg"}


async def test_a_retagged_copy_is_one_track_with_two_sources(tmp_path: Path, music: Path) -> None:
    shutil.copy(music / "album" / "1.flac", music / "copy.flac")
    retag(music / "copy.flac", "One (remastered)")
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        assert len(home.titles()) == 3
        [track] = [t for t in home.library.tracks(0, 10)["items"] if t["title"].startswith("One")]
        files = home.library.files(track["id"])
        assert {source.path for source in files.sources} == {"album/1.flac", "copy.flac"}
        assert len(files.originals) == 2


async def test_a_copy_with_other_tags_that_is_only_touched_changes_nothing_that_is_shown(
    tmp_path: Path, music: Path
) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        shutil.copy(music / "album" / "1.flac", music / "copy.flac")
        retag(music / "copy.flac", "One (remastered)")
        await home.ingest.add([music])
        operations = home.operations()
        os.chmod(music / "copy.flac", 0o640)
        assert (await home.ingest.rescan()).added == 1, "its fingerprint differs, so it is read and sealed again"
        await home.ingest.idle()
        assert "One" in home.titles()
        assert home.operations() == operations
        retag(music / "copy.flac", "One (2024)")
        os.chmod(music / "copy.flac", 0o644)
        await home.ingest.rescan()
        os.chmod(music / "copy.flac", 0o640)
        await home.ingest.rescan()
        await home.ingest.idle()
        assert "One (2024)" in home.titles(), "whoever edits tags sees them, in whichever copy"


async def test_a_retagged_file_is_taken_in_again_and_stays_the_same_track(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        [track] = [t["id"] for t in home.library.tracks(0, 10)["items"] if t["title"] == "One"]
        retag(music / "album" / "1.flac", "Uno")
        report = await home.ingest.rescan()
        assert report.added == 1
        await home.ingest.idle()
        assert home.library.files(track).title == "Uno"
        assert await home.play(track) == (music / "album" / "1.flac").read_bytes()


async def test_a_deleted_file_leaves_the_track_and_says_what_is_left(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home", renditions=True) as home:
        await home.ingest.add([music])
        await home.ingest.idle()
        operations = home.operations()
        (music / "3.ogg").unlink()
        report = await home.ingest.rescan()
        assert report.gone == 1
        [track] = [t for t in home.library.tracks(0, 10)["items"] if t["title"] == "Three"]
        assert track["state"]["source"] == "missing"
        assert "small rendition" in track["state"]["note"]
        assert home.operations() == operations
        assert await home.play(track["id"])


@pytest.mark.parametrize("how", ["unmounted", "emptied", "absent"])
async def test_a_folder_that_is_away_and_comes_back_writes_nothing(tmp_path: Path, music: Path, how: str) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        operations = home.operations()
        elsewhere = tmp_path / "elsewhere"
        if how == "emptied":
            elsewhere.mkdir()
            for path in [*music.iterdir()]:
                path.rename(elsewhere / path.name)
        else:
            music.rename(elsewhere)
            if how == "unmounted":
                music.mkdir()
        for _ in range(2):
            report = await home.ingest.rescan()
            assert report.away == [str(music)]
        assert [level for level, _ in home.told] == ["warning"]
        assert len(home.titles()) == 3
        for track in home.library.tracks(0, 10)["items"]:
            assert track["state"]["source"] == "away"
            assert not home.index.sources.with_root(home.library.files(track["id"]).originals[0].rendition.blob.root)
        if how == "emptied":
            for path in [*elsewhere.iterdir()]:
                path.rename(music / path.name)
        else:
            if how == "unmounted":
                music.rmdir()
            elsewhere.rename(music)
        report = await home.ingest.rescan()
        await home.ingest.idle()
        assert report.away == []
        assert home.told[1][0] == "info"
        assert home.operations() == operations
        for track in home.library.tracks(0, 10)["items"]:
            assert track["state"]["source"] == "present"
            assert await home.play(track["id"])


async def test_a_folder_restored_from_a_backup_writes_nothing_either(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        operations = home.operations()
        shutil.copytree(music, tmp_path / "backup")
        shutil.rmtree(music)
        await home.ingest.rescan()
        shutil.copytree(tmp_path / "backup", music)
        await home.ingest.rescan()
        await home.ingest.idle()
        assert len(home.titles()) == 3
        assert home.operations() == operations
        assert home.index.sources.to_seal().files == 0


async def test_a_hidden_track_stays_hidden_however_often_it_is_scanned(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        [track] = [t["id"] for t in home.library.tracks(0, 10)["items"] if t["title"] == "Two"]
        home.library.hide(track)
        os.utime(music / "album" / "2.mp3", ns=(1, 1))
        shutil.copy(music / "album" / "2.mp3", music / "again.mp3")
        await home.ingest.add([music])
        assert sorted(home.titles()) == ["One", "Three"]

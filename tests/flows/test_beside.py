"""Pictures laid beside music that is known already, and songs of which only the name is here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from node.errors import UnavailableError
from node.flows.listing import NOT_DOWNLOADED
from tests.flows.home import Home, open_home, until, watching
from tests.music import make_picture, make_track


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "music" / "album"
    folder.mkdir(parents=True)
    for number in (1, 2):
        make_track(folder / f"{number}.flac", seconds=0.3, seed=number, title=f"Song {number}", album="One")
    own = make_picture(80, seed=9)
    make_track(folder / "3.flac", seconds=0.3, seed=3, title="Song 3", album="Another", cover=own)
    return folder


def covers(home: Home) -> dict[str, str | None]:
    return {track["title"]: track["cover"] for track in home.library.tracks(0, 9)["items"]}


async def test_a_cover_laid_beside_unchanged_songs_is_theirs_when_the_folder_is_looked_through(
    tmp_path: Path, album: Path
) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([album.parent])
        before = covers(home)
        assert before["Song 1"] is None
        (album / "Cover.JPG").write_bytes(make_picture(120, seed=1))
        report = await home.ingest.rescan()
        await home.ingest.idle()
        assert (report.added, report.known, report.failed) == (0, 3, [])
        first = covers(home)
        assert first["Song 1"] == first["Song 2"]
        assert first["Song 1"] is not None
        assert first["Song 3"] == before["Song 3"], "its own picture stands"
        assert home.index.covers.place(first["Song 1"]).ref, "it was sealed"
        (album / "Cover.JPG").write_bytes(make_picture(121, seed=2))
        await home.ingest.rescan()
        await home.ingest.idle()
        assert covers(home)["Song 1"] not in (None, first["Song 1"]), "another picture of the same name"
        operations = home.operations()
        await home.ingest.rescan(again=True)
        await home.ingest.idle()
        assert home.operations() == operations, "nothing is said twice"


async def test_a_cover_laid_beside_songs_is_seen_at_once_in_a_watched_folder(tmp_path: Path, album: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([album.parent])
        async with watching(home):
            (album / "folder.png").write_bytes(make_picture(120, seed=1))
            await until(lambda: covers(home)["Song 1"] is not None)


async def test_a_picture_that_is_none_does_not_have_the_songs_sealed_again(tmp_path: Path, album: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([album.parent])
        operations = home.operations()
        home.ingest.sealing.pause()
        (album / "cover.jpg").write_bytes(b"not a picture")
        await home.ingest.rescan()
        assert home.index.sources.to_seal().files == 0
        assert home.operations() == operations


async def test_a_song_that_is_only_in_the_cloud_is_listed_and_not_opened(tmp_path: Path, album: Path) -> None:
    stand_in = album / ".4 Far away.mp3.icloud"
    stand_in.write_bytes(b"plist")
    async with open_home(tmp_path / "home") as home:
        report = await home.ingest.add([album.parent])
        assert (report.added, report.failed) == (4, [])
        assert [(Path(each.path).name, each.reason) for each in report.noted] == [("4 Far away.mp3", NOT_DOWNLOADED)]
        assert home.index.sources.failed(9) == []
        far = next(track for track in home.library.tracks(0, 9)["items"] if track["title"] == "4 Far away")
        assert (far["state"]["playable"], far["state"]["source"]) == (False, "cloud")
        assert "only in the cloud" in far["state"]["note"]
        [folder] = await home.folders.list()
        assert (folder.tracks, folder.note) == (4, "1 of its files went in, but are only in the cloud")
        with pytest.raises(UnavailableError, match="only in the cloud"):
            await home.play(far["id"])
        assert (await home.ingest.rescan(again=True)).noted == []

        stand_in.unlink()
        make_track(album / "4 Far away.mp3", seconds=0.3, seed=4, title="Here now")
        await home.ingest.rescan()
        await home.ingest.idle()
        assert covers(home).keys() == {"Song 1", "Song 2", "Song 3", "Here now"}
        assert await home.play(far["id"]) == (album / "4 Far away.mp3").read_bytes(), "the name it had goes on to play"


async def test_a_song_that_goes_back_to_the_cloud_keeps_its_tags_and_is_no_holding_any_more(
    tmp_path: Path, album: Path
) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([album.parent])
        before = home.titles()
        operations = home.operations()
        data = (album / "1.flac").read_bytes()
        os.rename(album / "1.flac", album / ".1.flac.icloud")
        await home.ingest.rescan()
        await home.ingest.idle()
        assert home.titles() == before
        [song] = [track for track in home.library.tracks(0, 9)["items"] if track["title"] == "Song 1"]
        assert song["state"]["source"] == "cloud"
        [original] = home.library.files(song["id"]).originals
        assert home.index.sources.with_root(original.rendition.blob.root) == []
        (album / ".1.flac.icloud").unlink()
        (album / "1.flac").write_bytes(data)
        await home.ingest.rescan()
        await home.ingest.idle()
        assert await home.play(song["id"]) == data
        assert home.operations() == operations, "to other devices nothing has happened"


async def test_a_song_that_goes_back_to_the_cloud_before_it_was_sealed_keeps_its_tags_too(
    tmp_path: Path, album: Path
) -> None:
    async with open_home(tmp_path / "home") as home:
        home.ingest.sealing.pause()
        await home.ingest.add([album.parent], until="listed")
        os.rename(album / "1.flac", album / ".1.flac.icloud")
        await home.ingest.rescan()
        assert sorted(home.titles()) == ["Song 1", "Song 2", "Song 3"]

"""Music folders: added, moved, removed, and watched."""

# ruff: noqa: ASYNC240 - tests may wait for the disk

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from node.doors.watch import WatchUnavailableError
from node.errors import NotFoundError, UnsureError, UserError
from node.flows.folders import Folders
from tests.flows.home import Home, open_home, retag, until, watching
from tests.music import make_track
from tests.needs import require, require_root


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "album").mkdir(parents=True)
    make_track(folder / "album" / "1.flac", seed=1, title="One")
    make_track(folder / "2.ogg", seed=2, title="Two")
    return folder


async def test_an_added_folder_is_shown_at_once_and_its_music_follows(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        view = await home.folders.add(music)
        assert (view.path, view.state) == (str(music), "present")
        await until(lambda: len(home.titles()) == 2)
        [view] = await home.folders.list()
        assert (view.tracks, view.note) == (2, "")
        with pytest.raises(UserError):
            await home.folders.add(tmp_path / "nowhere")


async def test_a_whole_home_is_not_asked_about_again_once_it_is_a_music_folder(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(music))
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music / "2.ogg"])
        with pytest.raises(UnsureError):
            await home.folders.add(music)
        await home.folders.add(music, sure=True)
        await home.folders.add(music)


async def test_a_folder_with_bad_files_says_so(tmp_path: Path, music: Path) -> None:
    (music / "bad.mp3").write_bytes(b"")
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        [view] = await home.folders.list()
        assert view.note.startswith("1 ")


async def test_removing_a_folder_touches_no_file_and_says_what_is_left(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        track = home.library.resolve(home.library.tracks(0, 1)["items"][0]["id"])
        await home.ingest.make_mobile(track)
        [folder] = await home.folders.list()
        report = await home.folders.remove(folder.id)
        assert (report.tracks_kept, report.tracks_without_copy) == (1, 1)
        assert len([*music.rglob("*.*")]) == 2
        assert await home.folders.list() == []
        with pytest.raises(NotFoundError):
            await home.folders.remove(folder.id)


@pytest.mark.parametrize("how", ["renamed", "copied to another disk"])
async def test_a_moved_folder_is_the_same_folder_and_nothing_is_sealed_again(
    tmp_path: Path, music: Path, how: str
) -> None:
    new = tmp_path / "new place"
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        before = {track["id"] for track in home.library.tracks(0, 9)["items"]}
        operations = home.operations()
        if how == "renamed":
            music.rename(new)
        else:
            shutil.copytree(music, new)
            shutil.rmtree(music)
        home.ingest.sealing.pause()
        report = await home.folders.move(music, new)
        assert (report.added, report.known, report.gone) == (0, 2, 0)
        assert home.index.sources.to_seal().files == 0
        assert {track["id"] for track in home.library.tracks(0, 9)["items"]} == before
        assert home.operations() == operations
        for track in before:
            assert await home.play(track)
        with pytest.raises(NotFoundError):
            await home.folders.move(music, new)
        with pytest.raises(UserError):
            await home.folders.move(new, tmp_path / "nowhere")


async def test_watching_a_folder_lists_the_neighbours_of_single_files_inside_it(tmp_path: Path, music: Path) -> None:
    inner = music / "inner"
    inner.mkdir()
    for number in (7, 8):
        make_track(inner / f"{number}.wav", seed=number, title=f"Number {number}")
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([inner / "7.wav"])
        assert [(view.path, view.whole) for view in await home.folders.list()] == [(str(inner), False)]
        await home.folders.add(music)
        assert {view.whole for view in await home.folders.list()} == {True}
        await until(lambda: {"Number 7", "Number 8"} <= set(home.titles()))
        await home.folders.close()


async def test_a_song_copied_in_appears_by_itself(tmp_path: Path, music: Path) -> None:
    elsewhere = make_track(tmp_path / "3.wav", seed=3, title="Three")
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        async with watching(home):
            shutil.copy(elsewhere, music / "3.wav")
            await until(lambda: "Three" in home.titles(), timeout_s=60)
            (music / "new album").mkdir()
            make_track(music / "new album" / "4.flac", seed=4, title="Four")
            await until(lambda: "Four" in home.titles(), timeout_s=60)
            retag(music / "album" / "1.flac", "Uno")
            await until(lambda: "Uno" in home.titles(), timeout_s=60)
            operations = home.operations()
            (music / "album").rename(music / "renamed")
            await until(lambda: _paths(home) >= {"renamed/1.flac"}, timeout_s=60)
            (music / "2.ogg").unlink()
            await until(lambda: "missing" in _states(home), timeout_s=60)
            assert home.operations() - operations <= 1


def _paths(home: Home) -> set[str]:
    return {s.path for track in home.library.tracks(0, 99)["items"] for s in home.library.files(track["id"]).sources}


def _states(home: Home) -> set[str]:
    return {track["state"]["source"] for track in home.library.tracks(0, 99)["items"]}


async def test_a_disk_that_is_pulled_out_and_put_back_is_noticed(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        operations = home.operations()
        async with watching(home):
            music.rename(tmp_path / "elsewhere")
            await until(lambda: _states(home) == {"away"})
            (tmp_path / "elsewhere").rename(music)
            await until(lambda: _states(home) == {"present"})
            make_track(music / "3.wav", seed=3, title="Three")
            await until(lambda: "Three" in home.titles())
        assert [level for level, _ in home.told] == ["warning", "info"]
        await home.ingest.idle()
        assert home.operations() - operations <= 1  # of the new song


async def no_changes_told(_paths: Sequence[str], _stop: asyncio.Event) -> AsyncGenerator[set[str], None]:
    raise WatchUnavailableError("the limit of watches is reached")
    yield set()


async def test_where_the_system_tells_of_no_changes_folders_are_looked_at_now_and_then(
    tmp_path: Path, music: Path
) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        home.folders = Folders(home.library, home.ingest, changes=no_changes_told, poll_s=0.1)
        async with watching(home):
            make_track(music / "3.wav", seed=3, title="Three")
            await until(lambda: "Three" in home.titles())


async def test_what_came_while_nobody_was_told_is_found(
    tmp_path: Path, music: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "node.doors.watch")
    elsewhere = make_track(tmp_path / "3.wav", seed=3, title="Three")
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        async with watching(home):
            [pid] = re.findall(r"watcher_started pid=(\d+)", caplog.text)
            os.kill(int(pid), signal.SIGKILL)
            shutil.copy(elsewhere, music / "3.wav")  # before this process can see that
            await until(lambda: "Three" in home.titles())


async def test_a_folder_added_while_watching_is_watched_too(tmp_path: Path, music: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    make_track(second / "5.wav", seed=5, title="Five")
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        async with watching(home):
            await home.folders.add(second)
            await until(lambda: "Five" in home.titles())
            make_track(second / "6.wav", seed=6, title="Six")
            await until(lambda: "Six" in home.titles())


async def test_a_real_mount_that_goes_and_comes_writes_nothing(tmp_path: Path) -> None:
    require_root()
    mount = tmp_path / "mnt"
    mount.mkdir()
    image = tmp_path / "disk.img"
    image.write_bytes(b"")
    os.truncate(image, 20_000_000)
    for command in (f"mkfs.ext4 -q {image}", f"mount -o loop {image} {mount}"):
        made = await asyncio.create_subprocess_shell(command, stderr=asyncio.subprocess.PIPE)
        _, errors = await made.communicate()
        require(f"ext4 on a loop device ({errors.decode().strip()})", made.returncode == 0)
    try:
        make_track(mount / "1.flac", seed=1, title="One")
        async with open_home(tmp_path / "home") as home:
            await home.ingest.add([mount])
            operations = home.operations()
            async with watching(home):
                assert await (await asyncio.create_subprocess_shell(f"umount -l {mount}")).wait() == 0
                await until(lambda: _states(home) == {"away"})
                assert await (await asyncio.create_subprocess_shell(f"mount -o loop {image} {mount}")).wait() == 0
                await until(lambda: _states(home) == {"present"})
            await home.ingest.idle()
            assert home.operations() == operations
    finally:
        await (await asyncio.create_subprocess_shell(f"umount -l {mount}")).wait()

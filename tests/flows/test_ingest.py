"""Taking music in: all of it, once, and going on after whatever happened."""

# ruff: noqa: ASYNC240 - tests may wait for the disk

from __future__ import annotations

import asyncio
import random
import shutil
import wave
from pathlib import Path

import pytest

from node.doors.tags import is_music_name
from node.flows.background import IngestSettings
from node.flows.jobs import Job
from tests.flows.home import open_home, tree, until
from tests.music import make_track, odd_files


async def test_tracks_are_listed_and_play_before_they_are_sealed(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        home.ingest.sealing.pause()
        report = await home.ingest.add([music], until="listed")
        assert (report.added, report.known, report.failed) == (3, 0, [])
        assert sorted(home.titles()) == ["One", "Three", "Two"]
        for track in home.library.tracks(0, 10)["items"]:
            files = home.library.files(track["id"])
            assert not files.originals
            assert await home.play(track["id"]) == Path(files.sources[0].full_path).read_bytes()


async def test_the_names_that_tracks_had_before_they_were_sealed_go_on_to_play(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        home.ingest.sealing.pause()
        await home.ingest.add([music], until="listed")
        before = {track["id"]: track["title"] for track in home.library.tracks(0, 10)["items"]}
        home.ingest.sealing.resume()
        await home.ingest.idle()
        after = {track["id"] for track in home.library.tracks(0, 10)["items"]}
        assert len(after) == 3
        assert not after & before.keys()
        for track, title in before.items():
            assert home.library.files(track).title == title
            assert home.library.files(track).originals


async def test_adding_seals_everything_and_keeps_no_second_copy(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        job = Job("add")
        report = await home.ingest.add([music], job=job)
        assert (report.added, report.known, report.failed) == (3, 0, [])
        assert (job.phase, job.files_done, job.files_total) == ("sealing", 3, 3)
        assert job.bytes_done == job.bytes_total == sum(path.stat().st_size for path in music.rglob("*.*"))
        assert home.index.sources.to_seal().files == 0
        assert [*home.store.stored()] == []


async def test_with_keep_sealed_the_sealed_bytes_are_kept_too(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await home.ingest.add([music])
        stored = [*home.store.stored()]
        assert len(stored) == 3
        assert all(blob.kept for blob in stored)
        shutil.rmtree(music)
        for track in home.library.tracks(0, 10)["items"]:
            assert await home.play(track["id"])


async def test_asking_later_to_keep_sealed_keeps_what_was_sealed_before(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        (music / "3.ogg").unlink()
        await home.ingest.rescan()
        home.ingest.apply(IngestSettings(keep_sealed=True, renditions="off"))
        await until(lambda: home.index.blobs.totals()["pinned_blobs"] == 2)
        assert sum(blob.kept for blob in home.store.stored()) == 2
        assert (await home.verify.run(False)).ok


async def test_work_in_processes_comes_to_the_same_as_in_threads(tmp_path: Path, music: Path) -> None:
    roots = []
    for processes in (0, 2):
        async with open_home(tmp_path / f"home{processes}", keep_sealed=True, processes=processes) as home:
            await home.ingest.add([music])
            roots.append({blob.root for blob in home.store.stored()})
    assert len(roots[0]) == 3
    assert roots[0] == roots[1]


async def test_adding_again_does_nothing_and_writes_nothing(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        before = home.operations()
        report = await home.ingest.add([music])
        assert (report.added, report.known, report.failed) == (0, 3, [])
        assert home.operations() == before


async def test_what_was_left_to_do_is_done_at_the_next_start(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        home.ingest.sealing.pause()
        await home.ingest.add([music], until="listed")
    async with open_home(tmp_path / "home", renditions=True) as home:
        await home.ingest.idle()
        for track in home.library.tracks(0, 10)["items"]:
            assert home.library.files(track["id"]).originals
            assert home.library.files(track["id"]).mobile


@pytest.mark.parametrize("processes", [0, 2])
async def test_more_files_than_are_read_at_once_all_go_in(tmp_path: Path, music: Path, processes: int) -> None:
    data = (music / "3.ogg").read_bytes()
    for number in range(300):
        (music / f"copy {number}.ogg").write_bytes(data)
    async with open_home(tmp_path / "home", processes=processes) as home:
        report = await home.ingest.add([music])
        assert (report.added, report.failed) == (303, [])
        assert len(home.titles()) == 3
        assert len(home.index.sources.known(1)) == 303


async def test_every_bad_file_is_told_with_its_path_and_the_rest_goes_on(tmp_path: Path, music: Path) -> None:
    (music / "picture.mp3").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    (music / "empty.flac").write_bytes(b"")
    (music / "nowhere.mp3").symlink_to(music / "gone")
    (music / "notes.txt").write_text("not music")
    async with open_home(tmp_path / "home") as home:
        report = await home.ingest.add([music])
        assert report.added == 3
        reasons = {Path(failure.path).name: failure.reason for failure in report.failed}
        assert reasons.keys() == {"picture.mp3", "empty.flac", "nowhere.mp3"}
        assert "PNG" in reasons["picture.mp3"]
        assert "empty" in reasons["empty.flac"]
        again = await home.ingest.add([music])
        assert {Path(failure.path).name for failure in again.failed} == reasons.keys()
        assert (again.added, again.known) == (0, 3)


async def test_status_counts_what_went_in_and_what_did_not_as_add_does(tmp_path: Path) -> None:
    odd_files(tmp_path / "odd")
    shutil.copyfile(make_track(tmp_path / "odd" / "again.flac", seed=9, title="Again"), tmp_path / "odd" / "copy.flac")
    async with open_home(tmp_path / "home") as home:
        report = await home.ingest.add([tmp_path / "odd"])
        assert report.failed
        [view] = await home.folders.list()
        assert (view.files, view.failed) == (report.added, len(report.failed))
        assert view.tracks == len(home.titles()) < view.files
        assert f"{view.failed} of its files did not go in" in view.note
        (tmp_path / "odd" / "gone.mp3").unlink()  # a link to nowhere, which was never a file to the index
        (tmp_path / "odd" / "empty.mp3").unlink()
        await home.ingest.rescan()
        [less] = await home.folders.list()
        again = await home.ingest.add([tmp_path / "odd"])
        assert (less.files, less.failed) == (view.files, view.failed - 2) == (again.known, len(again.failed))


async def test_a_file_that_turns_out_unfit_for_sealing_is_counted_once(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        home.ingest.sealing.pause()
        adding = asyncio.create_task(home.ingest.add([music]))
        await until(lambda: len(home.titles()) == 3)
        [song] = [source for source in home.index.sources.page(1, 0, 9) if source.path == "3.ogg"]
        home.index.sources.set_error(song.id, "it can't be sealed")
        home.ingest.sealing.resume()
        report = await adding
        assert (report.added, [each.path for each in report.failed]) == (2, [str(music / "3.ogg")])
        [view] = await home.folders.list()
        assert (view.tracks, view.files, view.failed) == (2, 2, 1)


async def test_a_file_that_can_be_listed_but_not_sealed_is_told(tmp_path: Path, music: Path) -> None:
    song = music / "header only.flac"
    data = (music / "album" / "1.flac").read_bytes()
    song.write_bytes(data[: data.index(b"\xff\xf8", 4) if b"\xff\xf8" in data else 8_000][:8_000])
    async with open_home(tmp_path / "home") as home:
        report = await home.ingest.add([music])
        assert len(home.titles()) + len(report.failed) >= 4
        assert home.index.sources.to_seal().files == 0


async def test_what_is_asked_for_is_sealed_first(tmp_path: Path, music: Path) -> None:
    for number in range(20):
        make_track(music / f"more {number:02}.wav", seconds=0.2, seed=100 + number, title=f"More {number:02}")
    async with open_home(tmp_path / "home") as home:
        home.ingest.sealing.pause()
        await home.ingest.add([music], until="listed")
        [track] = [t["id"] for t in home.library.tracks(0, 50)["items"] if t["title"] == "More 19"]
        home.ingest.ask_for(track)
        await until(lambda: home.index.sources.next_to_seal(1)[0].track_id == track)
        home.ingest.sealing.resume()
        await home.ingest.idle()
        assert len(home.titles()) == 23


async def test_a_mobile_rendition_is_made_on_demand_even_while_they_are_paused(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    make_track(folder / "old.wma", title="Old")
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([folder])
        async with await home.streams.open(home.only_track(), "auto") as audio:
            assert audio.kind == "mobile"
            assert audio.mime == "audio/webm; codecs=opus"
        assert home.library.files(home.only_track()).mobile


async def test_pausing_stops_a_rendition_in_the_middle_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    with wave.open(str(folder / "long.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        for _ in range(60):  # half an hour
            file.writeframes(random.Random(1).randbytes(30 * 16_000))
    async with open_home(tmp_path / "home", renditions=True, processes=2) as home:

        def begun() -> list[Path]:
            return [*(tmp_path / "home" / "blobs").rglob("*.webm")]

        await home.ingest.add([folder])
        await until(lambda: begun() != [], timeout_s=60)
        home.ingest.apply(IngestSettings(renditions="paused"))
        await until(lambda: not home.ingest.rendering.under_way and begun() == [], timeout_s=60)
        assert not home.library.files(home.only_track()).mobile, "it was not stopped but finished"
        home.ingest.apply(IngestSettings(renditions="on"))
        await until(lambda: begun() != [], timeout_s=60)


async def test_a_cover_is_sealed_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    picture = bytes.fromhex("89504e470d0a1a0a") + bytes(range(256)) * 8
    for number in range(5):
        make_track(folder / f"{number}.flac", seconds=0.2, seed=number, title=str(number), cover=picture)
    (folder / "beside").mkdir()
    (folder / "beside" / "cover.jpg").write_bytes(bytes.fromhex("ffd8ffe0") + bytes(2000))
    make_track(folder / "beside" / "6.ogg", seconds=0.2, seed=6, title="6")
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([folder])
        stored = [*home.store.stored()]
        assert len(stored) == 2
        assert all(blob.kept for blob in stored)
        shutil.rmtree(folder)
        covers = {track["cover"] for track in home.library.tracks(0, 10)["items"]}
        pictures = set()
        for cover in covers:
            ref = home.index.covers.place(str(cover)).ref
            assert ref is not None
            pictures.add(await home.streams.blob(ref))
        assert pictures == {picture, bytes.fromhex("ffd8ffe0") + bytes(2000)}


async def test_of_a_folder_of_odd_files_each_bad_one_is_told_and_every_good_one_goes_in(tmp_path: Path) -> None:
    odd = [each for each in odd_files(tmp_path / "odd") if not each.path.is_dir()]
    bad = {str(each.path) for each in odd if each.outcome in ("refused", "damaged")}
    async with open_home(tmp_path / "home") as home:
        report = await home.ingest.add([tmp_path / "odd"])
        failed = [failure.path for failure in report.failed]
        assert len(failed) == len(set(failed))
        assert bad <= set(failed)
        for each in odd:
            if each.outcome == "fine":
                assert str(each.path) not in failed
        noted = {failure.path for failure in report.noted}
        assert {str(each.path) for each in odd if each.outcome == "cut"} <= noted | set(failed)
        assert home.index.sources.to_seal().files == 0
        exported = await home.export.run(None, tmp_path / "out")
        assert exported.failed == []
        good = {path: sha for path, (sha, _) in tree(tmp_path / "odd").items() if is_music_name(path)}
        whole = {sha for path, sha in good.items() if str(tmp_path / "odd" / path) not in failed}
        out = {sha for sha, _ in tree(tmp_path / "out").values()}
        assert {path for path, sha in good.items() if sha in whole - out} == set()
        assert out == whole

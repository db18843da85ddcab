"""Proving that all is whole, and mending what is not."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from node.crypto.blob import Purpose
from node.doors.blobs import BlobStore
from node.doors.sources import fingerprint_of
from node.errors import DamagedError
from node.flows.seal import seal_bytes
from node.ids import BlobRoot
from tests.flows.home import Home, open_home, retag, until
from tests.flows.test_seal import CONVERGENCE
from tests.music import make_picture, make_track

ROOTS = ("original", "mobile", "cover")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    make_track(folder / "1.flac", seconds=5, seed=1, title="One", cover=make_picture())
    make_track(folder / "2.ogg", seconds=5, seed=2, title="Two")
    return folder


def damage(store: BlobStore, root: BlobRoot, how: str) -> None:
    path = store.path_of(root)
    assert path is not None
    data = bytearray(path.read_bytes())
    match how:
        case "flip":
            data[len(data) // 2] ^= 8
            path.write_bytes(data)
        case "flip the last bit":
            data[-1] ^= 1
            path.write_bytes(data)
        case "cut":
            path.write_bytes(data[:-1])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()


def roots(home: Home) -> dict[str, BlobRoot]:
    [track] = [t for t in home.library.tracks(0, 9)["items"] if t["title"] == "One"]
    files = home.library.files(track["id"])
    cover = home.index.covers.place(str(files.cover)).ref
    assert files.mobile is not None
    assert cover is not None
    return {
        "original": files.originals[0].rendition.blob.root,
        "mobile": files.mobile.rendition.blob.root,
        "cover": cover.root,
    }


async def test_what_is_whole_is_found_whole(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True, renditions=True) as home:
        await home.ingest.add([music])
        await home.ingest.idle()
        report = await home.verify.run(False)
        assert report.ok
        assert (report.blobs, report.sources_checked, report.damaged) == (5, 2, 0)
        assert report.bytes == sum(blob.size_bytes for blob in home.store.stored())
        verified = home.index.blobs.get(roots(home)["original"])
        assert verified is not None
        assert verified.verified_ms is not None


@pytest.mark.parametrize("how", ["flip", "flip the last bit", "cut", "empty", "gone"])
@pytest.mark.parametrize("which", ROOTS)
async def test_damage_is_found_and_repaired_while_the_source_is_there(
    tmp_path: Path, music: Path, which: str, how: str
) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True, renditions=True) as home:
        await home.ingest.add([music])
        await home.ingest.idle()
        damage(home.store, roots(home)[which], how)
        found = await home.verify.run(False)
        assert not found.ok
        assert (found.damaged, found.repaired) == (1, 0)
        mended = await home.verify.run(True)
        assert mended.ok
        assert (mended.damaged, mended.repaired, mended.lost) == (1, 1, 0)
        after = await home.verify.run(False)
        assert after.ok
        assert (after.damaged, after.blobs) == (0, 5)
        for title in home.titles():
            [track] = [t["id"] for t in home.library.tracks(0, 9)["items"] if t["title"] == title]
            assert await home.play(track, "mobile")


async def test_damage_that_cannot_be_repaired_is_told_and_nothing_is_thrown_away(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await home.ingest.add([music])
        [track] = [t["id"] for t in home.library.tracks(0, 9)["items"] if t["title"] == "One"]
        root = home.library.files(track).originals[0].rendition.blob.root
        (music / "1.flac").unlink()
        await home.ingest.rescan()
        damage(home.store, root, "flip")
        report = await home.verify.run(True)
        assert not report.ok
        assert (report.damaged, report.repaired, report.lost) == (1, 0, 1)
        assert [failure.path for failure in report.failed] == ["One"]
        assert home.store.keeps(root)


async def test_a_kept_blob_that_nobody_names_goes_to_the_cache_and_not_away(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        orphan = seal_bytes(bytes(50_000), purpose=Purpose.ORIGINAL, convergence=CONVERGENCE, store=home.store)
        assert orphan.draft is not None
        home.store.publish([orphan.draft], keep=True)
        assert (await home.verify.run(False)).orphans == 0  # its song may be about to be recorded
        path = home.store.path_of(orphan.ref.root)
        assert path is not None
        os.utime(path, (1, 1))
        report = await home.verify.run(False)
        assert report.ok
        assert report.orphans == 1
        assert home.store.has(orphan.ref.root)
        assert not home.store.keeps(orphan.ref.root)
        assert (await home.verify.run(False)).orphans == 0


async def test_a_source_whose_bytes_changed_under_the_same_date_is_told(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        song = music / "1.flac"
        facts = song.stat()
        data = bytearray(song.read_bytes())
        data[-100] ^= 1
        song.write_bytes(data)
        os.utime(song, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        [track] = [t["id"] for t in home.library.tracks(0, 9)["items"] if t["title"] == "One"]
        [source] = home.library.files(track).sources
        # a failing disk changes no change time either
        home.library.record_scan(source.folder_id, renamed=[(source.id, source.path, fingerprint_of(song))])
        report = await home.verify.run(True)
        assert not report.ok
        assert report.sources_damaged == 1
        assert [failure.path for failure in report.failed] == [str(song)]
        assert home.index.sources.to_seal().files == 0
        assert home.index.sources.with_root(home.library.files(track).originals[0].rendition.blob.root) == []


async def test_a_source_that_its_owner_changed_is_taken_in_again(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        retag(music / "1.flac", "Uno")
        report = await home.verify.run(True)
        assert report.ok
        assert report.sources_changed == 1
        await until(lambda: "Uno" in home.titles())


async def test_a_blob_that_left_the_cache_is_no_damage(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        [track] = [t["id"] for t in home.library.tracks(0, 9)["items"] if t["title"] == "One"]
        blob = home.library.files(track).originals[0].rendition.blob
        home.holdings.ensure_sealed(blob)
        assert home.store.has(blob.root)
        assert not home.store.keeps(blob.root)
        shutil.rmtree(home.store.directory / "cache")
        assert (await home.verify.run(False)).ok
        known = home.index.blobs.get(blob.root)
        assert known is not None
        assert known.stored == "none"


async def test_a_blob_found_damaged_while_it_plays_is_mended(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home", renditions=True) as home:
        loop = asyncio.get_running_loop()
        home.holdings.on_damaged = lambda root: loop.call_soon_threadsafe(home.verify.mend, root)
        await home.ingest.add([music])
        await home.ingest.idle()
        [track] = [t["id"] for t in home.library.tracks(0, 9)["items"] if t["title"] == "One"]
        before = await home.play(track, "mobile")
        root = roots(home)["mobile"]
        damage(home.store, root, "flip")
        with pytest.raises(DamagedError):
            await home.play(track, "mobile")

        def mended() -> bool:
            known = home.index.blobs.get(roots(home)["mobile"])
            return known is not None and not known.damaged

        await until(mended)
        assert await home.play(track, "mobile") == before

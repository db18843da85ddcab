"""Giving music back: bit for bit, with names and times, and nobody's file overwritten."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.catalog.model import BlobRef
from node.crypto.blob import PLAIN
from node.doors.index import Source
from node.errors import NotFoundError, UserError
from node.flows.export import Export
from node.flows.file_names import safe_path
from node.flows.reading import Reading, Threads, Way
from node.flows.stream import Streams
from tests.flows.home import open_home, retag, tree
from tests.music import make_track


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "Ärger" / "日本").mkdir(parents=True)
    for number, name in enumerate(("Ärger/1.flac", "Ärger/日本/2.mp3", "a: b? *.ogg", "x" * 240 + ".wav")):
        path = make_track(folder / name, seconds=0.5, seed=number, title=f"Title {number}")
        os.utime(path, ns=(1_000_000_000, 1_234_567_890_123_456_789 + number))
    odd = make_track(folder / "odd.m4a", seconds=0.5, seed=9, title="Odd")
    os.rename(odd, os.fsencode(folder) + b"/caf\xe9.m4a")
    return folder


@pytest.mark.parametrize("place", ["source", "store", "not sealed yet"])
async def test_everything_comes_back_bit_for_bit_with_names_and_times(tmp_path: Path, music: Path, place: str) -> None:
    before = tree(music)
    assert len(before) == 5
    async with open_home(tmp_path / "home", keep_sealed=place == "store") as home:
        if place == "not sealed yet":
            home.ingest.sealing.pause()
            await home.ingest.add([music], until="listed")
        else:
            await home.ingest.add([music])
        if place == "store":
            shutil.rmtree(music)
        report = await home.export.run(None, tmp_path / "out")
        assert (report.written, report.already_there, report.renamed, report.failed) == (5, 0, [], [])
        assert tree(tmp_path / "out") == before


async def test_one_track_can_be_exported_alone(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        [track] = [t["id"] for t in home.library.tracks(0, 9)["items"] if t["title"] == "Title 0"]
        report = await home.export.run([track], tmp_path / "out")
        assert report.written == 1
        assert tree(tmp_path / "out").keys() == {"Ärger/1.flac"}
        with pytest.raises(NotFoundError):
            await home.export.run(["a" * 26], tmp_path / "out")  # type: ignore[list-item]


class Zeros:
    """A place that gives the right number of wrong bytes, as only a mistake of ours could."""

    device = 0

    def plain(self, first: int, count: int) -> bytes:
        return bytes(count * PLAIN)

    def close(self) -> None:
        pass


class Mistaken(Streams):
    def reading(self, blob: BlobRef, sources: Sequence[Source]) -> Reading:
        return Reading(blob.size_bytes, ways=[Way("store", Zeros)], threads=Threads(), blob=blob)


async def test_what_is_not_the_song_is_not_written_whoever_gave_it(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        report = await Export(home.library, Mistaken(home.library, home.store)).run(None, tmp_path / "out")
        assert report.written == 0
        assert len(report.failed) == 5
        assert tree(tmp_path / "out") == {}


async def test_exporting_again_writes_nothing_and_overwrites_nothing(tmp_path: Path, music: Path) -> None:
    out = tmp_path / "out"
    (out / "Ärger").mkdir(parents=True)
    (out / "Ärger" / "1.flac").write_bytes(b"mine")
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        report = await home.export.run(None, out)
        assert report.written == 5
        assert report.renamed == [("Ärger/1.flac", "Ärger/1 (2).flac")]
        assert (out / "Ärger" / "1.flac").read_bytes() == b"mine"
        once = tree(out)
        again = await home.export.run(None, out)
        assert (again.written, again.already_there, again.renamed) == (0, 5, [])
        assert tree(out) == once


async def test_copies_under_several_names_all_come_back(tmp_path: Path, music: Path) -> None:
    shutil.copy2(music / "Ärger" / "1.flac", music / "copy of 1.flac")
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        await home.export.run(None, tmp_path / "out")
        assert tree(tmp_path / "out") == tree(music)


@pytest.mark.parametrize("keep_sealed", [False, True])
async def test_a_retagged_file_comes_back_as_it_is_now(tmp_path: Path, music: Path, keep_sealed: bool) -> None:
    async with open_home(tmp_path / "home", keep_sealed=keep_sealed) as home:
        await home.ingest.add([music])
        retag(music / "Ärger" / "1.flac", "Another")
        await home.ingest.rescan()
        await home.ingest.idle()
        report = await home.export.run(None, tmp_path / "out")
        assert (report.written, report.renamed, report.failed) == (5, [], [])
        assert tree(tmp_path / "out") == tree(music)


async def test_a_song_of_which_nothing_is_left_is_told_and_the_rest_is_written(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        (music / "Ärger" / "1.flac").unlink()
        report = await home.export.run(None, tmp_path / "out")
        assert report.written == 4
        assert [failure.path for failure in report.failed] == ["Ärger/1.flac"]
        assert not any(path.name.startswith(".songkeep") for path in (tmp_path / "out").rglob("*"))


async def test_exporting_into_a_music_folder_is_refused(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music])
        for into in (music, music / "Ärger" / "out"):
            with pytest.raises(UserError, match="music folders"):
                await home.export.run(None, into)
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(UserError):
            await home.export.run(None, tmp_path / "file")


@given(st.text(), st.booleans())
def test_no_name_from_elsewhere_leads_out_of_the_folder(path: str, strictly: bool) -> None:
    parts = safe_path(path, strictly=strictly)
    assert parts
    for part in parts:
        assert part not in ("", ".", "..")
        assert "/" not in part
        assert "\0" not in part
        if strictly:
            assert len(part.encode()) <= 255
            assert not set(part) & set('<>:"\\|?*')
            assert not part.endswith((" ", "."))


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("../../etc/passwd", ("__", "__", "etc", "passwd")),
        ("/abs/./a.mp3", ("abs", "_", "a.mp3")),
        ("AC: DC/T?N*T.mp3", ("AC_ DC", "T_N_T.mp3")),
        ("con.mp3", ("_con.mp3",)),
        ("caf\udce9.mp3", ("caf_.mp3",)),
        ("ends. /a.mp3", ("ends", "a.mp3")),
        ("日" * 200 + ".flac", ("日" * 83 + ".flac",)),
        ("", ("unnamed",)),
    ],
)
def test_names_that_some_systems_cannot_hold_are_made_safe(path: str, parts: tuple[str, ...]) -> None:
    assert safe_path(path, strictly=True) == parts

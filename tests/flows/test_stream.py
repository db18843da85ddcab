"""Playing: from wherever the song is whole, and never a wrong byte."""

# ruff: noqa: ASYNC240 - tests may wait for the disk

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from pathlib import Path

import pytest

from node.catalog.model import BlobRef
from node.crypto.labels import CHUNK_BYTES
from node.doors.sources import fingerprint_of
from node.errors import DamagedError, NotFoundError, PeerError, UnavailableError
from node.flows.reading import MOST_CHUNKS, MOST_CHUNKS_WHOLE, Reading, Threads, Trouble, Way
from tests.flows.home import Home, open_home, retag, until
from tests.music import make_track


@pytest.fixture
def song(tmp_path: Path) -> Path:
    (tmp_path / "music").mkdir()
    return make_track(tmp_path / "music" / "song.flac", seconds=20, kind="noise", title="Song")


def blob_of(home: Home, track: str) -> BlobRef:
    return home.library.files(track).originals[0].rendition.blob


def flip(path: Path, at: int) -> None:
    """One bit, and the date as it was."""
    facts = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        [byte] = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.mark.parametrize("place", ["source", "store"])
async def test_any_range_of_a_song_is_served_exactly(tmp_path: Path, song: Path, place: str) -> None:
    whole = song.read_bytes()
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await home.ingest.add([song.parent])
        if place == "store":
            song.unlink()
        track = home.only_track()
        assert await home.play(track) == whole
        size = len(whole)
        for start, stop in ((0, 1), (0, 0), (16_367, 16_369), (65_000, 300_000), (size - 1, size), (5, size - 5)):
            assert await home.play(track, start=start, stop=stop) == whole[start:stop]
        assert await home.play(track, start=size, stop=size + 10) == b""


async def test_what_is_said_of_a_song_is_true(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        home.ingest.sealing.pause()
        await home.ingest.add([song.parent], until="listed")
        async with await home.streams.open(home.only_track()) as audio:
            unsealed = audio.etag
            assert (audio.size_bytes, audio.file_name, audio.kind) == (song.stat().st_size, "song.flac", "original")
        home.ingest.sealing.resume()
        await home.ingest.idle()
        async with await home.streams.open(home.only_track()) as audio:
            assert audio.etag != unsealed
            assert (audio.size_bytes, audio.file_name, audio.kind) == (song.stat().st_size, "song.flac", "original")
            assert audio.mime == "audio/flac"
            assert audio.mtime_ms == song.stat().st_mtime_ns // 1_000_000


async def test_a_track_that_nobody_knows_is_not_found(tmp_path: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        with pytest.raises(NotFoundError):
            await home.streams.open("a" * 26)


async def test_a_song_whose_file_is_gone_says_what_is_left(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        await home.ingest.make_mobile(home.library.resolve(home.only_track()))
        song.unlink()
        make_track(song.parent / "other.wav", title="Other")
        await home.ingest.rescan()
        [track] = [t["id"] for t in home.library.tracks(0, 9)["items"] if t["title"] == "Song"]
        with pytest.raises(UnavailableError, match="mobile rendition is left"):
            await home.streams.open(track, "original")
        async with await home.streams.open(track) as audio:
            assert audio.kind == "mobile"


async def test_a_song_of_an_absent_folder_says_so(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        song.parent.rename(tmp_path / "elsewhere")
        await home.ingest.rescan()
        with pytest.raises(UnavailableError, match="away"):
            await home.streams.open(home.only_track(), "original")


async def test_a_file_retagged_while_it_plays_gives_no_byte_of_the_new_one(tmp_path: Path, song: Path) -> None:
    before = song.read_bytes()
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        audio = await home.streams.open(home.only_track())
        got = b""
        async with audio, contextlib.aclosing(audio.read(0, audio.size_bytes)) as parts:
            got += await anext(parts)
            song.write_bytes(bytes(len(before)))
            with pytest.raises(UnavailableError):  # noqa: PT012 - what came before the error counts
                async for part in parts:
                    got += part
        assert 0 < len(got) < len(before)
        assert before.startswith(got)


async def test_a_file_retagged_while_it_plays_goes_on_from_the_sealed_copy(tmp_path: Path, song: Path) -> None:
    before = song.read_bytes()
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await home.ingest.add([song.parent])
        audio = await home.streams.open(home.only_track())
        async with audio, contextlib.aclosing(audio.read(0, audio.size_bytes)) as parts:
            got = await anext(parts)
            retag(song, "A title so long that all the sound moves " * 1000)
            async for part in parts:
                got += part
        assert got == before
        await until(lambda: home.titles()[0].startswith("A title so long"))


async def test_a_file_changed_under_a_song_that_is_not_sealed_yet_stops_it(tmp_path: Path, song: Path) -> None:
    before = song.read_bytes()
    async with open_home(tmp_path / "home") as home:
        home.ingest.sealing.pause()
        await home.ingest.add([song.parent], until="listed")
        audio = await home.streams.open(home.only_track())
        got = b""
        async with audio, contextlib.aclosing(audio.read(0, audio.size_bytes)) as parts:
            got += await anext(parts)
            song.write_bytes(bytes(len(before)))
            with pytest.raises(UnavailableError):  # noqa: PT012 - what came before the error counts
                async for part in parts:
                    got += part
        assert before.startswith(got)


@pytest.mark.parametrize("at", [0, 100_000, 400_000])
async def test_one_flipped_bit_in_the_store_is_an_error_before_it_is_noise(tmp_path: Path, song: Path, at: int) -> None:
    before = song.read_bytes()
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await home.ingest.add([song.parent])
        track = home.only_track()
        blob = blob_of(home, track)
        song.unlink()
        path = home.store.path_of(blob.root)
        assert path is not None
        flip(path, at)
        audio = await home.streams.open(track)
        got = b""
        async with audio, contextlib.aclosing(audio.read(0, audio.size_bytes)) as parts:
            with pytest.raises(DamagedError):  # noqa: PT012
                async for part in parts:
                    got += part
        assert before.startswith(got)
        assert len(got) <= at // CHUNK_BYTES * (CHUNK_BYTES - 16)
        assert home.damaged == [blob.root]
        stored = home.index.blobs.get(blob.root)
        assert stored is not None
        assert stored.damaged


async def test_a_flipped_bit_in_the_source_is_found_and_the_sealed_copy_plays(tmp_path: Path, song: Path) -> None:
    before = song.read_bytes()
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await home.ingest.add([song.parent])
        track = home.only_track()
        flip(song, 200_000)
        # as a failing disk does it: not even the change time tells
        [source] = home.library.files(track).sources
        home.library.record_scan(source.folder_id, renamed=[(source.id, source.path, fingerprint_of(song))])
        assert await home.play(track) == before
        assert home.index.sources.with_root(blob_of(home, track).root) == []
        [spoilt] = home.index.sources.failed(10)
        assert spoilt.full_path == str(song)
        assert "disk" in (spoilt.error or "")
        assert home.index.sources.to_seal().files == 0


class FromAfar:
    """Another device."""

    name = "afar"

    def __init__(self, sealed: bytes, error: Exception | None = None) -> None:
        self.sealed = sealed
        self.error = error
        self.asked = 0

    async def chunks(self, blob: BlobRef, first: int, count: int) -> bytes:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.sealed[first * CHUNK_BYTES : (first + count) * CHUNK_BYTES]


async def test_other_devices_are_asked_in_turn_and_none_of_them_is_believed(tmp_path: Path, song: Path) -> None:
    before = song.read_bytes()
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        await home.ingest.add([song.parent])
        path = home.store.path_of(blob_of(home, home.only_track()).root)
        assert path is not None
        sealed = path.read_bytes()
        shutil.rmtree(home.store.directory)
        shutil.rmtree(song.parent)
    liar = FromAfar(bytes(len(sealed)))
    short = FromAfar(sealed[: len(sealed) // 2])
    rude = FromAfar(sealed, PeerError("no"))
    honest = FromAfar(sealed)
    async with open_home(tmp_path / "home", fetches=(liar, rude, short, honest)) as home:
        assert await home.play(home.only_track(), "original") == before
        assert min(liar.asked, rude.asked, short.asked, honest.asked) > 0
    async with open_home(tmp_path / "home", fetches=(liar, rude)) as home:
        with pytest.raises(DamagedError):
            await home.play(home.only_track(), "original")


async def test_what_is_here_is_played_before_others_are_asked(tmp_path: Path, song: Path) -> None:
    nobody = FromAfar(b"", UnavailableError("nobody is there"))
    async with open_home(tmp_path / "home", fetches=(nobody,)) as home:
        await home.ingest.add([song.parent])
        retag(song, "Another")
        await home.ingest.rescan()
        await home.ingest.idle()
        assert len(home.library.files(home.only_track()).originals) == 2
        assert await home.play(home.only_track()) == song.read_bytes()
        await home.ingest.make_mobile(home.library.resolve(home.only_track()))
        song.unlink()
        async with await home.streams.open(home.only_track()) as audio:
            assert audio.kind == "mobile"
        assert nobody.asked == 0
        with pytest.raises(UnavailableError):
            await home.play(home.only_track(), "original")
        assert nobody.asked > 0


async def test_a_reader_that_leaves_early_lets_go_of_the_file(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        for _ in range(20):
            audio = await home.streams.open(home.only_track())
            async with audio, contextlib.aclosing(audio.read(0, audio.size_bytes)) as parts:
                await anext(parts)
        await until(lambda: not any(_target(fd) == str(song) for fd in os.listdir("/proc/self/fd")))


def _target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


class Slow:
    """A place that gives what it is asked for."""

    device = 0

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.steps: list[int] = []

    def plain(self, first: int, count: int) -> bytes:
        self.steps.append(count)
        return self.data[first * 16_368 : (first + count) * 16_368]

    def close(self) -> None:
        pass


async def test_a_read_begins_small_and_never_runs_far_ahead() -> None:
    place = Slow(bytes(30_000_000))
    troubles: list[Trouble] = []
    threads = Threads()
    reading = Reading(len(place.data), ways=[Way("store", lambda: place)], threads=threads, on_trouble=troubles.append)
    async with contextlib.aclosing(reading.read(10, len(place.data))) as parts:
        assert len(await anext(parts)) == 4 * 16_368 - 10
        await asyncio.sleep(0.05)
        assert len(place.steps) == 2
        assert sum([len(part) async for part in parts]) == len(place.data) - 4 * 16_368
    reading.close()
    threads.close()
    assert max(place.steps) == MOST_CHUNKS
    assert troubles == []


async def test_a_file_that_nobody_listens_to_is_asked_for_in_larger_steps() -> None:
    place = Slow(bytes(range(256)) * 20_000)
    threads = Threads()
    reading = Reading(len(place.data), ways=[Way("store", lambda: place)], threads=threads, on_trouble=lambda _: None)
    whole = reading.read(0, len(place.data), most_chunks=MOST_CHUNKS_WHOLE)
    async with contextlib.aclosing(whole) as parts:
        assert b"".join([part async for part in parts]) == place.data
    reading.close()
    threads.close()
    assert max(place.steps) == MOST_CHUNKS_WHOLE
    assert place.steps[0] < MOST_CHUNKS

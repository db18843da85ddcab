"""Giving sealed bytes away: whatever leaves was compared first."""

# ruff: noqa: ASYNC240 - tests may wait for the disk

from __future__ import annotations

import os
from pathlib import Path

import pytest

from node.catalog.model import BlobRef
from node.crypto import merkle
from node.crypto.labels import PIECE_BYTES
from node.errors import DamagedError, NotFoundError, UnavailableError
from tests.flows.home import Home, open_home, until
from tests.music import make_picture, make_track


@pytest.fixture
def song(tmp_path: Path) -> Path:
    (tmp_path / "music").mkdir()
    return make_track(tmp_path / "music" / "song.wav", seconds=3, kind="noise", title="Song")


def only_blob(home: Home) -> BlobRef:
    return home.library.files(home.only_track()).originals[0].rendition.blob


async def test_pieces_made_again_from_the_source_are_those_of_the_store(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        blob = only_blob(home)
        from_source = home.holdings.pieces(blob, 0, 256)
        assert merkle.root_of_chunks(_chunks(from_source))[0] == blob.root
        assert home.holdings.pieces(blob, 2, 3) == from_source[2 * PIECE_BYTES : 5 * PIECE_BYTES]
        assert home.holdings.pieces(blob, -(-len(from_source) // PIECE_BYTES), 3) == b""
        home.holdings.ensure_sealed(blob)
        song.unlink()
        await home.ingest.rescan()
        assert home.holdings.pieces(blob, 0, 256) == from_source


def _chunks(whole: bytes) -> list[bytes]:
    return [whole[at : at + 16_384] for at in range(0, len(whole), 16_384)]


async def test_a_source_changed_since_it_was_sealed_gives_nothing_and_is_withdrawn(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        blob = only_blob(home)
        make_track(song, seconds=3, kind="noise", seed=5, title="Other")
        with pytest.raises(UnavailableError):
            home.holdings.pieces(blob, 0, 4)
        assert home.index.sources.with_root(blob.root) == []
        with pytest.raises(UnavailableError):
            home.holdings.ensure_sealed(blob)
        assert not home.store.has(blob.root)
        await until(lambda: "Other" in home.titles())


async def only_sealed(home: Home, song: Path) -> tuple[BlobRef, Path]:
    """The song's blob and where it is stored, which is all that is left of the song."""
    await home.ingest.add([song.parent])
    blob = only_blob(home)
    song.unlink()
    await home.ingest.rescan()
    path = home.store.path_of(blob.root)
    assert path is not None
    return blob, path


async def test_a_damaged_store_gives_only_its_whole_pieces(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        blob, path = await only_sealed(home, song)
        data = bytearray(path.read_bytes())
        data[65_536 * 2 + 7] ^= 1
        path.write_bytes(data)
        assert home.holdings.pieces(blob, 0, 2) == data[: 2 * PIECE_BYTES]
        with pytest.raises(DamagedError):
            home.holdings.pieces(blob, 1, 2)
        assert home.damaged == [blob.root]


@pytest.mark.parametrize("kept_bytes", [3 * PIECE_BYTES, 3 * PIECE_BYTES - 1, 0])
async def test_a_stored_blob_that_lost_its_end_gives_nothing_of_what_is_gone(
    tmp_path: Path, song: Path, kept_bytes: int
) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        blob, path = await only_sealed(home, song)
        os.truncate(path, kept_bytes)
        with pytest.raises(DamagedError):
            home.holdings.pieces(blob, 2, 2)
        assert home.damaged == [blob.root]


async def test_a_blob_that_is_not_here_is_not_found(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        blob = only_blob(home)
        stranger = BlobRef(
            root=type(blob.root)(bytes(32)), key=blob.key, commitment=blob.commitment, size_bytes=1, sha256=b""
        )
        with pytest.raises(NotFoundError):
            home.holdings.pieces(stranger, 0, 1)


async def test_the_cache_of_sealed_blobs_stays_within_its_bound(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(4):
        make_track(folder / f"{number}.wav", seconds=2, seed=number, title=str(number))
    async with open_home(tmp_path / "home", cache_bytes=800_000) as home:
        await home.ingest.add([folder])
        for track in home.library.tracks(0, 9)["items"]:
            home.holdings.ensure_sealed(home.library.files(track["id"]).originals[0].rendition.blob)
        assert 0 < sum(blob.size_bytes for blob in home.store.stored()) <= 800_000
        assert home.index.blobs.totals()["cache_blobs"] == len([*home.store.stored()])


async def test_no_run_of_bytes_of_a_source_is_in_anything_that_may_leave(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    cover = make_picture(100, seed=1)
    for kind in ("flac", "mp3", "wav"):
        make_track(folder / f"{kind}.{kind}", seconds=1, seed=4, title="Ein Titel Überall", album="Album", cover=cover)
    async with open_home(tmp_path / "home", keep_sealed=True, renditions=True) as home:
        await home.ingest.add([folder])
        await home.ingest.idle()
        leaving = [path.read_bytes() for path in home.store.directory.rglob("*") if path.is_file()]
        for root, _purpose in home.index.blobs.named(b"", 100):
            ref = home.library.blob_ref(root)
            assert ref is not None
            leaving.append(home.holdings.pieces(ref, 0, 1_000))
        secret = [path.read_bytes() for path in folder.iterdir()] + [cover]
        assert _runs(b"".join(secret)[:1_000] + b"more", [secret[0][500:540]]), "the search finds what is there"
        assert len(leaving) > 6
        assert not _runs(b"".join(secret), leaving)
        assert not any(name.encode(form) in part for part in leaving for name in ("Überall", "Album") for form in FORMS)


FORMS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1")


def _runs(secret: bytes, leaving: list[bytes], length: int = 12) -> bool:
    """Whether any `length` bytes of `secret` stand somewhere in what is `leaving`."""
    known = {secret[at : at + length] for at in range(len(secret) - length)}
    return any(part[at : at + length] in known for part in leaving for at in range(len(part) - length))

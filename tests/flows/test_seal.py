"""Sealing files: the same blob every time, and never one of a file that changed meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto import merkle
from node.crypto.blob import PLAIN, BlobCipher, Purpose, Shape
from node.crypto.labels import PIECE_BYTES
from node.doors.blobs import BlobStore
from node.doors.sources import OpenSource, SourceChangedError
from node.errors import DamagedError
from node.flows.reading import SealedSource, StoredBlob
from node.flows.seal import READ_ONCE_BYTES, Sealing, pieces_from_source, seal_bytes, seal_source

CONVERGENCE = bytes(range(32))


def sealed(path: Path, store: BlobStore | None = None) -> Sealing:
    with OpenSource(path) as source:
        return seal_source(source, purpose=Purpose.ORIGINAL, convergence=CONVERGENCE, store=store)


def song(tmp_path: Path, size_bytes: int, name: str = "a.mp3") -> Path:
    path = tmp_path / name
    path.write_bytes((bytes(range(256)) * (size_bytes // 256 + 1))[:size_bytes])
    return path


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore.open(tmp_path / "blobs")


@pytest.mark.parametrize("size_bytes", [0, 1, 1023, 1024, PLAIN, PLAIN + 1, 4 * PLAIN, 4 * PLAIN + 1, 300_000])
def test_what_is_kept_and_what_is_only_named_are_the_same_blob(
    tmp_path: Path, store: BlobStore, size_bytes: int
) -> None:
    path = song(tmp_path, size_bytes)
    named, kept = sealed(path), sealed(path, store)
    assert named.draft is None
    assert kept.draft is not None
    assert (named.ref, named.layer, named.sealed_bytes) == (kept.ref, kept.layer, kept.sealed_bytes)
    merkle.check_layer(kept.ref.root, kept.layer, kept.sealed_bytes)
    store.publish([kept.draft], keep=True)
    with store.reader(kept.ref.root) as reader:
        assert reader.size_bytes == kept.sealed_bytes == Shape(size_bytes).sealed_bytes
        assert StoredBlob(reader, kept.ref).plain(0, 1000) == path.read_bytes()


def test_a_long_file_is_sealed_in_two_passes_to_the_blob_it_would_be_in_one(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.truncate(READ_ONCE_BYTES + 5)
        file.seek(READ_ONCE_BYTES - 1)
        file.write(b"abc")
    whole = seal_bytes(path.read_bytes(), purpose=Purpose.ORIGINAL, convergence=CONVERGENCE)
    assert sealed(path) == whole


def test_a_long_file_that_changes_between_the_passes_is_thrown_away(tmp_path: Path, store: BlobStore) -> None:
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.truncate(READ_ONCE_BYTES + 5)

    class Retagged(OpenSource):
        """Its owner writes to it while it is sealed, and sets the date back."""

        passes = 0

        def read(self, offset: int, length: int) -> bytes:
            self.passes += offset == 0
            if self.passes == 2 and offset == 0:
                with path.open("r+b") as file:
                    file.write(b"ID3")
            return super().read(offset, length)

        def check(self) -> None:
            """A file system whose times are too coarse to tell."""

    with Retagged(path) as source, pytest.raises(SourceChangedError):
        seal_source(source, purpose=Purpose.ORIGINAL, convergence=CONVERGENCE, store=store)
    assert source.passes == 2
    assert [*(store.directory / "incoming").iterdir()] == []
    assert [*store.stored()] == []


def test_a_short_file_that_changes_while_it_is_read_is_thrown_away(tmp_path: Path, store: BlobStore) -> None:
    path = song(tmp_path, 100_000)

    class Retagged(OpenSource):
        def read(self, offset: int, length: int) -> bytes:
            data = super().read(offset, length)
            os.utime(path, ns=(1, 1))
            return data

    with Retagged(path) as source, pytest.raises(SourceChangedError):
        seal_source(source, purpose=Purpose.ORIGINAL, convergence=CONVERGENCE, store=store)
    assert [*(store.directory / "incoming").iterdir()] == []


def test_every_piece_made_again_from_the_source_is_the_one_that_was_sealed(tmp_path: Path, store: BlobStore) -> None:
    path = song(tmp_path, 300_000)
    sealing = sealed(path, store)
    assert sealing.draft is not None
    whole = sealing.draft.path.read_bytes()
    cipher = BlobCipher(sealing.ref.key, sealing.ref.size_bytes)
    with OpenSource(path) as source:
        for index in range(len(sealing.layer) // 32):
            made = pieces_from_source(source, cipher, sealing.layer, range(index, index + 1))
            assert made == whole[index * PIECE_BYTES : (index + 1) * PIECE_BYTES]


@given(at=st.integers(0, 299_999), bit=st.integers(0, 7))
def test_a_source_with_one_flipped_bit_gives_nothing_of_the_piece_it_is_in(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    tmp_path = tmp_path_factory.mktemp("flip")
    path = song(tmp_path, 300_000)
    sealing = sealed(path)
    wrong = bytearray(path.read_bytes())
    wrong[at] ^= 1 << bit
    path.write_bytes(wrong)
    with OpenSource(path) as opened:
        source = SealedSource(opened, sealing.ref, sealing.layer)
        bad = at // (4 * PLAIN)
        with pytest.raises(SourceChangedError):
            source.plain(bad * 4, 4)
        with pytest.raises(SourceChangedError):
            source.plain(0, 1000)
        other = 0 if bad else 1
        assert source.plain(other * 4, 4) == bytes(wrong[other * 4 * PLAIN : (other + 1) * 4 * PLAIN])


@given(at=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_a_stored_blob_with_one_flipped_bit_gives_nothing_of_the_chunk_it_is_in(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    store = BlobStore.open(tmp_path_factory.mktemp("flip") / "blobs")
    data = bytes(range(256)) * 300
    sealing = seal_bytes(data, purpose=Purpose.ORIGINAL, convergence=CONVERGENCE, store=store)
    assert sealing.draft is not None
    store.publish([sealing.draft], keep=True)
    path = store.path_of(sealing.ref.root)
    assert path is not None
    wrong = bytearray(path.read_bytes())
    at %= len(wrong)
    wrong[at] ^= 1 << bit
    path.write_bytes(wrong)
    bad = at // (PLAIN + 16)
    with store.reader(sealing.ref.root) as reader:
        blob = StoredBlob(reader, sealing.ref)
        with pytest.raises(DamagedError):
            blob.plain(bad, 1)
        good = 0 if bad else 1
        assert blob.plain(good, 1) == data[good * PLAIN : (good + 1) * PLAIN]


@pytest.mark.parametrize("change", ["cut", "grow", "cut a chunk"])
def test_a_stored_blob_of_the_wrong_length_is_refused(store: BlobStore, change: str) -> None:
    sealing = seal_bytes(bytes(100_000), purpose=Purpose.ORIGINAL, convergence=CONVERGENCE, store=store)
    assert sealing.draft is not None
    store.publish([sealing.draft], keep=True)
    path = store.path_of(sealing.ref.root)
    assert path is not None
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-1], "grow": data + b"\0", "cut a chunk": data[: 16384 * 6]}[change])
    with store.reader(sealing.ref.root) as reader, pytest.raises(DamagedError):
        StoredBlob(reader, sealing.ref)

"""The sealed store: whole or not at all, and nothing kept is dropped."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from node.crypto import merkle
from node.crypto.labels import CHUNK_BYTES, PIECE_BYTES
from node.doors.blobs import BlobStore, Drafted
from node.errors import DamagedError, NotFoundError, StorageError
from node.ids import BlobRoot, to_text
from tests.faults import FaultyDisk


def chunks(size_bytes: int, seed: int = 0) -> list[bytes]:
    data = random.Random(seed).randbytes(size_bytes)
    return [data[at : min(at + CHUNK_BYTES, size_bytes)] for at in range(0, size_bytes, CHUNK_BYTES)]


def put(store: BlobStore, size_bytes: int = 100_000, *, seed: int = 0, keep: bool = True) -> BlobRoot:
    draft, _ = drafted(store, size_bytes, seed=seed)
    store.publish([draft], keep=keep)
    return draft.root


def drafted(store: BlobStore, size_bytes: int = 100_000, *, seed: int = 0) -> tuple[Drafted, bytes]:
    with store.draft() as draft:
        for chunk in chunks(size_bytes, seed):
            draft.write(chunk)
        return draft.finish()


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore.open(tmp_path / "blobs")


def test_what_was_put_is_read_back_in_any_range(store: BlobStore) -> None:
    root = put(store, 200_000)
    whole = b"".join(chunks(200_000))
    with store.reader(root) as reader:
        assert reader.size_bytes == 200_000
        assert reader.chunks(0, 100) == whole
        assert reader.chunks(3, 2) == whole[3 * CHUNK_BYTES : 5 * CHUNK_BYTES]
        assert reader.chunks(12, 4) == whole[12 * CHUNK_BYTES :]
        assert reader.chunks(13, 1) == b""


def test_a_blob_lies_two_shards_down_under_its_root(store: BlobStore) -> None:
    root = put(store)
    name = to_text(root)
    assert store.path_of(root) == store.directory / name[:2] / name[2:4] / name


def test_a_draft_that_is_left_unfinished_leaves_nothing(store: BlobStore) -> None:
    with store.draft() as draft:
        draft.write(b"x" * CHUNK_BYTES)
    assert [*(store.directory / "incoming").iterdir()] == []


def test_a_draft_is_no_blob_until_it_is_published(store: BlobStore) -> None:
    draft, _ = drafted(store)
    assert not store.has(draft.root)
    assert [*store.stored()] == []
    store.publish([draft], keep=True)
    assert [blob.root for blob in store.stored()] == [draft.root]


def test_opening_the_store_clears_what_was_half_written(store: BlobStore) -> None:
    root = put(store)
    drafted(store, seed=1)
    (store.directory / "incoming" / "junk").write_bytes(b"x")
    again = BlobStore.open(store.directory)
    assert [*(store.directory / "incoming").iterdir()] == []
    assert again.keeps(root)


def test_an_absent_blob_is_said_to_be_absent(store: BlobStore) -> None:
    with pytest.raises(NotFoundError):
        store.reader(BlobRoot(bytes(32)))
    assert not store.has(BlobRoot(bytes(32)))


def test_files_that_are_no_blobs_are_passed_over(store: BlobStore) -> None:
    root = put(store)
    (store.directory / "no").mkdir()
    (store.directory / "no" / "te").mkdir()
    (store.directory / "no" / "te" / "readme.txt").write_text("hello")
    (store.directory / "readme.txt").write_text("hello")
    assert [blob.root for blob in store.stored()] == [root]


def test_the_cache_drops_the_least_recently_used_first(tmp_path: Path) -> None:
    store = BlobStore.open(tmp_path / "blobs", cache_bytes=250_000)
    roots = [put(store, 100_000, seed=seed, keep=False) for seed in range(3)]
    for age, root in enumerate(roots):
        path = store.path_of(root)
        assert path is not None
        os.utime(path, ns=(age, age))
    with store.reader(roots[0]):
        pass  # used now
    assert store.trim_cache() == [roots[1]]
    assert [store.has(root) for root in roots] == [True, False, True]


def test_a_kept_blob_is_never_dropped(tmp_path: Path) -> None:
    store = BlobStore.open(tmp_path / "blobs", cache_bytes=0)
    root = put(store)
    assert store.trim_cache() == []
    assert not store.drop(root)
    assert store.keeps(root)


def test_a_blob_changes_shelf_without_being_copied(store: BlobStore) -> None:
    root = put(store, keep=False)
    assert not store.keeps(root)
    store.keep(root)
    assert store.keeps(root)
    store.release(root)
    assert not store.keeps(root)
    assert store.has(root)
    assert store.drop(root)
    assert not store.has(root)
    with pytest.raises(NotFoundError):
        store.keep(root)


def test_publishing_a_blob_again_leaves_one(store: BlobStore) -> None:
    root = put(store, keep=False)
    put(store, keep=True)
    assert [(blob.root, blob.kept) for blob in store.stored()] == [(root, True)]


class TestIncoming:
    @pytest.fixture
    def layer_and_root(self) -> tuple[BlobRoot, bytes]:
        return merkle.root_of_chunks(chunks(200_000))

    def pieces(self) -> list[bytes]:
        whole = b"".join(chunks(200_000))
        return [whole[at : at + PIECE_BYTES] for at in range(0, len(whole), PIECE_BYTES)]

    def test_a_blob_arrives_in_any_order(self, store: BlobStore, layer_and_root: tuple[BlobRoot, bytes]) -> None:
        root, layer = layer_and_root
        with store.begin(root, sealed_bytes=200_000, layer=layer, keep=True) as incoming:
            for index in (2, 0, 3):
                incoming.write_piece(index, self.pieces()[index])
            assert incoming.missing() == [1]
            with pytest.raises(DamagedError):
                incoming.commit()
            incoming.write_piece(1, self.pieces()[1])
            incoming.commit()
        with store.reader(root) as reader:
            assert reader.chunks(0, 100) == b"".join(chunks(200_000))

    @pytest.mark.parametrize("flip", [0, 40_000, PIECE_BYTES - 1])
    def test_a_wrong_piece_is_not_written(
        self, store: BlobStore, layer_and_root: tuple[BlobRoot, bytes], flip: int
    ) -> None:
        root, layer = layer_and_root
        with store.begin(root, sealed_bytes=200_000, layer=layer, keep=True) as incoming:
            wrong = bytearray(self.pieces()[1])
            wrong[flip] ^= 1
            with pytest.raises(DamagedError):
                incoming.write_piece(1, bytes(wrong))
            with pytest.raises(DamagedError):
                incoming.write_piece(0, self.pieces()[1])
            with pytest.raises(DamagedError):
                incoming.write_piece(3, self.pieces()[3] + b"\0")
            with pytest.raises(DamagedError):
                incoming.write_piece(4, b"")
            assert incoming.missing() == [0, 1, 2, 3]
        assert not store.has(root)
        assert [*(store.directory / "incoming").iterdir()] == []

    def test_a_layer_that_is_not_the_blobs_is_refused(self, store: BlobStore) -> None:
        root, layer = merkle.root_of_chunks(chunks(200_000))
        for wrong in (layer[:-32], layer + bytes(32), bytes(len(layer)), b""):
            with pytest.raises(DamagedError):
                store.begin(root, sealed_bytes=200_000, layer=wrong, keep=True)
        with pytest.raises(DamagedError):
            store.begin(root, sealed_bytes=400_000, layer=layer, keep=True)

    def test_a_blob_that_would_fill_the_disk_is_refused_at_once(self, tmp_path: Path) -> None:
        store = BlobStore.open(tmp_path / "blobs", spare_bytes=0, disk=FaultyDisk(room_bytes=100_000))
        root, layer = merkle.root_of_chunks(chunks(200_000))
        with pytest.raises(StorageError):
            store.begin(root, sealed_bytes=200_000, layer=layer, keep=True)


class TestFaults:
    def test_a_full_disk_leaves_nothing_half_written(self, tmp_path: Path) -> None:
        disk = FaultyDisk(room_bytes=300_000)
        store = BlobStore.open(tmp_path / "blobs", spare_bytes=0, disk=disk)
        root = put(store, 200_000)
        with pytest.raises(StorageError, match="full"):
            drafted(store, 200_000, seed=1)
        assert [*(store.directory / "incoming").iterdir()] == []
        assert [blob.root for blob in store.stored()] == [root]

    def test_the_last_of_a_disk_is_left_to_others(self, tmp_path: Path) -> None:
        disk = FaultyDisk(room_bytes=1_000_000)
        store = BlobStore.open(tmp_path / "blobs", spare_bytes=700_000, disk=disk)
        put(store, 200_000)
        put(store, 200_000, seed=1)
        with pytest.raises(StorageError, match="almost full"):
            drafted(store, 200_000, seed=2)
        disk.room_bytes = 1 << 30
        put(store, 200_000, seed=2)

    def test_bytes_that_read_back_differently_are_not_relied_on(self, tmp_path: Path) -> None:
        disk = FaultyDisk(flip_at=70_000)
        store = BlobStore.open(tmp_path / "blobs", disk=disk)
        with pytest.raises(DamagedError):
            drafted(store, 200_000)
        assert [*(store.directory / "incoming").iterdir()] == []

    def test_what_was_published_outlasts_a_power_cut(self, tmp_path: Path) -> None:
        disk = FaultyDisk()
        store = BlobStore.open(tmp_path / "blobs", disk=disk)
        roots = [put(store, 100_000, seed=seed, keep=seed % 2 == 0) for seed in range(4)]
        drafts = [drafted(store, 100_000, seed=seed)[0] for seed in (10, 11)]
        store.publish(drafts, keep=True)
        disk.cut_power()
        again = BlobStore.open(store.directory)
        for root, seed in zip([*roots, *(draft.root for draft in drafts)], (0, 1, 2, 3, 10, 11), strict=True):
            with again.reader(root) as reader:
                assert reader.chunks(0, 100) == b"".join(chunks(100_000, seed))

    def test_a_power_cut_at_every_step_leaves_whole_blobs_only(self, tmp_path: Path) -> None:
        for step in range(1, 40):
            disk = FaultyDisk(fail_at_step=step)
            directory = tmp_path / str(step)
            acknowledged = []
            finished = False
            try:
                store = BlobStore.open(directory, disk=disk)
                for seed in range(2):
                    acknowledged.append((put(store, 100_000, seed=seed), seed))
                store.release(acknowledged[0][0])
                finished = True
            except StorageError:
                pass
            disk.cut_power()
            again = BlobStore.open(directory)
            assert [*(directory / "incoming").iterdir()] == []
            for root, seed in acknowledged:
                with again.reader(root) as reader:
                    assert reader.chunks(0, 100) == b"".join(chunks(100_000, seed))
            for blob in again.stored():
                with again.reader(blob.root) as reader:
                    assert merkle.root_of_chunks([reader.chunks(at, 1) for at in range(7)])[0] == blob.root
            if finished:
                return
        pytest.fail("the last step was never reached")


def cut(store: BlobStore, data: bytes, given_bytes: int) -> Drafted:
    """A draft of `data` that is given so many bytes at a time."""
    with store.draft() as draft:
        for start in range(0, len(data), given_bytes):
            draft.write_chunks(data[start : start + given_bytes])
        return draft.finish()[0]


@pytest.mark.parametrize("at", [0, 262_143, 262_144, 999_999])
@pytest.mark.parametrize("given_bytes", [CHUNK_BYTES, 8 * CHUNK_BYTES, 1_000_000])
def test_a_disk_that_keeps_another_bit_is_found_out_wherever_it_is(tmp_path: Path, at: int, given_bytes: int) -> None:
    store = BlobStore.open(tmp_path, disk=FaultyDisk(flip_at=at))
    with pytest.raises(DamagedError, match="gives back other bytes"):
        cut(store, random.Random(8).randbytes(1_000_000), given_bytes)


@pytest.mark.parametrize("given_bytes", [CHUNK_BYTES, 5 * CHUNK_BYTES, 1_000_000])
def test_a_draft_is_the_same_however_it_is_cut(tmp_path: Path, given_bytes: int) -> None:
    data = random.Random(9).randbytes(1_000_000)
    whole = cut(BlobStore.open(tmp_path), data, given_bytes)
    assert whole.path.read_bytes() == data
    assert (
        whole.root == merkle.root_of_chunks(data[at : at + CHUNK_BYTES] for at in range(0, 1_000_000, CHUNK_BYTES))[0]
    )

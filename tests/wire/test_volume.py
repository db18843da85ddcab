"""Volumes: one list, one identifier, and an info dict that another implementation reads the same way."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import libtorrent as lt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto.keys import EpochKeys
from node.crypto.labels import PIECE_BYTES
from node.crypto.merkle import HASH_BYTES
from node.errors import PeerError, SongkeepError
from node.ids import BlobRoot
from node.wire import codec
from node.wire.volume import Volume, VolumeBlob, make_volume, pack_tightly, read_volume

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "volume.json").read_text())


def blob(number: int, sealed_bytes: int) -> VolumeBlob:
    return VolumeBlob(BlobRoot(hashlib.sha256(number.to_bytes(4, "big")).digest()), sealed_bytes)


def volume_of(*sizes: int) -> Volume:
    return make_volume(blob(number, size) for number, size in enumerate(sizes))


volumes = st.lists(st.integers(1_040, 10 * PIECE_BYTES), min_size=1, max_size=20).map(lambda sizes: volume_of(*sizes))


@pytest.mark.parametrize("case", VECTORS["volumes"], ids=lambda case: case["name"])
def test_a_volume_of_the_vectors_has_the_identifier_and_info_hash_they_say(case: dict[str, str]) -> None:
    volume = read_volume(bytes.fromhex(case["packed"]))
    tag = EpochKeys(1, bytes.fromhex(case["epoch_secret"])).volume_tag(volume.id)
    assert volume.id.hex() == case["volume_id"]
    assert tag.hex() == case["tag"]
    assert volume.info(tag).hex() == case["info"]
    assert volume.info_hash(tag).hex() == case["info_hash"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: case["name"])
def test_a_malformed_list_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(PeerError):
        read_volume(bytes.fromhex(case["packed"]))


@given(volumes, st.binary(min_size=32, max_size=32))
def test_libtorrent_reads_the_info_dict_as_we_mean_it(volume: Volume, tag: bytes) -> None:
    params = lt.load_torrent_buffer(volume.torrent(tag, {}))
    assert params.ti.info_hashes().v2.to_bytes() == volume.info_hash(tag)
    assert params.ti.num_pieces() == volume.first_pieces[-1]
    assert params.ti.priv()
    layout = params.ti.layout()
    files = [at for at in range(layout.num_files()) if not layout.file_flags(at) & lt.file_flags_t.flag_pad_file]
    assert [(layout.root(at).to_bytes(), layout.file_size(at)) for at in files] == [
        (each.root, each.sealed_bytes) for each in volume.blobs
    ]
    assert [layout.file_offset(at) // PIECE_BYTES for at in files] == list(volume.first_pieces[:-1])


@given(volumes, st.data())
def test_every_piece_belongs_to_the_blob_that_has_it(volume: Volume, data: st.DataObject) -> None:
    piece = data.draw(st.integers(0, volume.first_pieces[-1] - 1))
    index, place = volume.blob_at(piece)
    assert volume.pieces_of(index)[place] == piece


@given(volumes)
def test_a_list_reads_back_as_it_was_written(volume: Volume) -> None:
    assert read_volume(volume.packed) == volume


@given(st.binary(max_size=300))
def test_noise_is_refused_with_one_of_our_errors(noise: bytes) -> None:
    with pytest.raises(SongkeepError):
        read_volume(noise)


def test_another_epoch_changes_the_info_hash_and_nothing_else() -> None:
    volume = volume_of(70_000, 2_000)
    one, two = EpochKeys(1, b"\1" * 32), EpochKeys(2, b"\2" * 32)
    assert volume.info_hash(one.volume_tag(volume.id)) != volume.info_hash(two.volume_tag(volume.id))
    assert read_volume(volume.packed).id == volume.id


def test_a_blob_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="once"):
        make_volume([blob(1, 2_000), blob(1, 2_000)])
    with pytest.raises(PeerError, match="twice"):
        read_volume(codec.pack([[bytes(blob(1, 2_000).root), 2_000]] * 2))


def test_only_layers_of_the_right_length_go_into_a_torrent() -> None:
    volume = volume_of(200_000)
    root = volume.blobs[0].root
    assert b"12:piece layersd32:" in volume.torrent(bytes(32), {root: bytes(4 * HASH_BYTES)})
    assert b"12:piece layersde" in volume.torrent(bytes(32), {root: bytes(3 * HASH_BYTES)})


@given(st.lists(st.integers(1_040, 3 * PIECE_BYTES), max_size=40), st.integers(1, 8), st.integers(1, 5 * PIECE_BYTES))
def test_packing_keeps_every_blob_once_and_within_bounds(sizes: list[int], most_blobs: int, most_bytes: int) -> None:
    blobs = [blob(number, size) for number, size in enumerate(sizes)]
    packed = pack_tightly(blobs, most_blobs=most_blobs, most_bytes=most_bytes)
    assert [each for volume in packed for each in volume.blobs] == sorted(blobs)
    assert all(len(volume.blobs) <= most_blobs for volume in packed)
    assert all(volume.sealed_bytes <= most_bytes or len(volume.blobs) == 1 for volume in packed)

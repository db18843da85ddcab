"""The blob format: what is sealed opens again, and nothing else does."""

from __future__ import annotations

import hashlib

import libtorrent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto import merkle
from node.crypto.blob import CHUNK, PLAIN, BlobCipher, Purpose, Shape, blob_key, padded_size
from node.errors import DamagedError, RefusedError

CONVERGENCE = bytes(range(32))


def cipher_for(plain: bytes, purpose: Purpose = Purpose.ORIGINAL) -> BlobCipher:
    key = blob_key(CONVERGENCE, purpose, size_bytes=len(plain), sha256=hashlib.sha256(plain).digest())
    return BlobCipher(key, len(plain))


def opened(cipher: BlobCipher, chunks: list[bytes]) -> bytes:
    return b"".join(cipher.open_chunk(index, chunk) for index, chunk in enumerate(chunks))


@pytest.mark.parametrize(
    "size", [0, 1, 1023, 1024, 1025, PLAIN - 1, PLAIN, PLAIN + 1, 4 * PLAIN, 5 * PLAIN + 7, 300_001]
)
def test_what_is_sealed_opens_to_the_same_bytes(size: int) -> None:
    plain = bytes(at * 31 % 251 for at in range(size))
    cipher = cipher_for(plain)
    chunks = list(cipher.seal_all(plain))
    assert opened(cipher, chunks) == plain
    assert sum(map(len, chunks)) == Shape(size).sealed_bytes
    assert all(len(chunk) == CHUNK for chunk in chunks[:-1])
    assert len(chunks) == Shape(size).chunks


@given(size=st.integers(0, 10**12))
def test_padding_costs_at_most_an_eighth_and_never_shrinks(size: int) -> None:
    padded = padded_size(size)
    assert padded >= size
    assert padded <= max(1024, size * 1.12 + 1)
    assert padded_size(padded) == padded


def test_sizes_of_an_album_fall_together() -> None:
    sizes = {padded_size(8_000_000 + 1_000 * step) for step in range(10_000)}
    assert len(sizes) <= 130


@given(size=st.integers(0, 4 * PLAIN), bit=st.integers(0, 10**9))
def test_one_flipped_bit_is_refused(size: int, bit: int) -> None:
    plain = b"\x5a" * size
    cipher = cipher_for(plain)
    chunks = list(cipher.seal_all(plain))
    index = bit % len(chunks)
    broken = bytearray(chunks[index])
    at = bit // len(chunks) % (len(broken) * 8)
    broken[at // 8] ^= 1 << (at % 8)
    with pytest.raises(DamagedError):
        cipher.open_chunk(index, bytes(broken))


def test_a_truncated_blob_is_refused() -> None:
    plain = b"\x01" * (3 * PLAIN)
    cipher = cipher_for(plain)
    chunks = list(cipher.seal_all(plain))
    digest = hashlib.sha256(plain).digest()
    key = blob_key(CONVERGENCE, Purpose.ORIGINAL, size_bytes=len(plain), sha256=digest)
    shorter = BlobCipher(key, len(plain) // 2)
    last = shorter.shape.chunks - 1
    assert last < len(chunks) - 1
    with pytest.raises(DamagedError):
        shorter.open_chunk(last, chunks[last][: shorter.shape.sealed_bytes - last * CHUNK])
    with pytest.raises(DamagedError):
        cipher.open_chunk(len(chunks) - 1, chunks[-1][:-1])


def test_reordered_and_spliced_chunks_are_refused() -> None:
    plain = bytes(4 * PLAIN)
    cipher = cipher_for(plain)
    chunks = list(cipher.seal_all(plain))
    with pytest.raises(DamagedError):
        cipher.open_chunk(1, chunks[0])
    other = cipher_for(plain, Purpose.MOBILE)
    with pytest.raises(DamagedError):
        other.open_chunk(0, chunks[0])


def test_an_extended_blob_is_refused() -> None:
    plain = bytes(PLAIN)
    cipher = cipher_for(plain)
    chunks = list(cipher.seal_all(plain))
    with pytest.raises(DamagedError):
        cipher.open_chunk(len(chunks), chunks[0])


def test_a_key_that_the_catalog_did_not_commit_to_is_refused() -> None:
    with pytest.raises(RefusedError):
        BlobCipher(bytes(32), 5, commitment=bytes(32))


def test_two_libraries_share_no_byte_of_the_same_song() -> None:
    plain = bytes(range(256)) * 300
    digest = hashlib.sha256(plain).digest()
    blobs = []
    for convergence in (bytes(32), b"\1" * 32):
        cipher = BlobCipher(blob_key(convergence, Purpose.ORIGINAL, size_bytes=len(plain), sha256=digest), len(plain))
        blobs.append(list(cipher.seal_all(plain)))
    assert not set(blobs[0]) & set(blobs[1])


@pytest.mark.parametrize("chunks", [1, 2, 3, 4, 5, 8, 9, 16, 17, 33])
def test_every_piece_of_a_blob_is_found_in_its_layer(chunks: int) -> None:
    sealed = [bytes([at]) * CHUNK for at in range(chunks - 1)] + [b"tail"]
    root, layer = merkle.root_of_chunks(sealed)
    whole = b"".join(sealed)
    merkle.check_layer(root, layer, len(whole))
    for piece in range(len(layer) // 32):
        data = whole[piece * 65536 : (piece + 1) * 65536]
        merkle.check_piece(layer, piece, data)
        with pytest.raises(DamagedError):
            merkle.check_piece(layer, piece, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DamagedError):
        merkle.check_layer(root, layer[:-1] + bytes([layer[-1] ^ 1]), len(whole))


@pytest.mark.parametrize("size", [16, 16384, 16385, 65536, 65537, 200_000, 262_144, 1_000_001])
def test_roots_are_those_of_a_bittorrent_v2_torrent(size: int, tmp_path) -> None:  # type: ignore[no-untyped-def]
    data = hashlib.shake_128(b"x").digest(size)
    (tmp_path / "blob").write_bytes(data)
    storage = libtorrent.file_storage()
    storage.add_file("blob", size)
    creator = libtorrent.create_torrent(storage, 65536, libtorrent.create_torrent.v2_only)
    libtorrent.set_piece_hashes(creator, str(tmp_path))
    entry = creator.generate()
    ours, layer = merkle.root_of_chunks(data[at : at + CHUNK] for at in range(0, size, CHUNK))
    leaf = entry[b"info"][b"file tree"][b"blob"][b""]
    assert leaf[b"pieces root"] == ours
    if size > 65536:
        assert entry[b"piece layers"][ours] == layer

"""BEP 52 hashes of a sealed blob: leaves of 16 KiB, pieces of 64 KiB, one root."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from node.crypto.labels import CHUNK_BYTES, PIECE_CHUNKS
from node.errors import DamagedError
from node.ids import BlobRoot

HASH_BYTES = 32
_ZERO_LEAF = bytes(HASH_BYTES)


def leaf_hash(chunk: bytes | memoryview) -> bytes:
    """SHA-256 of one sealed chunk (at most 16,384 bytes), unpadded."""
    return hashlib.sha256(chunk).digest()


def _leaves(chunks: bytes | memoryview) -> list[bytes]:
    """Leaf hashes of chunks that lie one after the other; only the last may be shorter than 16,384 bytes."""
    view = memoryview(chunks)
    return [leaf_hash(view[at : at + CHUNK_BYTES]) for at in range(0, len(view), CHUNK_BYTES)]


def _pair(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(left + right).digest()


def _tree_root(nodes: Sequence[bytes], width: int, padding: bytes) -> bytes:
    """Root over `nodes`, padded to `width` (a power of two) with `padding`."""
    level = [*nodes]
    while width > 1:
        if len(level) % 2:
            level.append(padding)
        level = [_pair(level[at], level[at + 1]) for at in range(0, len(level), 2)]
        padding = _pair(padding, padding)
        width //= 2
    return level[0] if level else padding


def _power_of_two_from(count: int) -> int:
    return 1 << max(count - 1, 0).bit_length()


_ZERO_PIECE = _tree_root([], PIECE_CHUNKS, _ZERO_LEAF)


def piece_hash(leaves: Sequence[bytes]) -> bytes:
    """Hash of one piece from its 1 to 4 leaf hashes, the missing ones zero."""
    return _tree_root(leaves, PIECE_CHUNKS, _ZERO_LEAF)


def root_of_layer(piece_hashes: Sequence[bytes]) -> BlobRoot:
    """Root of a blob of more than one piece, from its piece layer."""
    return BlobRoot(_tree_root(piece_hashes, _power_of_two_from(len(piece_hashes)), _ZERO_PIECE))


class TreeBuilder:
    """Collects a blob's chunks in order and gives its root and piece layer.

    `layer` is the concatenation of all piece hashes (32 bytes a piece). A blob of one piece has that
    piece's hash in it too, although BEP 52 leaves it out of a torrent: so every holding can be checked alike.
    """

    def __init__(self) -> None:
        self._leaves: list[bytes] = []
        self._pieces: list[bytes] = []
        self._chunks = 0

    def add(self, chunks: bytes | memoryview) -> None:
        """The next sealed chunks, one or several; only the blob's last may be shorter than 16,384 bytes."""
        leaves = _leaves(chunks)
        self._chunks += len(leaves)
        self._leaves += leaves
        whole = len(self._leaves) - len(self._leaves) % PIECE_CHUNKS
        self._pieces += [piece_hash(self._leaves[at : at + PIECE_CHUNKS]) for at in range(0, whole, PIECE_CHUNKS)]
        del self._leaves[:whole]

    def finish(self) -> tuple[BlobRoot, bytes]:
        """The blob's root and its layer."""
        if self._chunks == 0:
            raise ValueError("a blob has at least one chunk")
        if self._chunks <= PIECE_CHUNKS and not self._pieces:
            leaves = list(self._leaves)
            root = BlobRoot(_tree_root(leaves, _power_of_two_from(len(leaves)), _ZERO_LEAF))
            return root, root
        if self._leaves:
            self._pieces.append(piece_hash(self._leaves))
            self._leaves.clear()
        if len(self._pieces) == 1:
            return BlobRoot(self._pieces[0]), self._pieces[0]
        return root_of_layer(self._pieces), b"".join(self._pieces)


def root_of_chunks(chunks: Iterable[bytes]) -> tuple[BlobRoot, bytes]:
    """Root and layer of a whole blob given chunk by chunk."""
    tree = TreeBuilder()
    for chunk in chunks:
        tree.add(chunk)
    return tree.finish()


def check_layer(root: BlobRoot, layer: bytes, sealed_bytes: int) -> None:
    """Check that `layer` belongs to `root` for a blob of that sealed size. Raises DamagedError."""
    pieces = [layer[at : at + HASH_BYTES] for at in range(0, len(layer), HASH_BYTES)]
    expected = -(-sealed_bytes // (CHUNK_BYTES * PIECE_CHUNKS))
    if len(layer) != expected * HASH_BYTES or not pieces:
        raise DamagedError("a blob's list of piece hashes has the wrong length")
    made = pieces[0] if len(pieces) == 1 else root_of_layer(pieces)
    if made != root:
        raise DamagedError("a blob's list of piece hashes does not belong to it")


def check_pieces(layer: bytes, pieces: range, data: bytes | memoryview) -> None:
    """Check the bytes of those pieces (of up to 64 KiB each) against the layer. Raises DamagedError."""
    leaves = _leaves(data)
    if len(layer) == HASH_BYTES and 0 < len(leaves) <= PIECE_CHUNKS:
        made = [bytes(_tree_root(leaves, _power_of_two_from(len(leaves)), _ZERO_LEAF))]
    else:
        made = [piece_hash(leaves[at : at + PIECE_CHUNKS]) for at in range(0, len(leaves), PIECE_CHUNKS)]
    if len(made) != len(pieces):
        raise DamagedError(f"{len(made)} pieces came in place of {len(pieces)}")
    for index, piece in zip(pieces, made, strict=True):
        if piece != layer[index * HASH_BYTES : (index + 1) * HASH_BYTES]:
            raise DamagedError(f"piece {index} is not what was sealed")


def check_piece(layer: bytes, index: int, piece: bytes) -> None:
    """Check the bytes of one piece (up to 64 KiB) against the layer. Raises DamagedError."""
    check_pieces(layer, range(index, index + 1), piece)

"""Receipts: proving to others what is held here and locking it, and having others prove it (node/placement/locks.py).

A lock is on the disk before its receipt leaves; what this device is evicting gets none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from node.crypto import merkle
from node.crypto.labels import CHUNK_BYTES, PIECE_CHUNKS
from node.doors.blobs import BlobStore
from node.doors.channel import Answer, Channel
from node.errors import DamagedError, NotFoundError, PeerError, SongkeepError, UnavailableError
from node.flows.holdings import Holdings
from node.flows.root_times import RootTimes
from node.ids import BlobRoot, DeviceId, to_text
from node.library import Library
from node.peers.membership import Membership
from node.placement import Locks, Proven
from node.placement.facts import LOCK_MS
from node.wire.receipt import (
    LEAVES,
    MAX_BLOBS,
    NONCE_BYTES,
    Question,
    check_proof,
    prove,
    read_question,
    read_receipt,
    sign_receipt,
)

log = logging.getLogger(__name__)

SETTING: Final = "locks"
SEALED_FOR_OTHERS: Final = 4
"""Blobs of one question that are made again from their source, so that the answer comes in time."""


class Receipts:
    """This device's word, and others'."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        holdings: Holdings,
        membership: Membership,
        *,
        now_ms: Callable[[], int],
        wall_ms: Callable[[], int],
        room_bytes: Callable[[], int],
        save_clock: Callable[[], None] = lambda: None,
    ) -> None:
        """`now_ms` is the steady clock, `room_bytes` how much of the budget is left."""
        self._library = library
        self._store = store
        self._holdings = holdings
        self._membership = membership
        self._now_ms = now_ms
        self._wall_ms = wall_ms
        self._room_bytes = room_bytes
        self._save_clock = save_clock
        self._times = RootTimes(library, SETTING)
        self.locks = Locks(self._times.load())
        self.given = 0

    @property
    def answers(self) -> Mapping[str, Answer]:
        return {"receipt": self._answer}

    # proving

    async def _answer(self, body: Any) -> bytes:
        question = read_question(body)
        known = await asyncio.to_thread(lambda: [each for each in question.leaves if self._is_known(each)])
        # Locked before it is read: from here on no eviction of it can begin.
        ended = self.locks.ended(self._now_ms())
        locked = self.locks.lock(known, self._now_ms())
        await asyncio.to_thread(self._save, locked, ended)
        proofs = await asyncio.to_thread(self._prove, question, list(locked))
        self.given += len(proofs)
        return sign_receipt(
            self._membership.keys,
            self._membership.library,
            nonce=question.nonce,
            time_ms=self._wall_ms(),
            lock_ms=LOCK_MS,
            proofs=proofs,
        )

    def _is_known(self, root: BlobRoot) -> bool:
        return self._library.index.blobs.get(root) is not None

    def _prove(self, question: Question, roots: Iterable[BlobRoot]) -> dict[BlobRoot, bytes]:
        proofs: dict[BlobRoot, bytes] = {}
        to_seal = SEALED_FOR_OTHERS
        for root in roots:
            try:
                to_seal -= self._keep(root, to_seal > 0)
                leaves = self._leaves(root, question.leaves[root])
            except SongkeepError as error:
                log.info("receipt_not_given blob=%s reason=%s", to_text(root), type(error).__name__)
                continue
            proofs[root] = prove(question.nonce, self._membership.keys.id, root, leaves)
        return proofs

    def _keep(self, root: BlobRoot, may_seal: bool) -> bool:
        """Have the sealed bytes among what is kept; whether they had to be made. Raises UnavailableError."""
        if self._store.keeps(root):
            return False
        known, ref = self._library.index.blobs.get(root), self._library.blob_ref(root)
        if known is None or ref is None:
            raise NotFoundError("this library has no such blob")
        had_it = self._store.has(root)
        if not had_it and (not may_seal or known.sealed_bytes > self._room_bytes()):
            raise UnavailableError("there is no room for its sealed bytes")
        self._holdings.ensure_sealed(ref, keep=True)
        return not had_it

    def _leaves(self, root: BlobRoot, wanted: Sequence[int]) -> list[bytes]:
        """Sealed leaves from the kept part of the store, each checked. Raises NotFoundError, DamagedError."""
        if not self._store.keeps(root):
            raise NotFoundError("its sealed bytes are not kept here")
        layer = self._library.index.blobs.layer(root)
        leaves = []
        with self._store.reader(root) as reader:
            if max(wanted) * CHUNK_BYTES >= reader.size_bytes:
                raise PeerError("a leaf is asked for that the blob doesn't have")
            for leaf in wanted:
                piece, at = divmod(leaf, PIECE_CHUNKS)
                data = reader.chunks(piece * PIECE_CHUNKS, PIECE_CHUNKS)
                try:
                    merkle.check_piece(layer, piece, data)
                except DamagedError:
                    self._library.index.blobs.set_damaged(root)
                    self._holdings.on_damaged(root)
                    raise
                leaves.append(data[at * CHUNK_BYTES : (at + 1) * CHUNK_BYTES])
        return leaves

    # having others prove

    async def gather(self, channel: Channel, holder: DeviceId, roots: Sequence[BlobRoot]) -> tuple[list[Proven], bool]:
        """What `holder` proves of `roots` (at most 64), and whether it gave a proof that is wrong.

        Raises UnavailableError, PeerError, RefusedError.
        """
        leaves = await asyncio.to_thread(lambda: {root: self._draw(root) for root in roots[:MAX_BLOBS]})
        question = Question(self._membership.random(NONCE_BYTES), leaves)
        asked_ms = self._now_ms()
        record = await channel.ask("receipt", question.body())
        receipt = read_receipt(record, self._membership.roster, holder=holder, question=question)
        proven: list[Proven] = []
        lied = False
        for root in receipt.proofs:
            try:
                check_proof(receipt, question, root, await asyncio.to_thread(self._leaves, root, leaves[root]))
            except PeerError:
                lied = True
                continue
            except SongkeepError:
                continue  # this device's own copy is gone or damaged: nothing to compare with
            proven.append(Proven(holder=holder, root=root, asked_ms=asked_ms, lock_ms=receipt.lock_ms))
        log.info("receipts_got holder=%s proved=%d of=%d", to_text(holder)[:8], len(proven), len(leaves))
        return proven, lied

    def _draw(self, root: BlobRoot) -> tuple[int, ...]:
        known = self._library.index.blobs.get(root)
        count = 1 if known is None else -(-known.sealed_bytes // CHUNK_BYTES)
        return tuple(int.from_bytes(self._membership.random(8), "big") % count for _ in range(LEAVES))

    def _save(self, locked: Mapping[BlobRoot, int], ended: Sequence[BlobRoot]) -> None:
        """On the disk before the word is given."""
        with self._library.index.transaction():
            self._times.save({**dict.fromkeys(ended), **locked})
            self._save_clock()

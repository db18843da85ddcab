"""Receipts: a holder's signed word that it has sealed bytes now and keeps them (docs/FORMAT.md, "Receipts")."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from node.crypto import labels
from node.crypto.keys import MemberKeys, verify
from node.errors import PeerError, RefusedError, UnknownFormatError
from node.ids import BlobRoot, DeviceId, LibraryId
from node.wire import codec
from node.wire.roster import Role, Roster

VERSION: Final = 1
NONCE_BYTES: Final = 32
MAX_BLOBS: Final = 64
"""In one question."""
LEAVES: Final = 8
"""Random leaves of each blob that must be shown."""
MAX_LEAF: Final = 1 << 26
MAX_LOCK_MS: Final = 1 << 40
MAX_RECEIPT_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class Question:
    """What a holder is asked to prove: of each blob the named leaves, with a nonce that it can't have known before."""

    nonce: bytes
    leaves: dict[BlobRoot, tuple[int, ...]]

    def body(self) -> dict[str, object]:
        return {"nonce": self.nonce, "blobs": [[root, list(leaves)] for root, leaves in self.leaves.items()]}


def read_question(body: Any) -> Question:
    """A question from outside, with every field bounded. Raises PeerError."""
    fields: dict[Any, Any] = body if isinstance(body, dict) else {}
    nonce = codec.fixed_bytes(fields.get("nonce"), NONCE_BYTES, "a question's nonce")
    blobs = fields.get("blobs")
    if not isinstance(blobs, list) or not 0 < len(blobs) <= MAX_BLOBS:
        raise PeerError(f"a question for receipts names not 1 to {MAX_BLOBS} blobs")
    leaves: dict[BlobRoot, tuple[int, ...]] = {}
    for item in blobs:
        root, asked = codec.array(item, 2, "a question's blob")[:2]
        if not isinstance(asked, list) or not 0 < len(asked) <= LEAVES:
            raise PeerError(f"a question names not 1 to {LEAVES} leaves of a blob")
        numbers = tuple(codec.natural(leaf, MAX_LEAF, "a leaf's number") for leaf in asked)
        leaves[BlobRoot(codec.fixed_bytes(root, 32, "a blob's name"))] = numbers
    return Question(nonce, leaves)


def prove(nonce: bytes, holder: DeviceId, root: BlobRoot, leaves: Iterable[bytes]) -> bytes:
    """32 bytes that only who has those sealed leaves can make; another holder's can't be passed on as one's own."""
    digest = hashlib.sha256(labels.LABEL_SIGN_RECEIPT + b"\0" + nonce + holder + root)
    for leaf in leaves:
        digest.update(leaf)
    return digest.digest()


def sign_receipt(
    keys: MemberKeys,
    library: LibraryId,
    *,
    nonce: bytes,
    time_ms: int,
    lock_ms: int,
    proofs: Mapping[BlobRoot, bytes],
) -> bytes:
    """The holder's word for each blob in `proofs`: it has it at `time_ms`, and keeps it for `lock_ms` from then on."""
    proved = [[root, proof] for root, proof in proofs.items()]
    payload = codec.pack([VERSION, library, keys.id, nonce, time_ms, lock_ms, proved])
    return codec.pack([payload, keys.sign(labels.LABEL_SIGN_RECEIPT, payload)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt whose form and signature are checked; its proofs are not."""

    holder: DeviceId
    time_ms: int
    lock_ms: int
    proofs: dict[BlobRoot, bytes]


def read_receipt(record: bytes, roster: Roster, *, holder: DeviceId, question: Question) -> Receipt:
    """Check that `holder`, an active member, signed this as its answer to `question`.

    Raises PeerError, RefusedError, UnknownFormatError.
    """
    outer = codec.array(codec.unpack(record, max_bytes=MAX_RECEIPT_BYTES), 2, "a receipt")
    payload = codec.bounded_bytes(outer[0], MAX_RECEIPT_BYTES, "a receipt")
    fields = codec.array(codec.unpack(payload, max_bytes=MAX_RECEIPT_BYTES), 7, "a receipt")
    if fields[0] != VERSION:
        raise UnknownFormatError("a receipt is of a version that this program doesn't know")
    if fields[2] != holder or fields[3] != question.nonce:
        raise PeerError("a receipt is not an answer to what was asked")
    verify(holder, labels.LABEL_SIGN_RECEIPT, payload, codec.fixed_bytes(outer[1], 64, "a receipt's signature"))
    if fields[1] != roster.library:
        raise RefusedError("a receipt is for another library")
    if roster.member(holder).role not in (Role.OWNER, Role.PLAYER, Role.SEED):
        raise RefusedError("a receipt is signed by a key that holds nothing")
    return Receipt(
        holder=holder,
        time_ms=codec.natural(fields[4], 1 << 48, "a receipt's time"),
        lock_ms=codec.natural(fields[5], MAX_LOCK_MS, "a receipt's lock"),
        proofs=_proofs(fields[6], question),
    )


def _proofs(value: object, question: Question) -> dict[BlobRoot, bytes]:
    if not isinstance(value, list) or len(value) > MAX_BLOBS:
        raise PeerError("a receipt names too many blobs")
    proofs: dict[BlobRoot, bytes] = {}
    for item in value:
        root, proof = codec.array(item, 2, "a receipt's blob")[:2]
        name = BlobRoot(codec.fixed_bytes(root, 32, "a blob's name"))
        if name not in question.leaves:
            raise PeerError("a receipt names a blob that was not asked for")
        proofs[name] = codec.fixed_bytes(proof, 32, "a proof")
    return proofs


def check_proof(receipt: Receipt, question: Question, root: BlobRoot, leaves: Sequence[bytes]) -> None:
    """Compare the holder's proof with one's own sealed `leaves`. Raises PeerError if it is another or missing."""
    if receipt.proofs.get(root) != prove(question.nonce, receipt.holder, root, leaves):
        raise PeerError("the holder could not prove that it has what it says")

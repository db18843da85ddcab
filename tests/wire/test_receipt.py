"""Receipts and holdings on the wire: what is refused, and why."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import PeerError, RefusedError, UnknownFormatError
from node.ids import BlobRoot
from node.wire import codec
from node.wire.holdings import Holding, list_digest, read_answer
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
from node.wire.roster import read_roster
from tests.flows.people import found, let_in, new_keys

ROOT = BlobRoot(b"r" * 32)
OTHER = BlobRoot(b"o" * 32)
QUESTION = Question(b"n" * NONCE_BYTES, {ROOT: (3, 1)})
HOME, LAPTOP = let_in(found())
ROSTER = read_roster(HOME.roster)
HOLDER = LAPTOP.device


def signed(**changes: Any) -> bytes:
    given: dict[str, Any] = {
        "nonce": QUESTION.nonce, "time_ms": 5, "lock_ms": 9,
        "proofs": {ROOT: prove(QUESTION.nonce, HOLDER.id, ROOT, [b"three", b"one"])},
    }  # fmt: skip
    keys, library = changes.pop("keys", HOLDER), changes.pop("library", ROSTER.library)
    return sign_receipt(keys, library, **(given | changes))


def test_a_receipt_comes_back_as_it_was_signed_and_its_proof_holds_for_those_leaves_alone() -> None:
    receipt = read_receipt(signed(), ROSTER, holder=HOLDER.id, question=QUESTION)
    assert (receipt.holder, receipt.time_ms, receipt.lock_ms) == (HOLDER.id, 5, 9)
    check_proof(receipt, QUESTION, ROOT, [b"three", b"one"])
    for leaves in ([b"one", b"three"], [b"three"], [], [b"three", b"onE"]):
        with pytest.raises(PeerError, match="prove"):
            check_proof(receipt, QUESTION, ROOT, leaves)
    with pytest.raises(PeerError, match="prove"):
        check_proof(receipt, QUESTION, OTHER, [b"three", b"one"])


def test_another_holders_proof_passed_on_proves_nothing() -> None:
    passed_on = signed(proofs={ROOT: prove(QUESTION.nonce, HOME.device.id, ROOT, [b"three", b"one"])})
    receipt = read_receipt(passed_on, ROSTER, holder=HOLDER.id, question=QUESTION)
    with pytest.raises(PeerError, match="prove"):
        check_proof(receipt, QUESTION, ROOT, [b"three", b"one"])


@pytest.mark.parametrize(
    ("record", "error"),
    [
        (lambda: signed(nonce=b"m" * NONCE_BYTES), PeerError),
        (lambda: signed(keys=HOME.device), PeerError),
        (lambda: signed(library=b"l" * 32), RefusedError),
        (lambda: signed(proofs={OTHER: b"p" * 32}), PeerError),
        (lambda: signed(lock_ms=-1), PeerError),
        (lambda: signed()[:-1] + bytes([signed()[-1] ^ 1]), PeerError),
        (lambda: b"", PeerError),
        (lambda: codec.pack([codec.pack([2, *[None] * 6]), b"s" * 64]), UnknownFormatError),
    ],
    ids=["old", "another's", "other library", "not asked", "time", "bit flipped", "empty", "newer version"],
)
def test_a_receipt_that_is_not_the_answer_is_refused(record: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_receipt(record(), ROSTER, holder=HOLDER.id, question=QUESTION)


def test_a_strangers_receipt_is_refused() -> None:
    stranger = new_keys()
    with pytest.raises(RefusedError):
        read_receipt(signed(keys=stranger), ROSTER, holder=stranger.id, question=QUESTION)


@pytest.mark.parametrize(
    "body",
    [
        None, {}, {"nonce": b"n"}, {"nonce": b"n" * 32, "blobs": []}, {"nonce": b"n" * 32, "blobs": [[ROOT, []]]},
        {"nonce": b"n" * 32, "blobs": [[ROOT, [-1]]]}, {"nonce": b"n" * 32, "blobs": [[ROOT, [0] * (LEAVES + 1)]]},
        {"nonce": b"n" * 32, "blobs": [[os.urandom(32), [0]] for _ in range(MAX_BLOBS + 1)]},
        {"nonce": b"n" * 32, "blobs": [[b"short", [0]]]},
    ],
)  # fmt: skip
def test_a_question_out_of_bounds_is_refused(body: Any) -> None:
    with pytest.raises(PeerError):
        read_question(body)


def test_the_longest_question_fits_a_message_of_the_channel() -> None:
    from node.wire.channel import Ask, encode

    longest = Question(b"n" * 32, {BlobRoot(os.urandom(32)): (1 << 26,) * LEAVES for _ in range(MAX_BLOBS)})
    encode(Ask(1 << 31, "receipt", longest.body()))
    assert read_question(codec.unpack(codec.pack(longest.body()), max_bytes=1 << 20)) == longest


@given(listed=st.sets(st.binary(min_size=32, max_size=32), max_size=40), data=st.data(), same=st.booleans())
def test_holdings_come_back_as_they_were_told(listed: set[bytes], data: st.DataObject, same: bool) -> None:
    names = sorted(map(BlobRoot, listed))
    some = st.sets(st.sampled_from(names)) if names else st.just(set())
    told = Holding(budget_bytes=7, used_bytes=3, sealed=data.draw(some), sources=data.draw(some))
    theirs = names if same else names[1:]
    state, heard = read_answer(told.answer(names, list_digest(theirs)), theirs)
    assert heard == told
    assert state == told.state(names)
    assert told.state(names) != Holding(budget_bytes=8, used_bytes=3, sealed=told.sealed, sources=told.sources).state(
        names
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"", codec.pack([]), codec.pack([b"s" * 8, b"d" * 32, None, 0, 0, b"", b""]),
        codec.pack([b"s" * 8, b"d" * 32, ROOT, 0, 0, b"", b"\0"]),
        codec.pack([b"s" * 8, b"d" * 32, ROOT, -1, 0, b"\0", b"\0"]),
    ],
)  # fmt: skip
def test_an_answer_about_holdings_out_of_bounds_is_refused(answer: bytes) -> None:
    with pytest.raises(PeerError):
        read_answer(answer, [ROOT])

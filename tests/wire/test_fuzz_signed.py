"""Whatever a member of ill will signs or seals: it is read, or refused as its fault, and never anything else.

Random bytes end at the signature. Here the insides are twisted first and then signed, so that every field is met.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys
from node.crypto.phrase import recovery_keys
from node.errors import PeerError, RefusedError, UnavailableError, UnknownFormatError
from node.ids import BlobRoot
from node.peers.directory import read_presence
from node.wire import codec, envelope, holdings, offer, receipt, roomevents, seedapi, usage
from node.wire.grants import Grant, check_grant, read_grant, read_granted, sign_grant
from node.wire.heads import open_heads, read_heads, sign_heads
from node.wire.holdlist import ListedVolume, read_hold_list, sign_hold_list
from node.wire.pairing import read_commitments
from node.wire.roster import Roster, add_recovery, read_roster, remove_recovery, revoke, settle
from node.wire.stun import read_answer
from node.wire.volume import VolumeBlob, VolumeId, make_volume, read_volume
from tests.wire.family import keys_of, make_family
from tests.wire.forks import household, joined, put_out
from tests.wire.test_fuzz import mutated, values

FAMILY = make_family()
ONE = {1: FAMILY.epoch}
THEIR_FAULT = (PeerError, RefusedError, UnknownFormatError)
ROOT = BlobRoot(b"\x0b" * 32)
PHRASE = recovery_keys(b"\x0d" * 32)

MAX_PACKED = (1 << 64) - 1
"""The largest number that there is on the wire."""


def unpacked(data: bytes) -> Any:
    return codec.unpack(data, max_bytes=1 << 22)


def places(value: Any) -> list[tuple[Any, ...]]:
    """The way to everything that stands in `value`, itself included."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, list):
        inner = list(enumerate(value))
    elif isinstance(value, dict):
        inner = list(value.items())
    return [(), *((key, *way) for key, each in inner for way in places(each))]


def put(value: Any, way: tuple[Any, ...], change: Callable[[Any], list[Any]]) -> Any:
    """`value` with what stands at the end of `way` replaced by none, one or several others."""
    if not way:
        return next(iter(change(value)), None)
    key, *rest = way
    after = [put(value[key], tuple(rest), change)] if rest else change(value[key])
    if isinstance(value, dict):
        others = {each: kept for each, kept in value.items() if each != key}
        return {**others, key: after[0]} if after else others
    return [*value[:key], *after, *value[key + 1 :]]


@st.composite
def twisted(draw: st.DrawFn, value: Any) -> Any:
    """`value` with something in it replaced, taken out, doubled or bent a little: anywhere, at any depth."""
    kind = draw(st.sampled_from(("other", "other", "other", "bent", "bent", "out", "twice")))

    def change(what: Any) -> list[Any]:
        match kind:
            case "out":
                return []
            case "twice":
                return [what, what]
            case "bent" if isinstance(what, bytes):
                return [draw(mutated(what))]
            case "bent" if isinstance(what, int):
                near = (min(what + 1, MAX_PACKED), max(what - 1, -1))
                return [draw(st.sampled_from((0, -1, *near, 1 << 31, 1 << 53, MAX_PACKED)))]
            case "bent" if isinstance(what, list):
                return [[*what, draw(values)]]
        return [draw(values)]

    # Half of the time near the top: a field's own type is what a reader forgets to look at.
    ways = places(value)
    near = [way for way in ways if len(way) <= 2]
    return put(value, draw(st.sampled_from(near) | st.sampled_from(ways)), change)


@dataclass(frozen=True)
class Signed:
    """Something that a member signs: its payload, and how that is signed and read."""

    payload: Any
    sign: Callable[[Any], bytes]
    read: Callable[[bytes], object]


def by(keys: MemberKeys, label: bytes) -> Callable[[Any], bytes]:
    def sign(payload: Any) -> bytes:
        packed = codec.pack(payload)
        return codec.pack([packed, keys.sign(label, packed)])

    return sign


def entry(roster: Roster, keys: MemberKeys) -> Signed:
    """The last entry of a roster, signed anew in its place."""
    *before, last = roster.entries
    payload = unpacked(unpacked(last)[0])
    return Signed(payload, by(keys, labels.LABEL_SIGN_ROSTER), lambda data: read_roster([*before, data]))


def message(to_room: bool) -> Signed:
    def sign(inner: Any) -> bytes:
        packed = codec.pack(inner)
        library, founder = FAMILY.roster.library, FAMILY.founder
        if to_room:
            header = codec.pack([1, 0, library, 1, founder.id, b"n" * 12])
        else:
            header = codec.pack([1, 1, library, founder.id, FAMILY.player.id])
        plain = codec.pack([packed, founder.sign(labels.LABEL_SIGN_MESSAGE, header + packed)])
        if to_room:
            sealed = envelope._room_cipher(FAMILY.epoch, founder.id).encrypt(b"n" * 12, plain, header)
        else:
            sealed = envelope.seal_to(FAMILY.player.public.receive, labels.LABEL_HPKE_MESSAGE, plain, header)
        return codec.pack([header, sealed])

    body = {
        "name": "x", "role": "node", "roster": 3, "roster_digest": b"d" * 32, "heads": {b"l" * 36: 4},
        "addresses": ["192.0.2.1:1"], "snapshot": [b"r" * 32, 5], "catalog": b"c" * 8, "holdings": b"h" * 8,
        "budget": 5, "held": 6, "asleep": False, "fresh": b"f" * 16, "echo": None, "lane": b"p" * 32,
    }  # fmt: skip

    def read(data: bytes) -> object:
        opened = envelope.open_message(data, FAMILY.player, FAMILY.roster, ONE)
        return read_presence(opened.body)

    return Signed([7, 5, "presence", body], sign, read)


def examples() -> dict[str, Signed]:
    founder, player, seed = FAMILY.founder, FAMILY.player, FAMILY.seed
    second, third = EpochKeys(2, b"\x08" * 32), EpochKeys(3, b"\x0c" * 32)
    with_phrase = add_recovery(FAMILY.roster, founder, PHRASE.public, epochs=[FAMILY.epoch], time_ms=4)
    revoked = revoke(
        FAMILY.roster, founder, [player.id], next_epoch=second, time_ms=5,
        heads={player.id + b"\0\0\0\1": 3}, lists={player.id: 4},
    )  # fmt: skip
    home = household()
    pc, laptop, tablet, phone = (keys_of(number) for number in range(1, 5))
    forked = joined(put_out(home, pc, tablet), put_out(home, laptop, phone))
    settled = settle(forked, pc, next_epoch=EpochKeys(forked.next_epoch, third.secret), time_ms=6)
    snapshot = VolumeBlob(ROOT, 5_000)
    heads = sign_heads(
        founder, FAMILY.epoch, FAMILY.roster.library,
        serial=1, time_ms=5, snapshot=snapshot, body={"heads": {b"l" * 36: 4}}, nonce_12=b"n" * 12,
    )  # fmt: skip
    hold_list = sign_hold_list(
        founder, FAMILY.roster.library,
        serial=1, time_ms=5, epoch=1, volumes=[ListedVolume(VolumeId(b"v" * 32), b"t" * 32)],
    )  # fmt: skip
    grant = Grant(
        tracker=founder.id, library=FAMILY.roster.library, seed=seed.id,
        granted_bytes=5, serial=1, issued_ms=1, expires_ms=9,
    )  # fmt: skip
    holding = holdings.Holding(budget_bytes=5, used_bytes=6, sealed=frozenset([ROOT]), sources=frozenset())
    question = receipt.Question(b"q" * 32, {ROOT: (0, 3)})
    answered = receipt.sign_receipt(
        seed, FAMILY.roster.library, nonce=question.nonce, time_ms=5, lock_ms=9, proofs={ROOT: b"p" * 32}
    )
    used = usage.Usage(
        seed=seed.id, library=FAMILY.roster.library, tracker=founder.id,
        serial=1, kept_bytes=2, used_bytes=3, time_ms=4,
    )  # fmt: skip

    offered = offer.Offer(
        tracker=founder.id, seed=seed.id, url="https://seed.example", capacity_bytes=9, free_bytes=8, time_ms=1,
        expires_ms=9,
    )  # fmt: skip

    def read_and_check_grant(data: bytes) -> object:
        read = read_grant(data)
        check_grant(read, tracker=founder.id, library=FAMILY.roster.library, seed=seed.id, now_ms=5)
        return read_granted(data)

    return {
        "founding": entry(read_roster(FAMILY.roster.entries[:1]), founder),
        "admission": entry(FAMILY.roster, founder),
        "revocation": entry(revoked, founder),
        "recovery key": entry(with_phrase, founder),
        "recovery key's end": entry(
            remove_recovery(with_phrase, FAMILY.recovery, PHRASE.id, next_epoch=second, time_ms=7), FAMILY.recovery
        ),
        "settling": entry(settled, pc),
        "heads": Signed(
            unpacked(unpacked(heads)[0]),
            by(founder, labels.LABEL_SIGN_HEADS),
            lambda data: open_heads(read_heads(data, FAMILY.roster), ONE),
        ),
        "hold list": Signed(
            unpacked(unpacked(hold_list)[0]),
            by(founder, labels.LABEL_SIGN_HOLD_LIST),
            lambda data: read_hold_list(data, FAMILY.roster),
        ),
        "grant": Signed(
            unpacked(unpacked(sign_grant(founder, grant))[0]),
            by(founder, labels.LABEL_SIGN_GRANT),
            read_and_check_grant,
        ),
        "receipt": Signed(
            unpacked(unpacked(answered)[0]),
            by(seed, labels.LABEL_SIGN_RECEIPT),
            lambda data: receipt.read_receipt(data, FAMILY.roster, holder=seed.id, question=question),
        ),
        "usage": Signed(
            unpacked(unpacked(usage.sign_usage(seed, used))[0]), by(seed, labels.LABEL_SIGN_USAGE), usage.read_usage
        ),
        "offer": Signed(
            unpacked(unpacked(offer.sign_offer(seed, offered))[0]),
            by(seed, labels.LABEL_SIGN_OFFER),
            lambda data: offer.check_offer(offer.read_offer(data), tracker=founder.id, now_ms=5),
        ),
        "report of a seed": Signed([b"offer", [b"usage"]], codec.pack, offer.read_report),
        "pool": Signed(
            unpacked(offer.Pool(1, 2, ((seed.id, "https://seed.example"),)).packed()), codec.pack, offer.read_pool
        ),
        "message to the room": message(to_room=True),
        "message to a member": message(to_room=False),
        "question for receipts": Signed(
            question.body(), codec.pack, lambda data: receipt.read_question(unpacked(data))
        ),
        "answer about holdings": Signed(
            unpacked(holding.answer([ROOT], b"")), codec.pack, lambda data: holdings.read_answer(data, [ROOT])
        ),
        "check code": Signed([b"c" * 32] * 6, codec.pack, lambda data: read_commitments(unpacked(data))),
        "volume": Signed(unpacked(make_volume([snapshot]).packed), codec.pack, read_volume),
        "word of a room": Signed(
            ["account", {"plan": "free", "plan_bytes": 5, "songs": 6}], codec.pack, _room_word
        ),
        "message in a room": Signed(["from", 1, b"m" * 32, b"sealed"], codec.pack, _room_word),
        "grant in a room": Signed(["grant", b"m" * 32, b"signed"], codec.pack, _room_word),
        "session at a seed": Signed(
            [FAMILY.roster.library, founder.id, b"n" * 32, b"s" * 64],
            codec.pack,
            lambda data: seedapi.read_session(data, host="seed.example"),
        ),
        "joining a seed": Signed(
            [b"i" * 16, founder.id, b"n" * 32, b"s" * 64, list(FAMILY.roster.entries)],
            codec.pack,
            lambda data: seedapi.read_join(data, host="seed.example"),
        ),
    }  # fmt: skip


def _room_word(data: bytes) -> object:
    fields = codec.array(unpacked(data), 1, "a frame")
    return roomevents.read_event(codec.bounded_text(fields[0], 20, "a word"), fields)


EXAMPLES = examples()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_themselves_are_read(name: str) -> None:
    example = EXAMPLES[name]
    if name in ("session at a seed", "joining a seed"):  # their signatures are by nobody
        with pytest.raises(THEIR_FAULT):
            example.read(example.sign(example.payload))
    else:
        example.read(example.sign(example.payload))


@pytest.mark.parametrize("name", EXAMPLES)
@settings(max_examples=120, deadline=2_000, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_signed_is_read_or_refused_as_the_signers_fault(name: str, data: st.DataObject) -> None:
    example = EXAMPLES[name]
    payload = data.draw(twisted(example.payload))
    if data.draw(st.booleans()):
        payload = data.draw(twisted(payload))
    with contextlib.suppress(*THEIR_FAULT, UnavailableError if name.startswith("message to") else PeerError):
        example.read(example.sign(payload))


@settings(max_examples=300, deadline=1_000)
@given(st.data())
def test_any_stun_answer_is_read_or_refused(data: st.DataObject) -> None:
    good = b"\x01\x01\x00\x0c\x21\x12\xa4\x42" + b"t" * 12 + b"\x00\x20\x00\x08\x00\x01\x11\x2b\xe1\x12\xa6\x43"
    assert read_answer(good, b"t" * 12)[1] == 0x112B ^ 0x2112
    with contextlib.suppress(PeerError):
        read_answer(data.draw(mutated(good) | st.binary(max_size=60)), b"t" * 12)


@settings(max_examples=300, deadline=1_000)
@given(st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9_\-=]{0,90}", fullmatch=True))
def test_any_capability_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(*THEIR_FAULT):
        seedapi.read_capability(b"s" * 32, text, now_ms=5)

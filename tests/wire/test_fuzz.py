"""Every parser of outside bytes: whatever comes is read or refused with one of our errors, never anything else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.crypto.keys import EpochKeys
from node.errors import PeerError, SongkeepError, UserError
from node.peers.directory import read_presence
from node.wire import channel, codec, dhtrecord, pairing, roomframes
from node.wire.dhtrecord import open_record, read_dht_key, sign_dht_key
from node.wire.envelope import open_message
from node.wire.pairrooms import PairRooms
from node.wire.roster import read_roster
from tests.wire.family import make_family

FAMILY = make_family()
ONE = {1: FAMILY.epoch}

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.binary(max_size=70) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.text(max_size=8) | st.integers(0, 9) | st.binary(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)
packed = values.map(codec.pack)


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """`data` with a few bytes changed, cut or put in: nearly right is what finds mistakes."""

    def change(edits: list[tuple[int, int, bytes]]) -> bytes:
        made = bytearray(data)
        for at, cut, put in edits:
            place = at % (len(made) + 1)
            made[place : place + cut] = put
        return bytes(made)

    return st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 4), st.binary(max_size=4)), max_size=4).map(change)


def seal_dht(plain: bytes) -> bytes:
    """A record by a member that says anything at all."""
    padded = (len(plain).to_bytes(2, "big") + plain).ljust(dhtrecord.PADDED_BYTES, b"\0")
    about = dhtrecord._about(FAMILY.epoch, FAMILY.roster.library, FAMILY.founder.id, 1)
    cipher = dhtrecord._cipher(FAMILY.epoch, FAMILY.founder.id)
    return b"\x01" + b"n" * 12 + cipher.encrypt(b"n" * 12, padded, about)


def parsers() -> dict[str, tuple[Callable[[bytes], object], bytes]]:
    """What reads outside bytes, and one good example each."""
    from node.wire.envelope import seal_to_room

    message = seal_to_room(
        FAMILY.founder, FAMILY.epoch, FAMILY.roster.library,
        kind="presence", body={"name": "x"}, counter=1, time_ms=5, nonce_12=b"n" * 12,
    )  # fmt: skip
    old = pairing.Ephemeral(pairing.Side.OLD, b"\x01" * 32, b"\x02" * 32)
    new = pairing.Ephemeral(pairing.Side.NEW, b"\x03" * 32, b"\x04" * 32)
    presence = codec.pack({"name": "x", "role": "node", "roster": 3, "heads": {b"l" * 36: 4}, "addresses": ["a"]})
    joined = codec.pack(["joined", 1, [[2, b"m" * 32]], {"stun": 3478}])
    secured = new.agree(b"c" * 10, old.commit_frame(), old.reveal_frame())
    sealed = old.agree(b"c" * 10, new.commit_frame(), new.reveal_frame()).seal(["typed", []])
    return {
        "roster": (lambda data: read_roster([*FAMILY.roster.entries[:1], data]), FAMILY.roster.entries[1]),
        "first roster entry": (lambda data: read_roster([data]), FAMILY.roster.entries[0]),
        "message": (lambda data: open_message(data, FAMILY.player, FAMILY.roster, ONE), message),
        "presence": (lambda data: read_presence(codec.unpack(data, max_bytes=1 << 16)), presence),
        "room frame": (
            lambda data: roomframes.read_present(codec.array(roomframes.read_frame(data)[1], 3, "a frame")[2]),
            joined,
        ),
        "roster frame": (
            lambda data: roomframes.RosterParts().add(roomframes.read_frame(data)[1]),
            next(roomframes.roster_frames(FAMILY.roster.entries)),
        ),
        "commit": (pairing.read_commit, new.commit_frame()),
        "reveal": (lambda data: old.agree(b"c" * 10, new.commit_frame(), data), new.reveal_frame()),
        "sealed pairing message": (lambda data: secured.open(data, "typed", 2), sealed),
        "record in the DHT": (
            lambda data: open_record(data, FAMILY.epoch, FAMILY.roster.library, FAMILY.founder.id, day=1),
            seal_dht(codec.pack([1, ["192.0.2.1:1"], b"p" * 32, b"h" * 8])),
        ),
        "inside of a record in the DHT": (
            lambda data: open_record(
                seal_dht(data[:700]), FAMILY.epoch, FAMILY.roster.library, FAMILY.founder.id, day=1
            ),
            codec.pack([1, ["192.0.2.1:1", "[2001:db8::1]:2"], b"p" * 32, b"h" * 8]),
        ),
        "key for the DHT": (
            lambda data: read_dht_key(codec.unpack(data, max_bytes=1 << 16), FAMILY.founder.id, FAMILY.roster.library),
            codec.pack(sign_dht_key(FAMILY.founder, FAMILY.roster.library)),
        ),
        "channel": (channel.decode, channel.encode(channel.Ask(1, "catalog", {"a": 1}))),
    }


PARSERS = parsers()
some_bytes = st.binary(max_size=300) | packed


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=150, deadline=1_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_anything_is_read_or_refused(name: str, data: st.DataObject) -> None:
    parse, example = PARSERS[name]
    candidate = data.draw(some_bytes | mutated(example))
    with contextlib.suppress(SongkeepError):
        parse(candidate)


@given(packed)
def test_any_field_of_a_good_message_may_be_anything(value: bytes) -> None:
    """Signed by a member, and yet nonsense: the fields behind the signature are checked too."""
    payload = codec.unpack(codec.unpack(FAMILY.roster.entries[1], max_bytes=1 << 20)[0], max_bytes=1 << 20)
    from node.crypto import labels

    for place in range(len(payload)):
        broken = list(payload)
        broken[place] = codec.unpack(value, max_bytes=1 << 20)
        body = codec.pack(broken)
        entry = codec.pack([body, FAMILY.founder.sign(labels.LABEL_SIGN_ROSTER, body)])
        with contextlib.suppress(SongkeepError):
            read_roster([FAMILY.roster.entries[0], entry])


@given(st.text(max_size=200))
def test_any_typed_code_or_link_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UserError):
        pairing.read_invitation(text)


@given(st.binary(min_size=10, max_size=10), st.none() | st.just("wss://tracker.example:8443/sub"))
def test_a_link_says_what_was_put_in(code: bytes, tracker: str | None) -> None:
    invitation = pairing.Invitation(code, tracker)
    assert pairing.read_invitation(pairing.invitation_link("https://app.example/", invitation)) == invitation
    typed = pairing.code_to_text(code).upper().replace("-", " ")
    assert pairing.read_invitation(typed).code == code


@given(st.text(max_size=60))
def test_any_tracker_address_is_a_host_or_refused(url: str) -> None:
    for candidate in (url, f"ws://{url}", f"wss://{url}"):
        with contextlib.suppress(UserError):
            assert roomframes.host_of(candidate)


steps = st.lists(
    st.tuples(
        st.sampled_from(["open", "wait", "say", "close", "tick"]),
        st.integers(0, 5),
        st.sampled_from(["a" * 52, "b" * 52, "no room"]),
        st.floats(0, 400),
    ),
    max_size=40,
)


@given(steps)
def test_pairing_rooms_never_hold_more_than_two_and_forget_everything(
    sequence: list[tuple[str, int, str, float]],
) -> None:
    rooms, now_s, opened = PairRooms(), 0.0, set[int]()
    for number, (step, which, name, later_s) in enumerate(sequence):
        now_s += later_s
        match step:
            case "open" | "wait":
                rooms.opened(100 + number, name, waits=step == "wait", address="192.0.2.1", now_s=now_s)
                opened.add(100 + number)
            case "say":
                rooms.received(100 + which, b"x")
            case "close":
                rooms.closed(100 + which)
            case "tick":
                rooms.tick(now_s)
        assert len(rooms._sides) <= 2 * len(rooms._rooms) <= 2 * 2
    for number in opened:
        rooms.closed(number)
    rooms.tick(now_s + 10_000)
    assert not rooms._rooms
    assert not rooms._sides
    assert not rooms._tries


def test_a_deep_or_huge_value_is_refused_quickly() -> None:
    for data in (b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff"):
        with pytest.raises(PeerError):
            codec.unpack(data, max_bytes=1 << 20)


def test_an_epoch_that_is_not_known_is_no_crash() -> None:
    with contextlib.suppress(SongkeepError):
        open_message(PARSERS["message"][1], FAMILY.player, FAMILY.roster, {2: EpochKeys(2, b"\x01" * 32)})

"""A room server's rules, without any socket: who gets in, who hears what, and what nobody may cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.crypto.keys import EpochKeys, MemberKeys
from node.ids import LibraryId
from node.wire import codec, roomframes
from node.wire.bucket import Rate
from node.wire.roomeffects import Close, Effect, FindRoster, KeepRoster, Limits, LoadRoster, Send
from node.wire.roomstate import RoomServer
from node.wire.roster import Roster, revoke
from tests.wire.family import Family, keys_of, make_family

HOST = "tracker.example"
NONCE = b"N" * 32


@dataclass
class World:
    """A server, what it keeps, and what each connection was sent."""

    server: RoomServer
    kept: dict[LibraryId, Roster] = field(default_factory=dict)
    sent: dict[int, list[list[object]]] = field(default_factory=lambda: defaultdict(list))
    closed: dict[int, int] = field(default_factory=dict)
    now_s: float = 100.0

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(number, data):
                    self.sent[number].append(codec.unpack(data, max_bytes=1 << 20))
                case Close(number, code, _):
                    self.closed.setdefault(number, code)
                    self.carry_out(self.server.closed(number))
                case LoadRoster(number, library):
                    known = self.kept.get(library)
                    self.carry_out(self.server.loaded(number, known.entries if known else None, now_s=self.now_s))
                case FindRoster(number, member):
                    found = next((each for each in self.kept.values() if member in each.members), None)
                    self.carry_out(self.server.loaded(number, found.entries if found else None, now_s=self.now_s))
                case KeepRoster(library, roster):
                    self.kept[library] = roster

    def open(self, address: str = "192.0.2.1", host: str = HOST) -> int:
        number, effects = self.server.opened(address, host, nonce_32=NONCE, now_s=self.now_s, time_ms=1)
        self.carry_out(effects)
        return number

    def say(self, number: int, *fields: object) -> None:
        self.say_raw(number, codec.pack(list(fields)))

    def say_raw(self, number: int, data: bytes) -> None:
        self.carry_out(self.server.received(number, data, self.now_s))

    def join(
        self, keys: MemberKeys, roster: Roster, room: bytes, *, signed_host: str = HOST, address: str = "192.0.2.1"
    ) -> int:
        number = self.open(address)
        proof = roomframes.join_proof(keys, NONCE, signed_host, roster.library, room)
        about = {"roster": roster.digest}
        self.say(number, "join", roster.library, room, keys.id, len(roster.entries), proof, about)
        if self.words(number)[-1:] == ["more"]:
            for frame in roomframes.roster_frames(roster.entries):
                self.say_raw(number, frame)
        return number

    def words(self, number: int) -> list[object]:
        return [frame[0] for frame in self.sent[number]]

    def last(self, number: int) -> list[object]:
        return self.sent[number][-1]


def world(limits: Limits | None = None) -> World:
    return World(RoomServer(limits, stun_port=3478))


def room_of(family: Family) -> bytes:
    return family.epoch.room_name


def test_the_first_member_brings_the_roster_and_the_next_is_told_who_is_here() -> None:
    family, at = make_family(), world()
    first = at.join(family.founder, family.roster, room_of(family))
    assert at.words(first) == ["challenge", "more", "joined"]
    assert at.kept[family.roster.library].entries == family.roster.entries
    second = at.join(family.player, family.roster, room_of(family))
    assert at.last(second) == ["joined", second, [[first, family.founder.id]], {"stun": 3478}]
    assert at.last(first) == ["came", second, family.player.id]
    at.carry_out(at.server.closed(second))
    assert at.last(first) == ["left", second]


def test_a_message_reaches_all_others_or_the_one_it_names_and_comes_as_it_was_sent() -> None:
    family, at = make_family(), world()
    one, two, three = (
        at.join(keys, family.roster, room_of(family)) for keys in (family.founder, family.player, family.seed)
    )
    at.say(one, "send", 0, b"to all")
    assert at.last(two) == at.last(three) == ["from", one, family.founder.id, b"to all"]
    before = len(at.sent[two])
    at.say(one, "send", three, b"to one")
    assert at.last(three) == ["from", one, family.founder.id, b"to one"]
    assert len(at.sent[two]) == before


def test_a_member_that_knows_less_is_given_the_longer_roster() -> None:
    family, at = make_family(), world()
    at.join(family.founder, family.roster, room_of(family))
    from node.wire.roster import read_roster

    behind = read_roster(family.roster.entries[:2])
    second = at.join(family.player, behind, room_of(family))
    assert at.words(second) == ["challenge", "roster", "joined"]
    assert at.sent[second][1] == ["roster", list(family.roster.entries), 0]


def test_rooms_of_different_libraries_and_epochs_do_not_hear_each_other() -> None:
    family, at = make_family(), world()
    one = at.join(family.founder, family.roster, room_of(family))
    elsewhere = at.join(family.player, family.roster, EpochKeys(2, b"\x08" * 32).room_name)
    before = list(at.sent[elsewhere])
    at.say(one, "send", 0, b"hello")
    at.say(one, "send", elsewhere, b"hello")
    assert at.sent[elsewhere] == before


@pytest.mark.parametrize(
    ("signed_host", "keys", "code"),
    [
        ("other.example", keys_of(1), roomframes.CLOSE_MALFORMED),
        (HOST, keys_of(9), roomframes.CLOSE_NOT_MEMBER),
    ],
    ids=["a proof made for another server", "somebody who is no member"],
)
def test_who_does_not_belong_stays_outside(signed_host: str, keys: MemberKeys, code: int) -> None:
    family, at = make_family(), world()
    inside = at.join(family.player, family.roster, room_of(family))
    before = list(at.sent[inside])
    number = at.join(keys, family.roster, room_of(family), signed_host=signed_host)
    assert at.closed[number] == code
    at.say(number, "send", 0, b"let me in")
    assert at.sent[inside] == before


def test_a_revoked_device_is_put_out_when_the_roster_grows_and_not_let_in_again() -> None:
    family, at = make_family(), world()
    founder = at.join(family.founder, family.roster, room_of(family))
    player = at.join(family.player, family.roster, room_of(family))
    seed = at.join(family.seed, family.roster, room_of(family))
    later = revoke(family.roster, family.founder, [family.player.id], next_epoch=EpochKeys(2, b"\x08" * 32), time_ms=9)
    for frame in roomframes.roster_frames(later.entries):
        at.say_raw(founder, frame)
    assert at.closed == {player: roomframes.CLOSE_REVOKED}
    assert ["roster", list(later.entries), 0] in at.sent[seed]
    again = at.join(family.player, family.roster, room_of(family))
    assert at.closed[again] == roomframes.CLOSE_REVOKED


def test_a_revoked_device_that_brings_a_longer_branch_of_its_own_is_shown_that_it_is_out() -> None:
    family, at = make_family(), world()
    without_it = revoke(
        family.roster, family.recovery, [family.founder.id], next_epoch=EpochKeys(2, b"\x08" * 32), time_ms=9
    )
    at.join(family.recovery, without_it, room_of(family))
    own = revoke(family.roster, family.founder, [family.seed.id], next_epoch=EpochKeys(2, b"\x09" * 32), time_ms=9)
    own = revoke(own, family.founder, [family.player.id], next_epoch=EpochKeys(3, b"\x0a" * 32), time_ms=9)
    number = at.join(family.founder, own, room_of(family))
    assert at.closed[number] == roomframes.CLOSE_REVOKED
    told = next(frame for frame in at.sent[number] if frame[0] == "roster")
    assert set(without_it.entries) <= set(told[1]), "the proof"  # type: ignore[call-overload]
    assert at.kept[family.roster.library].entries == without_it.entries


@pytest.mark.parametrize("kind", ["twisted", "broken", "of another library"])
def test_a_roster_that_is_broken_or_anothers_is_refused(kind: str) -> None:
    family, at = make_family(), world()
    at.join(family.founder, family.roster, room_of(family))
    number = at.join(family.player, family.roster, room_of(family))
    other = revoke(family.roster, family.founder, [family.seed.id], next_epoch=EpochKeys(2, b"\x08" * 32), time_ms=9)
    offered = {
        "twisted": (*family.roster.entries[:2], other.entries[3]),
        "broken": (*family.roster.entries, b"\x92\xc4\x00\xc4\x00"),
        "of another library": make_other().entries,
    }[kind]
    for frame in roomframes.roster_frames(offered):
        at.say_raw(number, frame)
    assert at.closed.get(number)
    assert at.kept[family.roster.library].entries == family.roster.entries


def test_a_shorter_roster_is_answered_with_the_longer_one() -> None:
    family, at = make_family(), world()
    at.join(family.founder, family.roster, room_of(family))
    number = at.join(family.player, family.roster, room_of(family))
    for frame in roomframes.roster_frames(family.roster.entries[:1]):
        at.say_raw(number, frame)
    assert at.last(number) == ["roster", list(family.roster.entries), 0]
    assert not at.closed
    assert at.kept[family.roster.library].entries == family.roster.entries


def test_two_branches_of_a_roster_become_one_on_the_server_and_everywhere() -> None:
    family, at = make_family(), world()
    room = room_of(family)
    second = EpochKeys(2, b"\x08" * 32)
    one = revoke(family.roster, family.founder, [family.seed.id], next_epoch=second, time_ms=9)
    two = revoke(family.roster, family.recovery, [family.player.id], next_epoch=second, time_ms=9)
    founder = at.join(family.founder, one, room)
    phrase = at.join(family.recovery, two, room)
    assert at.last(phrase)[0] == "joined"
    assert ["roster", list(one.entries), 0] in at.sent[phrase], "as long as its own, and another one"
    for frame in roomframes.roster_frames(two.entries):
        at.say_raw(phrase, frame)
    both = at.kept[family.roster.library]
    assert set(both.entries) == {*one.entries, *two.entries}
    for number in (founder, phrase):
        assert ["roster", list(both.entries), 0] in at.sent[number]
    assert not both.members[family.seed.id].active
    assert not both.members[family.player.id].active


def make_other() -> Roster:
    from node.crypto.phrase import recovery_keys
    from node.wire.roster import found_library

    return found_library(
        keys_of(7), recovery_keys(b"\x33" * 32).public, EpochKeys(1, b"\x44" * 32), time_ms=1, random_16=b"\x55" * 16
    )


def test_a_lookup_finds_the_roster_of_a_member_and_nothing_for_a_stranger() -> None:
    family, at = make_family(), world()
    at.join(family.founder, family.roster, room_of(family))
    for keys, expected in ((family.recovery, list(family.roster.entries)), (keys_of(9), [])):
        number = at.open()
        at.say(number, "lookup", keys.id, roomframes.lookup_proof(keys, NONCE, HOST))
        assert at.last(number) == ["roster", expected, 0]


def test_a_flood_ends_the_flooder_and_nobody_else() -> None:
    family, at = make_family(), world(Limits(frame_rate=Rate(per_s=10, burst=20)))
    victim = at.join(family.founder, family.roster, room_of(family))
    flooder = at.join(family.player, family.roster, room_of(family))
    for _ in range(50):
        at.say(flooder, "send", 0, b"x")
    assert at.closed == {flooder: roomframes.CLOSE_TOO_MUCH}
    assert at.words(victim).count("from") <= 20
    at.now_s += 10
    again = at.join(family.player, family.roster, room_of(family))
    at.say(again, "send", 0, b"x")
    assert at.last(victim) == ["from", again, family.player.id, b"x"]


def test_connections_are_bounded_by_address_library_and_time() -> None:
    family = make_family()
    at = world(Limits(connections_per_address=3, connections_per_library=2, unjoined_s=20))
    for _ in range(3):
        at.open("198.51.100.7")
    assert at.closed[at.open("198.51.100.7")] == roomframes.CLOSE_TOO_MUCH
    assert at.open("198.51.100.8") not in at.closed
    for number in range(3):
        at.join(family.founder, family.roster, room_of(family), address=f"10.0.0.{number}")
    assert list(at.closed.values()).count(roomframes.CLOSE_TOO_MUCH) == 2
    assert at.server.connections == 6
    at.now_s += 21
    at.carry_out(at.server.tick(at.now_s))
    assert at.server.connections == 2, "those who never joined are gone"


def test_a_library_has_few_rooms() -> None:
    family, at = make_family(), world(Limits(rooms_per_library=2))
    joined = [at.join(family.founder, family.roster, bytes([number]) * 32) for number in range(3)]
    assert list(at.closed) == joined[2:]


def test_nothing_is_left_of_connections_that_have_gone() -> None:
    family, at = make_family(), world()
    numbers = [at.join(keys, family.roster, room_of(family)) for keys in (family.founder, family.player)]
    numbers.append(at.open())
    for number in numbers:
        at.carry_out(at.server.closed(number))
    assert (at.server.connections, at.server.rooms) == (0, 0)
    assert not at.server._libraries
    assert not at.server._addresses


words = st.sampled_from(["join", "lookup", "roster", "send", "more", "x"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.binary(max_size=80) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.booleans(), words, st.lists(values, max_size=6)), max_size=12), st.binary(max_size=60))
def test_whatever_a_client_sends_the_server_goes_on(
    frames: list[tuple[bool, str, list[object]]], garbage: bytes
) -> None:
    family, at = make_family(), world()
    inside = at.join(family.founder, family.roster, room_of(family))
    hostile = at.open("203.0.113.9")
    member = at.join(family.player, family.roster, room_of(family), address="203.0.113.9")
    for as_member, word, fields in frames:
        at.say(member if as_member else hostile, word, *fields)
    at.say_raw(hostile, garbage)
    assert inside not in at.closed
    late = at.join(family.seed, family.roster, room_of(family))
    at.say(late, "send", inside, b"still here")
    assert at.last(inside) == ["from", late, family.seed.id, b"still here"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["join", "leave", "send"]), min_size=1, max_size=30), st.randoms())
def test_everybody_knows_exactly_who_is_here(steps: list[str], chance: object) -> None:
    """What each client concludes from joined, came and left is who the server has in the room."""
    family, at = make_family(), world()
    here: list[int] = []
    for step in steps:
        if step == "join":
            keys = chance.choice([family.founder, family.player, family.seed])  # type: ignore[attr-defined]
            here.append(at.join(keys, family.roster, room_of(family)))
        elif here and step == "leave":
            gone = here.pop(chance.randrange(len(here)))  # type: ignore[attr-defined]
            at.carry_out(at.server.closed(gone))
    for number in here:
        known: set[object] = set()
        for frame in at.sent[number]:
            if frame[0] == "joined":
                known = {pair[0] for pair in frame[2]}  # type: ignore[attr-defined]
            elif frame[0] == "came":
                known.add(frame[1])
            elif frame[0] == "left":
                known.discard(frame[1])
        assert known == set(here) - {number}

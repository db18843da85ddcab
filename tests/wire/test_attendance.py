"""Who counts as present in a room: those who answer a value that was drawn just now."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import PeerError, RefusedError
from node.ids import DeviceId
from node.wire.attendance import Attendance, with_freshness
from node.wire.envelope import Message

OWN, NEXT, THEIRS = b"o" * 16, b"n" * 16, b"t" * 16
PC = DeviceId(b"p" * 32)


def presence(counter: int, *, echo: bytes | None = None, sender: DeviceId = PC, fresh: bytes = THEIRS) -> Message:
    body = with_freshness({"name": "x"}, fresh, echo)
    return Message(sender=sender, counter=counter, time_ms=1, kind="presence", body=body, to_room=True)


def other(counter: int) -> Message:
    return Message(sender=PC, counter=counter, time_ms=1, kind="want", body=None, to_room=False)


def test_a_device_is_believed_once_it_answers_the_value_of_this_stay() -> None:
    here = Attendance(OWN)
    assert not here.check(1, presence(5))
    first = here.presence(1, presence(5))
    assert (first.proved, first.came, first.answer) == (False, False, THEIRS)
    here.check(1, presence(6, echo=OWN))
    second = here.presence(1, presence(6, echo=OWN))
    assert (second.proved, second.came, second.answer) == (True, True, None)
    assert here.check(1, other(7))


def test_an_answer_to_another_stay_proves_nothing() -> None:
    here = Attendance(NEXT)
    here.check(1, presence(6, echo=OWN))
    assert not here.presence(1, presence(6, echo=OWN)).proved
    assert not here.check(1, other(7))


@given(st.lists(st.integers(0, 20), min_size=2, max_size=20))
def test_counters_only_rise(counters: list[int]) -> None:
    here = Attendance(OWN)
    taken: list[int] = []
    for counter in counters:
        try:
            here.check(1, other(counter))
        except RefusedError:
            assert counter <= taken[-1]
        else:
            assert not taken or counter > taken[-1]
            taken.append(counter)


def test_a_proof_counts_once_also_on_another_connection() -> None:
    here = Attendance(OWN)
    here.check(1, presence(6, echo=OWN))
    here.presence(1, presence(6, echo=OWN))
    here.left(1)
    with pytest.raises(RefusedError, match="repeated"):
        here.check(2, presence(6, echo=OWN))
    assert not here.has_proved(2)


def test_a_clock_that_was_set_back_is_no_obstacle_to_a_new_stay() -> None:
    before, after = Attendance(OWN), Attendance(NEXT)
    before.check(1, presence(1 << 52, echo=OWN))
    after.check(1, presence(3, echo=NEXT))
    assert after.presence(1, presence(3, echo=NEXT)).came


def test_a_clock_that_was_set_right_again_is_believed_when_everybody_is_asked_anew() -> None:
    here = Attendance(OWN)
    here.check(1, presence(1 << 52, echo=OWN))
    here.presence(1, presence(1 << 52, echo=OWN))
    here.left(1)
    with pytest.raises(RefusedError):
        here.check(2, presence(6, echo=OWN))
    here.renew(NEXT)
    here.check(2, presence(7, echo=NEXT))
    assert here.presence(2, presence(7, echo=NEXT)).came
    with pytest.raises(RefusedError):
        here.check(2, presence(7, echo=NEXT))


def test_who_is_asked_anew_must_answer_anew() -> None:
    here = Attendance(OWN)
    here.check(1, presence(6, echo=OWN))
    here.presence(1, presence(6, echo=OWN))
    assert here.renew(NEXT) == {1}
    assert not here.check(1, presence(7, echo=OWN))
    assert not here.presence(1, presence(7, echo=OWN)).proved
    here.check(1, presence(8, echo=NEXT))
    assert here.presence(1, presence(8, echo=NEXT)).came


def test_a_connection_speaks_for_one_device() -> None:
    here = Attendance(OWN)
    here.check(1, presence(6))
    with pytest.raises(RefusedError, match="two devices"):
        here.check(1, presence(7, sender=DeviceId(b"q" * 32)))


@pytest.mark.parametrize("fresh", [b"short", "text", 5])
def test_values_of_another_form_are_refused(fresh: object) -> None:
    here = Attendance(OWN)
    with pytest.raises(PeerError):
        here.check(1, presence(6, echo=fresh))  # type: ignore[arg-type]

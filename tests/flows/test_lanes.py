"""What a lane remembers of those who come."""

from __future__ import annotations

from node.flows.lanes import Passes
from node.ids import DeviceId

MEMBER, OTHER = DeviceId(b"m" * 32), DeviceId(b"o" * 32)


def test_however_many_passes_a_member_signs_only_its_last_is_remembered() -> None:
    checked: list[str] = []

    def check(text: str) -> DeviceId:
        checked.append(text)
        return OTHER if text == "other" else MEMBER

    passes = Passes(check)
    assert passes.admit("other") == OTHER
    assert [passes.admit(f"pass {number}") for number in range(50)] == [MEMBER] * 50
    assert len(passes) == 2
    checked.clear()
    assert (passes.admit("pass 49"), passes.admit("other")) == (MEMBER, OTHER)
    assert checked == []

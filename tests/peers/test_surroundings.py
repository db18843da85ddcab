"""Sleep, another network, a clock that was set: by clocks that the test turns."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from node.peers.surroundings import CALM_S, Change, Surroundings

EVERY_S = 3.0
HOME, CAFE = ("192.168.1.7",), ("10.0.0.9",)


@dataclass
class Machine:
    """Clocks and addresses of a machine."""

    monotonic_s: float = 1_000.0
    wall_s: float = 1_700_000_000.0
    addresses: tuple[str, ...] = HOME
    around: Surroundings = field(init=False)

    def __post_init__(self) -> None:
        self.around = Surroundings(self.addresses, monotonic_s=self.monotonic_s, wall_s=self.wall_s)

    def look(self, *, after_s: float = EVERY_S, slept_s: float = 0) -> Change | None:
        self.monotonic_s += after_s
        self.wall_s += after_s + slept_s
        return self.around.look(self.addresses, monotonic_s=self.monotonic_s, wall_s=self.wall_s, expected_s=EVERY_S)

    def looks(self, count: int) -> list[Change]:
        return [told for _ in range(count) if (told := self.look()) is not None]


def test_nothing_is_told_while_nothing_changes_for_a_day() -> None:
    assert Machine().looks(24 * 3_600 // 3) == []


@pytest.mark.parametrize("slept_s", [11, 3_600, 86_400, -86_400, 75 * 365 * 86_400])
def test_sleep_and_a_clock_that_is_set_by_any_amount_are_told_at_the_next_look(slept_s: float) -> None:
    machine = Machine()
    machine.looks(5)
    assert machine.look(slept_s=slept_s) == Change(slept=True, lost=False)
    assert machine.looks(100) == []


def test_sleep_is_noticed_where_the_monotonic_clock_goes_on_in_it() -> None:
    machine = Machine()
    assert machine.look(after_s=600) == Change(slept=True, lost=False)


def test_a_busy_machine_and_small_corrections_of_the_clock_are_no_sleep() -> None:
    machine = Machine()
    assert machine.look(after_s=9) is None
    assert machine.look(slept_s=4) is None
    assert machine.look(slept_s=-4) is None


def test_another_network_is_told_and_whether_an_address_was_lost() -> None:
    machine = Machine()
    machine.addresses = (*HOME, *CAFE)
    assert machine.look() == Change(slept=False, lost=False)
    machine.looks(200)
    machine.addresses = CAFE
    assert machine.look() == Change(slept=False, lost=True)


def test_a_network_that_comes_and_goes_all_day_makes_no_storm_and_its_last_state_is_told() -> None:
    machine = Machine()
    told = 0
    for _ in range(3_600 // 3):
        machine.addresses = CAFE if machine.addresses == HOME else HOME
        told += machine.look() is not None
    assert 5 <= told <= 3_600 / 60, "some a minute at first, then one every two minutes"
    machine.addresses = HOME
    late = machine.looks(int(CALM_S / EVERY_S))
    assert len(late) <= 1
    machine.looks(int(CALM_S / EVERY_S))
    machine.addresses = CAFE
    assert machine.look() is not None, "after some calm a change is told at once again"


def test_what_happened_in_a_gap_is_told_at_its_end() -> None:
    machine = Machine()
    machine.addresses = CAFE
    assert machine.look() is not None
    machine.addresses = HOME
    assert machine.look() is None
    assert machine.look() == Change(slept=False, lost=True)

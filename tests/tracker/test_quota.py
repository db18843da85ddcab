"""The ledger's rules: no sequence of asks, expiries and shrinkings ever has more granted than the plan gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import RefusedError, UserError
from tracker import quota
from tracker.quota import Kept, Lease, check_ask, read_plans, standing

PLAN = 1_000
DAY_MS = 86_400_000
asks = st.lists(st.tuples(st.integers(0, 40 * DAY_MS), st.integers(0, 3), st.integers(0, PLAN + 200)), max_size=40)


@given(asks)
def test_what_seeds_could_believe_is_never_more_than_the_plan(steps: list[tuple[int, int, int]]) -> None:
    leases: list[Lease] = []
    now_ms = 0
    for serial, (later_ms, seed, wanted) in enumerate(steps):
        now_ms += later_ms
        try:
            check_ask(leases, {}, bytes([seed]), wanted, plan_bytes=PLAN, now_ms=now_ms)
        except RefusedError:
            continue
        leases.append(Lease(bytes([seed]), wanted, serial, now_ms + quota.GRANT_LIFETIME_MS))
        # A seed keeps to the largest that it was given, however long ago: nobody knows which those were.
        believed: dict[bytes, int] = {}
        for lease in leases:
            believed[lease.seed] = max(believed.get(lease.seed, 0), lease.granted_bytes)
        assert sum(believed.values()) <= PLAN


@given(st.integers(0, PLAN), st.integers(0, PLAN))
def test_all_that_is_left_can_be_had(first: int, second: int) -> None:
    leases = [Lease(b"a", first, 1, quota.GRANT_LIFETIME_MS)]
    if first + second <= PLAN:
        check_ask(leases, {}, b"b", second, plan_bytes=PLAN, now_ms=5)
    else:
        with pytest.raises(RefusedError, match=f"{PLAN - first:,} of them are left"):
            check_ask(leases, {}, b"b", second, plan_bytes=PLAN, now_ms=5)


def test_a_smaller_grant_frees_room_only_when_the_seed_has_said_that_it_is_in_force() -> None:
    leases = [Lease(b"a", 900, 1, 10), Lease(b"a", 100, 2, 10 + DAY_MS)]
    for now_ms in (5, 10 + quota.CLOCK_DOUBT_MS, 1_000 * DAY_MS):
        assert standing(leases, {}, now_ms) == {b"a": 900}
        with pytest.raises(RefusedError):
            check_ask(leases, {}, b"b", 500, plan_bytes=PLAN, now_ms=now_ms)
    # The seed took the smaller one, and still holds more than it.
    kept = {b"a": Kept(serial=2, kept_bytes=600, time_ms=6)}
    assert standing(leases, kept, 7) == {b"a": 600}
    kept = {b"a": Kept(serial=2, kept_bytes=100, time_ms=7)}
    check_ask(leases, kept, b"b", 900, plan_bytes=PLAN, now_ms=7)


def test_a_grant_that_a_seed_never_took_is_forgotten_once_the_seed_says_so_after_its_end() -> None:
    leases = [Lease(b"a", 900, 3, 10)]
    end_ms = 10 + quota.CLOCK_DOUBT_MS
    for told_ms, now_ms in ((5, 5), (5, end_ms), (end_ms, end_ms - 1)):
        assert standing(leases, {b"a": Kept(serial=0, kept_bytes=0, time_ms=told_ms)}, now_ms) == {b"a": 900}
    assert standing(leases, {b"a": Kept(serial=0, kept_bytes=0, time_ms=end_ms)}, end_ms) == {}


def test_an_account_has_grants_on_few_seeds() -> None:
    leases = [Lease(bytes([seed]), 1, seed, 10) for seed in range(quota.MAX_SEEDS)]
    with pytest.raises(RefusedError, match="at most"):
        check_ask(leases, {}, b"another", 1, plan_bytes=PLAN, now_ms=5)
    check_ask(leases, {}, bytes([3]), 2, plan_bytes=PLAN, now_ms=5)


def test_plans_are_read_from_toml() -> None:
    plans = read_plans(
        """
        default_plan = "small"
        registration = "invitation"
        [plans.small]
        bytes = "500MB"
        [plans.large]
        bytes = 3000
        """
    )
    assert plans.bytes_of == {"small": 500_000_000, "large": 3_000}
    assert (plans.default, plans.invitation_only) == ("small", True)
    assert plans.size_of("gone") == 0
    assert quota.songs(quota.Plans().size_of("free")) == 1_307


@pytest.mark.parametrize(
    "text",
    [
        "", "plans = 3", "[plans.free]", '[plans.free]\nbytes = "much"', '[plans."No Name"]\nbytes = 1',
        '[plans.free]\nbytes = -1', 'default_plan = "x"\n[plans.free]\nbytes = 1',
        'registration = "never"\n[plans.free]\nbytes = 1', "= nonsense",
    ],
)  # fmt: skip
def test_a_plans_file_with_a_mistake_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(UserError):
        read_plans(text)

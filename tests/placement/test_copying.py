"""Which copies are made, by whom, and in which order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from node.crypto.blob import Purpose
from node.placement import Blob, Copy, Device, plan_copies
from node.placement.copying import copies_of
from node.placement.facts import FORGOTTEN_MS, HOUR_MS
from node.placement.rendezvous import ranked
from tests.placement.people import SIZE, blob, device, name, root


def all_plans(devices: list[Device], blobs: list[Blob], *, copies: int = 2) -> list[Copy]:
    """What every present device does, if all know the same."""
    return [copy for each in devices if each.present for copy in plan_copies(each.id, devices, blobs, copies=copies)]


def originals(count: int) -> list[Blob]:
    return [blob(number, purpose=Purpose.ORIGINAL) for number in range(count)]


def test_a_song_on_one_device_is_taken_by_exactly_one_of_many() -> None:
    devices = [device(0, sealed=range(60)), *(device(number) for number in range(1, 6))]
    plans = all_plans(devices, originals(60))
    assert sorted(copy.blob.root for copy in plans) == sorted(root(number) for number in range(60))
    assert {copy.target for copy in plans} == {name(number) for number in range(1, 6)}


def test_a_song_with_its_copies_and_never_played_is_left_where_it_is() -> None:
    devices = [device(0, sealed=range(9)), device(1, sealed=range(9)), device(2)]
    assert all_plans(devices, originals(9)) == []


def test_a_source_is_a_copy_but_two_seeds_of_one_operator_are_one() -> None:
    assert copies_of(root(1), [device(0, sources=[1]), device(1, sealed=[1])]) == 2
    assert copies_of(root(1), [device(0, sources=[1]), device(1, sealed=[1])], sealed_only=True) == 1
    seeds = [device(number, sealed=[1], operator=b"vps") for number in (2, 3)]
    assert copies_of(root(1), seeds) == 1
    assert [copy.target for copy in all_plans([*seeds, device(4)], [blob(1, purpose=Purpose.ORIGINAL)])] == [name(4)]


def test_a_second_seed_of_the_same_operator_is_not_asked_to_make_the_second_copy() -> None:
    devices = [device(1, sealed=[1], operator=b"vps"), device(2, operator=b"vps")]
    assert plan_copies(name(2), devices, [blob(1, purpose=Purpose.ORIGINAL)]) == []


def test_who_has_no_room_leaves_it_to_the_next() -> None:
    devices = [device(0, sealed=range(30)), device(1, room=0), device(2)]
    assert {copy.target for copy in all_plans(devices, originals(30))} == {name(2)}


def test_a_device_away_counts_for_a_month_and_is_waited_for_an_hour() -> None:
    away = device(1, sealed=[1], present=False, absent_ms=FORGOTTEN_MS - 1)
    assert all_plans([device(0, sealed=[1]), away, device(2)], originals(2)) == []
    gone = device(1, sealed=[1], present=False, absent_ms=FORGOTTEN_MS)
    assert [copy.target for copy in all_plans([device(0, sealed=[1]), gone, device(2)], originals(2))] == [name(2)]
    sleeper = device(3, present=False, absent_ms=2 * HOUR_MS)
    plans = all_plans([device(0, sealed=range(40)), device(2), sleeper], originals(40))
    assert len(plans) == 40


def test_who_was_caught_lying_gives_nothing_and_counts_for_nothing() -> None:
    liar = device(0, sealed=[1], trusted=False)
    assert all_plans([liar, device(1)], originals(2)) == []
    plans = all_plans([liar, device(1, sealed=[1]), device(2)], originals(2))
    assert [(copy.source, copy.target) for copy in plans] == [(name(1), name(2))]


def test_with_just_as_many_holders_as_copies_the_one_that_lost_its_disk_is_filled_again() -> None:
    for lost, whole in ((0, 1), (1, 0)):
        devices = [device(lost), device(whole, sealed=range(10))]
        assert len(plan_copies(name(lost), devices, originals(10))) == 10


def test_a_new_device_takes_small_renditions_first_then_what_is_dear_and_leaves_a_reserve() -> None:
    blobs = [
        *(blob(number, purpose=Purpose.ORIGINAL, weight=number) for number in range(10)),
        *(blob(number, weight=number % 3) for number in range(10, 20)),
    ]
    full = [device(number, sealed=range(20)) for number in (0, 1)]
    plan = [copy.blob for copy in plan_copies(name(2), [*full, device(2, room=20)], blobs)]
    assert [each.purpose for each in plan[:10]] == [Purpose.MOBILE] * 10
    assert [each.weight for each in plan[:10]] == sorted((each.weight for each in plan[:10]), reverse=True)
    assert [each.weight for each in plan[10:]] == [9, 8, 7, 6, 5, 4, 3, 2]
    assert len(plan_copies(name(2), [*full, device(2, room=5)], blobs)) == 4


def test_what_the_person_wishes_comes_first_and_beyond_the_budget() -> None:
    devices = [device(0, sealed=range(5)), device(1, room=0)]
    plan = plan_copies(name(1), devices, originals(5), wished={root(3)})
    assert [copy.blob.root for copy in plan] == [root(3)]


@given(
    held=st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=6),
    rooms=st.lists(st.integers(0, 30), min_size=6, max_size=6),
    copies=st.integers(2, 4),
)
@settings(max_examples=150, deadline=None)
def test_nobody_plans_beyond_its_budget_and_no_copy_comes_from_where_it_is_not(
    held: list[set[int]], rooms: list[int], copies: int
) -> None:
    devices = [device(number, sealed=sealed, room=rooms[number]) for number, sealed in enumerate(held)]
    by_id = {each.id: each for each in devices}
    for each in devices:
        plan = plan_copies(each.id, devices, originals(31), copies=copies)
        assert len(plan) * SIZE <= each.room_bytes
        assert len({copy.blob.root for copy in plan}) == len(plan)
        for copy in plan:
            assert copy.target == each.id
            assert copy.blob.root in by_id[copy.source].sealed
            assert copy.blob.root not in each.sealed


@given(held=st.lists(st.sets(st.integers(0, 20)), min_size=2, max_size=6), copies=st.integers(2, 3))
@settings(max_examples=100, deadline=None)
def test_when_all_have_room_one_round_gives_every_song_its_copies(held: list[set[int]], copies: int) -> None:
    devices = [device(number, sealed=sealed) for number, sealed in enumerate(held)]
    plans = all_plans(devices, originals(21), copies=copies)
    for number in set().union(*held):
        before = copies_of(root(number), devices)
        made = sum(copy.blob.root == root(number) for copy in plans)
        assert before + made == max(before, min(copies, len(devices)))


@given(st.lists(st.integers(1, 40), min_size=2, max_size=8))
@settings(max_examples=40, deadline=None)
def test_who_gives_twice_the_room_is_chosen_about_twice_as_often(rooms: list[int]) -> None:
    devices = [device(number, room=room) for number, room in enumerate(rooms)]
    first = [ranked(root(number), devices)[0].id for number in range(600)]
    for each, room in zip(devices, rooms, strict=True):
        assert abs(first.count(each.id) / 600 - room / sum(rooms)) < 0.12


@given(count=st.integers(2, 12), gone=st.integers(0, 11), number=st.integers(0, 500))
def test_a_device_that_leaves_moves_only_what_was_its_own(count: int, gone: int, number: int) -> None:
    devices = [device(each) for each in range(count)]
    left = [each for at, each in enumerate(devices) if at != gone % count]
    order = [each.id for each in ranked(root(number), devices)]
    assert [each.id for each in ranked(root(number), left)] == [each for each in order if each != name(gone % count)]

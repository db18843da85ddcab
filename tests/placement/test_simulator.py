"""The whole library in one process: what has its copies keeps them, whoever comes, goes, lies or breaks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest

from node.errors import RefusedError
from node.ids import BlobRoot
from node.placement import Device, Locks, Proven, check_drop
from node.placement.facts import FRESH_MS, LOCK_MS
from tests.placement.people import blob, name
from tests.placement.simulator import Wish, World


@pytest.mark.parametrize("seed", range(3))
def test_what_once_had_its_copies_is_never_lost_while_devices_come_go_lie_and_fill_up(seed: int) -> None:
    world = World(seed, devices=40, blobs=30)
    for _ in range(8):
        world.run(hours=6)
        for wanted in world.had_copies:
            assert len(world.holders(wanted)) >= world.copies
    assert len(world.had_copies) > 25
    assert world.dropped > 20


def test_with_hundreds_of_devices_all_songs_come_to_have_their_copies() -> None:
    world = World(77, devices=200, blobs=40, wish=Wish(lose_disk=0.0))
    world.run(hours=6)
    assert len(world.had_copies) == 40


@pytest.mark.parametrize("seed", range(2))
def test_disks_may_die_and_a_song_lives_while_one_honest_holder_does(seed: int) -> None:
    world = World(seed, devices=30, blobs=30, wish=Wish(lose_disk=0.004, liars=0.1))
    before = {each.root: set(map(id, world.holders(each.root))) for each in world.blobs}
    lost: set[BlobRoot] = set()
    for _ in range(96):
        world.run(hours=1)
        for each in world.blobs:
            now = world.holders(each.root)
            if not now and each.root not in lost:
                # Only if each of those that held it an hour ago has lost its disk since, at the hand of no eviction.
                assert all(node.disk_lost_ms >= 0 for node in world.nodes if id(node) in before[each.root])
                lost.add(each.root)
            before[each.root] = set(map(id, now))
    assert len(lost) <= 6
    assert sum(len(world.holders(each.root)) >= 2 for each in world.blobs) >= 24 - len(lost)


def test_repair_works_with_just_as_many_holders_as_copies() -> None:
    calm = Wish(leave=0, crash=0, clock_jump=0, new_budget=0, message_lost=0, liars=0)
    world = World(1, devices=2, blobs=20, wish=calm)
    for node in world.nodes:
        node.budget = 100
    world.run(hours=12)
    assert all(len(world.holders(each.root)) == 2 for each in world.blobs)
    world.lose_disk(world.nodes[0])
    assert not world.nodes[0].disk
    world.run(hours=12)
    assert all(len(world.holders(each.root)) == 2 for each in world.blobs)


def test_the_same_seed_gives_the_same_history() -> None:
    def history(seed: int) -> list[list[bytes]]:
        world = World(seed, devices=20, blobs=20)
        world.run(hours=24)
        return [sorted(node.disk) for node in world.nodes]

    assert history(5) == history(5)
    assert history(5) != history(6)


def test_all_holders_that_evict_at_once_in_any_order_of_messages_never_go_under_the_copies(
    interleavings: int,
) -> None:
    drops = 0
    for seed in range(interleavings):
        try:
            drops += storm(random.Random(seed))
        except AssertionError as error:
            raise AssertionError(f"order {seed} leaves too few copies") from error
    assert drops > interleavings // 10


class Forgetful(Locks):
    """A device that breaks its word: it promises what it is letting go of."""

    def lock(self, roots: Iterable[BlobRoot], now_ms: int) -> dict[BlobRoot, int]:
        return dict.fromkeys(roots, now_ms)


def storm(chance: random.Random, make_locks: Callable[[], Locks] = Locks) -> int:
    """All holders of one blob try to drop it, message by message in a random order; how many could."""
    song, count, copies = blob(1), chance.randint(3, 6), chance.choice((2, 2, 3))
    locks = [make_locks() for _ in range(count)]
    holds, asked = [True] * count, [-1] * count
    receipts: list[list[Proven]] = [[] for _ in range(count)]
    members = {name(each): Device(id=name(each), sealed=frozenset({song.root})) for each in range(count)}
    mail: list[tuple[int, int, int, bool]] = []
    now_ms = drops = 0
    for _ in range(chance.randint(10, 90)):
        now_ms += chance.choice((0, 0, 0, 0, 0, 0, 1, 1_000, FRESH_MS // 3, LOCK_MS // 2))
        me, act = chance.randrange(count), chance.random()
        if act < 0.15 and holds[me] and asked[me] < 0:
            try:
                locks[me].begin_drop(song.root, now_ms)
            except RefusedError:
                continue
            asked[me], receipts[me] = now_ms, []
            mail += [(me, other, now_ms, False) for other in range(count) if other != me]
        elif act < 0.75 and mail:
            asker, holder, asked_ms, answered = mail.pop(chance.randrange(len(mail)))
            if answered and asked[asker] == asked_ms:
                receipts[asker].append(Proven(holder=name(holder), root=song.root, asked_ms=asked_ms, lock_ms=LOCK_MS))
            elif not answered and holds[holder] and locks[holder].lock([song.root], now_ms):
                mail.append((asker, holder, asked_ms, True))
        elif act < 0.95 and asked[me] >= 0:
            try:
                check_drop(name(me), song, receipts[me], members, now_ms=now_ms, copies=copies)
            except RefusedError:
                if now_ms - asked[me] > FRESH_MS:  # given up
                    asked[me] = -1
                    locks[me].end_drop(song.root)
                continue
            holds[me], asked[me] = False, -1
            locks[me].end_drop(song.root)
            drops += 1
            assert sum(holds) >= copies
        elif act >= 0.95 and asked[me] >= 0:  # crashed: what was under way is forgotten, locks are on the disk
            asked[me] = -1
            locks[me].end_drop(song.root)
    return drops


def test_the_storm_would_find_a_device_that_breaks_its_word() -> None:
    def storms() -> None:
        for seed in range(20_000):
            storm(random.Random(seed), Forgetful)

    with pytest.raises(AssertionError):
        storms()

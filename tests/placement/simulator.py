"""Hundreds of devices that come, go, lie, fill up and lose disks, in one process, replayable from a seed.

They run the code of node/placement; what is played here is time, the network and the disks. Bytes are a set of names:
a liar says it holds what it doesn't, and fails when it is asked to prove it.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from node.crypto.blob import Purpose
from node.errors import RefusedError
from node.ids import BlobRoot, DeviceId
from node.placement import Blob, Device, Locks, Proven, SteadyClock, check_drop, plan_audits, plan_copies, plan_drops
from node.placement.facts import DAY_MS, HOUR_MS, LOCK_MS
from tests.placement.people import SIZE, name, root

ROUND_MS = HOUR_MS
MOST_SMALL_JUMPS = 3
"""Of under a day, for each clock: together under the 72 hours that a deletion tolerates."""


@dataclass(kw_only=True)
class Wish:
    """How rough the world is: chances of each happening to a device in an hour."""

    leave: float = 0.1
    come: float = 0.3
    crash: float = 0.02
    lose_disk: float = 0.0
    clock_jump: float = 0.02
    new_budget: float = 0.05
    message_lost: float = 0.05
    liars: float = 0.05


@dataclass(eq=False)
class Node:
    """One simulated device: what is on its disk, and what it knows."""

    id: DeviceId
    budget: int
    honest: bool
    online: bool = True
    disk: set[BlobRoot] = field(default_factory=set)
    added: set[BlobRoot] = field(default_factory=set)
    locks: Locks = field(default_factory=Locks)
    clock: SteadyClock = field(default_factory=SteadyClock)
    clock_error_ms: int = 0
    small_jumps: int = 0
    known: dict[DeviceId, tuple[Device, int]] = field(default_factory=dict)
    """What others last said, and when by the steady clock."""
    distrusted: set[DeviceId] = field(default_factory=set)
    dropping: dict[BlobRoot, tuple[int, list[Proven]]] = field(default_factory=dict)
    """Evictions under way: when the receipts were asked for, and those that came."""
    boots: int = 0
    disk_lost_ms: int = -1

    def now_ms(self, true_ms: int) -> int:
        return self.clock.tick(10_000 * DAY_MS + true_ms + self.clock_error_ms)

    @property
    def says(self) -> Device:
        """A liar says that it holds everything, and has room for more."""
        sealed = frozenset(self.disk) if self.honest else frozenset(root(number) for number in range(500))
        return Device(
            id=self.id, budget_bytes=self.budget * SIZE, used_bytes=len(self.disk) * SIZE, sealed=sealed,
            added=frozenset(self.added),
        )  # fmt: skip


class World:
    """`World(seed, ...)` then `run(hours)`. Raises AssertionError the moment something is lost that must not be."""

    def __init__(self, seed: int, *, devices: int, blobs: int, copies: int = 2, wish: Wish | None = None) -> None:
        self.chance = random.Random(seed)
        self.wish = wish or Wish()
        self.copies = copies
        self.true_ms = 0
        self.blobs = [
            Blob(root=root(number), sealed_bytes=SIZE, purpose=Purpose.ORIGINAL, weight=number % 3)
            for number in range(blobs)
        ]
        self.by_root = {blob.root: blob for blob in self.blobs}
        liars = int(devices * self.wish.liars)
        self.nodes = [
            Node(name(number), self.chance.randint(0, 2 * blobs), honest=number >= liars) for number in range(devices)
        ]
        homes = self.nodes[liars : liars + 3]
        for blob in self.blobs:
            home = self.chance.choice(homes)
            home.disk.add(blob.root)
            home.added.add(blob.root)
        self.by_id = {node.id: node for node in self.nodes}
        self.had_copies: set[BlobRoot] = set()
        self.dropped = 0
        self.refused = 0
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        for node in self.nodes:
            self._after(self.chance.randint(0, ROUND_MS), lambda node=node: self._round(node))  # type: ignore[misc]

    def run(self, hours: int) -> None:
        until_ms = self.true_ms + hours * HOUR_MS
        while self._events and self._events[0][0] <= until_ms:
            self.true_ms, _, act = heapq.heappop(self._events)
            act()

    def holders(self, wanted: BlobRoot) -> list[Node]:
        return [node for node in self.nodes if node.honest and wanted in node.disk]

    def lose_disk(self, node: Node) -> None:
        node.disk.clear()
        node.added.clear()
        node.locks = Locks()
        node.dropping.clear()
        node.boots += 1
        node.disk_lost_ms = self.true_ms

    # what happens

    def _after(self, delay_ms: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.true_ms + delay_ms, next(self._numbers), act))

    def _send(self, to: Node, act: Callable[[], None]) -> None:
        """A message: late, or never, and for nothing if its receiver has left or started anew meanwhile."""
        if self.chance.random() < self.wish.message_lost:
            return
        boots = to.boots

        def arrive() -> None:
            if to.online and to.boots == boots:
                act()

        self._after(self.chance.choice((5, 50, 1_000, 60_000, 700_000)), arrive)

    def _happens(self, chance: float) -> bool:
        return self.chance.random() < chance

    def _round(self, node: Node) -> None:
        self._after(self.chance.randint(ROUND_MS // 2, 3 * ROUND_MS // 2), lambda: self._round(node))
        self._fate(node)
        if not node.online:
            return
        now_ms = node.now_ms(self.true_ms)
        node.locks.ended(now_ms)
        for other in self.nodes:
            if other is not node and other.online:
                node.known[other.id] = other.says, now_ms
        if not node.honest:
            return
        self._audit(node, now_ms)
        devices = self._seen_by(node, now_ms)
        for copy in plan_copies(node.id, devices, self.blobs, copies=self.copies)[:10]:
            giver = self.by_id[copy.source]
            self._send(node, lambda copy=copy, giver=giver: self._arrived(node, giver, copy.blob))  # type: ignore[misc]
        self._give_up_old_drops(node, now_ms)
        over_bytes = len(node.disk) * SIZE - node.budget * SIZE
        for drop in plan_drops(node.id, devices, self.blobs, free_bytes=over_bytes, copies=self.copies):
            self.begin_drop(node, drop.blob, [self.by_id[each] for each in drop.ask])

    def _fate(self, node: Node) -> None:
        wish = self.wish
        if self._happens(wish.leave if node.online else wish.come):
            node.online = not node.online
        if self._happens(wish.crash):  # what is on the disk stays, what was under way is forgotten
            node.boots += 1
            for wanted in node.dropping:
                node.locks.end_drop(wanted)
            node.dropping.clear()
        if self._happens(wish.new_budget):
            node.budget = self.chance.randint(0, 2 * len(self.blobs))
        if self._happens(wish.clock_jump):
            if node.small_jumps < MOST_SMALL_JUMPS and self._happens(0.5):
                node.small_jumps += 1
                node.clock_error_ms += self.chance.randint(-DAY_MS, DAY_MS - 1)
            else:
                node.clock_error_ms += self.chance.choice((-1, 1)) * self.chance.randint(3 * DAY_MS, 400 * DAY_MS)
        if self._happens(wish.lose_disk):
            self.lose_disk(node)

    def _seen_by(self, node: Node, now_ms: int) -> list[Device]:
        devices = [node.says]
        for other, (said, seen_ms) in node.known.items():
            present = self.by_id[other].online
            devices.append(
                Device(
                    id=other, budget_bytes=said.budget_bytes, used_bytes=said.used_bytes, sealed=said.sealed,
                    present=present, absent_ms=0 if present else now_ms - seen_ms, trusted=other not in node.distrusted,
                )
            )  # fmt: skip
        return devices

    def _audit(self, node: Node, now_ms: int) -> None:
        """Who can't give a leaf of what it says it holds is trusted no more."""
        devices = [each for each in self._seen_by(node, now_ms) if each.trusted]
        for audit in plan_audits(node.id, devices, self.blobs, random_below=self.chance.randrange, leaves=1):
            holder = self.by_id[audit.holder]
            if not holder.honest and audit.blob.root not in holder.disk:
                node.distrusted.add(holder.id)

    def _arrived(self, node: Node, giver: Node, blob: Blob) -> None:
        if blob.root not in giver.disk:
            if not giver.honest:
                node.distrusted.add(giver.id)
            return
        if giver.online:
            node.disk.add(blob.root)
            if len(self.holders(blob.root)) >= self.copies:
                self.had_copies.add(blob.root)

    # evictions, message by message

    def begin_drop(self, node: Node, blob: Blob, ask: list[Node]) -> None:
        now_ms = node.now_ms(self.true_ms)
        try:
            node.locks.begin_drop(blob.root, now_ms)
        except RefusedError:
            self.refused += 1
            return
        node.dropping[blob.root] = now_ms, []
        for holder in ask:
            self._send(holder, lambda holder=holder: self._prove(holder, node, blob, now_ms))  # type: ignore[misc]

    def _prove(self, holder: Node, asker: Node, blob: Blob, asked_ms: int) -> None:
        if blob.root not in holder.disk:
            if not holder.honest:
                self._send(asker, lambda: asker.distrusted.add(holder.id))
            return
        locked = holder.locks.lock([blob.root], holder.now_ms(self.true_ms))
        if blob.root in locked:
            receipt = Proven(holder=holder.id, root=blob.root, asked_ms=asked_ms, lock_ms=LOCK_MS)
            self._send(asker, lambda: self._proved(asker, blob, receipt))

    def _proved(self, node: Node, blob: Blob, receipt: Proven) -> None:
        asked_ms, receipts = node.dropping.get(blob.root, (-1, []))
        if asked_ms != receipt.asked_ms:
            return
        receipts.append(receipt)
        now_ms = node.now_ms(self.true_ms)
        members = {device.id: device for device in self._seen_by(node, now_ms)}
        try:
            check_drop(node.id, blob, receipts, members, now_ms=now_ms, copies=self.copies)
        except RefusedError:
            self.refused += 1
            return
        self._drop(node, blob, receipts)

    def _drop(self, node: Node, blob: Blob, receipts: list[Proven]) -> None:
        node.disk.discard(blob.root)
        node.locks.end_drop(blob.root)
        del node.dropping[blob.root]
        self.dropped += 1
        left = self.holders(blob.root)
        # Whoever proved it and lost its disk since is the disk's fault, not the rules'.
        unlucky = [each for each in {receipt.holder for receipt in receipts} if self.by_id[each].disk_lost_ms >= 0]
        assert len(left) + len(unlucky) >= self.copies, "an eviction left fewer copies than there must be"

    def _give_up_old_drops(self, node: Node, now_ms: int) -> None:
        for wanted, (asked_ms, _) in list(node.dropping.items()):
            if now_ms - asked_ms > HOUR_MS:
                del node.dropping[wanted]
                node.locks.end_drop(wanted)

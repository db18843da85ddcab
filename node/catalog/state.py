"""The catalog as a value: every register and how much of each log is in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from node.catalog.batch import Batch, Head, check_follows, check_same_heads
from node.catalog.register import EMPTY, Dot, Key, Register, is_gone, merge, settled, write
from node.catalog.vector import LogId, beyond


class State:
    """A catalog in memory: for tests, recovery and small tools. The index holds the same on disk by the same rules."""

    def __init__(self) -> None:
        self.registers: dict[Key, Register] = {}
        self.heads: dict[LogId, Head] = {}
        self.vector: dict[LogId, int] = {}
        self.newest = 0
        """The newest believed stamp seen (node/catalog/hlc.py)."""

    def apply(self, batch: Batch) -> None:
        """Take in a batch from decode_batch; one already known changes nothing. Raises GapError, ForkError."""
        head = self.heads.get(batch.log, Head())
        if batch.seq <= head.seq:
            return
        check_follows(batch, head)
        news = beyond(batch.seen, self.vector)
        for key, value in batch.ops:
            dot = Dot(batch.log, batch.seq, batch.stamp, value)
            self._put(key, write(self.registers.get(key, EMPTY), dot, seen=batch.seen, news=news))
        self._advance(batch.log, Head(batch.seq, batch.hash))
        self.newest = max(self.newest, batch.stamp)

    def merge(self, other: State) -> None:
        """Take in all that `other` has seen, deletions included. Raises ForkError."""
        check_same_heads(self.heads, other.heads)
        mine, theirs = self.vector, other.vector
        for key in self.registers.keys() | other.registers.keys():
            left, right = self.registers.get(key, EMPTY), other.registers.get(key, EMPTY)
            self._put(key, merge(left, right, left_state=mine, right_state=theirs))
        for log, head in other.heads.items():
            if head.seq > self.vector.get(log, 0):
                self._advance(log, head)
        self.newest = max(self.newest, other.newest)

    def settled(self) -> Iterator[tuple[Key, Register]]:
        """Every register in its one form, in the order of the keys."""
        for key in sorted(self.registers):
            register = settled(self.registers[key], self.vector)
            if not is_gone(register):
                yield key, register

    def shown(self, key: Key) -> Any:
        """The value a person sees, or None."""
        return self.registers.get(key, EMPTY).shown

    def _advance(self, log: LogId, head: Head) -> None:
        self.heads[log] = head
        self.vector[log] = head.seq

    def _put(self, key: Key, register: Register) -> None:
        if is_gone(register):
            self.registers.pop(key, None)
        else:
            self.registers[key] = register

"""Devices for tests of the catalog: each writes its own log and takes in others'."""

from __future__ import annotations

import hashlib

from node.catalog.batch import Batch, Head, Op, make_batch
from node.catalog.hlc import next_stamp
from node.catalog.register import Key
from node.catalog.state import State
from node.catalog.vector import LogId, log_id
from node.crypto.keys import MemberKeys, member_keys_from_random

NOW_MS = 1_750_000_000_000


def member(name: str) -> MemberKeys:
    return member_keys_from_random(hashlib.sha512(name.encode()).digest())


class Device:
    """One device: its keys, its state, its clock."""

    def __init__(self, name: str, *, clock_ms: int = NOW_MS, incarnation: int = 1) -> None:
        self.keys = member(name)
        self.state = State()
        self.clock_ms = clock_ms
        self.incarnation = incarnation

    @property
    def log(self) -> LogId:
        return log_id(self.keys.id, self.incarnation)

    def write(self, *writes: tuple[str, object]) -> Batch:
        """Write values of track fields, ('title', 'x'), in one batch."""
        self.clock_ms += 1_000
        batch = make_batch(
            self.keys,
            incarnation=self.incarnation,
            head=self.state.heads.get(self.log, Head()),
            stamp=next_stamp(self.clock_ms, self.state.newest),
            seen=self.state.vector,
            ops=[Op(key(field), value) for field, value in writes],
        )
        self.state.apply(batch)
        return batch

    def take(self, *batches: Batch) -> None:
        for batch in batches:
            self.state.apply(batch)

    def shows(self, field: str) -> object:
        return self.state.shown(key(field))


def key(field: str) -> Key:
    return Key("track", "t", field)

"""Logs with two histories: what a device wrote after it was set back to an older state, from a backup perhaps.

It keeps to the history that the others know, and writes what it had written in the other one again, in a new log: no
edit is lost, and all devices end alike (docs/FORMAT.md, "Batches and logs").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from node.catalog.batch import Batch, Op, decode_batch
from node.catalog.personal import read_plays, set_plays
from node.catalog.register import Key
from node.catalog.vector import LogId, log_device
from node.catalog.vocabulary import PLAYS, choose_branch
from node.doors.index import Index
from node.ids import DeviceId, TrackId, to_text
from node.library.changes import Changes

_BATCHES_AT_ONCE = 256


class Histories:
    """Part of the library."""

    def __init__(self, index: Index, changes: Changes, device: DeviceId) -> None:
        self._index = index
        self._changes = changes
        self._device = device

    def own_forks(self) -> list[LogId]:
        """Logs of this device that are known to have two histories, and of which none was chosen yet."""
        chosen = self._index.log.branches()
        return [log for log in self._index.log.forks() if log_device(log) == self._device and log not in chosen]

    def proofs_for(self, device: DeviceId) -> list[bytes]:
        """A signed batch for each of a device's logs that has two histories: it shows the device that there are two."""
        chosen, heads = self._index.log.branches(), self._index.log.heads()
        logs = [log for log in self._index.log.forks() if log_device(log) == device and log not in chosen]
        return [signed for log in logs for signed in self._index.log.batches(log, heads[log].seq - 1, 1)]

    def first_to_compare(self, log: LogId) -> int:
        """The number of the first batch of a log that can be compared with another device's."""
        return self._index.log.first_kept(log) or 1

    def parting(self, batches: Sequence[Batch]) -> Batch | None:
        """The first of another device's `batches`, given in order, that is not the one known here at its place."""
        for batch in batches:
            known = self._index.log.batch_hash(batch.log, batch.seq)
            if known is not None and known != batch.hash:
                return batch
        return None

    def choose(self, theirs: Batch) -> bool:
        """Keep to the history of this device's own log in which `theirs` is the first batch that differs.

        What was written here in its place is written again, in a new log. False if that place is too old to be undone.
        """
        log, before = theirs.log, theirs.seq - 1
        with self._index.transaction():
            lost = self._ops_after(log, before)
            if not self._index.log.cut(log, before):
                return False
            if self._changes.log == log:
                self._changes.begin_incarnation()
            again = [self._again(log, op) for op in lost]
            self._changes.write([choose_branch(log, theirs.seq, theirs.hash), *again])
        return True

    def obey(self) -> None:
        """Keep to the histories that the logs' own devices have chosen."""
        log = self._index.log
        forks = log.forks()
        for name, (seq, batch_hash) in log.branches().items():
            known = log.batch_hash(name, seq)
            if known is not None and known != batch_hash:
                log.cut(name, seq - 1)
            elif name in forks:
                log.settle_fork(name)

    def _ops_after(self, log: LogId, seq: int) -> list[Op]:
        """What a log says beyond `seq`: the last write to each register."""
        last: dict[Key, Op] = {}
        while signed := self._index.log.batches(log, seq, _BATCHES_AT_ONCE):
            for batch in map(decode_batch, signed):
                last.update((op.key, op) for op in batch.ops)
            seq += len(signed)
        return list(last.values())

    def _again(self, log: LogId, op: Op) -> Op:
        """The same write in the new log. Plays count there from 0 on, so only those that were added come along."""
        if op.key.table != PLAYS or op.key.field != to_text(log):
            return op
        count, last_ms = read_plays(op.value)
        had, _ = read_plays(self._value(op.key))
        track, own = TrackId(op.key.id), self._changes.log
        so_far, _ = read_plays(self._value(Key(PLAYS, track, to_text(own))))
        return set_plays(track, own, so_far + max(0, count - had), last_ms)

    def _value(self, key: Key) -> Any:
        return self._index.log.value(key)

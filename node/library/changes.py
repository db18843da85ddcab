"""Changes to the catalog: writes become signed batches of this device's log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from node.catalog.batch import MAX_BATCH_BYTES, Batch, Head, Op, make_batch
from node.catalog.hlc import is_doubted, next_stamp
from node.catalog.vector import LogId, log_id
from node.crypto.keys import MemberKeys
from node.doors.index import Applied, Index
from node.wire.codec import pack

_OPS_A_BATCH: Final = 256
_BATCH_BYTES: Final = MAX_BATCH_BYTES // 4
_INCARNATION: Final = "incarnation"


class Changes:
    """This device's pen. Its log is named by the device and an incarnation that is drawn anew after a restore."""

    def __init__(
        self, index: Index, keys: MemberKeys, *, now_ms: Callable[[], int], new_incarnation: Callable[[], int]
    ) -> None:
        self._index = index
        self._keys = keys
        self._now_ms = now_ms
        self._new_incarnation = new_incarnation
        with index.transaction():
            self._incarnation = index.settings.get(_INCARNATION)
            if self._incarnation is None:
                self.begin_incarnation()

    @property
    def log(self) -> LogId:
        """The log that this device writes now."""
        return log_id(self._keys.id, self._incarnation)

    def clock_is_doubted(self) -> bool:
        """Whether this device's clock stands so far ahead of the library's that its stamps are not believed."""
        return is_doubted(self._now_ms(), self._index.log.newest())

    def write(self, ops: Sequence[Op]) -> list[Batch]:
        """Sign and apply writes, in one transaction; what is signed is durable when this returns. [] for no writes."""
        batches: list[Batch] = []
        with self._index.transaction():
            for part in _in_batches(ops):
                heads = self._index.log.heads()
                batch = make_batch(
                    self._keys,
                    incarnation=self._incarnation,
                    head=heads.get(self.log, Head()),
                    stamp=next_stamp(self._now_ms(), self._index.log.newest()),
                    seen={log: head.seq for log, head in heads.items()},
                    ops=part,
                )
                self._index.log.apply([batch])
                batches.append(batch)
        return batches

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """Take in batches of other devices, checked by `decode_batch`.

        A batch of this device's own log that it doesn't know says that it was set back to an older state: from then
        on it writes a new log.
        """
        with self._index.transaction():
            own = self._index.log.heads().get(self.log, Head()).seq
            applied = self._index.log.apply(batches)
            forked = any(fork.log == self.log for fork in applied.forks)
            if forked or self._index.log.heads().get(self.log, Head()).seq > own:
                self.begin_incarnation()
                applied.set_back = True
        return applied

    def load_snapshot(self, document: bytes) -> bool:
        """Take in a whole catalog; whether it told that this device was set back. Raises PeerError."""
        with self._index.transaction():
            own = self._index.log.heads().get(self.log, Head()).seq
            self._index.log.load_snapshot([document])
            set_back = self._index.log.heads().get(self.log, Head()).seq > own
            if set_back:
                self.begin_incarnation()
        return set_back

    def begin_incarnation(self) -> None:
        """Write another log from now on."""
        self._incarnation = self._new_incarnation()
        self._index.settings.set(_INCARNATION, self._incarnation)


def _in_batches(ops: Sequence[Op]) -> list[list[Op]]:
    parts: list[list[Op]] = []
    size = _BATCH_BYTES
    for op in ops:
        weight = len(pack(_plain(op)))
        if not parts or len(parts[-1]) >= _OPS_A_BATCH or size + weight > _BATCH_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(op)
        size += weight
    return parts


def _plain(op: Op) -> list[Any]:
    return [*op.key, op.value]

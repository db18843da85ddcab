"""The one kind of state that the catalog has: registers whose concurrent values stand side by side.

A register is a join semilattice: its live writes (dots), and the causal context that says which writes it has seen
and dropped. Joining is commutative, associative and idempotent, so the order in which batches and snapshots arrive,
and how often, cannot matter. A removal leaves no dot: nothing is kept for what is gone, and a write that had not seen
the removal stands. (Bieniusa et al., "An optimized conflict-free replicated set", 2012.)

The context of a whole state is its version vector; a register keeps only what it has seen beyond that (`ahead`),
which is nothing unless a batch arrived before one that its writer had seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from node.catalog.vector import LogId, Vector, beyond, join


class Key(NamedTuple):
    """Which register: ('track', track id, 'tags')."""

    table: str
    id: str
    field: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One live write: batch `seq` of `log` put `value` here, at `stamp`."""

    log: LogId
    seq: int
    stamp: int
    value: Any


@dataclass(frozen=True, slots=True)
class Register:
    """Live writes, at most one for each log, and what has been seen here beyond the state's own vector."""

    dots: tuple[Dot, ...] = ()
    ahead: Vector = field(default_factory=dict)

    @property
    def shown(self) -> Any:
        """The value a person sees: of the latest stamp, then the greatest log. None if there is none."""
        if len(self.dots) == 1:
            return self.dots[0].value
        return max(self.dots, key=_rank).value if self.dots else None

    @property
    def others(self) -> list[Any]:
        """Concurrent values that lost, latest first."""
        return [dot.value for dot in sorted(self.dots, key=_rank, reverse=True)[1:]]


EMPTY = Register()


def _rank(dot: Dot) -> tuple[int, LogId]:
    return dot.stamp, dot.log


def write(register: Register, dot: Dot, *, seen: Vector, news: Vector) -> Register:
    """`register` after the write `dot`, whose batch had seen `seen` and all of its own log before.

    A value of None removes. `news` is what of `seen` lies beyond the vector of the state before this batch; that
    vector does not cover `dot`.
    """
    covered = register.ahead.get(dot.log, 0) >= dot.seq
    kept = register.dots and tuple(
        old for old in register.dots
        if seen.get(old.log, 0) < old.seq and (old.log != dot.log or old.seq > dot.seq)
    )  # fmt: skip
    dots = kept if covered or dot.value is None else (*kept, dot)
    return Register(dots, join(register.ahead, news) if news else register.ahead)


def merge(left: Register, right: Register, *, left_state: Vector, right_state: Vector) -> Register:
    """The join of one register as two states have it; each state's vector is part of what it has seen."""
    mine = {(dot.log, dot.seq): dot for dot in left.dots}
    theirs = {(dot.log, dot.seq): dot for dot in right.dots}
    dots = [dot for at, dot in mine.items() if at in theirs or not _has_seen(right, right_state, dot)]
    dots += [dot for at, dot in theirs.items() if at not in mine and not _has_seen(left, left_state, dot)]
    ahead = join(left.ahead, right.ahead) if left.ahead or right.ahead else {}
    return Register(tuple(dots), ahead)


def settled(register: Register, state: Vector) -> Register:
    """`register` in its one form for a state with this vector: dots in order, nothing ahead that the state has seen."""
    dots = register.dots
    if len(dots) > 1:
        dots = tuple(sorted(dots, key=lambda dot: dot.log))
    ahead = beyond(register.ahead, state) if register.ahead else register.ahead
    if dots is register.dots and ahead == register.ahead:
        return register
    return Register(dots, ahead)


def _has_seen(register: Register, state: Vector, dot: Dot) -> bool:
    return max(state.get(dot.log, 0), register.ahead.get(dot.log, 0)) >= dot.seq


def is_gone(register: Register) -> bool:
    """Whether nothing needs to be kept of it."""
    return not register.dots and not register.ahead

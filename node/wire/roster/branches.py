"""Which of a roster's branches stands: the same for everyone who knows the same entries, in whatever order they came.

Whoever may change the roster can do so without having heard of others' changes: then it forks. Here all entries are
one tree. What was signed by somebody whom a senior had revoked without knowing of it is void. Of what is left, the
branch of the more senior signer stands at each fork; revocations on the others stand all the same, and what they
admitted is waiting to be signed again (docs/FORMAT.md, "Forks").
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from node.errors import PeerError
from node.ids import DeviceId
from node.wire.roster.entries import Entry, Kind
from node.wire.roster.members import Rank
from node.wire.roster.standing import Standing

_DEPARTURES_FIRST = {True: 0, False: 1}


@dataclass(frozen=True, slots=True)
class _Node:
    """An entry, and what its own line says of its signer."""

    entry: Entry
    signer_rank: Rank
    signer_admission: bytes
    """Hash of the entry that let the signer in."""
    ranks: Mapping[DeviceId, Rank]
    """Of those whom the entry lets in."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What all branches together come to."""

    line: tuple[Entry, ...]
    """The entries that stand, first to last."""
    standing: Standing
    """Along that line alone."""
    revocations: Mapping[DeviceId, tuple[Entry, ...]]
    """Every valid revocation, of any branch, by whom it puts out; empty for a roster that never forked."""
    aside: tuple[Entry, ...] = ()
    """Valid entries of branches that don't stand."""
    void: frozenset[bytes] = frozenset()
    """Hashes of what was signed by somebody who was out, or settles what nobody did."""


@dataclass(slots=True)
class _Tree:
    nodes: dict[bytes, _Node] = field(default_factory=dict)
    """By hash, depth first: what follows from an entry stands in one row behind it."""
    children: dict[bytes, list[bytes]] = field(default_factory=dict)
    place: dict[bytes, int] = field(default_factory=dict)
    """Where in that order an entry is."""
    size: dict[bytes, int] = field(default_factory=dict)
    """How many entries follow from one, itself included."""

    def is_before(self, earlier: bytes, later: bytes) -> bool:
        """Whether one entry is on the other's line, or is that entry: whoever signed the later one knew it."""
        first = self.place[earlier]
        return first <= self.place[later] < first + self.size[earlier]


def resolve(entries: Sequence[Entry]) -> Resolved:
    """Check every line of entries, each after the one it follows; find what stands. Raises PeerError, RefusedError."""
    tree, last = _grown(entries)
    if last is not None:
        return Resolved(tuple(entries), last, {})
    revocations = _Revocations(tree)
    void = frozenset(
        name for name, node in tree.nodes.items() if revocations.voids(name) or not _may_settle(node.entry, revocations)
    )
    line = _line(tree, void)
    standing = Standing()
    for entry in line:
        standing = standing.follow(entry)
    stands = {entry.hash for entry in line}
    aside = [node.entry for name, node in tree.nodes.items() if name not in stands and name not in void]
    aside.sort(key=lambda entry: (entry.seq, entry.hash))
    return Resolved(tuple(line), standing, revocations.by_target(), tuple(aside), void)


def _grown(entries: Sequence[Entry]) -> tuple[_Tree, Standing | None]:
    """The tree; and where its only line ends, if it has not forked and nothing in it speaks of a fork."""
    by_hash: dict[bytes, Entry] = {}
    tree = _Tree()
    for entry in entries:
        parent = by_hash.get(entry.previous)
        follows = entry.seq == parent.seq + 1 if parent else entry.seq == 0 and not entry.previous and not by_hash
        if not follows:
            raise PeerError(f"roster entry {entry.seq} does not follow from the one before")
        if entry.hash in by_hash:
            raise PeerError("a roster entry is there twice")
        by_hash[entry.hash] = entry
        tree.children.setdefault(entry.previous, []).append(entry.hash)
    # A standing lives only until its children are reached, so that a long roster needs little memory.
    waiting = [(entries[0].hash, Standing())] if entries else []
    standing = Standing()
    while waiting:
        name, before = waiting.pop()
        entry = by_hash[name]
        standing = before.follow(entry)
        signing = standing.members[entry.signer]
        ranks = {each.public.id: standing.members[each.public.id].rank for each in entry.newcomers}
        tree.place[name] = len(tree.nodes)
        tree.nodes[name] = _Node(entry, signing.rank, signing.admission, ranks)
        waiting += [(child, standing) for child in tree.children.get(name, ())]
    for name in reversed(tree.nodes):
        tree.size[name] = 1 + sum(tree.size[child] for child in tree.children.get(name, ()))
    forked = any(len(children) > 1 for children in tree.children.values())
    settled = any(entry.kind is Kind.SETTLE for entry in entries)
    return tree, None if forked or settled else standing


class _Revocations:
    """Who is out, and which entries are void for it.

    Members are gone through from the most senior down: all that could make a member's entries void is known by then.
    """

    def __init__(self, tree: _Tree) -> None:
        self._tree = tree
        self._against: dict[DeviceId, list[Entry]] = {}
        self._void: dict[bytes, bool] = {}
        signed: dict[DeviceId, list[_Node]] = {}
        for node in sorted(tree.nodes.values(), key=lambda node: (node.entry.seq, node.entry.hash)):
            signed.setdefault(node.entry.signer, []).append(node)
        root = next(iter(tree.nodes.values()))
        waiting = [(rank, root.entry.hash, member) for member, rank in root.ranks.items()]
        heapq.heapify(waiting)
        seen: set[DeviceId] = set()
        while waiting:
            _, admission, member = heapq.heappop(waiting)
            if member in seen or self.voids(admission):
                continue
            seen.add(member)
            # A phrase that took itself away comes first to that: what else it signed had to be known by then.
            own = sorted(signed.get(member, ()), key=lambda node: not node.entry.puts_out_signer)
            for node in own:
                if not self.voids(node.entry.hash):
                    self._take(node, waiting)

    def _take(self, node: _Node, waiting: list[tuple[Rank, bytes, DeviceId]]) -> None:
        for member, rank in node.ranks.items():
            heapq.heappush(waiting, (rank, node.entry.hash, member))
        if node.entry.departure is not None and node.entry.kind.revokes:
            self._void.clear()
            for gone in node.entry.departure.gone:
                self._against.setdefault(gone, []).append(node.entry)

    def by_target(self) -> dict[DeviceId, tuple[Entry, ...]]:
        return {gone: tuple(entries) for gone, entries in self._against.items()}

    def puts_out(self, member: DeviceId) -> bool:
        return member in self._against

    def voids(self, name: bytes) -> bool:
        """Whether that entry's signer was out, or never rightly in."""
        asked = [name]
        while asked:  # from an entry to the one that let its signer in, and so on to the founding
            node = self._tree.nodes[asked[-1]]
            if asked[-1] in self._void:
                asked.pop()
            elif self._cut(node.entry):
                self._void[asked.pop()] = True
            elif node.signer_admission == asked[-1]:
                self._void[asked.pop()] = False
            elif node.signer_admission in self._void:
                self._void[asked.pop()] = self._void[node.signer_admission]
            else:
                asked.append(node.signer_admission)
        return self._void[name]

    def _cut(self, entry: Entry) -> bool:
        """Whether its signer was revoked by somebody who had not seen the entry."""
        return any(not self._tree.is_before(entry.hash, each.hash) for each in self._against.get(entry.signer, ()))


def _line(tree: _Tree, void: frozenset[bytes]) -> list[Entry]:
    """From the founding on: at each fork to the senior signer; of one signer's own, to where more follows."""
    length: dict[bytes, int] = {}
    chosen: dict[bytes, bytes] = {}
    for name in reversed(tree.nodes):
        stand = [child for child in tree.children.get(name, ()) if child in length]
        if stand:
            chosen[name] = min(stand, key=lambda child: _order(tree.nodes[child], length[child]))
        if name not in void:
            length[name] = 1 + (length[chosen[name]] if name in chosen else 0)
    name = next(iter(tree.nodes))
    line = [tree.nodes[name].entry]
    while name in chosen:
        name = chosen[name]
        line.append(tree.nodes[name].entry)
    return line


def _order(node: _Node, length: int) -> tuple[Rank, int, int, bytes]:
    return node.signer_rank, -length, _DEPARTURES_FIRST[node.entry.departure is not None], node.entry.hash


def _may_settle(entry: Entry, revocations: _Revocations) -> bool:
    """Whether an entry that settles names only those whom some branch did revoke."""
    if entry.kind is not Kind.SETTLE or entry.departure is None:
        return True
    return all(revocations.puts_out(gone) for gone in entry.departure.gone)

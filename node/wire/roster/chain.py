"""The roster: what all known entries come to, and how two rosters become one (docs/FORMAT.md, "Roster")."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys
from node.errors import PeerError, RefusedError
from node.ids import DeviceId, LibraryId
from node.wire.roster.branches import Resolved, resolve
from node.wire.roster.entries import KEPT_FOR_PHRASE, MAX_ENTRIES, Entry, Kind, read_entry
from node.wire.roster.members import Member, Role, Sealed
from node.wire.roster.standing import MAX_EPOCH_STEP

MAX_VOID_ENTRIES: Final = 128
MAX_VOID_BYTES: Final = 512 * 1024
"""Kept of what revoked members sign; more of it is passed over, else they could fill the roster for ever."""


@dataclass(frozen=True, slots=True)
class Roster:
    """Where a library's roster stands."""

    library: LibraryId
    entries: tuple[bytes, ...]
    """All that are known, of every branch, each after the one it follows. They only grow."""
    head: bytes
    """32 bytes: the hash of the last entry that stands; the next one follows it."""
    seq: int
    """Of that entry."""
    epoch: int
    next_epoch: int
    """A number that no branch has used."""
    members: Mapping[DeviceId, Member]
    sealed: Mapping[DeviceId, tuple[Sealed, ...]] = field(repr=False)
    digest: bytes
    """32 bytes: the same for everyone who knows the same entries."""
    last_valid: Mapping[bytes, int] = field(default_factory=dict)
    """Logs of revoked devices, and their last batch that counts; their logs not named here count from no batch on."""
    last_lists: Mapping[DeviceId, int] = field(default_factory=dict)
    """Revoked devices that have signed hold lists, and the last serial that counts."""
    lost: tuple[Entry, ...] = ()
    """Admissions on branches that don't stand: whoever may signs them again."""
    unsettled: tuple[DeviceId, ...] = ()
    """Revoked on another branch alone, so that they have the present epoch's secret: a new epoch is wanted."""
    void: frozenset[bytes] = field(default=frozenset(), repr=False)
    """Hashes of entries that count for nothing: their signers were out, without having heard of it."""
    known: Mapping[bytes, Entry] = field(default_factory=dict, repr=False, compare=False)
    """The entries as they were read, by their bytes."""

    def member(self, member_id: bytes) -> Member:
        """The active member with that key. Raises RefusedError for anyone else, revoked ones included."""
        found = self.members.get(DeviceId(member_id))
        if found is None:
            raise RefusedError("this device is not a member of the library")
        if not found.active:
            raise RefusedError("this device was revoked")
        return found

    def active(self, *roles: Role) -> list[Member]:
        """Active members, most senior first; of the given roles only, if any are given."""
        chosen = (each for each in self.members.values() if each.active and (not roles or each.role in roles))
        return sorted(chosen, key=lambda each: each.rank)

    def admission(self, member: Member) -> Entry:
        """The entry that let a member in."""
        return next(entry for entry in self.known.values() if entry.hash == member.admission)

    def is_news_to(self, length: int, digest: bytes) -> bool:
        """Whether to tell these to somebody who knows so many entries, of that digest (b"" if it doesn't say)."""
        return length < len(self.entries) or (length == len(self.entries) and digest not in (b"", self.digest))

    def epochs_for(self, keys: MemberKeys) -> dict[int, EpochKeys]:
        """Every epoch secret that was sealed to `keys` and opens.

        One that doesn't open was sealed by a member that means harm, or is broken: its epoch is missing, and this
        device can still revoke whoever did it.
        """
        opened: dict[int, EpochKeys] = {}
        for number, sealed in self.sealed.get(keys.id, ()):
            try:
                secret = keys.open_sealed(labels.LABEL_HPKE_EPOCH, sealed, number.to_bytes(4, "big"))
                opened[number] = EpochKeys(number, secret)
            except RefusedError:
                continue
        return opened


def read_roster(entries: Sequence[bytes]) -> Roster:
    """Check all entries of a roster: form, links, signatures and rights; find what stands if it has forked.

    Raises PeerError, RefusedError, UnknownFormatError.
    """
    return _read(entries, {})


def extend(roster: Roster, entries: Sequence[bytes]) -> Roster:
    """What `roster` and a whole roster that somebody else knows come to together; `roster` if there is nothing new.

    Raises RefusedError if the other one is only older, or another library's; PeerError if it is broken.
    """
    offered = _read(entries, roster.known)
    if offered.library != roster.library:
        raise RefusedError("a roster of another library was offered")
    new = _news(roster, offered)
    if not new:
        if len(offered.entries) < len(roster.entries):
            raise RefusedError("an older roster than the known one was offered: nothing in it is news")
        return roster
    joined = _read([*roster.entries, *new], {**offered.known, **roster.known})
    return _without_surplus(roster, joined)


def merged(roster: Roster, entries: Sequence[bytes]) -> Roster:
    """As `extend`, for somebody who may well know less: that is no fault then."""
    return roster if set(entries) <= roster.known.keys() else extend(roster, entries)


def _news(roster: Roster, offered: Roster) -> list[bytes]:
    """Entries that are not known here, but for those of phrases that had taken themselves away as far as is known.

    Nobody outranks a phrase but itself, so this alone goes by what was known first: else whoever has an old phrase
    could forever write a past in which it was never taken away.
    """
    hashes = {entry.hash for entry in roster.known.values()}
    away = {each.signer for each in roster.known.values() if each.puts_out_signer and each.hash not in roster.void}
    passed: set[bytes] = set()
    news: list[bytes] = []
    for entry in offered.known.values():
        if entry.hash in hashes:
            continue
        if entry.signer in away or entry.previous in passed:
            passed.add(entry.hash)
        else:
            news.append(entry.data)
    return news


def _read(entries: Sequence[bytes], known: Mapping[bytes, Entry]) -> Roster:
    if not 1 <= len(entries) <= MAX_ENTRIES:
        raise PeerError("a roster has between 1 and 11,000 entries")
    read = [known.get(data) or read_entry(data) for data in entries]
    phrase = read[0].newcomers[-1].public.id if read[0].kind is Kind.FOUND else None
    if sum(entry.signer != phrase for entry in read) > MAX_ENTRIES - KEPT_FOR_PHRASE:
        raise PeerError("a roster has more entries than devices may sign; only the first recovery phrase can change it")
    return _roster(read, resolve(read))


def _roster(entries: Sequence[Entry], resolved: Resolved) -> Roster:
    standing, line = resolved.standing, resolved.line
    members, sealed = dict(standing.members), dict(standing.sealed)
    unsettled = []
    last_valid, last_lists = dict(standing.last_valid), dict(standing.last_lists)
    for gone, revocations in resolved.revocations.items():
        if gone in members and members[gone].active:
            members[gone] = replace(members[gone], revoked_seq=revocations[0].seq)
            unsettled.append(gone)
        for departure in (entry.departure for entry in revocations if entry.departure):
            # Two revoked it and had seen more or less of it: what either has accepted counts.
            for log, seq in departure.heads.items():
                if log[: labels.KEY_BYTES] == gone:
                    last_valid[log] = max(seq, last_valid.get(log, 0))
            if gone in departure.lists:
                last_lists[gone] = max(departure.lists[gone], last_lists.get(gone, 0))
    for entry in resolved.aside:
        _add_secrets(entry, sealed)
    used = [entry.departure.epoch for entry in entries if entry.departure]
    return Roster(
        library=LibraryId(line[0].hash),
        entries=tuple(entry.data for entry in entries),
        head=line[-1].hash,
        seq=line[-1].seq,
        epoch=standing.epoch,
        next_epoch=_free_number(standing.epoch, used),
        members=members,
        sealed=sealed,
        digest=hashlib.sha256(b"".join(sorted(entry.hash for entry in entries))).digest(),
        last_valid=last_valid,
        last_lists=last_lists,
        lost=tuple(each for each in resolved.aside if each.kind.admits and _is_wanted(each, members, resolved)),
        unsettled=tuple(sorted(unsettled)),
        void=resolved.void,
        known={entry.data: entry for entry in entries},
    )


def _is_wanted(entry: Entry, members: Mapping[DeviceId, Member], resolved: Resolved) -> bool:
    newcomer = entry.newcomers[0].public.id
    return newcomer not in members and newcomer not in resolved.revocations


def _add_secrets(entry: Entry, sealed: dict[DeviceId, tuple[Sealed, ...]]) -> None:
    """Epochs of a branch that doesn't stand stay readable, as far as their numbers are not taken."""
    for name, (number, secret) in entry.departure.secrets.items() if entry.departure else ():
        have = sealed.get(name)
        if have is not None and number not in {known for known, _ in have}:
            sealed[name] = tuple(sorted((*have, (number, secret))))


def _free_number(epoch: int, used: Sequence[int]) -> int:
    taken = set(used)
    free = (number for number in range(epoch + 1, epoch + MAX_EPOCH_STEP + 1) if number not in taken)
    return next(free, epoch + 1)


def _without_surplus(before: Roster, after: Roster) -> Roster:
    """`after`, unless revoked members make it grow without end: then without what is new of theirs."""
    void = [entry for entry in after.known.values() if entry.hash in after.void]
    if len(void) <= MAX_VOID_ENTRIES and sum(len(entry.data) for entry in void) <= MAX_VOID_BYTES:
        return after
    dropped = {entry.hash for entry in void if entry.data not in before.known}
    kept: list[bytes] = []
    for entry in after.known.values():  # each comes after the one it follows
        if entry.hash in dropped or entry.previous in dropped:
            dropped.add(entry.hash)
        else:
            kept.append(entry.data)
    return before if len(kept) == len(before.entries) else _read(kept, after.known)

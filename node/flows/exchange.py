"""Keeping catalogs level: what is edited on one device shows on the others (docs/PROTOCOL.md, "Questions")."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from node.catalog.batch import HASH_BYTES, MAX_BATCH_BYTES, Batch, Head, decode_batch
from node.catalog.vector import LOG_ID_BYTES, MAX_LOGS, MAX_SEQ, LogId, log_device
from node.doors.channel import Answer, Channel
from node.doors.index import Applied
from node.errors import PeerError, RefusedError, SongkeepError
from node.flows.history_teller import HistoryTeller
from node.flows.meet import Meeting
from node.flows.void import check_snapshot, last_valid_of, void_what_is_beyond
from node.ids import DeviceId, to_text
from node.library import Library
from node.memory import give_back
from node.peers.directory import Directory, Presence
from node.peers.membership import Membership
from node.wire import codec
from node.wire.channel import MAX_REPLY_BYTES
from node.wire.roster import Role, Roster

log = logging.getLogger(__name__)

ANSWER_BYTES: Final = 1 << 19
"""Of batches in one answer; who asked asks again for the rest. They are merged together: as values in memory they take
some twenty times as much, of which a part stays.
"""
MUCH_TAKEN: Final = 256
"""Batches after which what merging them took of memory is given back."""
MAX_ROUNDS: Final = 10_000
QUIET_S: Final = 0.3
"""Changes so close together are announced once."""
RETRY_S: Final = 20.0


class Exchange:
    """Asks devices that know more, answers those that know less. `run` must be running."""

    def __init__(
        self,
        library: Library,
        membership: Membership,
        directory: Directory,
        meeting: Meeting,
        *,
        history_teller: HistoryTeller | None = None,
        is_phone: Callable[[DeviceId], bool] = lambda _member: False,
    ) -> None:
        """`is_phone`: whether a device, here or away, is one that answers no questions and takes nothing away."""
        self._library = library
        self._teller = history_teller or HistoryTeller(membership.keys.id)
        self._membership = membership
        self._directory = directory
        self._meeting = meeting
        self._is_phone = is_phone
        self._asking: dict[DeviceId, asyncio.Task[None]] = {}
        self._look_again: set[DeviceId] = set()
        self._changed = asyncio.Event()
        directory.on_change.append(self._look_at)
        membership.on_change.append(self._roster_changed)
        self._group: asyncio.TaskGroup | None = None

    @property
    def answers(self) -> Mapping[str, Answer]:
        return {"batches": self._answer_batches, "changes": self._take_changes}

    async def run(self) -> None:
        """Announces what was changed here, and fetches what others changed, until cancelled."""
        loop = asyncio.get_running_loop()

        def note_change(_revision: int) -> None:
            loop.call_soon_threadsafe(self._changed.set)

        forget = self._library.on_change(note_change)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.to_thread(void_what_is_beyond, self._library, self._membership.roster)
                has_others = len(self._membership.roster.active(Role.OWNER, Role.PLAYER)) > 1
                if has_others and await asyncio.to_thread(self._library.changes.clock_is_doubted):
                    self._teller.alone()
                for member, _ in self._directory.present():
                    self._look_at(member)
                announced = await self._heads()
                while True:
                    await self._changed.wait()
                    await asyncio.sleep(QUIET_S)
                    self._changed.clear()
                    heads = await self._heads()
                    if heads != announced:
                        announced = heads
                        await self._announce()
        finally:
            self._group = None
            forget()

    async def hear_all(self) -> bool:
        """Ask everyone here, now, for changes; whether all that they know is known here, and somebody could be asked.

        Nobody need be asked in a library whose other devices are phones.
        """
        others = self.to_ask()
        here = [member for member, _ in self._directory.present() if member in others]
        heard = await asyncio.gather(*map(self._hear, here))
        return all(heard) and bool(here or not others)

    def to_ask(self) -> set[DeviceId]:
        """Devices, here or away, that answer questions."""
        own = self._membership.keys.id
        members = (each.public.id for each in self._membership.roster.active(Role.OWNER, Role.PLAYER))
        return {each for each in members if each != own and not self._is_phone(each)}

    async def _hear(self, member: DeviceId) -> bool:
        try:
            channel = await self._meeting.connect(member)
            await self._fetch_from(channel, member)
        except SongkeepError as error:
            log.info("changes_not_heard member=%s reason=%s", to_text(member)[:8], type(error).__name__)
            return False
        return True

    async def _announce(self) -> None:
        try:
            await self._meeting.announce()
        except SongkeepError as error:
            # A room that breaks just now is joined again, and joining announces.
            log.info("announcement_lost reason=%s", type(error).__name__)

    async def _heads(self) -> dict[LogId, int]:
        heads = await asyncio.to_thread(self._library.index.log.heads)
        return {name: head.seq for name, head in heads.items()}

    def _look_at(self, member: DeviceId) -> None:
        """Someone came or said something new: ask, if it is a node that knows more than this one."""
        seen = self._directory.get(member)
        presence = seen.presence
        if self._group is None or not seen.present or presence is None or presence.role != "node":
            return
        if member in self._asking:
            self._look_again.add(member)
            return
        self._look_again.discard(member)
        task = self._group.create_task(self._catch_up(member))
        self._asking[member] = task
        task.add_done_callback(lambda _done: self._asked(member))

    def _asked(self, member: DeviceId) -> None:
        self._asking.pop(member, None)
        if member in self._look_again:
            self._look_at(member)

    async def _catch_up(self, member: DeviceId) -> None:
        while True:
            presence = self._directory.get(member).presence
            if presence is None or not self._directory.get(member).present:
                return
            if not await asyncio.to_thread(self._differs, presence):
                return
            try:
                channel = await self._meeting.connect(member)
                mended = await self._mend(channel, presence)
                if not await self._fetch_from(channel, member) and not mended:
                    return
            except SongkeepError as error:
                log.info("catch_up_failed member=%s reason=%s", to_text(member)[:8], type(error).__name__)
                await self._meeting.links.another(member, RETRY_S)

    def _differs(self, presence: Presence) -> bool:
        """Whether a device knows something else: more of some log, or another history of one."""
        own = self._library.index.log.heads()
        if any(own.get(LogId(name), Head()).seq < seq for name, seq in presence.heads.items()):
            return True
        if any(name in presence.heads for name in self._library.histories.own_forks()):
            return True
        same = {name: head.seq for name, head in own.items()} == presence.heads
        return same and presence.catalog not in (b"", self._library.index.log.digest())

    async def _fetch_from(self, channel: Channel, member: DeviceId) -> bool:
        """Ask until the other side has nothing newer; whether anything came, if only that this device was set back."""
        took, own_forks, was_much = 0, 0, False
        for _ in range(MAX_ROUNDS):
            heads = await asyncio.to_thread(self._library.index.log.heads)
            asked = {name: head.seq for name, head in heads.items()}
            hashes = {name: head.hash for name, head in heads.items()}
            signed, more, by_snapshot = await self._ask(channel, {"heads": asked, "hashes": hashes})
            if by_snapshot:
                document = await channel.ask("catalog", None)
                await asyncio.to_thread(self._load_snapshot, document)
                log.info("snapshot_taken size_bytes=%d", len(document))
                took, was_much = took + 1, True
                continue
            applied = await self._take(signed)
            took += applied.new
            own_forks += sum(log_device(fork.log) == self._membership.keys.id for fork in applied.forks)
            if not more or not applied.new:
                break
        if was_much or took >= MUCH_TAKEN:
            await asyncio.to_thread(self._give_back)
        proofs = await asyncio.to_thread(self._library.histories.proofs_for, member)
        if proofs:  # the device itself may not know that it was set back
            await channel.ask("changes", {"batches": proofs})
        log.info("changes_taken count=%d", took)
        return took > 0 or own_forks > 0

    def _give_back(self) -> None:
        """The memory that a large merge took for once. Blocks."""
        self._library.index.give_back()
        give_back()

    async def _ask(self, channel: Channel, question: Mapping[str, object]) -> tuple[object, bool, bool]:
        answer = await channel.ask("batches", question)
        fields = codec.array(codec.unpack(answer, max_bytes=MAX_REPLY_BYTES), 3, "an answer with changes")
        return fields[0], fields[1] is True, fields[2] is True

    def _load_snapshot(self, document: bytes) -> None:
        check_snapshot(document, self._membership.roster)
        if self._library.load_snapshot(document):
            self._teller.set_back(wrote_on=False)

    async def _take(self, signed: object) -> Applied:
        batches = await asyncio.to_thread(self._checked, signed)
        if not batches:
            return Applied()
        applied = await asyncio.to_thread(self._library.apply, batches)
        self._teller.applied(applied)
        return applied

    async def _mend(self, channel: Channel, presence: Presence) -> bool:
        """Sort out logs of this device that have two histories, with what the other one knows; whether any was."""
        mended = False
        for name in await asyncio.to_thread(self._library.histories.own_forks):
            theirs = await self._parting(channel, name, presence)
            if theirs is not None and await asyncio.to_thread(self._library.histories.choose, theirs):
                log.info("history_chosen seq=%d", theirs.seq)
                mended = True
        if mended:
            self._teller.set_back(wrote_on=True)
        return mended

    async def _parting(self, channel: Channel, name: LogId, presence: Presence) -> Batch | None:
        """The first batch of a log in which the other side's history differs; None if it knows no other."""
        histories = self._library.histories
        after = await asyncio.to_thread(histories.first_to_compare, name) - 1
        others = dict.fromkeys(presence.heads, MAX_SEQ)
        for _ in range(MAX_ROUNDS):
            signed, _, by_snapshot = await self._ask(channel, {"heads": {**others, name: after}})
            batches = [] if by_snapshot else await asyncio.to_thread(self._checked, signed)
            batches = [batch for batch in batches if batch.log == name]
            if not batches:
                return None
            found = await asyncio.to_thread(histories.parting, batches)
            if found is not None:
                return found
            after = batches[-1].seq
        return None

    def _checked(self, signed: object) -> list[Batch]:
        if not isinstance(signed, list):
            raise PeerError("changes are not a list")
        batches = [decode_batch(codec.bounded_bytes(each, MAX_BATCH_BYTES, "a batch of changes")) for each in signed]
        return [batch for batch in batches if self._counts(batch)]

    def _counts(self, batch: Batch) -> bool:
        """Whether its writer was a member when it wrote. Raises RefusedError if it never was one."""
        roster = self._membership.roster
        writer = roster.members.get(batch.device)
        if writer is None:
            raise RefusedError("changes by a device that was never a member were offered")
        return batch.seq <= last_valid_of(batch.log, roster)

    async def _answer_batches(self, body: Any) -> bytes:
        """What is newer than the asker's heads: msgpack [[batch, ...], more, whether only a snapshot helps]."""
        heads = _read_heads(body)
        return await asyncio.to_thread(self._newer_than, heads, _read_hashes(body))

    def _newer_than(self, theirs: Mapping[LogId, int], hashes: Mapping[LogId, bytes]) -> bytes:
        kept = self._library.index.log
        batches: list[bytes] = []
        for name, batch_hash in hashes.items():
            if kept.batch_hash(name, theirs.get(name, 0)) not in (None, batch_hash):
                batches += kept.batches(name, theirs[name] - 1, 1)  # it has another history of that log
        room = ANSWER_BYTES
        for name, head in kept.heads().items():
            after = theirs.get(name, 0)
            while after < head.seq:
                first = kept.first_kept(name)
                if first is None or first > after + 1:
                    return codec.pack([[], True, True])
                found = kept.batches(name, after, 64)
                for signed in found:
                    room -= len(signed)
                    if room < 0 and batches:
                        return codec.pack([batches, True, False])
                    batches.append(signed)
                if not found:
                    break
                after += len(found)
        return codec.pack([batches, False, False])

    async def _take_changes(self, body: Any) -> bytes:
        """Changes that a device which answers no questions (a phone) brings: msgpack {log: head} as it is then."""
        fields: dict[Any, Any] = body if isinstance(body, dict) else {}
        applied = await self._take(fields.get("batches"))
        if any(log_device(fork.log) == self._membership.keys.id for fork in applied.forks):
            for member, _ in self._directory.present():
                self._look_at(member)
        return codec.pack(await self._heads())

    def _roster_changed(self, before: Roster, after: Roster) -> None:
        said = after.last_valid != before.last_valid
        left = any(not member.active and _was_active(before, name) for name, member in after.members.items())
        if (left or said) and self._group is not None:
            self._group.create_task(asyncio.to_thread(void_what_is_beyond, self._library, after))


def _read_heads(body: Any) -> dict[LogId, int]:
    heads = body.get("heads") if isinstance(body, dict) else None
    if not isinstance(heads, dict) or len(heads) > MAX_LOGS:
        raise PeerError("a question for changes names no heads")
    return {
        LogId(codec.fixed_bytes(name, LOG_ID_BYTES, "a log's name")): codec.natural(seq, MAX_SEQ, "a log's head")
        for name, seq in heads.items()
    }


def _read_hashes(body: Any) -> dict[LogId, bytes]:
    hashes = body.get("hashes") or {}
    if not isinstance(hashes, dict) or len(hashes) > MAX_LOGS:
        raise PeerError("a question for changes names no hashes")
    return {
        LogId(codec.fixed_bytes(name, LOG_ID_BYTES, "a log's name")): codec.fixed_bytes(each, HASH_BYTES, "a hash")
        for name, each in hashes.items()
    }


def _was_active(roster: Roster, member: DeviceId) -> bool:
    known = roster.members.get(member)
    return known is None or known.active

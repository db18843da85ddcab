"""Keeping catalogs level: what is edited on one device shows on the others (docs/PROTOCOL.md, "Questions")."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from node.catalog.batch import MAX_BATCH_BYTES, Batch, decode_batch
from node.catalog.vector import LOG_ID_BYTES, MAX_LOGS, MAX_SEQ, LogId, log_device
from node.doors.channel import Answer, Channel
from node.errors import PeerError, RefusedError, SongkeepError
from node.flows.meet import Meeting
from node.ids import DeviceId, to_text
from node.library import Library
from node.peers.directory import Directory
from node.peers.membership import Membership
from node.wire import codec
from node.wire.channel import MAX_REPLY_BYTES
from node.wire.roster import Roster

log = logging.getLogger(__name__)

ANSWER_BYTES: Final = 4 << 20
"""Of batches in one answer; who asked asks again for the rest."""
MAX_ROUNDS: Final = 10_000
QUIET_S: Final = 0.3
"""Changes so close together are announced once."""
RETRY_S: Final = 20.0


class Exchange:
    """Asks devices that know more, answers those that know less. `run` must be running."""

    def __init__(self, library: Library, membership: Membership, directory: Directory, meeting: Meeting) -> None:
        self._library = library
        self._membership = membership
        self._directory = directory
        self._meeting = meeting
        self._asking: dict[DeviceId, asyncio.Task[None]] = {}
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
        if member not in self._asking:
            task = self._group.create_task(self._catch_up(member))
            self._asking[member] = task
            task.add_done_callback(lambda _done: self._asking.pop(member, None))

    async def _catch_up(self, member: DeviceId) -> None:
        while True:
            presence = self._directory.get(member).presence
            own = await self._heads()
            if presence is None or not self._directory.get(member).present:
                return
            if all(own.get(LogId(name), 0) >= seq for name, seq in presence.heads.items()):
                return
            try:
                channel = await self._meeting.connect(member)
                if not await self._fetch_from(channel):
                    return
            except SongkeepError as error:
                log.info("catch_up_failed member=%s reason=%s", to_text(member)[:8], type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def _fetch_from(self, channel: Channel) -> bool:
        """Ask until the other side has nothing newer; whether anything came."""
        took = 0
        for _ in range(MAX_ROUNDS):
            heads = await self._heads()
            answer = await channel.ask("batches", {"heads": heads})
            fields = codec.array(codec.unpack(answer, max_bytes=MAX_REPLY_BYTES), 3, "an answer with changes")
            signed, more, by_snapshot = fields[:3]
            if by_snapshot:
                document = await channel.ask("catalog", None)
                await asyncio.to_thread(self._library.load_snapshot, document)
                log.info("snapshot_taken size_bytes=%d", len(document))
                took += 1
                continue
            new = await self._take(signed)
            took += new
            if not more or not new:
                break
        log.info("changes_taken count=%d", took)
        return took > 0

    async def _take(self, signed: object) -> int:
        batches = await asyncio.to_thread(self._checked, signed)
        if not batches:
            return 0
        applied = await asyncio.to_thread(self._library.apply, batches)
        return applied.new

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
        return writer.active or batch.seq <= roster.last_valid.get(batch.log, 0)

    async def _answer_batches(self, body: Any) -> bytes:
        """What is newer than the asker's heads: msgpack [[batch, ...], more, whether only a snapshot helps]."""
        return await asyncio.to_thread(self._newer_than, _read_heads(body))

    def _newer_than(self, theirs: Mapping[LogId, int]) -> bytes:
        kept = self._library.index.log
        batches: list[bytes] = []
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
        await self._take(fields.get("batches"))
        return codec.pack(await self._heads())

    def _roster_changed(self, before: Roster, after: Roster) -> None:
        gone = {name for name, member in after.members.items() if not member.active and _was_active(before, name)}
        if gone and self._group is not None:
            self._group.create_task(asyncio.to_thread(self._void, gone, after))

    def _void(self, gone: set[DeviceId], roster: Roster) -> None:
        """What a revoked device wrote beyond what its revocation names counts for nothing."""
        for name, head in self._library.index.log.heads().items():
            last_valid = roster.last_valid.get(name, 0)
            if log_device(name) in gone and head.seq > last_valid:
                self._library.void_after(name, last_valid)


def _read_heads(body: Any) -> dict[LogId, int]:
    heads = body.get("heads") if isinstance(body, dict) else None
    if not isinstance(heads, dict) or len(heads) > MAX_LOGS:
        raise PeerError("a question for changes names no heads")
    return {
        LogId(codec.fixed_bytes(name, LOG_ID_BYTES, "a log's name")): codec.natural(seq, MAX_SEQ, "a log's head")
        for name, seq in heads.items()
    }


def _was_active(roster: Roster, member: DeviceId) -> bool:
    known = roster.members.get(member)
    return known is None or known.active

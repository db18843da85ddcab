"""Who holds what: what this device has, said to the others, and what they say (docs/PROTOCOL.md, "Holdings")."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from node.crypto.blob import Shape
from node.doors.channel import Answer
from node.errors import SongkeepError
from node.flows.meet import Meeting
from node.ids import BlobRoot, DeviceId, from_text, to_text
from node.library import Library
from node.peers.directory import Directory
from node.peers.membership import Membership
from node.placement import Blob, Device, SteadyClock
from node.placement.facts import DAY_MS
from node.wire.holdings import Holding, list_digest, read_answer
from node.wire.roster import Role

log = logging.getLogger(__name__)

SETTING: Final = "census"
DISTRUST_MS: Final = 7 * DAY_MS
"""For how long who was caught without what it said it had counts for nothing."""
SAVE_EVERY_MS: Final = 300_000
_HOLDERS: Final = (Role.OWNER, Role.PLAYER)


@dataclass(slots=True)
class Known:
    """What one other device last said."""

    state: bytes = b""
    holding: Holding = field(default_factory=Holding)


class Census:
    """What is known of every holder. Blocking methods say so."""

    def __init__(
        self,
        library: Library,
        membership: Membership,
        directory: Directory,
        *,
        budget_bytes: Callable[[], int],
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._library = library
        self._membership = membership
        self._directory = directory
        self._budget_bytes = budget_bytes
        self._wall_ms = wall_ms
        self._sizes: dict[BlobRoot, int] = {}
        self._known: dict[DeviceId, Known] = {}
        kept: dict[str, Any] = library.index.settings.get(SETTING, {})
        self._clock = SteadyClock(*kept.get("clock", (0, 0)))
        self._seen_ms = {DeviceId(from_text(each)): int(at_ms) for each, at_ms in kept.get("seen", {}).items()}
        self._distrusted_ms = {DeviceId(from_text(each)): int(at_ms) for each, at_ms in kept.get("liars", {}).items()}
        self._saved_ms = 0
        self.blobs: list[Blob] = []
        """Everything that the catalog names, in the order of the roots."""
        self.own = Holding()
        self.added: frozenset[BlobRoot] = frozenset()
        self.state = b""
        """Names what this device holds: for its presence."""
        self.seeds: Callable[[], list[Device]] = list
        """What seeds are known to hold."""

    @property
    def answers(self) -> Mapping[str, Answer]:
        return {"holdings": self._answer}

    def now_ms(self) -> int:
        """By the steady clock."""
        return self._clock.tick(self._wall_ms())

    def look(self) -> None:
        """See anew what the catalog names and this device holds. Blocks: one pass over the whole library."""
        room = self._library.index.copies
        weighed, kept = room.weighed(), room.kept()
        self.blobs = [
            Blob(root=each.root, sealed_bytes=self._size(each.root), purpose=each.purpose, weight=each.weight)
            for each in weighed
        ]
        self.added = frozenset(room.added())
        self.own = Holding(
            budget_bytes=self._budget_bytes(),
            used_bytes=sum(kept.values()),
            sealed=frozenset(kept),
            sources=frozenset(room.at_hand()),
        )
        self.state = self.own.state(self._listed)

    def devices(self) -> list[Device]:
        """All holders as placement sees them, this one first."""
        me = self._membership.keys.id
        now_ms = self.now_ms()
        found = [
            Device(
                id=me, budget_bytes=self.own.budget_bytes, used_bytes=self.own.used_bytes, sealed=self.own.sealed,
                sources=self.own.sources, added=self.added,
            )
        ]  # fmt: skip
        for member in self._membership.roster.active(*_HOLDERS):
            other = member.public.id
            said = self._known.get(other)
            if other == me or said is None:
                continue
            present = self._directory.get(other).present
            if present:
                self._seen_ms[other] = now_ms
            found.append(
                Device(
                    id=other, budget_bytes=said.holding.budget_bytes, used_bytes=said.holding.used_bytes,
                    sealed=said.holding.sealed, sources=said.holding.sources, present=present,
                    absent_ms=now_ms - self._seen_ms.get(other, 0), trusted=self.trusts(other),
                )
            )  # fmt: skip
        return [*found, *self.seeds()]

    def trusts(self, member: DeviceId) -> bool:
        since_ms = self._distrusted_ms.get(member)
        return since_ms is None or self.now_ms() - since_ms > DISTRUST_MS

    async def distrust(self, member: DeviceId) -> None:
        """It gave other bytes than it should have, or could not prove what it said."""
        log.warning("holder_distrusted member=%s", to_text(member)[:8])
        self._distrusted_ms[member] = self.now_ms()
        await asyncio.to_thread(self.save)

    async def ask_around(self, meeting: Meeting) -> None:
        """Hear from every present node whose holdings are another's than were last heard of."""
        asked = [
            self._ask(meeting, member, seen.presence.holdings)
            for member, seen in self._directory.present()
            if seen.presence is not None and seen.presence.role == "node" and member != self._membership.keys.id
        ]
        await asyncio.gather(*asked)
        if self.now_ms() - self._saved_ms > SAVE_EVERY_MS:
            await asyncio.to_thread(self.save)

    async def _ask(self, meeting: Meeting, member: DeviceId, state: bytes) -> None:
        known = self._known.get(member)
        if known is not None and known.state == state:
            return
        try:
            channel = await meeting.connect(member)
            answer = await channel.ask("holdings", {"list": list_digest(self._listed)})
            heard, holding = await asyncio.to_thread(read_answer, answer, self._listed)
        except SongkeepError as error:
            log.info("holdings_not_heard member=%s reason=%s", to_text(member)[:8], type(error).__name__)
            return
        self._known[member] = Known(heard, holding)
        log.info("holdings_heard member=%s sealed=%d", to_text(member)[:8], len(holding.sealed))

    async def _answer(self, body: Any) -> bytes:
        theirs = body.get("list") if isinstance(body, dict) else None
        if not self.state:
            await asyncio.to_thread(self.look)
        return await asyncio.to_thread(self.own.answer, self._listed, theirs if isinstance(theirs, bytes) else b"")

    def save(self) -> None:
        """Keep the clock and who was seen when. Blocks."""
        self._saved_ms = self.now_ms()
        self._library.index.settings.set(
            SETTING,
            {
                "clock": [self._clock.steady_ms, self._clock.wall_ms],
                "seen": {to_text(each): at_ms for each, at_ms in list(self._seen_ms.items())},
                "liars": {to_text(each): at_ms for each, at_ms in list(self._distrusted_ms.items())},
            },
        )

    @property
    def _listed(self) -> list[BlobRoot]:
        return [blob.root for blob in self.blobs]

    def _size(self, root: BlobRoot) -> int:
        size = self._sizes.get(root)
        if size is None:
            known = self._library.index.blobs.get(root)
            ref = None if known is not None else self._library.blob_ref(root)
            size = known.sealed_bytes if known is not None else Shape(ref.size_bytes).sealed_bytes if ref else 0
            self._sizes[root] = size
        return size

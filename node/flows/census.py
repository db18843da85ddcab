"""Who holds what: what this device has, said to the others, and what they say (docs/PROTOCOL.md, "Holdings").

Looking costs a pass over the whole library, so it happens only when something has changed, and never takes more than a
tenth of the time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any, Final

from node.crypto.blob import Purpose, Shape
from node.doors.channel import Answer
from node.errors import SongkeepError
from node.flows.hearsay import Hearsay, shared
from node.flows.meet import Meeting
from node.flows.seed_holders import SeedHolders
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the catalog named and this device held at one moment."""

    blobs: tuple[Blob, ...] = ()
    """Everything that the catalog names, in the order of the roots."""
    listed: tuple[BlobRoot, ...] = ()
    """Their roots."""
    digest: bytes = b""
    own: Holding = field(default_factory=Holding)
    added: Set[BlobRoot] = frozenset()
    """Originals that came into the library by this device."""
    damaged: Set[BlobRoot] = frozenset()
    """Of those that it keeps."""
    leaving: Set[BlobRoot] = frozenset()
    """Kept here although they were taken out of the library, or the catalog names them no longer."""
    kept: int = 0
    """How many blobs it keeps."""
    state: bytes = b""
    """Names what this device holds, for its presence; empty before the first look."""


class Census:
    """What is known of every holder. Blocking methods say so."""

    def __init__(
        self,
        library: Library,
        membership: Membership,
        directory: Directory,
        *,
        budget_bytes: Callable[[], int],
        keeps_originals: Callable[[], bool] = lambda: False,
        wants_sizes: Callable[[], bool] = lambda: True,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`keeps_originals`: whether the person has this device keep all its own originals sealed.

        `wants_sizes`: whether it may fetch anything; the sizes of what isn't here take a pass over the catalog.
        """
        self._library = library
        self._membership = membership
        self._directory = directory
        self._budget_bytes = budget_bytes
        self._keeps_originals = keeps_originals
        self._wants_sizes = wants_sizes
        self._wall_ms = wall_ms
        self._hearsay = Hearsay(library)
        members = [each.public.id for each in membership.roster.active(*_HOLDERS)]
        self._known = {member: (b"", said) for member, said in self._hearsay.load(members).items()}
        """What each last said, and the name of that state; empty for one to be asked anew."""
        kept: dict[str, Any] = library.index.settings.get(SETTING, {})
        self._clock = SteadyClock(*kept.get("clock", (0, 0)))
        self._seen_ms = {DeviceId(from_text(each)): int(at_ms) for each, at_ms in kept.get("seen", {}).items()}
        self._distrusted_ms = {DeviceId(from_text(each)): int(at_ms) for each, at_ms in kept.get("liars", {}).items()}
        self._saved_ms = 0
        self.me = membership.keys.id
        self.sight = Sight()
        self.looks = 0
        """Counts them: what follows from a look may be kept until the next."""
        self.seeds: SeedHolders | None = None

    @property
    def answers(self) -> Mapping[str, Answer]:
        return {"holdings": self._answer}

    def now_ms(self) -> int:
        """By the steady clock."""
        return self._clock.tick(self._wall_ms())

    def look(self) -> bool:
        """See anew what the catalog names and this device holds; whether what it holds is other than before.

        Blocks: a pass over the whole library, about a second for 50,000 blobs.
        """
        room = self._library.index.copies
        known = {blob.root: blob for blob in self.sight.blobs}  # what is as it was stays the same object
        blobs = {blob.root: blob for blob in self._blobs(known)}
        del known
        own: dict[BlobRoot, Purpose] = {blobs[root].root: purpose for root, purpose in room.own() if root in blobs}
        sealed: set[BlobRoot] = set()
        damaged: set[BlobRoot] = set()
        leaving: set[BlobRoot] = set()
        used_bytes = kept = 0
        for each in room.kept():
            blob = blobs.get(each.root)
            kept += 1
            used_bytes += each.sealed_bytes if self._counts(own.get(each.root)) else 0
            if blob is None or blob.removed:
                leaving.add(each.root if blob is None else blob.root)
            if blob is not None:
                (damaged if each.damaged else sealed).add(blob.root)
        gone = leaving - blobs.keys()  # the catalog names them no longer, but they may be the only copies
        unnamed = gone.intersection(room.from_files()) if gone else set()
        listed = tuple(blobs)
        holding = Holding(
            budget_bytes=self._budget_bytes(),
            used_bytes=used_bytes,
            sealed=frozenset(sealed),
            sources=frozenset(blobs[root].root for root in room.at_hand() if root in blobs),
        )
        if not self.looks:  # what was loaded has names of its own
            roots = {root: root for root in listed}
            self._known = {member: (state, shared(said, roots)) for member, (state, said) in self._known.items()}
        before, state = self.sight.state, holding.state(listed)
        self.sight = Sight(
            blobs=tuple(blobs.values()),
            listed=listed,
            digest=list_digest(listed),
            own=holding,
            added=frozenset(root for root, purpose in own.items() if purpose is Purpose.ORIGINAL) | unnamed,
            damaged=frozenset(damaged),
            leaving=frozenset(leaving),
            kept=kept,
            state=state,
        )
        self.looks += 1
        return state != before

    def _blobs(self, known: Mapping[BlobRoot, Blob]) -> Iterator[Blob]:
        """Everything that the catalog names. A size is 0 if it isn't known here and nobody asks for it."""
        room = self._library.index.copies
        sizes: dict[BlobRoot, int] | None = None
        for each in room.weighed():
            before = known.get(each.root)
            size = each.sealed_bytes or (before.sealed_bytes if before else 0)
            if not size and self._wants_sizes():
                sizes = dict(room.sizes()) if sizes is None else sizes
                size = Shape(sizes[each.root]).sealed_bytes if each.root in sizes else 0
            blob = Blob(root=each.root, sealed_bytes=size, purpose=each.purpose, weight=each.weight)
            yield before if before == blob else blob

    def _counts(self, own: Purpose | None) -> bool:
        """Whether a blob takes of the budget, which is for what other devices hold, not for this one's own music."""
        return own is None or (own is Purpose.ORIGINAL and not self._keeps_originals())

    def devices(self) -> list[Device]:
        """All holders as placement sees them, this one first."""
        me, own = self.me, self.sight.own
        now_ms = self.now_ms()
        found = [
            Device(
                id=me, budget_bytes=own.budget_bytes, used_bytes=own.used_bytes, sealed=own.sealed,
                sources=own.sources, added=self.sight.added,
            )
        ]  # fmt: skip
        for member in self._membership.roster.active(*_HOLDERS):
            other = member.public.id
            said = self._known.get(other)
            if other == me or said is None:
                continue
            holding, present = said[1], self._directory.get(other).present
            if present:
                self._seen_ms[other] = now_ms
            found.append(
                Device(
                    id=other, budget_bytes=holding.budget_bytes, used_bytes=holding.used_bytes,
                    sealed=holding.sealed, sources=holding.sources, present=present,
                    absent_ms=now_ms - self._seen_ms.get(other, 0), trusted=self.trusts(other),
                )
            )  # fmt: skip
        for seed in self.seeds.devices() if self.seeds is not None else []:
            if seed.present:
                self._seen_ms[seed.id] = now_ms
            absent_ms = now_ms - self._seen_ms.get(seed.id, 0)
            found.append(replace(seed, absent_ms=absent_ms, trusted=self.trusts(seed.id)))
        return found

    def others(self) -> list[Device]:
        """Who else holds what and is here; nothing of times. From any thread."""
        active = {each.public.id for each in self._membership.roster.active(*_HOLDERS)} - {self.me}
        found = [
            Device(
                id=member, sealed=said.sealed, sources=said.sources, present=self._directory.get(member).present
            )
            for member, (_, said) in list(self._known.items()) if member in active
        ]  # fmt: skip
        return found + (self.seeds.devices() if self.seeds is not None else [])

    def trusts(self, member: DeviceId) -> bool:
        since_ms = self._distrusted_ms.get(member)
        return since_ms is None or self.now_ms() - since_ms > DISTRUST_MS

    async def distrust(self, member: DeviceId) -> None:
        """It gave other bytes than it should have, or could not prove what it said."""
        log.warning("holder_distrusted member=%s", to_text(member)[:8])
        self._distrusted_ms[member] = self.now_ms()
        await asyncio.to_thread(self.save)

    def doubt(self, member: DeviceId) -> None:
        """It hadn't what it had said it has: what it says is asked for again before anything is planned with it."""
        if member in self._known:
            self._known[member] = b"", self._known[member][1]

    async def ask_around(self, meeting: Meeting) -> bool:
        """Hear from every present node whose holdings are others than were last heard of; whether there was news."""
        asked = [
            self._ask(meeting, member, seen.presence.holdings)
            for member, seen in self._directory.present()
            if seen.presence is not None and seen.presence.role == "node" and member != self.me
        ]
        heard = await asyncio.gather(*asked)
        if self.now_ms() - self._saved_ms > SAVE_EVERY_MS:
            await asyncio.to_thread(self.save)
        return any(heard)

    async def _ask(self, meeting: Meeting, member: DeviceId, state: bytes) -> bool:
        known = self._known.get(member)
        if known is not None and known[0] == state:
            return False
        sight = self.sight
        try:
            channel = await meeting.connect(member)
            answer = await channel.ask("holdings", {"list": sight.digest})
            self._known[member] = await asyncio.to_thread(read_answer, answer, sight.listed)
        except SongkeepError as error:
            log.info("holdings_not_heard member=%s reason=%s", to_text(member)[:8], type(error).__name__)
            return False
        log.info("holdings_heard member=%s sealed=%d", to_text(member)[:8], len(self._known[member][1].sealed))
        return True

    async def _answer(self, body: Any) -> bytes:
        theirs = body.get("list") if isinstance(body, dict) else None
        if not self.sight.state:
            await asyncio.to_thread(self.look)
        sight = self.sight
        return await asyncio.to_thread(sight.own.answer, sight.listed, theirs if isinstance(theirs, bytes) else b"")

    def save(self) -> None:
        """Keep the clock, who was seen when, and what was said. Blocks."""
        self._saved_ms = self.now_ms()
        self._hearsay.save({member: said for member, (_, said) in list(self._known.items())})
        self.save_clock()

    def save_clock(self) -> None:
        """Keep the clock, and who was seen when. Blocks."""
        self._library.index.settings.set(
            SETTING,
            {
                "clock": [self._clock.steady_ms, self._clock.wall_ms],
                "seen": {to_text(each): at_ms for each, at_ms in list(self._seen_ms.items())},
                "liars": {to_text(each): at_ms for each, at_ms in list(self._distrusted_ms.items())},
            },
        )

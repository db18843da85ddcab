"""Every song comes to have its copies: look who holds what, fetch what falls to this device, evict what may go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.doors.blobs import BlobStore
from node.doors.channel import Answer
from node.errors import NotHeldError, SongkeepError, StorageError
from node.flows.bring import Bringing
from node.flows.census import Census
from node.flows.discard import Discards, Tell
from node.flows.evict import Evictions, Freed
from node.flows.holdings import Holdings
from node.flows.keep import Wishes
from node.flows.meet import Meeting
from node.flows.pace import Pace
from node.flows.peer_audit import DeviceAudits
from node.flows.receipts import Receipts
from node.flows.uploads import Uploads
from node.flows.ways import Take
from node.ids import BlobRoot, DeviceId
from node.library import Library
from node.peers.directory import Directory
from node.peers.membership import Membership
from node.placement import Copy, Device, plan_copies, plan_drops
from node.placement.facts import COPIES
from node.wire.roster import Role

log = logging.getLogger(__name__)

LOOKS_AT_MOST: Final = 10
"""A look that took a second is followed by ten without one."""
AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often things are done."""

    first_s: float = 2.0
    round_s: float = 30.0
    """Between looks at who is here; nothing is planned anew unless something changed."""
    quiet_s: float = 1.0
    """After a change, before it is looked at: mostly there are more."""
    plan_again_s: float = 600.0
    """Time alone changes what is missing: whoever is away for an hour is not waited for."""
    making_s: float = 60.0
    """For so long copies are made before who holds what is looked at anew."""
    rest_s: float = 300.0
    """A copy that failed is tried again so much later; the others go before it. So is emptying the trash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the person allows."""

    budget_bytes: int = 0
    paused: bool = False
    copies: int = COPIES
    keeps_originals: bool = False
    """This device keeps all its own originals sealed: they take nothing of the budget."""
    upload_bytes_per_s: int = 0
    """0: as fast as it goes."""
    download_bytes_per_s: int = 0


class Copies:
    """`run` must be running for anything to be fetched; receipts are given without it."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        holdings: Holdings,
        membership: Membership,
        directory: Directory,
        meeting: Meeting,
        *,
        limits: Limits,
        take: Take,
        upload: Pace,
        uploads: Uploads,
        hear_all: Callable[[], Awaitable[bool]],
        tell: Tell = lambda level, text: None,
    ) -> None:
        """`take` gets sealed chunks from others; `upload` counts what goes out, and is kept to its limit here;
        `uploads` counts it by who takes it.

        `hear_all` learns all changes that the others know (node/flows/exchange.py).
        """
        self._library = library
        self._directory = directory
        self._meeting = meeting
        self._membership = membership
        self._me = membership.keys.id
        self.limits = limits
        self.rhythm = Rhythm()
        self.download, self.upload = Pace(limits.download_bytes_per_s), upload
        self.upload.set_limit(limits.upload_bytes_per_s)
        self.uploads = uploads
        self.wishes = Wishes(library)
        self._wishing = bool(self.wishes.all())
        self.census = Census(
            library,
            membership,
            directory,
            budget_bytes=lambda: self.limits.budget_bytes,
            keeps_originals=lambda: self.limits.keeps_originals,
            wants_sizes=lambda: self.limits.budget_bytes > 0 or self._wishing,
        )
        self.receipts = Receipts(
            library,
            store,
            holdings,
            membership,
            now_ms=self.census.now_ms,
            wall_ms=_now_ms,
            room_bytes=lambda: self.census.sight.own.budget_bytes - self.census.sight.own.used_bytes,
            save_clock=self.census.save_clock,
        )
        self._take_from = take
        self._hear_all = hear_all
        self.bringing = Bringing(library, store, self._take, self.download, now_ms=_now_ms, on_lie=self.census.distrust)
        self.evictions = Evictions(
            library,
            store,
            self.census,
            self.receipts,
            meeting.connect,
            me=self._me,
            copies=lambda: self.limits.copies,
            seeds=lambda: self.census.seeds,
        )
        self.discards = Discards(library, store, self.census, self.receipts, tell=tell)
        self.audits = DeviceAudits(
            library,
            self.census,
            meeting,
            take,
            wall_ms=_now_ms,
            random_below=lambda bound: int.from_bytes(membership.random(8), "big") % bound,
        )
        self._wake = asyncio.Event()
        self.turn = asyncio.Lock()
        """Held while anything is fetched or dropped."""
        self._changed = True
        self._look_s = 0.0
        self._hurry = asyncio.Event()
        """A person asked for something: quiet isn't waited for, and a plan that was made before is left."""
        self._planned_for: tuple[object, ...] = ()
        self._plan_again_s = 0.0
        self._hear_again_s = 0.0
        self._resting: dict[BlobRoot, float] = {}
        self.queue: list[Copy] = []
        self.last_error = ""
        self.last_freed: Freed | None = None
        directory.on_change.append(lambda _member: self._wake.set())

    @property
    def answers(self) -> Mapping[str, Answer]:
        return {**self.census.answers, **self.receipts.answers}

    def _take(self, member: DeviceId, root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        seeds = self.census.seeds
        take = seeds.chunks if seeds is not None and member in seeds else self._take_from
        return take(member, root, first, count)

    def apply(self, limits: Limits) -> None:
        """Keep to other limits from now on."""
        self.limits = limits
        self.download.set_limit(limits.download_bytes_per_s)
        self.upload.set_limit(limits.upload_bytes_per_s)
        self._changed = True
        self.wake()

    async def close(self) -> None:
        """Keep what is known of others for the next start."""
        with contextlib.suppress(SongkeepError):  # a full disk: then it is asked for anew
            await asyncio.to_thread(self.census.save)

    def note_wishes(self) -> None:
        """The person wants something here: sizes are needed that were not."""
        self._wishing = self._changed = True

    def wake(self) -> None:
        """Have the next round begin soon: what is planned may be wrong by now."""
        self._hurry.set()
        self._planned_for = ()
        self._wake.set()

    async def run(self) -> None:
        """Round after round, until cancelled."""
        loop = asyncio.get_running_loop()

        def note_change(_revision: int) -> None:
            loop.call_soon_threadsafe(self._note_change)

        forget = self._library.on_change(note_change)
        await asyncio.sleep(self.rhythm.first_s)
        try:
            while True:
                self._wake.clear()
                self._hurry.clear()
                try:
                    async with self.turn:
                        is_more = await self._round()
                except SongkeepError as error:
                    self.last_error, is_more = str(error), False
                    log.info("round_failed reason=%s", type(error).__name__)
                if not is_more:
                    await self._pause()
        finally:
            forget()

    def _note_change(self) -> None:
        self._changed = True
        self._wake.set()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self.rhythm.round_s):
                await self._wake.wait()
            async with asyncio.timeout(max(self.rhythm.quiet_s, LOOKS_AT_MOST * self._look_s)):
                await self._hurry.wait()
        except TimeoutError:
            return

    async def look(self, *, sure: bool = False) -> int:
        """See what is here and what others say, as far as that may have changed, and empty the trash.

        How many blobs went from the trash. `sure`: the person has said that they may go.
        """
        await self._look_here()
        dropped = 0
        if await self.discards.note() and (sure or await self._hears_all()):
            await self._look_here()
            dropped = await self.discards.empty(sure=sure)
            self._changed = self._changed or dropped > 0
        if await self.census.ask_around(self._meeting):
            self._planned_for = ()
        return dropped

    async def _hears_all(self) -> bool:
        """Whether the others were asked just now; they are not asked at every look."""
        now_s = time.monotonic()
        if now_s < self._hear_again_s:
            return False
        self._hear_again_s = now_s + self.rhythm.rest_s
        is_sure = await self._hear_all()
        self._changed = True  # what was heard may have brought something back
        return is_sure

    async def _look_here(self) -> None:
        if not self._changed:
            return
        self._changed = False
        began_s = time.monotonic()
        is_other = await asyncio.to_thread(self.census.look)
        self._look_s = time.monotonic() - began_s
        if is_other:
            await self._meeting.announce()

    async def look_to_show(self) -> None:
        """See what is here before a person is shown it: a device alone looks only then."""
        is_due = self._is_alone() and self._changed
        if is_due:
            self._changed = False
        if is_due or not self.census.sight.state:
            await asyncio.to_thread(self.census.look)

    async def _round(self) -> bool:
        """One pass; whether there is more to do at once."""
        if self._is_alone():
            return False  # a look at a large library costs a second and much memory
        await self.look()
        here = frozenset(member for member, _ in self._directory.present())
        reason = (self.census.looks, here, self.limits)
        now_s = time.monotonic()
        if reason == self._planned_for and now_s < self._plan_again_s:
            return False
        self._planned_for, self._plan_again_s = reason, now_s + self.rhythm.plan_again_s
        self.queue = []
        if self.limits.paused:
            return False
        devices = self.census.devices()
        planned, wished = await asyncio.to_thread(self._plan, devices, now_s)
        made = await self._make(planned, devices)
        await self._keep_to_budget(devices, wished)
        if self._resting:
            self._plan_again_s = min(self._resting.values())
        return made > 0

    def _is_alone(self) -> bool:
        """Whether nobody else was ever let in: then no copy is here that may go, and none can come."""
        members = self._membership.roster.members.items()
        return all(identifier == self._me or member.role is Role.RECOVERY for identifier, member in members)

    def _plan(self, devices: Sequence[Device], now_s: float) -> tuple[list[Copy], frozenset[BlobRoot]]:
        """What to fetch, and what the person wishes to have here. Blocks."""
        sight = self.census.sight
        self._resting = {root: until_s for root, until_s in self._resting.items() if until_s > now_s}
        wished = self.wishes.blobs("keep")
        planned = plan_copies(
            self._me,
            devices,
            [blob for blob in sight.blobs if blob.sealed_bytes and blob.root not in self._resting],
            copies=self.limits.copies,
            wished=wished | sight.damaged,  # what rots here is healed from others, however many copies there are
            unwished=self.wishes.blobs("free"),
        )
        return planned, wished

    async def _keep_to_budget(self, devices: Sequence[Device], wished: frozenset[BlobRoot]) -> None:
        own = self.census.sight.own
        if own.used_bytes <= self.limits.budget_bytes:
            return
        drops = await asyncio.to_thread(
            plan_drops,
            self._me,
            devices,
            self.census.sight.blobs,
            free_bytes=own.used_bytes - self.limits.budget_bytes,
            copies=self.limits.copies,
            wished=wished,
        )
        if drops:
            self.last_freed = await self.evictions.evict(drops)

    async def _make(self, planned: Sequence[Copy], devices: Sequence[Device]) -> int:
        self.queue = list(planned)
        turns, made, until_s = iter(planned), 0, time.monotonic() + self.rhythm.making_s

        async def worker() -> None:
            nonlocal made
            for copy in turns:
                try:
                    made += await self._bring(copy, devices)
                except StorageError as error:
                    self.last_error = str(error)
                    return
                except SongkeepError as error:
                    self.last_error = str(error)
                    self._resting[copy.blob.root] = time.monotonic() + self.rhythm.rest_s
                    if isinstance(error, NotHeldError):
                        self.census.doubt(copy.source)
                finally:
                    self.queue.remove(copy)
                if self.limits.paused or self._hurry.is_set() or time.monotonic() > until_s:
                    return

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(worker())
        if made:
            self.last_error = ""
            log.info("copies_made count=%d left=%d", made, len(self.queue))
        return made

    async def _bring(self, copy: Copy, devices: Sequence[Device]) -> bool:
        root = copy.blob.root
        ref = await asyncio.to_thread(self._library.blob_ref, root)
        if ref is None:
            return False
        others = [
            each.id for each in devices if each.id not in (self._me, copy.source) and each.present and each.has(root)
        ]
        holders = [each for each in (copy.source, *others) if self.census.trusts(each)]
        await self.bringing.bring(ref, copy.blob.purpose, holders)
        return True


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

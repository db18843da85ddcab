"""Every song comes to have its copies: look who holds what, fetch what falls to this device, evict what may go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from node.doors.blobs import BlobStore
from node.doors.channel import Answer
from node.doors.webrtc import DataPipe
from node.errors import SongkeepError, StorageError
from node.flows.bring import Bringing
from node.flows.census import Census
from node.flows.evict import Evictions, Freed
from node.flows.holdings import Holdings
from node.flows.keep import Kind, Wishes
from node.flows.meet import Meeting
from node.flows.pace import Pace
from node.flows.receipts import Receipts
from node.ids import BlobRoot, DeviceId, to_text
from node.library import Library
from node.peers.directory import Directory
from node.peers.links import Links
from node.peers.membership import Membership
from node.placement import Copy, Device, plan_copies, plan_drops
from node.placement.copying import copies_of
from node.placement.facts import COPIES

log = logging.getLogger(__name__)

ROUND_S: Final = 30.0
FIRST_ROUND_S: Final = 2.0
QUIET_S: Final = 1.0
AT_ONCE: Final = 4
A_ROUND: Final = 200
"""Copies made before who holds what is looked at anew."""
EXAMPLES: Final = 20
_ALL: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the person allows."""

    budget_bytes: int = 0
    paused: bool = False
    copies: int = COPIES


class Copies:
    """`run` must be running for anything to be fetched; receipts are given without it."""

    def __init__(
        self,
        library: Library,
        store: BlobStore,
        holdings: Holdings,
        membership: Membership,
        directory: Directory,
        links: Links,
        meeting: Meeting,
        *,
        limits: Limits,
        name_of: Callable[[DeviceId], str],
    ) -> None:
        self._library = library
        self._directory = directory
        self._links = links
        self._meeting = meeting
        self._name_of = name_of
        self._me = membership.keys.id
        self.limits = limits
        self.download, self.upload = Pace(), Pace()
        self.wishes = Wishes(library)
        self.census = Census(library, membership, directory, budget_bytes=lambda: self.limits.budget_bytes)
        self.receipts = Receipts(
            library,
            store,
            holdings,
            membership,
            now_ms=self.census.now_ms,
            wall_ms=_now_ms,
            room_bytes=lambda: self.census.own.budget_bytes - self.census.own.used_bytes,
            save_clock=self.census.save,
        )
        self.bringing = Bringing(
            library, store, meeting.connect, self.download, now_ms=_now_ms, on_lie=self.census.distrust
        )
        self.evictions = Evictions(
            library,
            store,
            self.census,
            self.receipts,
            meeting.connect,
            me=self._me,
            copies=lambda: self.limits.copies,
        )
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self.queue: list[Copy] = []
        self.last_error = ""
        self.last_freed: Freed | None = None
        directory.on_change.append(lambda _member: self._wake.set())

    @property
    def answers(self) -> Mapping[str, Answer]:
        return {**self.census.answers, **self.receipts.answers}

    def wake(self) -> None:
        """Have the next round begin now."""
        self._wake.set()

    async def run(self) -> None:
        """Round after round, until cancelled."""
        loop = asyncio.get_running_loop()

        def note_change(_revision: int) -> None:
            loop.call_soon_threadsafe(self._wake.set)

        forget = self._library.on_change(note_change)
        await asyncio.sleep(FIRST_ROUND_S)
        try:
            while True:
                self._wake.clear()
                try:
                    async with self._turn:
                        made = await self._round()
                except SongkeepError as error:
                    self.last_error, made = str(error), 0
                    log.info("round_failed reason=%s", type(error).__name__)
                if made < A_ROUND:
                    await self._pause()
        finally:
            forget()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(ROUND_S):
                await self._wake.wait()
            await asyncio.sleep(QUIET_S)
        except TimeoutError:
            pass

    async def _look(self) -> list[Device]:
        await asyncio.to_thread(self.census.look)
        await self.census.ask_around(self._meeting)
        return self.census.devices()

    async def _round(self) -> int:
        """One pass; how many copies were made."""
        devices = await self._look()
        if self.limits.paused:
            self.queue = []
            return 0
        wished = await asyncio.to_thread(self.wishes.blobs, "keep")
        unwished = await asyncio.to_thread(self.wishes.blobs, "free")
        planned = await asyncio.to_thread(
            plan_copies,
            self._me,
            devices,
            self.census.blobs,
            copies=self.limits.copies,
            wished=wished,
            unwished=unwished,
        )
        made = await self._make(planned, devices)
        over_bytes = self.census.own.used_bytes - self.limits.budget_bytes
        if self.limits.budget_bytes and over_bytes > 0:
            drops = await asyncio.to_thread(
                plan_drops,
                self._me,
                devices,
                self.census.blobs,
                free_bytes=over_bytes,
                copies=self.limits.copies,
                wished=wished,
            )
            if drops:
                self.last_freed = await self.evictions.evict(drops)
        if made:
            await asyncio.to_thread(self.census.look)
        return made

    async def _make(self, planned: Sequence[Copy], devices: Sequence[Device]) -> int:
        self.queue = list(planned)
        turns, made = iter(planned[:A_ROUND]), 0

        async def worker() -> None:
            nonlocal made
            for copy in turns:
                if self.limits.paused:
                    return
                try:
                    made += await self._bring(copy, devices)
                except StorageError as error:
                    self.last_error = str(error)
                    return
                except SongkeepError as error:
                    self.last_error = str(error)
                finally:
                    self.queue.remove(copy)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(worker())
        if made:
            log.info("copies_made count=%d", made)
        return made

    async def _bring(self, copy: Copy, devices: Sequence[Device]) -> bool:
        root = copy.blob.root
        ref = await asyncio.to_thread(self._library.blob_ref, root)
        if ref is None:
            return False
        others = [
            each.id
            for each in devices
            if each.id not in (self._me, copy.source) and each.present and each.has(root) and not each.operator
        ]
        holders = [each for each in (copy.source, *others) if self.census.trusts(each)]
        await self.bringing.bring(ref, copy.blob.purpose, holders)
        return True

    # what the person asks for

    async def keep(self, kind: Kind, row_id: str) -> dict[str, Any]:
        """Have it on this device from now on, whatever the budget. Raises NotFoundError, UserError."""
        tracks = await asyncio.to_thread(self.wishes.keep, kind, row_id)
        wanted = await asyncio.to_thread(self.wishes.blobs_of, tracks)
        self.wake()
        return {"tracks": len(tracks), "blobs": len(wanted)}

    async def free(self, kind: Kind, row_id: str) -> dict[str, Any]:
        """Free its room on this device, as far as others have proved to hold it. Raises NotFoundError, UserError."""
        tracks = await asyncio.to_thread(self.wishes.free, kind, row_id)
        roots = await asyncio.to_thread(self.wishes.blobs_of, tracks)
        async with self._turn:
            devices = await self._look()
            mine = roots & self.census.own.sealed
            wished = await asyncio.to_thread(self.wishes.blobs, "keep")
            drops = plan_drops(
                self._me,
                devices,
                [blob for blob in self.census.blobs if blob.root in mine],
                free_bytes=_ALL,
                copies=self.limits.copies,
                wished=wished,
            )
            freed = await self.evictions.evict(drops)
            await asyncio.to_thread(self.census.look)
        self._say_why_not(freed, mine - {drop.blob.root for drop in drops})
        return {"tracks": len(tracks), **freed.as_json()}

    def _say_why_not(self, freed: Freed, stays: frozenset[BlobRoot]) -> None:
        at_home = len(stays & self.census.added)
        if at_home:
            freed.stays("an original is never dropped where it was added", at_home)
        if len(stays) > at_home:
            few = f"fewer than {self.limits.copies} other devices that are here say they hold it"
            freed.stays(few, len(stays) - at_home)

    # what is shown

    async def as_json(self) -> dict[str, Any]:
        """Where the music lives, what is at risk and why, and what moves."""
        if not self.census.state:
            await asyncio.to_thread(self.census.look)
        devices = self.census.devices()
        songs = await asyncio.to_thread(self._songs, devices)
        left_bytes = sum(copy.blob.sealed_bytes for copy in self.queue)
        rate = self.download.rate_bytes_per_s
        return {
            "copies_wanted": self.limits.copies,
            "paused": self.limits.paused,
            "devices": [self._device_json(device) for device in devices],
            **songs,
            "queue": {
                "blobs": len(self.queue),
                "bytes": left_bytes,
                "left_s": round(left_bytes / rate) if rate else None,
            },
            "transfers": [
                {
                    "from": self._name_of(each.holder) if each.holder else "",
                    "kind": each.purpose.name.lower(),
                    "done_bytes": each.done_bytes,
                    "total_bytes": each.total_bytes,
                }
                for each in self.bringing.transfers
            ],
            "download": {"rate_bytes_per_s": round(rate), "limit_bytes_per_s": self.download.limit_bytes_per_s},
            "upload": {
                "rate_bytes_per_s": round(self.upload.rate_bytes_per_s),
                "limit_bytes_per_s": self.upload.limit_bytes_per_s,
                "total_bytes": self.upload.total_bytes,
            },
            "receipts_given": self.receipts.given,
            "last_error": self.last_error,
        }

    def _device_json(self, device: Device) -> dict[str, Any]:
        own, seen = device.id == self._me, self._directory.get(device.id)
        channel = self._links.to(device.id)
        pipe = channel.pipe if channel is not None else None
        return {
            "id": to_text(device.id),
            "name": self._name_of(device.id),
            "this": own,
            "present": device.present,
            "asleep_since_ms": None if device.present else seen.seen_ms or None,
            "reached": pipe.route if isinstance(pipe, DataPipe) else None,
            "budget_bytes": device.budget_bytes,
            "used_bytes": device.used_bytes,
            "sealed_blobs": len(device.sealed),
            "source_blobs": len(device.sources),
            "trusted": device.trusted,
        }

    def _songs(self, devices: Sequence[Device]) -> dict[str, Any]:
        """How many songs have how many copies, by the rendition that is held most. Blocks."""
        titles: dict[str, str] = {}
        renditions: dict[str, list[BlobRoot]] = {}
        for song in self._library.index.copies.songs():
            titles[song.track] = song.title
            renditions.setdefault(song.track, []).extend([song.root] if song.root else [])
        histogram: Counter[int] = Counter()
        risks: list[dict[str, str]] = []
        at_risk = 0
        for track, roots in renditions.items():
            count = max((copies_of(root, devices) for root in roots), default=0)
            histogram[count] += 1
            if count < self.limits.copies:
                at_risk += 1
                if len(risks) < EXAMPLES:
                    risks.append({"track": track, "title": titles[track], "why": self._why(roots, devices)})
        return {
            "songs": [{"copies": count, "songs": songs} for count, songs in sorted(histogram.items())],
            "at_risk": {"songs": at_risk, "examples": risks},
        }

    def _why(self, roots: Sequence[BlobRoot], devices: Sequence[Device]) -> str:
        if not roots:
            return "not sealed yet: only its file is there"
        holders = [device for device in devices if any(device.has(root) for root in roots)]
        if not holders:
            return "no device that is known holds it"
        names = ", ".join(self._name_of(device.id) for device in holders)
        if not any(root in device.sealed for device in holders for root in roots):
            return f"only as safe as its file on {names}"
        return f"only on {names}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

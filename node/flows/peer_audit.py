"""Does another device have what it says? Random leaves of it are asked for, a few hundred a day, and opened.

A leaf that is not there may have been let go of, or lost, a moment ago: only who goes on saying that it keeps it, and
can't give it the second time either, has lied.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from node.crypto.blob import BlobCipher
from node.errors import DamagedError, NotHeldError, PeerError, RefusedError, SongkeepError
from node.flows.census import Census
from node.flows.meet import Meeting
from node.flows.ways import Take
from node.ids import DeviceId, to_text
from node.library import Library
from node.placement import Audit, plan_audits
from node.placement.facts import DAY_MS
from node.placement.questions import LEAVES

log = logging.getLogger(__name__)

SETTING: Final = "device_audits"
AT_ONCE: Final = 4
LEAF_TIMEOUT_S: Final = 20.0
LOOK_EVERY_S: Final = 600.0
SECOND_LOOK_S: Final = 60.0
"""So long a device has to notice what it lacks, now that it was asked, and to say so no more."""


@dataclass(slots=True)
class Findings:
    """What one holder's questions came to."""

    passed: int = 0
    lacking: list[Audit] = field(default_factory=list)
    lied: bool = False


class DeviceAudits:
    """Asks the library's other devices once a day."""

    def __init__(
        self,
        library: Library,
        census: Census,
        meeting: Meeting,
        take: Take,
        *,
        wall_ms: Callable[[], int],
        random_below: Callable[[int], int],
    ) -> None:
        self._library = library
        self._census = census
        self._meeting = meeting
        self._take = take
        self._wall_ms = wall_ms
        self._random_below = random_below
        self._last: dict[str, list[int]] = library.index.settings.get(SETTING, {})
        self.leaves = LEAVES
        self.second_look_s = SECOND_LOOK_S

    def last(self, member: DeviceId) -> dict[str, int] | None:
        """When a device was asked last, and what it came to."""
        found = self._last.get(to_text(member))
        return None if found is None else dict(zip(("time_ms", "passed", "failed"), found, strict=True))

    async def run(self) -> None:
        """Asks whoever is due, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.step()

    async def step(self) -> None:
        """Ask those present devices that are due."""
        due = [
            each
            for each in self._census.devices()
            if each.id != self._census.me and not each.operator and each.present and each.trusted and each.sealed
            and not 0 <= self._wall_ms() - self._last.get(to_text(each.id), [0])[0] < DAY_MS
        ]  # fmt: skip
        if not due:
            return
        drawn = await asyncio.to_thread(
            plan_audits,
            self._census.me,
            due,
            self._census.sight.blobs,
            random_below=self._random_below,
            leaves=self.leaves,
        )
        by_holder: dict[DeviceId, list[Audit]] = defaultdict(list)
        for audit in drawn:
            by_holder[audit.holder].append(audit)
        for holder, audits in by_holder.items():
            with contextlib.suppress(SongkeepError):  # it left in the middle: another time
                await self._settle(holder, await self._ask(holder, audits))

    async def _ask(self, holder: DeviceId, audits: Sequence[Audit]) -> Findings:
        findings = Findings()
        turns = iter(audits)

        async def worker() -> None:
            for audit in turns:
                await self._leaf(holder, audit, findings)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(worker())
        except* SongkeepError as several:
            raise several.exceptions[0] from several
        return findings

    async def _leaf(self, holder: DeviceId, audit: Audit, findings: Findings) -> None:
        root = audit.blob.root
        ref = await asyncio.to_thread(self._library.blob_ref, root)
        if ref is None:
            return  # out of the catalog since: nothing to compare with
        try:
            async with (
                asyncio.timeout(LEAF_TIMEOUT_S),
                contextlib.aclosing(self._take(holder, root, audit.leaf, 1)) as got,
            ):
                sealed = b"".join([part async for part in got])
        except (NotHeldError, DamagedError, RefusedError, PeerError, TimeoutError):
            findings.lacking.append(audit)
            return
        try:
            BlobCipher(ref.key, ref.size_bytes, commitment=ref.commitment).open_chunk(audit.leaf, sealed)
        except DamagedError:
            findings.lied = True
        else:
            findings.passed += 1

    async def _settle(self, holder: DeviceId, findings: Findings) -> None:
        if findings.lacking:
            await asyncio.sleep(self.second_look_s)
            self._census.doubt(holder)
            await self._census.ask_around(self._meeting)
            said = next((each for each in self._census.devices() if each.id == holder), None)
            claimed = [audit for audit in findings.lacking if said is not None and audit.blob.root in said.sealed]
            findings.lied |= bool((await self._ask(holder, claimed)).lacking)
        failed = len(findings.lacking) + findings.lied
        log.info("device_audited member=%s passed=%d failed=%d", to_text(holder)[:8], findings.passed, failed)
        if findings.lied:
            await self._census.distrust(holder)
        self._last[to_text(holder)] = [self._wall_ms(), findings.passed, failed]
        known: dict[str, Any] = dict(self._last)
        await asyncio.to_thread(self._library.index.settings.set, SETTING, known)

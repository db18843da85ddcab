"""Audits: does a seed have what it says? Random leaves of what it claims are asked for and opened with their keys.

A seed can't tell an audit from somebody who plays, and needs to have every leaf at hand to pass: 300 random leaves a
day find a loss of one in a hundred with a probability of 95 in a hundred.
"""

from __future__ import annotations

import asyncio
import bisect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final

from node.crypto.blob import BlobCipher
from node.crypto.labels import CHUNK_BYTES
from node.doors.seeds import SeedClient
from node.errors import DamagedError, NotFoundError, PeerError, RefusedError
from node.ids import BlobRoot, DeviceId, to_text
from node.library import Library
from node.wire.volume import Volume

log = logging.getLogger(__name__)

LEAVES: Final = 300
EVERY_MS: Final = 86_400_000
KEPT: Final = 31
AT_ONCE: Final = 4
SETTING: Final = "seed_audits"


@dataclass(frozen=True, slots=True)
class Audit:
    """What one day's questions came to."""

    time_ms: int
    passed: int
    failed: int

    def as_json(self) -> dict[str, int]:
        return {"time_ms": self.time_ms, "passed": self.passed, "failed": self.failed}


@dataclass(slots=True)
class Findings:
    """An audit while it goes on."""

    passed: int = 0
    failed: dict[BlobRoot, int] = field(default_factory=dict)
    """Leaves of a blob that were not what they should be."""


class Audits:
    """Asks seeds for proof, and remembers what they answered."""

    def __init__(self, library: Library, *, now_ms: Callable[[], int], random_below: Callable[[int], int]) -> None:
        self._library = library
        self._now_ms = now_ms
        self._random_below = random_below

    def of(self, seed: DeviceId) -> list[Audit]:
        """What that seed's audits came to, the oldest first. Blocks."""
        kept = self._library.index.settings.get(SETTING, {})
        return [Audit(*each) for each in kept.get(to_text(seed), [])]

    async def if_due(self, seed: DeviceId, client: SeedClient, volumes: Sequence[tuple[Volume, bytes]]) -> Audit | None:
        """Today's audit, if there was none yet; None if it isn't due or there is nothing to ask for.

        Raises UnavailableError if the seed can't be reached: that is no failure of what it holds.
        """
        before = await asyncio.to_thread(self.of, seed)
        if before and 0 <= self._now_ms() - before[-1].time_ms < EVERY_MS:
            return None
        return await self.audit(seed, client, volumes)

    async def audit(self, seed: DeviceId, client: SeedClient, volumes: Sequence[tuple[Volume, bytes]]) -> Audit | None:
        """Ask now for random leaves of what the seed says it holds."""
        claimed: list[tuple[BlobRoot, int]] = []
        for volume, _tag in volumes:
            flags = await client.held_of(volume)
            held = (blob for blob, is_held in zip(volume.blobs, flags, strict=True) if is_held)
            claimed += [(blob.root, -(-blob.sealed_bytes // CHUNK_BYTES)) for blob in held]
        if not claimed:
            return None
        findings = await self._question(client, self._drawn(claimed))
        if findings.failed:
            log.warning("audit_failed seed=%s blobs=%d", to_text(seed)[:8], len(findings.failed))
            await client.check(list(findings.failed))
        audit = Audit(self._now_ms(), findings.passed, sum(findings.failed.values()))
        await asyncio.to_thread(self._keep, seed, audit)
        return audit

    def _drawn(self, claimed: Sequence[tuple[BlobRoot, int]]) -> list[tuple[BlobRoot, int]]:
        """Random leaves, each byte as likely as another."""
        ends = list(accumulate(leaves for _, leaves in claimed))
        drawn = []
        for _ in range(min(LEAVES, ends[-1])):
            at = self._random_below(ends[-1])
            place = bisect.bisect_right(ends, at)
            root, leaves = claimed[place]
            drawn.append((root, leaves - (ends[place] - at)))
        return drawn

    async def _question(self, client: SeedClient, drawn: Sequence[tuple[BlobRoot, int]]) -> Findings:
        findings = Findings()
        turns = iter(drawn)

        async def worker() -> None:
            for root, leaf in turns:
                if await self._is_whole(client, root, leaf):
                    findings.passed += 1
                else:
                    findings.failed[root] = findings.failed.get(root, 0) + 1

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(worker())
        return findings

    async def _is_whole(self, client: SeedClient, root: BlobRoot, leaf: int) -> bool:
        ref = await asyncio.to_thread(self._library.blob_ref, root)
        if ref is None:
            return True  # out of the catalog since the list was made: nothing to compare with
        try:
            sealed = await client.chunks(root, leaf, 1)
            BlobCipher(ref.key, ref.size_bytes, commitment=ref.commitment).open_chunk(leaf, sealed)
        except (DamagedError, NotFoundError, PeerError, RefusedError):
            return False
        return True

    def _keep(self, seed: DeviceId, audit: Audit) -> None:
        with self._library.index.transaction():
            kept: dict[str, list[list[Any]]] = self._library.index.settings.get(SETTING, {})
            name = to_text(seed)
            kept[name] = [*kept.get(name, []), [audit.time_ms, audit.passed, audit.failed]][-KEPT:]
            self._library.index.settings.set(SETTING, kept)

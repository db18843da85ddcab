"""Room on a seed by a tracker's leave: asked for once, renewed weekly, so that the 31 days of a grant never run out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from node.doors.seeds import SeedClient
from node.errors import SongkeepError, UnavailableError
from node.ids import DeviceId, to_text
from node.library import Library
from node.peers.membership import Membership

RENEW_MS: Final = 7 * 86_400_000
SETTING: Final = "seed_grants"
AskGrant = Callable[[str, DeviceId, int], Awaitable[bytes]]
"""Asks the tracker at an address for so many bytes on a seed (node/flows/meet.py)."""


class SeedGrants:
    """What trackers granted this library, seed by seed."""

    def __init__(
        self,
        membership: Membership,
        library: Library,
        *,
        trackers: Callable[[], tuple[str, ...]],
        ask: AskGrant,
        now_ms: Callable[[], int],
    ) -> None:
        self._membership = membership
        self._library = library
        self._trackers = trackers
        self._ask = ask
        self._now_ms = now_ms

    async def take(self, seed: DeviceId, client: SeedClient, size_bytes: int) -> int:
        """Ask a tracker for so much on a seed, and the seed to believe it. Returns the quota there.

        Raises RefusedError (the plan gives less, or the seed trusts another tracker), UnavailableError.
        """
        worst: SongkeepError = UnavailableError("no tracker is reached that could grant room on a seed")
        for tracker in self._trackers():
            try:
                grant = await self._ask(tracker, seed, size_bytes)
                entries = self._membership.roster.entries
                quota_bytes = await client.join_granted(self._membership.keys, grant, entries)
            except SongkeepError as error:
                worst = error
                continue
            await asyncio.to_thread(self._keep, seed, size_bytes)
            return quota_bytes
        raise worst

    async def renew_if_due(self, seed: DeviceId, client: SeedClient) -> None:
        """Once a week; a tracker that is away is asked again next time: nothing ends because of it."""
        kept = await asyncio.to_thread(self._kept, seed)
        if kept is None or 0 <= self._now_ms() - kept[1] < RENEW_MS or not self._membership.me.role.rules:
            return
        try:
            await self.take(seed, client, kept[0])
        except SongkeepError:
            return

    def _kept(self, seed: DeviceId) -> tuple[int, int] | None:
        kept = self._library.index.settings.get(SETTING, {}).get(to_text(seed))
        return None if kept is None else (int(kept[0]), int(kept[1]))

    def _keep(self, seed: DeviceId, size_bytes: int) -> None:
        with self._library.index.transaction():
            kept = self._library.index.settings.get(SETTING, {})
            kept[to_text(seed)] = [size_bytes, self._now_ms()]
            self._library.index.settings.set(SETTING, kept)

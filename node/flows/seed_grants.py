"""Room on a seed by a tracker's leave: asked for once, renewed weekly, so that the 31 days of a grant never run out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from node.doors.seeds import SeedClient
from node.errors import SongkeepError, UnavailableError
from node.ids import DeviceId, to_text
from node.library import Library
from node.peers.membership import Membership

RENEW_MS: Final = 7 * 86_400_000
TRIES: Final = 3
SETTING: Final = "seed_grants"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was granted on a seed, when, and by the tracker at which address."""

    size_bytes: int
    time_ms: int
    tracker: str


class Trackers(Protocol):
    """What is asked of trackers (node/flows/meet.py)."""

    async def ask_grant(self, tracker: str, seed: DeviceId, size_bytes: int) -> bytes:
        """The signed grant of the tracker at that address for so many bytes on a seed."""
        ...

    async def tell_usage(self, tracker: str, usage_for: Callable[[bytes], Awaitable[bytes]]) -> None:
        """Show the tracker what `usage_for` gives for its key: a seed's word of what it keeps."""
        ...


class SeedGrants:
    """What trackers granted this library, seed by seed."""

    def __init__(
        self,
        membership: Membership,
        library: Library,
        *,
        trackers: Callable[[], tuple[str, ...]],
        meeting: Trackers,
        now_ms: Callable[[], int],
    ) -> None:
        self._membership = membership
        self._library = library
        self._trackers = trackers
        self._meeting = meeting
        self._now_ms = now_ms

    @property
    def trackers(self) -> tuple[str, ...]:
        """Whom this device asks, by their addresses."""
        return self._trackers()

    async def take(
        self,
        seed: DeviceId,
        client: SeedClient,
        size_bytes: int,
        *,
        trackers: Sequence[str] = (),
        let_in: Callable[[], Awaitable[None]] | None = None,
    ) -> int:
        """Ask a tracker for so much on a seed, and the seed to believe it. Returns the quota there.

        Room that a tracker granted before only that tracker can change; else `trackers` are asked, or all. `let_in`
        has the seed in the library, once a tracker has granted the room. Raises RefusedError (the plan gives less, or
        the seed trusts another tracker), UnavailableError.
        """
        worst: SongkeepError = UnavailableError("no tracker is reached that could grant room on a seed")
        kept = await asyncio.to_thread(self._kept, seed)
        for tracker in (kept.tracker,) if kept and kept.tracker else trackers or self._trackers():
            try:
                await self._report(tracker, client)
                grant = await self._meeting.ask_grant(tracker, seed, size_bytes)
                if let_in is not None:
                    await let_in()
                entries = self._membership.roster.entries
                quota_bytes = await client.join_granted(self._membership.keys, grant, entries)
            except SongkeepError as error:
                worst = error
                continue
            await asyncio.to_thread(self._keep, seed, _Kept(size_bytes, self._now_ms(), tracker))
            await self._report(tracker, client)
            return quota_bytes
        raise worst

    async def give_up(self, seed: DeviceId, client: SeedClient, drop: Callable[[], Awaitable[None]]) -> None:
        """Have the room that was granted on a seed free again: a grant of nothing, and the seed's word that it is.

        `drop` has the seed drop everything. It comes first, since a seed's trash has no more room than its library.
        """
        kept = await asyncio.to_thread(self._kept, seed)
        for _ in range(TRIES):
            await drop()
            await self.take(seed, client, 0)
            if not (await client.standing()).listed_bytes:
                break
            if kept is not None:  # another device had it keep things in between, which only room can undo
                await self.take(seed, client, kept.size_bytes)
        await asyncio.to_thread(self._keep, seed, None)

    async def has(self, seed: DeviceId) -> bool:
        """Whether room there was granted to this device."""
        return await asyncio.to_thread(self._kept, seed) is not None

    async def room_on(self, seed: DeviceId) -> int:
        """Bytes that were granted there to this device; 0 if nothing was."""
        kept = await asyncio.to_thread(self._kept, seed)
        return kept.size_bytes if kept is not None else 0

    async def _report(self, tracker: str, client: SeedClient) -> None:
        """Show the tracker the seed's own word of what it keeps: what a larger grant gave before is free only then."""
        library = self._membership.library
        client.sign_in_as(self._membership.keys, library)
        with contextlib.suppress(SongkeepError):
            await self._meeting.tell_usage(tracker, lambda key: client.usage(key, library))

    async def renew_if_due(self, seed: DeviceId, client: SeedClient) -> None:
        """Once a week; a tracker that is away is asked again next time: nothing ends because of it."""
        kept = await asyncio.to_thread(self._kept, seed)
        if kept is None or 0 <= self._now_ms() - kept.time_ms < RENEW_MS or not self._membership.me.role.rules:
            return
        try:
            await self.take(seed, client, kept.size_bytes)
        except SongkeepError:
            return

    def _kept(self, seed: DeviceId) -> _Kept | None:
        kept = self._library.index.settings.get(SETTING, {}).get(to_text(seed))
        # Before the tracker was noted, there were two fields.
        return None if kept is None else _Kept(int(kept[0]), int(kept[1]), str(kept[2]) if len(kept) > 2 else "")

    def _keep(self, seed: DeviceId, granted: _Kept | None) -> None:
        with self._library.index.transaction():
            kept = self._library.index.settings.get(SETTING, {})
            kept.pop(to_text(seed), None)
            if granted is not None:
                kept[to_text(seed)] = [granted.size_bytes, granted.time_ms, granted.tracker]
            self._library.index.settings.set(SETTING, kept)

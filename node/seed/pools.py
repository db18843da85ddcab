"""A seed's place in the pools of trackers: it offers its room there, and says what it keeps by their grants.

A tracker that does not answer changes nothing here: it is told again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import aiohttp

from node.bounded import read_whole
from node.crypto.keys import MemberKeys
from node.errors import PeerError, RefusedError, SongkeepError, UnavailableError
from node.ids import LibraryId
from node.seed.clock import Now
from node.seed.ledger import Ledger
from node.seed.trackers import TrustedTracker
from node.wire import codec
from node.wire.offer import LIFETIME_MS, MAX_POOL_ANSWER_BYTES, MAX_USAGES, Offer, pack_report, sign_offer
from node.wire.usage import Kept, sign_kept

log = logging.getLogger(__name__)

OFFER_EVERY_MS: Final = 3_600_000
LOOK_EVERY_S: Final = 60.0
PAUSE_S: Final = 1.0
"""Between two words to one tracker, however much changes."""
FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 900.0
ANSWER_TIMEOUT_S: Final = 20.0


class _Place:
    """What one tracker was told."""

    def __init__(self, tracker: TrustedTracker) -> None:
        self.tracker = tracker
        self.changed = asyncio.Event()
        self.told_ms = 0
        self.until_ms = 0
        self.trouble = ""
        self.told: dict[LibraryId, Kept] = {}

    def as_json(self) -> dict[str, Any]:
        return {"tracker": self.tracker.base, "until_ms": self.until_ms or None, "trouble": self.trouble}


def spoken(pool: dict[str, Any]) -> str:
    """What a person is told of one of `Pools.as_json`."""
    return str(pool["trouble"] or ("stands there" if pool["until_ms"] else "not told yet"))


class Pools:
    """All trackers in whose pools this seed stands. `run` must be running."""

    def __init__(
        self,
        trackers: Sequence[TrustedTracker],
        *,
        keys: MemberKeys,
        ledger: Ledger,
        url: Callable[[], str],
        capacity_bytes: int,
        free_bytes: Callable[[], Awaitable[int]],
        now_ms: Now,
    ) -> None:
        """`free_bytes`: what may still be promised."""
        self._places = [_Place(each) for each in trackers if each.base]
        self._keys = keys
        self._ledger = ledger
        self._url = url
        self._capacity_bytes = capacity_bytes
        self._free_bytes = free_bytes
        self._now_ms = now_ms

    def wake(self) -> None:
        """What is kept by a grant has changed: say so soon."""
        for place in self._places:
            place.changed.set()

    def as_json(self) -> list[dict[str, Any]]:
        """Each tracker, until when the seed stands in its pool, and what is in the way."""
        return [place.as_json() for place in self._places]

    async def run(self) -> None:
        """Tells every tracker, until cancelled; one that is silent is told again, ever more rarely."""
        if not self._places:
            return
        timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for place in self._places:
                group.create_task(self._keep_telling(session, place))

    async def _keep_telling(self, session: aiohttp.ClientSession, place: _Place) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            place.changed.clear()
            try:
                await self._tell(session, place)
            except SongkeepError as error:
                if place.trouble != str(error):
                    log.info("pool_not_told reason=%s", type(error).__name__)
                place.trouble = str(error)
                await asyncio.sleep(random.uniform(wait_s / 2, wait_s))  # not all seeds at once, when it comes back
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                continue
            place.trouble, wait_s = "", FIRST_WAIT_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(place.changed.wait(), LOOK_EVERY_S)
            await asyncio.sleep(PAUSE_S)

    async def _tell(self, session: aiohttp.ClientSession, place: _Place) -> None:
        """What the tracker does not know yet. Raises UnavailableError, PeerError, RefusedError."""
        kept = await self._ledger.kept_by_grants(place.tracker.key)
        news = [library for library, told in kept.items() if place.told.get(library) != told]
        stands = place.until_ms and 0 <= self._now_ms() - place.told_ms < OFFER_EVERY_MS
        if stands and not news:
            return
        for at in range(0, max(1, len(news)), MAX_USAGES):
            part = news[at : at + MAX_USAGES]
            usages = [
                sign_kept(self._keys, library, place.tracker.key, kept[library], time_ms=self._now_ms())
                for library in part
            ]
            refusal = await self._report(session, place, usages)
            place.told |= {library: kept[library] for library in part}
        if refusal:
            raise RefusedError(refusal)

    async def _report(self, session: aiohttp.ClientSession, place: _Place, usages: list[bytes]) -> str:
        """Offer the room that there is now, and say what is kept; returns why the offer was refused, if it was."""
        now_ms = max(self._now_ms(), place.told_ms + 1)
        offer = Offer(
            tracker=place.tracker.key,
            seed=self._keys.id,
            url=self._url(),
            capacity_bytes=self._capacity_bytes,
            free_bytes=await self._free_bytes(),
            time_ms=now_ms,
            expires_ms=now_ms + LIFETIME_MS,
        )
        answer = await _post(
            session, f"{place.tracker.base}/v1/pool", pack_report(sign_offer(self._keys, offer), usages)
        )
        place.told_ms = now_ms
        place.until_ms = codec.natural(answer.get("until"), 1 << 48, "a time")
        return codec.bounded_text(answer.get("refusal"), 300, "a refusal")


async def _post(session: aiohttp.ClientSession, url: str, body: bytes) -> dict[str, Any]:
    try:
        async with session.post(url, data=body, allow_redirects=False) as response:
            data = await read_whole(response, MAX_POOL_ANSWER_BYTES)
            if response.status == 404:
                raise UnavailableError("that tracker keeps no pool of seeds")
            if response.status != 200:
                raise UnavailableError(f"the tracker answers {response.status} to what the seed offers")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise UnavailableError("the tracker can't be reached") from error
    answer = codec.unpack(data, max_bytes=MAX_POOL_ANSWER_BYTES)
    if not isinstance(answer, dict):
        raise PeerError("the tracker's answer is not a map")
    return answer

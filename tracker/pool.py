"""The tracker's pool: seeds that offer room to its libraries, each by its own signed word (docs/PROTOCOL.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import sqlalchemy as sql

from node.errors import NotFoundError, RefusedError
from node.ids import DeviceId, to_text
from node.wire.offer import MAX_PICKS, Offer, Pool, check_offer, read_offer
from tracker.database import GRANTS, OFFERS, Database

MAX_SEEDS: Final = 256
MAX_SEEDS_PER_HOST: Final = 8
MAX_TOLD_BYTES: Final = 1 << 53


@dataclass(frozen=True, slots=True)
class PoolSeed:
    """One seed of the pool, as the person who runs the tracker sees it."""

    seed: DeviceId
    url: str
    capacity_bytes: int
    free_bytes: int
    """By its own word, less what was granted there since."""
    time_ms: int
    expires_ms: int
    shut_out: bool


class SeedPool:
    """Offers in the database."""

    def __init__(self, database: Database, tracker: bytes, *, now_ms: Callable[[], int]) -> None:
        """`tracker`: its own key, which an offer must name."""
        self._database = database
        self._tracker = tracker
        self._now_ms = now_ms

    def check(self, record: bytes) -> Offer:
        """An offer that is good now. Raises PeerError, UnknownFormatError, RefusedError."""
        offer = read_offer(record)
        check_offer(offer, tracker=self._tracker, now_ms=self._now_ms())
        return offer

    async def knows(self, seed: DeviceId) -> bool:
        """Whether that seed is in the pool, or was shut out of it."""
        found = sql.select(OFFERS.c.seed).where(OFFERS.c.seed == seed)
        return await self._database.work(lambda step: step.scalar(found) is not None)

    async def keep(self, offer: Offer) -> None:
        """Take a checked offer in. Raises RefusedError: no news, shut out, or no room for a new one."""
        await self._database.work(lambda step: self._keep(step, offer))

    def _keep(self, step: sql.Connection, offer: Offer) -> None:
        ended = sql.and_(OFFERS.c.expires_ms <= self._now_ms(), OFFERS.c.shut_out.is_(False))
        step.execute(sql.delete(OFFERS).where(ended))
        known = step.execute(sql.select(OFFERS).where(OFFERS.c.seed == offer.seed)).one_or_none()
        if known is not None and known.shut_out:
            raise RefusedError("the person who runs this tracker has shut this seed out of its pool")
        if known is not None and offer.time_ms <= known.time_ms:
            raise RefusedError("the tracker has a newer word of this seed")
        others = [row.url for row in step.execute(sql.select(OFFERS).where(OFFERS.c.seed != offer.seed))]
        if known is None and len(others) >= MAX_SEEDS:
            raise RefusedError("the tracker's pool is full")
        host = urlsplit(offer.url).hostname
        if sum(urlsplit(url).hostname == host for url in others) >= MAX_SEEDS_PER_HOST:
            raise RefusedError(f"the tracker's pool takes at most {MAX_SEEDS_PER_HOST} seeds under one name")
        step.execute(sql.delete(OFFERS).where(OFFERS.c.seed == offer.seed))
        step.execute(
            sql.insert(OFFERS).values(
                seed=offer.seed,
                url=offer.url,
                capacity_bytes=offer.capacity_bytes,
                free_bytes=min(offer.free_bytes, offer.capacity_bytes),
                time_ms=offer.time_ms,
                expires_ms=offer.expires_ms,
                shut_out=False,
            )
        )

    async def look(self, wanted_bytes: int, shuffle: Callable[[list[PoolSeed]], None]) -> Pool:
        """How large it is, and some seeds with so much room; `shuffle` puts them in any order."""
        here = [each for each in await self._database.work(self._seeds) if not each.shut_out]
        roomy = [each for each in here if each.free_bytes >= max(1, wanted_bytes)]
        shuffle(roomy)
        picks = tuple((each.seed, each.url) for each in roomy[:MAX_PICKS])
        return Pool(len(here), min(MAX_TOLD_BYTES, sum(each.free_bytes for each in here)), picks)

    def _seeds(self, step: sql.Connection) -> list[PoolSeed]:
        good = sql.or_(OFFERS.c.expires_ms > self._now_ms(), OFFERS.c.shut_out)
        since = (
            sql.select(sql.func.coalesce(sql.func.sum(GRANTS.c.granted_bytes), 0))
            .where(GRANTS.c.seed == OFFERS.c.seed, GRANTS.c.issued_ms >= OFFERS.c.time_ms)
            .scalar_subquery()
        )
        rows = step.execute(sql.select(OFFERS, since.label("since_bytes")).where(good).order_by(OFFERS.c.seed))
        return [
            PoolSeed(
                seed=DeviceId(row.seed),
                url=row.url,
                capacity_bytes=row.capacity_bytes,
                free_bytes=max(0, row.free_bytes - row.since_bytes),
                time_ms=row.time_ms,
                expires_ms=row.expires_ms,
                shut_out=row.shut_out,
            )
            for row in rows
        ]

    # What the person who runs the tracker does; these block.

    def seeds(self) -> list[PoolSeed]:
        """Every seed of the pool, and those that were shut out."""
        return self._database.run(self._seeds)

    def shut_out(self, seed: str, *, shut_out: bool) -> None:
        """Name a seed to no library any more, or again; what it keeps it keeps. Raises NotFoundError."""

        def write(step: sql.Connection) -> None:
            found = [each for each in step.scalars(sql.select(OFFERS.c.seed)) if to_text(each).startswith(seed)]
            if len(found) != 1 or len(seed) < 4:
                raise NotFoundError(f"there is no seed {seed[:60]!r} in the pool, or more than one")
            step.execute(sql.update(OFFERS).where(OFFERS.c.seed == found[0]).values(shut_out=shut_out))

        self._database.run(write)

"""`/v1/pool`: where seeds offer room and report what they keep, and libraries look for a seed (docs/PROTOCOL.md)."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from node.errors import RefusedError, SongkeepError, StorageError
from node.wire import codec
from node.wire.bucket import Buckets, Rate
from node.wire.offer import MAX_REPORT_BYTES, read_report
from node.wire.usage import read_usage
from tracker.ledger import Ledger
from tracker.pool import SeedPool

log = logging.getLogger(__name__)

WORDS: Final = Rate(per_s=0.2, burst=60.0)
"""Requests of one address."""
NEWCOMERS: Final = Rate(per_s=1 / 600, burst=8.0)
"""Seeds that one address brings which were never here."""
MAX_ADDRESSES: Final = 10_000
MAX_ASKED_BYTES: Final = 1 << 53


class _Busy(RefusedError):
    """An address says too much."""


def _count(heard: Buckets, address: str) -> None:
    """Raises _Busy if that address, or all together, say too much."""
    now_s = time.monotonic()
    if len(heard) >= MAX_ADDRESSES:
        heard.forget_full(now_s)
    if address not in heard and len(heard) >= MAX_ADDRESSES:
        raise _Busy("too many say something at once; try again in a few minutes")
    if not heard.take(address, now_s):
        raise _Busy("that is too much from one address; try again in a few minutes")


class PoolDoor:
    """The pool's HTTP addresses."""

    def __init__(self, pool: SeedPool, ledger: Ledger, address: Callable[[web.BaseRequest], str]) -> None:
        self._pool = pool
        self._ledger = ledger
        self._address = address
        self._words = Buckets(WORDS)
        self._newcomers = Buckets(NEWCOMERS)

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/v1/pool", self._offered)
        app.router.add_get("/v1/pool", self._asked)

    async def _offered(self, request: web.Request) -> web.Response:
        try:
            _count(self._words, self._address(request))
            if (request.content_length or 0) > MAX_REPORT_BYTES:
                raise RefusedError("a seed's report is too long")
            record, usages = read_report(await request.read())
            taken = 0
            for each in usages:  # of a seed that stands in no pool too: what it releases is free all the same
                taken += await self._take_usage(each)
            until_ms, refusal = await self._take_offer(record, self._address(request))
        except SongkeepError as error:
            return _refusal(error)
        return _packed(codec.pack({"until": until_ms, "refusal": refusal, "usages": taken}))

    async def _take_offer(self, record: bytes, address: str) -> tuple[int, str]:
        """Until when the seed stands in the pool (0: not at all), and why not."""
        try:
            offer = self._pool.check(record)
            if not await self._pool.knows(offer.seed):
                _count(self._newcomers, address)
            await self._pool.keep(offer)
        except RefusedError as error:
            log.info("offer_refused reason=%s", error)
            return 0, str(error)
        return offer.expires_ms, ""

    async def _take_usage(self, record: bytes) -> bool:
        """Whether it was of use; one that is not says nothing against the others."""
        try:
            await self._ledger.keep_usage(read_usage(record).library, record)
        except StorageError:
            raise
        except SongkeepError as error:
            log.info("usage_refused reason=%s", error)
            return False
        return True

    async def _asked(self, request: web.Request) -> web.Response:
        try:
            _count(self._words, self._address(request))
            text = request.query.get("bytes", "0")
            if not text.isascii() or not text.isdigit() or len(text) > 16:
                raise RefusedError("that is no amount of bytes")
            pool = await self._pool.look(min(int(text), MAX_ASKED_BYTES), secrets.SystemRandom().shuffle)
        except SongkeepError as error:
            return _refusal(error)
        return _packed(pool.packed())


def _packed(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/msgpack", headers={"Access-Control-Allow-Origin": "*"})


def _refusal(error: SongkeepError) -> web.Response:
    status = 429 if isinstance(error, _Busy) else 503 if isinstance(error, StorageError) else 403
    return web.json_response({"error": {"code": "refused", "message": str(error)}}, status=status)

"""How music is taken in and kept: when that begins, what settings it follows. A part of the app, like node/app.py."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable

from node.config import Settings
from node.doors.blobs import BlobStore
from node.doors.index import ARTICLES_SETTING, Index
from node.flows.background import IngestSettings
from node.flows.ingest import Ingest


class Storing:
    """Sealing and making renditions: begun at the start of a node that stays, else when somebody adds something."""

    def __init__(self, ingest: Ingest, lifetime: contextlib.AsyncExitStack) -> None:
        self._ingest = ingest
        self._lifetime = lifetime
        self._begun = False

    async def begin(self) -> None:
        """From now on; once more does nothing."""
        if not self._begun:
            self._begun = True
            await self._lifetime.enter_async_context(self._ingest)


def ingest_settings(settings: Settings) -> IngestSettings:
    """What of the settings says how music is taken in."""
    return IngestSettings(
        keep_sealed=settings.keep_sealed,
        mobile_bitrate_bps=settings.mobile_kbps * 1_000,
        renditions=settings.renditions,
    )


def worker_count(settings: Settings) -> int:
    """Sealing uses all of them, renditions one less."""
    return settings.workers + 1 if settings.workers else os.cpu_count() or 2


def follow_settings(ingest: Ingest, store: BlobStore, index: Index) -> Callable[[Settings, Settings], Awaitable[None]]:
    """Has what is stored, and how, follow the person's settings."""

    async def follow(_before: Settings, after: Settings) -> None:
        ingest.apply(ingest_settings(after))
        store.cache_bytes = after.cache_bytes
        logging.getLogger().setLevel(after.log_level.upper())
        await asyncio.to_thread(agree_on_articles, index, after)

    return follow


def agree_on_articles(index: Index, settings: Settings) -> None:
    """Sort again if the words that don't count in sorting are others than the index was sorted with."""
    wanted = settings.sort_articles
    if tuple(index.settings.get(ARTICLES_SETTING, Settings().sort_articles)) != wanted:
        index.set_articles(wanted)

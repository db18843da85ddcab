"""Keeps sealed libraries of others beside one's own: a seed in the node's own process. A part of the app, like
node/app.py; the seed in it knows nothing of the library next door, and has keys and a store of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from node.config import Settings, host_and_port
from node.errors import SongkeepError

if TYPE_CHECKING:  # libtorrent comes with it, which only those who host need
    from node.seed.options import SeedOptions
    from node.seed.server import RunningSeed

RETRY_S: Final = 60.0
Tell = Callable[[Literal["info", "warning", "error"], str], None]


class Hosting:
    """What this node keeps for others; nothing until the person says how much."""

    def __init__(self, home: Path, settings: Settings, *, tell: Tell) -> None:
        """`home`: the seed's own directory."""
        self._home = home
        self._settings = settings
        self._tell = tell
        self._changed = asyncio.Event()
        self._running: RunningSeed | None = None
        self._trouble = ""

    async def run(self) -> None:
        """Hosts while the settings say so, until cancelled."""
        while True:
            self._changed.clear()
            try:
                if self._settings.host_bytes:
                    await self._host(self._options())
                    continue
                await self._changed.wait()
            except SongkeepError as error:
                self._say_trouble(str(error))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), RETRY_S)

    async def follow(self, before: Settings, after: Settings) -> None:
        """Take on changed settings."""
        self._settings = after
        if _choices(before) != _choices(after):
            self._changed.set()

    async def standing(self) -> dict[str, Any]:
        """How it is doing, libraries by number only, as JSON."""
        status = await self._running.look() if self._running is not None else None
        return {"host_bytes": self._settings.host_bytes, "trouble": self._trouble, "seed": status}

    async def _host(self, options: SeedOptions) -> None:
        from node.seed.server import running

        async with running(options) as seed:
            self._running, self._trouble = seed, ""
            self._tell(
                "info",
                f"This computer keeps up to {options.capacity_bytes / 1e9:,.1f} GB of others' libraries at {seed.url}, "
                "sealed: it can't read them. Invite a friend with 'songkeep seed invite --quota 20GB'.",
            )
            try:
                await self._changed.wait()
            finally:
                self._running = None

    def _options(self) -> SeedOptions:
        from node.seed.options import SeedOptions
        from node.wire.seedapi import clean_url

        host, port = host_and_port(self._settings.host_listen)
        return SeedOptions(
            home=self._home,
            host=host,
            port=port,
            url=clean_url(self._settings.host_url) if self._settings.host_url else "",
            capacity_bytes=self._settings.host_bytes,
            stun_port=None,
        )

    def _say_trouble(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._tell("warning", f"Nothing is kept for others now: {trouble}.")


def _choices(settings: Settings) -> tuple[int, str, str]:
    return settings.host_bytes, settings.host_listen, settings.host_url

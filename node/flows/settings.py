"""Changing the settings: checked, kept, and then applied by whoever they concern."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from node.config import Settings, change, load_settings, save_settings


class SettingsKeeper:
    """The settings in force; a change is kept first, then applied."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()
        self.current = load_settings(path)
        self.on_change: list[Callable[[Settings, Settings], Awaitable[None]]] = []
        """Called with the settings before and after."""

    async def change(self, wishes: dict[str, object]) -> Settings:
        """Check, keep and apply. Raises UserError, StorageError."""
        async with self._turn:
            before, after = self.current, change(self.current, wishes)
            await asyncio.to_thread(save_settings, self._path, after)
            self.current = after
            for apply in self.on_change:
                await apply(before, after)
            return after

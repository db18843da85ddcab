"""Changes in the music folders, as the system tells of them. The only importer of watchfiles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import watchfiles

from node.errors import UnavailableError

_GATHER_MS: Final = 2_000
"""Changes that follow each other closely are told together, at the latest after this."""
_QUIET_MS: Final = 300


class WatchUnavailableError(UnavailableError):
    """The system tells of no changes here (a limit was reached, or the file system can't)."""


async def changes(paths: Sequence[str], stop: asyncio.Event) -> AsyncIterator[set[str]]:
    """Paths that were made, changed or removed below `paths`, many at a time, until `stop` is set.

    Raises WatchUnavailableError.
    """
    try:
        async for batch in watchfiles.awatch(
            *paths,
            watch_filter=None,
            debounce=_GATHER_MS,
            step=_QUIET_MS,
            stop_event=stop,
            recursive=True,
            ignore_permission_denied=True,
        ):
            yield {path for _, path in batch}
    except (OSError, RuntimeError) as error:
        raise WatchUnavailableError("the system can't watch these folders") from error

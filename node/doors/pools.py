"""The way to a tracker's pool of seeds (docs/PROTOCOL.md, "A tracker's pool of seeds")."""

from __future__ import annotations

from typing import Final

import aiohttp

from node.bounded import read_whole
from node.errors import UnavailableError
from node.wire.offer import MAX_POOL_ANSWER_BYTES, Pool, read_pool
from node.wire.roomframes import pool_url

ANSWER_TIMEOUT_S: Final = 15.0


async def look_in_pool(tracker_url: str, size_bytes: int) -> Pool:
    """Seeds of the pool of the tracker at that base address that say they have so much room.

    Raises UnavailableError, PeerError.
    """
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(pool_url(tracker_url), params={"bytes": str(size_bytes)}, allow_redirects=False) as response,
        ):
            if response.status == 404:
                raise UnavailableError("your tracker keeps no pool of seeds")
            if response.status != 200:
                raise UnavailableError("your tracker does not tell of its pool now; try again in a few minutes")
            data = await read_whole(response, MAX_POOL_ANSWER_BYTES)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise UnavailableError("your tracker can't be reached") from error
    return read_pool(data)

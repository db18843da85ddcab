"""The way to a tracker's pool of seeds (docs/PROTOCOL.md, "A tracker's pool of seeds")."""

from __future__ import annotations

import re
from typing import Final

import aiohttp

from node.bounded import read_whole
from node.errors import UnavailableError
from node.wire.offer import MAX_POOL_ANSWER_BYTES, Pool, read_pool

ANSWER_TIMEOUT_S: Final = 15.0


async def look_in_pool(tracker_url: str, size_bytes: int) -> Pool:
    """Seeds of the pool of the tracker at that room address that say they have so much room.

    Raises UnavailableError, PeerError.
    """
    base = re.sub(r"^ws", "http", tracker_url.partition("#")[0]).rstrip("/").removesuffix("/v1/room")
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{base}/v1/pool", params={"bytes": str(size_bytes)}, allow_redirects=False) as response,
        ):
            if response.status == 404:
                raise UnavailableError("your tracker keeps no pool of seeds")
            if response.status != 200:
                raise UnavailableError("your tracker does not tell of its pool now; try again in a few minutes")
            data = await read_whole(response, MAX_POOL_ANSWER_BYTES)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise UnavailableError("your tracker can't be reached") from error
    return read_pool(data)

"""Reading what another machine answers, whole, and never more of it than was agreed."""

from __future__ import annotations

from typing import Final

import aiohttp

from node.errors import PeerError

_READ_BYTES: Final = 1 << 18


async def read_whole(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """The whole body, in however many parts it comes. Raises PeerError beyond `max_bytes`."""
    if (response.content_length or 0) > max_bytes:
        raise PeerError("another machine's answer is too long")
    body = bytearray()
    async for part in response.content.iter_chunked(_READ_BYTES):
        body += part
        if len(body) > max_bytes:
            raise PeerError("another machine's answer is too long")
    return bytes(body)

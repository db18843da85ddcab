"""The tracker's STUN answerer on UDP: devices learn their own public address, and nobody else learns who talks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

from node.errors import UnavailableError
from node.wire import stun

log = logging.getLogger(__name__)


class _Answerer(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        answer = stun.answer(data, address[0], address[1])
        if answer is not None:
            self._transport.sendto(answer, address)


@contextlib.asynccontextmanager
async def answering(host: str, port: int) -> AsyncIterator[int]:
    """Answers while the context lasts; gives the port (0 asks for any). Raises UnavailableError if it is taken."""
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(_Answerer, local_addr=(host, port))
    except OSError as error:
        raise UnavailableError(f"UDP port {port} for STUN can't be used: {error.strerror}") from error
    bound = int(transport.get_extra_info("sockname")[1])
    log.info("stun_started port=%d", bound)
    try:
        yield bound
    finally:
        transport.close()

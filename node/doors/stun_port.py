"""A UDP port that answers STUN: devices that come to a seed learn their own public address there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

from node.wire import stun

log = logging.getLogger(__name__)


class _Port(asyncio.DatagramProtocol):
    _transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        told = stun.answer(data, str(address[0]), int(address[1]))
        if told is not None:
            self._transport.sendto(told, address)


@contextlib.asynccontextmanager
async def stun_answers(host: str, port: int) -> AsyncIterator[int | None]:
    """Answers while the context lasts; gives the port, or None if it can't be had: it is a help, not a need."""
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(_Port, local_addr=(host, port))
    except OSError as error:
        log.warning("stun_refused port=%d reason=%s", port, error.strerror)
        yield None
        return
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()

"""WebRTC data channels: the way to a device behind another router, or in a browser.

The one place that knows aiortc. Offers and answers are text that the caller carries, with all candidates in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from functools import partial
from typing import Any, Final

from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection, RTCSessionDescription

from node.errors import PeerError, UnavailableError
from node.wire import stun
from node.wire.channel import LABEL, MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)

StunServer = tuple[str, int]

GATHER_TIMEOUT_S: Final = 8.0
OPEN_TIMEOUT_S: Final = 20.0
STUN_TIMEOUT_S: Final = 1.0
STUN_TRIES: Final = 3
MAX_SDP_CHARS: Final = 32_768
MAX_UNSENT_BYTES: Final = 192 * 1024
"""More in the buffer only makes a cancelled request cost more."""
RESUME_BYTES: Final = 96 * 1024
MAX_UNREAD: Final = 2_048
"""Messages; a peer that sends faster than it was asked to is dropped."""


class DataPipe:
    """One open data channel, as a pipe of messages."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        self._connection = connection
        self._channel: RTCDataChannel | None = None
        self._unread: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._can_send = asyncio.Event()
        self._opened = asyncio.Event()
        self._closed = False
        connection.on("connectionstatechange", self._on_state)

    def attach(self, data_channel: RTCDataChannel) -> None:
        self._channel = data_channel
        data_channel.bufferedAmountLowThreshold = RESUME_BYTES
        data_channel.on("message", self._on_message)
        data_channel.on("bufferedamountlow", self._can_send.set)
        data_channel.on("close", self._end)
        data_channel.on("open", self._on_open)
        if data_channel.readyState == "open":
            self._on_open()

    def _on_open(self) -> None:
        self._opened.set()
        self._can_send.set()

    def _on_state(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self._end()

    def _on_message(self, message: object) -> None:
        if not isinstance(message, bytes) or len(message) > MAX_MESSAGE_BYTES or self._unread.qsize() >= MAX_UNREAD:
            log.info("channel_dropped reason=message")
            self._end()
            return
        self._unread.put_nowait(message)

    def _end(self) -> None:
        if not self._closed:
            self._closed = True
            self._opened.set()
            self._can_send.set()
            self._unread.put_nowait(None)

    async def opened(self) -> None:
        """Waits for the channel to open. Raises UnavailableError after 20 s, or if the connection failed."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._opened.wait()
        except TimeoutError as error:
            await self.close()
            raise UnavailableError("no way to the other device was found") from error
        if self._closed:
            await self.close()
            raise UnavailableError("no way to the other device was found")

    async def send(self, data: bytes) -> None:
        await self._can_send.wait()
        if self._closed or self._channel is None or self._channel.readyState != "open":
            raise UnavailableError("the connection to the other device ended")
        self._channel.send(data)
        if self._channel.bufferedAmount > MAX_UNSENT_BYTES:
            self._can_send.clear()

    async def receive(self) -> bytes:
        message = await self._unread.get() if not (self._closed and self._unread.empty()) else None
        if message is None:
            raise UnavailableError("the connection to the other device ended")
        return message

    async def close(self) -> None:
        self._end()
        with contextlib.suppress(Exception):  # it is going away, whatever it says
            await self._connection.close()


async def answer_offer(sdp: str, stun_server: StunServer | None) -> tuple[str, DataPipe]:
    """Our answer to a peer's offer, and the pipe that opens once the peer has it. Raises PeerError, UnavailableError.

    `stun_server`: the only one that is asked; None on a LAN.
    """
    if len(sdp) > MAX_SDP_CHARS:
        raise PeerError("a WebRTC offer is too long")
    connection = _connection(stun_server)
    pipe = DataPipe(connection)

    def on_channel(data_channel: RTCDataChannel) -> None:
        if data_channel.label == LABEL:
            pipe.attach(data_channel)

    connection.on("datachannel", on_channel)
    try:
        async with asyncio.timeout(GATHER_TIMEOUT_S):
            await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            await connection.setLocalDescription(await connection.createAnswer())
    except TimeoutError as error:
        await pipe.close()
        raise UnavailableError("this device's own network addresses could not be found out in time") from error
    except Exception as error:
        # aiortc meets a malformed description with whatever exception comes first.
        await pipe.close()
        raise PeerError("a WebRTC offer is not one") from error
    return str(connection.localDescription.sdp), pipe


class Offering:
    """A connection that was offered to a peer and waits for its answer."""

    def __init__(self, connection: RTCPeerConnection, pipe: DataPipe) -> None:
        self._connection = connection
        self.pipe = pipe
        self.sdp = str(connection.localDescription.sdp)

    async def accept(self, sdp: str) -> DataPipe:
        """The open pipe, once the peer has answered. Raises PeerError, UnavailableError."""
        if len(sdp) > MAX_SDP_CHARS:
            raise PeerError("a WebRTC answer is too long")
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        except Exception as error:
            await self.pipe.close()
            raise PeerError("a WebRTC answer is not one") from error
        await self.pipe.opened()
        return self.pipe


async def offer(stun_server: StunServer | None) -> Offering:
    """An offer to a peer. Close its pipe if it is not used. Raises UnavailableError."""
    connection = _connection(stun_server)
    pipe = DataPipe(connection)
    pipe.attach(connection.createDataChannel(LABEL))
    try:
        async with asyncio.timeout(GATHER_TIMEOUT_S):
            await connection.setLocalDescription(await connection.createOffer())
    except TimeoutError as error:
        await pipe.close()
        raise UnavailableError("this device's own network addresses could not be found out in time") from error
    return Offering(connection, pipe)


def _connection(stun_server: StunServer | None) -> RTCPeerConnection:
    # An empty list, never None: None means Google's server.
    servers = []
    if stun_server is not None and ":" not in stun_server[0]:  # aiortc asks over IPv4 only
        host, port = stun_server
        servers.append(RTCIceServer(urls=f"stun:{host}:{port}"))
    return RTCPeerConnection(RTCConfiguration(iceServers=servers))


class _Probe(asyncio.DatagramProtocol):
    def __init__(self, answered: asyncio.Future[bytes]) -> None:
        self._answered = answered

    def datagram_received(self, data: bytes, _address: tuple[Any, ...]) -> None:
        if not self._answered.done():
            self._answered.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(exc)


async def public_address(stun_server: StunServer) -> tuple[str, int]:
    """This device's address as the STUN server sees it. Raises UnavailableError if it does not answer in 3 s.

    Asked before a server is used: gathering waits five seconds for one that is silent.
    """
    loop = asyncio.get_running_loop()
    try:
        for _ in range(STUN_TRIES):
            answered: asyncio.Future[bytes] = loop.create_future()
            transport, _ = await loop.create_datagram_endpoint(
                partial(_Probe, answered), remote_addr=stun_server
            )
            transaction = os.urandom(12)
            try:
                transport.sendto(stun.binding_request(transaction))
                async with asyncio.timeout(STUN_TIMEOUT_S):
                    return stun.read_answer(await answered, transaction)
            except TimeoutError:
                continue
            finally:
                transport.close()
    except (OSError, PeerError) as error:
        raise UnavailableError("STUN does not answer") from error
    raise UnavailableError("STUN does not answer")

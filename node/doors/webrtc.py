"""WebRTC data channels: the way to a device behind another router, or in a browser.

The one place that knows aiortc. Offers and answers are text that the caller carries, with all candidates in it.
aiortc is imported with the first connection: it takes a quarter of a second and 40 MB that most homes never need.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal

from node.doors.webrtc_tuning import add_names, begin_anew, check_back, hasten, split_names, window_bytes
from node.errors import PeerError, UnavailableError
from node.wire import stun
from node.wire.channel import LABEL, MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription

log = logging.getLogger(__name__)

StunServer = tuple[str, int]

GATHER_TIMEOUT_S: Final = 8.0
OPEN_TIMEOUT_S: Final = 20.0
STUN_TIMEOUT_S: Final = 1.0
STUN_TRIES: Final = 3
MAX_SDP_CHARS: Final = 32_768
MIN_UNSENT_BYTES: Final = 20 * 1024
MAX_UNSENT_BYTES: Final = 192 * 1024
"""What may wait in the buffer: about what the line takes in a round trip, within these. More only makes a cancelled
request cost more: a new song waits behind it."""
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
        self._looking_up: asyncio.Task[None] | None = None
        connection.on("connectionstatechange", self._on_state)

    def attach(self, data_channel: RTCDataChannel) -> None:
        self._channel = data_channel
        hasten(self._connection)
        data_channel.bufferedAmountLowThreshold = MIN_UNSENT_BYTES // 2
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

    @property
    def route(self) -> Literal["lan", "direct", "relay"]:
        """Which way it found to the other side: by private addresses, through routers, or by a relay."""
        try:
            sctp: Any = self._connection.sctp
            (pair,) = sctp.transport.transport._connection._nominated.values()  # aiortc says it nowhere
            kinds = {pair.local_candidate.type, pair.remote_candidate.type}
            private = ipaddress.ip_address(pair.remote_addr[0]).is_private
        except (AttributeError, ValueError, IndexError):
            return "direct"
        return "relay" if "relay" in kinds else "lan" if private else "direct"

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
        unsent_bytes = min(max(window_bytes(self._connection), MIN_UNSENT_BYTES), MAX_UNSENT_BYTES)
        if self._channel.bufferedAmount > unsent_bytes:
            self._channel.bufferedAmountLowThreshold = unsent_bytes // 2
            self._can_send.clear()

    async def receive(self) -> bytes:
        message = await self._unread.get() if not (self._closed and self._unread.empty()) else None
        if message is None:
            raise UnavailableError("the connection to the other device ended")
        return message

    def look_up(self, names: list[str]) -> None:
        """Candidates that are only names are looked up beside the rest: most answers don't need them."""
        if names:
            self._looking_up = asyncio.create_task(add_names(self._connection, names))

    def begin_anew(self) -> None:
        """Something new is asked for: it may begin as fast as over a new connection."""
        begin_anew(self._connection)

    async def close(self) -> None:
        self._end()
        if self._looking_up is not None:
            self._looking_up.cancel()
        with contextlib.suppress(Exception):  # it is going away, whatever it says
            await self._connection.close()


async def answer_offer(sdp: str, stun_server: StunServer | None) -> tuple[str, DataPipe]:
    """Our answer to a peer's offer, and the pipe that opens once the peer has it. Raises PeerError, UnavailableError.

    `stun_server`: the only one that is asked; None on a LAN.
    """
    if len(sdp) > MAX_SDP_CHARS:
        raise PeerError("a WebRTC offer is too long")
    connection = await _connection(stun_server)
    pipe = DataPipe(connection)

    def on_channel(data_channel: RTCDataChannel) -> None:
        if data_channel.label == LABEL:
            pipe.attach(data_channel)

    connection.on("datachannel", on_channel)
    offered, names = split_names(sdp)
    try:
        async with asyncio.timeout(GATHER_TIMEOUT_S):
            await connection.setRemoteDescription(_described(offered, "offer"))
            check_back(connection)
            await connection.setLocalDescription(await connection.createAnswer())
    except TimeoutError as error:
        await pipe.close()
        raise UnavailableError("this device's own network addresses could not be found out in time") from error
    except Exception as error:
        # aiortc meets a malformed description with whatever exception comes first.
        await pipe.close()
        raise PeerError("a WebRTC offer is not one") from error
    pipe.look_up(names)
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
            await self._connection.setRemoteDescription(_described(sdp, "answer"))
        except Exception as error:
            await self.pipe.close()
            raise PeerError("a WebRTC answer is not one") from error
        await self.pipe.opened()
        return self.pipe


async def offer(stun_server: StunServer | None) -> Offering:
    """An offer to a peer. Close its pipe if it is not used. Raises UnavailableError."""
    connection = await _connection(stun_server)
    pipe = DataPipe(connection)
    pipe.attach(connection.createDataChannel(LABEL))
    check_back(connection)
    try:
        async with asyncio.timeout(GATHER_TIMEOUT_S):
            await connection.setLocalDescription(await connection.createOffer())
    except TimeoutError as error:
        await pipe.close()
        raise UnavailableError("this device's own network addresses could not be found out in time") from error
    return Offering(connection, pipe)


def _described(sdp: str, kind: str) -> RTCSessionDescription:
    from aiortc import RTCSessionDescription

    return RTCSessionDescription(sdp, kind)


async def _connection(stun_server: StunServer | None) -> RTCPeerConnection:
    await asyncio.to_thread(import_module, "aiortc")  # slow the first time: not on the loop
    from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection

    # An empty list, never None: None means Google's server.
    servers = []
    if stun_server is not None and ":" not in stun_server[0]:  # aiortc asks over IPv4 only
        host, port = stun_server
        servers.append(RTCIceServer(urls=f"stun:{host}:{port}"))
    return RTCPeerConnection(RTCConfiguration(iceServers=servers))


class _Probe(asyncio.DatagramProtocol):
    """One UDP socket that asks STUN servers; answers are told apart by their transaction."""

    def __init__(self) -> None:
        self.waiting: dict[bytes, asyncio.Future[bytes]] = {}

    def datagram_received(self, data: bytes, _address: tuple[Any, ...]) -> None:
        waiting = self.waiting.get(data[8:20])
        if waiting is not None and not waiting.done():
            waiting.set_result(data)


async def public_addresses(servers: Sequence[StunServer]) -> list[tuple[str, int] | None]:
    """This device's address as each server sees it, all asked from one socket; None for a server that is silent.

    The same address everywhere means a router through which others can reach this device.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, probe = await loop.create_datagram_endpoint(_Probe, local_addr=("0.0.0.0", 0))
    except OSError as error:
        raise UnavailableError("UDP can't be used on this machine") from error
    try:
        return list(await asyncio.gather(*(_ask_stun(transport, probe, server) for server in servers)))
    finally:
        transport.close()


async def _ask_stun(transport: asyncio.DatagramTransport, probe: _Probe, server: StunServer) -> tuple[str, int] | None:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(*server, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    for _ in range(STUN_TRIES):
        transaction = os.urandom(12)
        probe.waiting[transaction] = loop.create_future()
        transport.sendto(stun.binding_request(transaction), found[0][4])
        try:
            async with asyncio.timeout(STUN_TIMEOUT_S):
                return stun.read_answer(await probe.waiting[transaction], transaction)
        except (TimeoutError, PeerError):
            continue
        finally:
            del probe.waiting[transaction]
    return None


async def public_address(server: StunServer) -> tuple[str, int]:
    """This device's address as a STUN server sees it. Raises UnavailableError if it does not answer in 3 s.

    Asked before a server is used: gathering waits five seconds for one that is silent.
    """
    (address,) = await public_addresses([server])
    if address is None:
        raise UnavailableError("STUN does not answer")
    return address

"""What aiortc leaves slow on long lines: a song's first chunks, recovery of a lost packet, names of the local network.

Everything here changes only how fast a connection goes. Where another version of aiortc has other insides, it is left
as it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aiortc import RTCPeerConnection

log = logging.getLogger(__name__)

FIRST_WINDOW_BYTES: Final = 64 * 1024
"""Sent before the first acknowledgement: four chunks, with which a song begins one round trip after it is asked for.
aiortc begins with three packets. A home line's own queue takes so much; a loss halves it as ever."""
LEAST_WINDOW_BYTES: Final = 8 * 1024
"""After a time-out, where aiortc falls back to one packet."""
LEAST_TIMEOUT_S: Final = 0.3
"""RFC 9260 waits a second at least for an acknowledgement, ten round trips of a phone; TCP stacks wait 0.2 s."""
_BURSTS: Final = 16
"""Times four packets, sent at one acknowledgement when the window has room."""


def hasten(connection: RTCPeerConnection) -> None:
    """Let the connection's data flow as fast as its line takes it; call it once there is a data channel."""
    sctp: Any = connection.sctp
    if not all(hasattr(sctp, name) for name in ("_cwnd", "_transmit", "_t3_expired", "_outbound_queue")):
        log.info("webrtc_not_hastened")
        return
    _shorten_timeouts()
    sctp._cwnd = max(sctp._cwnd, FIRST_WINDOW_BYTES)
    sctp._transmit = _in_longer_bursts(sctp, sctp._transmit)
    sctp._t3_expired = _with_a_least_window(sctp, sctp._t3_expired)


def check_back(connection: RTCPeerConnection) -> None:
    """Repeat our connectivity check as soon as the peer's arrives; call it before the checks begin.

    Ours comes before the peer's router lets it in whenever the peer sends later than we do. RFC 8445 (7.3.1.4) has it
    repeated when the peer's arrives, aioice only half a second after the first.
    """
    sctp: Any = connection.sctp
    ice: Any = getattr(sctp.transport.transport, "_connection", None)
    if not all(hasattr(ice, name) for name in ("check_incoming", "_nominated")):
        log.info("webrtc_not_checking_back")
        return
    ice.check_incoming = _checking_back(ice, ice.check_incoming)


def _checking_back(ice: Any, check_incoming: Callable[..., None]) -> Callable[..., None]:
    def check(message: Any, address: Any, protocol: Any) -> None:
        waiting = [] if ice._nominated else list(getattr(protocol, "transactions", {}).values())
        for transaction in waiting:
            # The same request once more: whichever answer comes first ends it.
            if getattr(transaction, "_Transaction__addr", None) == address:
                protocol.send_stun(transaction._Transaction__request, address)
        check_incoming(message, address, protocol)

    return check


def begin_anew(connection: RTCPeerConnection) -> None:
    """Something new was asked for and nothing else is: it may begin as fast as on a new connection."""
    sctp: Any = connection.sctp
    if hasattr(sctp, "_cwnd"):
        sctp._cwnd = max(sctp._cwnd, FIRST_WINDOW_BYTES)


def window_bytes(connection: RTCPeerConnection) -> int:
    """What the line is taken to hold in one round trip; 0 where aiortc doesn't say."""
    return int(getattr(connection.sctp, "_cwnd", 0))


def _shorten_timeouts() -> None:
    from aiortc import rtcsctptransport

    if getattr(rtcsctptransport, "SCTP_RTO_MIN", None) == 1:
        setattr(rtcsctptransport, "SCTP_RTO_MIN", LEAST_TIMEOUT_S)  # noqa: B010  it is typed as a whole number there


def _in_longer_bursts(sctp: Any, transmit: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    async def transmit_more() -> None:
        for _ in range(_BURSTS):
            waiting = len(sctp._outbound_queue)
            await transmit()
            if not sctp._outbound_queue or len(sctp._outbound_queue) == waiting:
                return

    return transmit_more


def _with_a_least_window(sctp: Any, expired: Callable[[], None]) -> Callable[[], None]:
    def expire() -> None:
        expired()
        sctp._cwnd = max(sctp._cwnd, LEAST_WINDOW_BYTES)

    return expire


def split_names(sdp: str) -> tuple[str, list[str]]:
    """A description without the candidates that are only a name (mDNS), and those: their look-up may take a second."""
    lines = sdp.splitlines(keepends=True)
    named = [line for line in lines if line.startswith("a=candidate:") and ".local " in line]
    return "".join(line for line in lines if line not in named), [line.strip()[len("a=candidate:") :] for line in named]


async def add_names(connection: RTCPeerConnection, candidates: list[str]) -> None:
    """Look up names that `split_names` set aside; those that nobody answers to are left out."""
    from aiortc.sdp import candidate_from_sdp

    async def add(text: str) -> None:
        try:
            candidate = candidate_from_sdp(text)
            candidate.sdpMLineIndex, candidate.sdpMid = 0, "0"
            await connection.addIceCandidate(candidate)
        except Exception as error:  # aiortc meets a malformed candidate with whatever exception comes first
            log.info("candidate_left_out reason=%s", type(error).__name__)

    await asyncio.gather(*map(add, candidates))

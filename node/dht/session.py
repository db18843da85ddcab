"""The session: being a node of the table, putting records and getting them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import libtorrent as lt

from node.doors.swarm.alerts import AlertPump
from node.errors import UnavailableError

log = logging.getLogger(__name__)

MAINLINE: Final = ("router.bittorrent.com:6881", "dht.transmissionbt.com:6881", "dht.libtorrent.org:25401")
"""Doors into BitTorrent's public table, for who chose it."""
LISTEN_TIMEOUT_S: Final = 10.0
BOOTSTRAP_TIMEOUT_S: Final = 20.0
LOOK_EVERY_S: Final = 1.0
PUT_TIMEOUT_S: Final = 60.0
GET_TIMEOUT_S: Final = 30.0
OTHERS_TIMEOUT_S: Final = 0.7
"""What others that may know a newer item have, once one was found."""
COUNT_TIMEOUT_S: Final = 5.0
MAX_ITEM_BYTES: Final = 1_000
ITEM_LIFETIME_S: Final = 2 * 3600
"""How long a record of others is kept here; they put it anew every hour."""
_ALERT_QUEUE: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DhtSettings:
    """Which table, and where this node of it answers."""

    listen: str = "0.0.0.0:0"
    """Interfaces as libtorrent has them; port 0 takes any."""
    bootstrap: tuple[str, ...] = ()
    """Nodes of a private table, HOST:PORT; none for the first of it."""
    mainline: bool = False
    """BitTorrent's public table as well: its nodes are strangers."""


class _Answers:
    """What nodes answer to one question: the newest counts, when all were asked or a little after the first.

    Behind a router one of those asked is often this very node, at an address that it can't reach itself: the last
    answer then comes fifteen seconds after the first.
    """

    def __init__(self) -> None:
        self.item: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._newest: tuple[int, bytes] | None = None

    def heard(self, seq: int, item: object, *, last: bool) -> None:
        first = self._newest is None
        if isinstance(item, bytes) and item and (self._newest is None or seq > self._newest[0]):
            self._newest = seq, item
        if last:
            self._settle()
        elif first and self._newest is not None:
            asyncio.get_running_loop().call_later(OTHERS_TIMEOUT_S, self._settle)

    def _settle(self) -> None:
        if not self.item.done():
            self.item.set_result(self._newest[1] if self._newest is not None else None)


class Dht:
    """`async with Dht.open(settings) as dht`. Everything runs in the event loop that opened it."""

    def __init__(self, session: Any, bootstrap: list[tuple[str, int]]) -> None:
        loop = asyncio.get_running_loop()
        self._session = session
        self._bootstrap = bootstrap
        self._listening: asyncio.Future[int] = loop.create_future()
        self._found = asyncio.Event()
        self._puts: dict[tuple[bytes, bytes], asyncio.Future[int]] = {}
        self._gets: dict[tuple[bytes, bytes], _Answers] = {}
        self._counting: list[asyncio.Future[int]] = []
        self.external_ips: list[str] = []
        """This machine's addresses as other nodes see them, the newest first."""

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: DhtSettings) -> AsyncIterator[Dht]:
        """A node of the table for as long as the context lasts. Raises UnavailableError if no port can be had."""
        session = lt.session(_session_settings(settings))
        dht = cls(session, [_endpoint(each) for each in settings.bootstrap])
        pump = AlertPump(session, dht._take)
        try:
            try:
                port = await asyncio.wait_for(asyncio.shield(dht._listening), LISTEN_TIMEOUT_S)
            except TimeoutError as error:
                raise UnavailableError("no UDP port for the DHT could be opened on this machine") from error
            log.info("dht_opened port=%d mainline=%s", port, settings.mainline)
            yield dht
        finally:
            pump.stop()
            last = [session]
            del session, dht._session, pump._session
            await asyncio.to_thread(last.clear)
            await asyncio.to_thread(pump.close)
            log.info("dht_closed")

    @property
    def port(self) -> int:
        """Where UDP is answered."""
        return self._listening.result()

    async def ready(self) -> None:
        """Waits until other nodes were found. Raises UnavailableError after 20 s."""
        until_s = time.monotonic() + BOOTSTRAP_TIMEOUT_S
        while not await self.count():
            # Not as libtorrent's bootstrap nodes: those it asks, but never counts or puts anything at.
            for endpoint in self._bootstrap:
                self._session.add_dht_node(endpoint)
            if time.monotonic() > until_s:
                raise UnavailableError("no other node of the DHT answers")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._found.wait()
            self._found.clear()

    async def put(self, secret_32: bytes, public_32: bytes, place: bytes, item: bytes) -> int:
        """Put an item under a key, in place of an older one; the number of nodes that took it.

        `secret_32` is the Ed25519 secret of `public_32`. Raises UnavailableError if no node took it.
        """
        if len(item) > MAX_ITEM_BYTES - 4:
            raise ValueError(f"an item of {len(item)} bytes is over what BEP 44 allows")
        key = public_32, place
        waiting = self._puts.setdefault(key, asyncio.get_running_loop().create_future())
        self._session.dht_put_mutable_item(_expanded(secret_32), public_32, item, place)
        try:
            took = await asyncio.wait_for(asyncio.shield(waiting), PUT_TIMEOUT_S)
        except TimeoutError:
            took = 0
        finally:
            self._puts.pop(key, None)
        if not took:
            raise UnavailableError("no node of the DHT took this device's record")
        return took

    async def get(self, public_32: bytes, place: bytes) -> bytes | None:
        """The item under a key, None if there is none: whatever its writer put, signed. Raises UnavailableError."""
        key = public_32, place
        waiting = self._gets.setdefault(key, _Answers())
        self._session.dht_get_mutable_item(public_32, place)
        try:
            return await asyncio.wait_for(asyncio.shield(waiting.item), GET_TIMEOUT_S)
        except TimeoutError as error:
            raise UnavailableError("the DHT does not answer") from error
        finally:
            self._gets.pop(key, None)

    async def count(self) -> int:
        """How many other nodes this one knows."""
        waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._counting.append(waiting)
        self._session.post_dht_stats()
        try:
            return await asyncio.wait_for(waiting, COUNT_TIMEOUT_S)
        except TimeoutError:
            return 0

    def _take(self, alert: Any) -> None:
        match alert:
            case lt.listen_succeeded_alert():
                if alert.socket_type == lt.socket_type_t.udp and not self._listening.done():
                    self._listening.set_result(alert.port)
            case lt.listen_failed_alert():
                log.warning("dht_listen_failed reason=%s", alert.error.message())
            case lt.dht_bootstrap_alert():
                self._found.set()
            case lt.external_ip_alert():
                ip = str(alert.external_address)
                self.external_ips = [ip, *(each for each in self.external_ips if each != ip)][:2]
            case lt.dht_put_alert():
                put = self._puts.get((alert.public_key, alert.salt))
                if put is not None and not put.done():
                    put.set_result(alert.num_success)
            case lt.dht_mutable_item_alert():
                get = self._gets.get((alert.key, alert.salt))
                if get is not None:
                    get.heard(alert.seq, alert.item, last=alert.authoritative)
            case lt.dht_stats_alert():
                nodes = sum(bucket["num_nodes"] for bucket in alert.routing_table)
                counting, self._counting = self._counting, []
                for waiting in counting:
                    if not waiting.done():
                        waiting.set_result(nodes)


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _session_settings(settings: DhtSettings) -> Any:
    return {
        "listen_interfaces": settings.listen,
        "enable_dht": True,
        "dht_bootstrap_nodes": ",".join(MAINLINE) if settings.mainline else "",
        # Rules against one liar with many addresses: of use among strangers; a family's nodes may stand in one network.
        "dht_restrict_routing_ips": settings.mainline,
        "dht_restrict_search_ips": settings.mainline,
        "dht_prefer_verified_node_ids": settings.mainline,
        "dht_ignore_dark_internet": settings.mainline,
        "dht_item_lifetime": ITEM_LIFETIME_S,
        # A table and nothing else: no torrents, no peers, no search in the local network, no port asked of the router.
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_tcp": False,
        "enable_outgoing_tcp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        "dht_announce_interval": 1 << 30,
        "webtorrent_stun_server": "",
        "user_agent": "",
        "alert_queue_size": _ALERT_QUEUE,
        "alert_mask": (
            lt.alert_category.status | lt.alert_category.error | lt.alert_category.dht | lt.alert_category.stats
        ),
    }


def _expanded(secret_32: bytes) -> bytes:
    """The form that libtorrent signs with: SHA-512 of the secret, clamped (RFC 8032, 5.1.5)."""
    expanded = bytearray(hashlib.sha512(secret_32).digest())
    expanded[0] &= 248
    expanded[31] &= 63
    expanded[31] |= 64
    return bytes(expanded)

"""The settings of a libtorrent session that hold together, and its filter. Each has its reason beside it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import libtorrent as lt

ALERT_QUEUE: Final = 200_000
_ENCRYPTION_FORCED: Final = 0
_PREFER_TCP: Final = 0
_DENY: Final = 1


class Endpoint(NamedTuple):
    """Where a peer's swarm answers: an IP address, v4 or v6, and a port for TCP and uTP."""

    ip: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmSettings:
    """What differs from one node to another."""

    listen: str = "0.0.0.0:0,[::]:0"
    """Interfaces as libtorrent has them; port 0 takes any."""
    outgoing: str = ""
    """Address that connections are made from; empty: the system's choice."""
    upload_bytes_per_s: int = 0
    """0: no limit. Devices on the same network are never limited."""
    download_bytes_per_s: int = 0
    map_ports: bool = False
    """Ask the router for a port (UPnP, NAT-PMP)."""


def session_settings(settings: SwarmSettings) -> Any:
    """What `lt.session` is made with."""
    return {
        "listen_interfaces": settings.listen,
        "outgoing_interfaces": settings.outgoing,
        "upload_rate_limit": settings.upload_bytes_per_s,
        "download_rate_limit": settings.download_bytes_per_s,
        "enable_upnp": settings.map_ports,
        "enable_natpmp": settings.map_ports,
        # Nobody is told of an info-hash: peers come from our own directory alone.
        "enable_dht": False,
        "dht_bootstrap_nodes": "",
        "enable_lsd": False,
        "webtorrent_stun_server": "",
        "user_agent": "",
        # The handshake then needs the info-hash, which is a secret of the library.
        "in_enc_policy": _ENCRYPTION_FORCED,
        "out_enc_policy": _ENCRYPTION_FORCED,
        # The one tracker is our own gateway on loopback, and it may not be stopped by our own filter.
        "ssrf_mitigation": False,
        "apply_ip_filter_to_trackers": False,
        "stop_tracker_timeout": 0,
        "min_announce_interval": 1,
        "auto_scrape_interval": 1 << 30,
        # Two devices behind one address, and devices that want nothing just now, stay connected.
        "allow_multiple_connections_per_ip": True,
        "close_redundant_connections": False,
        "unchoke_slots_limit": -1,
        "peer_turnover": 0,
        # A device that slept comes back; one that hangs is left quickly.
        "min_reconnect_time": 1,
        "max_failcount": 31,
        "peer_connect_timeout": 5,
        "handshake_timeout": 5,
        "request_timeout": 5,
        "piece_timeout": 3,
        "peer_timeout": 30,
        "inactivity_timeout": 1 << 30,
        # libtorrent tries uTP first, and then one warm piece in five waits for its one-second tick; with TCP none does.
        "enable_outgoing_utp": False,
        "mixed_mode_algorithm": _PREFER_TCP,
        "aio_threads": 4,
        "alert_queue_size": ALERT_QUEUE,
        "alert_mask": (
            lt.alert_category.status
            | lt.alert_category.error
            | lt.alert_category.storage
            | lt.alert_category.piece_progress
            | lt.alert_category.connect
        ),
    }


def default_deny(admitted: Iterable[str]) -> Any:
    """An `lt.ip_filter` that admits these addresses and no other, of either family."""
    deny = lt.ip_filter()
    deny.add_rule("0.0.0.0", "255.255.255.255", _DENY)
    deny.add_rule("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", _DENY)
    for address in admitted:
        deny.add_rule(address, address, 0)
    return deny


def compact(endpoints: Iterable[Endpoint]) -> tuple[bytes, bytes]:
    """Peers as trackers answer them: all of IPv4 (BEP 23), all of IPv6 (BEP 7)."""
    found: dict[int, bytearray] = {4: bytearray(), 6: bytearray()}
    for endpoint in endpoints:
        address = ipaddress.ip_address(endpoint.ip)
        found[address.version] += address.packed + endpoint.port.to_bytes(2, "big")
    return bytes(found[4]), bytes(found[6])

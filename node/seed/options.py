"""How a seed is run, and what of it is kept for the next time."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from node.errors import UnknownFormatError, UserError
from node.files import read_small, write_private
from node.seed.trackers import TrustedTracker
from node.sizes import read_size
from node.wire.seedapi import clean_url

DEFAULT_PORT: Final = 7666
DEFAULT_CAPACITY_BYTES: Final = 50_000_000_000
MAX_CAPACITY_BYTES: Final = 1 << 53


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedOptions:
    """What the person who runs it may choose."""

    home: Path
    host: str = "0.0.0.0"
    port: int = DEFAULT_PORT
    """0: any that is free."""
    url: str = ""
    """Where devices reach it; empty: by its own address."""
    capacity_bytes: int = DEFAULT_CAPACITY_BYTES
    """All that may be promised to libraries."""
    swarm_listen: str = ""
    """Interfaces as libtorrent has them; empty: the same host, any port."""
    stun_host: str = "0.0.0.0"
    stun_port: int | None = 3478
    """None: no STUN."""
    dht_listen: str = ""
    """HOST:PORT (UDP) where it is a node of a private DHT, by which devices enter it; empty: it is none."""
    dht_nodes: tuple[str, ...] = ()
    """Other nodes of that DHT, HOST:PORT."""
    rate_bytes_per_s: int = 0
    """What is sent in all, by HTTP and WebRTC together, and as much again by BitTorrent; 0: no limit."""
    app: bool = True
    """Serve the phone's app too."""
    trackers: tuple[TrustedTracker, ...] = ()
    """Whose grants are good here; those with an address have this seed in their pools."""

    @property
    def is_in_pools(self) -> bool:
        """Whether trackers may name it to libraries: it needs an address that others reach, and trackers to tell it."""
        return bool(self.url or self.host not in ("0.0.0.0", "::", "")) and any(each.base for each in self.trackers)

    @property
    def swarm_interfaces(self) -> str:
        if self.swarm_listen:
            return self.swarm_listen
        return "0.0.0.0:0,[::]:0" if self.host in ("0.0.0.0", "::", "") else f"{self.host}:0"

    @property
    def swarm_outgoing(self) -> str:
        """Where connections are made from: only a seed that was given one address for everything keeps to it."""
        return "" if self.swarm_listen or self.host in ("0.0.0.0", "::", "") else self.host

    def address(self, port: int) -> str:
        """The address that an invitation names, for the port that was really taken."""
        return self.url or self.local_address(port)

    def local_address(self, port: int) -> str:
        """Where it answers on this machine."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        return clean_url(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def read_capacity(text: str) -> int:
    """Bytes of '200GB' or the like, as far as a seed may promise. Raises UserError."""
    size = read_size(text)
    if not 0 < size <= MAX_CAPACITY_BYTES:
        raise UserError(f"{text[:40]!r} is more or less than a seed can keep")
    return size


def remember(options: SeedOptions, *, port: int) -> None:
    """Keep what `seed invite` and the next run need."""
    kept = {
        "capacity_bytes": options.capacity_bytes,
        "url": options.address(port),
        "local": options.local_address(port),
    }
    write_private(options.home / "seed.json", (json.dumps({"version": 1, **kept}, indent=2) + "\n").encode())


def recall(options: SeedOptions) -> SeedOptions:
    """`options` with the address and capacity of the last run. Raises UserError if it never ran."""
    kept = _kept(options.home)
    try:
        return replace(options, capacity_bytes=int(str(kept["capacity_bytes"])), url=clean_url(str(kept["url"])))
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable() from error


def local_url(home: Path) -> str:
    """Where the seed of that home answers on this machine while it runs; empty if that was never said."""
    return str(_kept(home).get("local", ""))


def _kept(home: Path) -> dict[str, object]:
    data = read_small(home / "seed.json", max_bytes=64_000)
    if data is None:
        raise UserError(f"no seed has run in {home} yet; start it with 'songkeep seed run'")
    try:
        kept = json.loads(data)
    except ValueError as error:
        raise _unreadable() from error
    if not isinstance(kept, dict):
        raise _unreadable()
    return kept


def _unreadable() -> UnknownFormatError:
    return UnknownFormatError("seed.json is not readable; start the seed again with its options")

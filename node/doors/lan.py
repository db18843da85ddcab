"""Finding the library's other devices on the local network (zeroconf, `_songkeep._tcp`), and being found.

What is announced is a name drawn at each start, a port, and a tag that only members can tell from noise and that
changes daily. The one place that knows zeroconf, which is imported when the network is first looked at: most commands
never do.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from node.errors import UnavailableError

if TYPE_CHECKING:
    from zeroconf import ServiceStateChange, Zeroconf
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf


SERVICE: Final = "_songkeep._tcp.local."
RESOLVE_TIMEOUT_MS: Final = 3_000
MAX_FOUND: Final = 128
"""Of all libraries on the network: an office has some, a liar has many."""
MAX_ADDRESSES: Final = 4
_TAG: Final = b"tag"
_PAIRING: Final = b"pair"


@dataclass(frozen=True, slots=True)
class Found:
    """A room server on the local network, as it says of itself."""

    name: str
    urls: tuple[str, ...]
    """Where it may be reached, ws://."""
    tag: bytes
    pairing: bool
    """It waits for a newcomer now."""


class Lan:
    """The open door to the local network's service discovery."""

    def __init__(self, zeroconf: AsyncZeroconf, addresses: Sequence[str]) -> None:
        self._zeroconf = zeroconf
        self._addresses = list(addresses)
        self._found: dict[str, Found] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._announced: AsyncServiceInfo | None = None
        self.name = f"{secrets.token_hex(8)}.{SERVICE}"
        """This device's, until it is closed."""
        self.on_change: list[Callable[[], None]] = []

    @property
    def found(self) -> list[Found]:
        """Everybody else who is announced now."""
        return [each for each in self._found.values() if each.name != self.name]

    async def announce(self, port: int, tag: bytes, *, pairing: bool = False) -> None:
        """Be found from now on, or be found otherwise than before."""
        from zeroconf.asyncio import AsyncServiceInfo

        info = AsyncServiceInfo(
            SERVICE,
            self.name,
            port=port,
            properties={_TAG: tag.hex(), _PAIRING: "1" if pairing else "0"},
            server=f"{self.name.partition('.')[0]}.local.",
            parsed_addresses=self._addresses,
        )
        if self._announced is None:
            await (await self._zeroconf.async_register_service(info))
        else:
            await (await self._zeroconf.async_update_service(info))
        self._announced = info

    async def withdraw(self) -> None:
        """Be found no more."""
        if self._announced is not None:
            announced, self._announced = self._announced, None
            await (await self._zeroconf.async_unregister_service(announced))

    def _changed(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if state_change.name == "Removed":
            if self._found.pop(name, None) is not None:
                self._tell()
        elif name in self._found or len(self._found) < MAX_FOUND:
            task = asyncio.create_task(self._resolve(zeroconf, service_type, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _resolve(self, zeroconf: Zeroconf, service_type: str, name: str) -> None:
        from zeroconf import IPVersion
        from zeroconf.asyncio import AsyncServiceInfo

        info = AsyncServiceInfo(service_type, name)
        if not await info.async_request(zeroconf, RESOLVE_TIMEOUT_MS) or not info.port:
            return
        addresses = info.parsed_scoped_addresses(IPVersion.V4Only)[:MAX_ADDRESSES]
        try:
            tag = bytes.fromhex((info.properties.get(_TAG) or b"").decode("ascii"))
        except (ValueError, UnicodeDecodeError):
            return
        pairing = info.properties.get(_PAIRING) == b"1"
        urls = tuple(f"ws://{address}:{info.port}" for address in addresses)
        self._found[name] = Found(name, urls, tag[:32], pairing)
        self._tell()

    def _tell(self) -> None:
        for tell in self.on_change:
            tell()


@contextlib.asynccontextmanager
async def opened(interfaces: Sequence[str] | None = None) -> AsyncIterator[Lan]:
    """Service discovery for as long as the context lasts, on the given addresses or on all of this machine.

    Raises UnavailableError if there is no network that it could use.
    """
    from zeroconf import InterfaceChoice, IPVersion
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

    try:
        zeroconf = AsyncZeroconf(
            interfaces=InterfaceChoice.All if interfaces is None else list(interfaces), ip_version=IPVersion.V4Only
        )
    except OSError as error:
        raise UnavailableError("the local network can't be searched for other devices") from error
    lan = Lan(zeroconf, interfaces or own_addresses())
    browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[lan._changed])
    try:
        yield lan
    finally:
        await browser.async_cancel()
        for task in list(lan._tasks):
            task.cancel()
        await zeroconf.async_close()


def own_addresses() -> list[str]:
    """IPv4 addresses of this machine; loopback only if there is no other."""
    import ifaddr

    found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)]
    return [address for address in found if not address.startswith("127.")] or ["127.0.0.1"]


def all_addresses() -> list[str]:
    """IPv4 and IPv6 addresses at which others may reach this machine; without those of a single line or process."""
    import ifaddr

    found = own_addresses()
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            address = ipaddress.ip_address(text.partition("%")[0])
            if address.version == 6 and not (address.is_link_local or address.is_loopback):
                found.append(str(address))
    return found


def network_marks() -> list[str]:
    """What tells one network from another: this machine's addresses, and which of them lead out. Sends nothing."""
    found = all_addresses()
    for family, outside in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((outside, 9))  # UDP: the system looks for a route, and that is all
                found.append(f"out by {probe.getsockname()[0]}")
        except OSError:
            continue
    return found

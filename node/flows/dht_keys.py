"""What devices must know of each other before the DHT is needed, and what of it is remembered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from node.errors import PeerError
from node.flows.search import KeyBook
from node.ids import DeviceId, to_text
from node.peers.directory import Directory
from node.peers.membership import Membership
from node.wire.dhtrecord import read_dht_key, sign_dht_key

log = logging.getLogger(__name__)

SERIALS: Final = "dht_serials"
"""Setting of the index: {identifier: newest serial seen}, this device's own too."""


class TellingKeyBook(KeyBook, Protocol):
    """A key book that this device writes its own key into."""

    def tell(self, device: DeviceId, signed: list[bytes]) -> None: ...


class Kept(Protocol):
    """Small values that outlive a restart: node/doors/index/settings.py."""

    def get(self, key: str, default: Any) -> Any: ...

    def set(self, key: str, value: Any) -> None: ...


class KeptSerials:
    """The newest serial of each device, in the index."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._serials: dict[str, int] = {
            name: serial for name, serial in dict(kept.get(SERIALS, {})).items() if isinstance(serial, int)
        }

    def of(self, device: DeviceId) -> int:
        return self._serials.get(to_text(device), 0)

    def keep(self, device: DeviceId, serial: int) -> None:
        if serial > self.of(device):
            self._serials[to_text(device)] = serial
            self._kept.set(SERIALS, self._serials)


class KeyExchange:
    """Tells this device's key by the catalog and by presences, and keeps those that others tell.

    The catalog reaches devices that are never here together; presences those to which no channel can be had.
    """

    def __init__(
        self, membership: Membership, directory: Directory, book: TellingKeyBook, *, heard: Callable[[], None]
    ) -> None:
        """`heard` is called when somebody has told a key: `keep` should then be."""
        self._membership = membership
        self._directory = directory
        self._book = book
        self._heard = heard
        self._noted: set[DeviceId] = set()
        self._to_keep: dict[DeviceId, list[bytes]] = {}
        directory.on_change.append(self._note)

    @property
    def own(self) -> list[bytes]:
        """The key under which this device's records stand, signed, for its presence."""
        return sign_dht_key(self._membership.keys, self._membership.library)

    async def tell(self) -> None:
        """Let the catalog know this device's key."""
        await asyncio.to_thread(self._book.tell, self._membership.keys.id, self.own)

    def _note(self, member: DeviceId) -> None:
        presence = self._directory.get(member).presence
        if presence is not None and presence.dht and member not in self._noted:
            self._noted.add(member)
            self._to_keep[member] = list(presence.dht)
            self._heard()

    async def keep(self) -> None:
        """Let the catalog know what presences told, where it doesn't yet."""
        while self._to_keep:
            member, signed = self._to_keep.popitem()
            library = self._membership.library
            if await asyncio.to_thread(self._book.of, member, library) is not None:
                continue
            try:
                read_dht_key(signed, member, library)
            except PeerError as error:
                log.info("dht_key_refused member=%s reason=%s", to_text(member)[:8], error)
            else:
                await asyncio.to_thread(self._book.tell, member, signed)

"""What the library's devices are called, and where they are found: in the catalog, so that every device knows, and
trackers and seeds don't.
"""

from __future__ import annotations

from typing import Final

from node.catalog.vocabulary import (
    DEVICE,
    DEVICE_DHT_KEY,
    DEVICE_NAME,
    DEVICE_URL,
    call_device,
    move_seed,
    tell_dht_key,
)
from node.doors.index import Index
from node.errors import PeerError
from node.ids import DeviceId, LibraryId, to_text
from node.library.changes import Changes
from node.wire.dhtrecord import read_dht_key
from node.wire.names import device_name

MAX_DEVICES: Final = 1_000
MAX_URL_CHARS: Final = 300


class DeviceNames:
    """Part of the library; every change reaches every device."""

    def __init__(self, index: Index, changes: Changes) -> None:
        self._index = index
        self._changes = changes

    def all(self) -> dict[str, str]:
        """Names by identifier."""
        rows = self._index.log.rows(DEVICE, "", MAX_DEVICES)
        return {row: name for row in rows if (name := self._read(row))}

    def of(self, device: DeviceId) -> str:
        """Its name; "" for one without."""
        return self._read(to_text(device))

    def call(self, device: DeviceId, name: str) -> None:
        """From now on it is called that everywhere."""
        with self._index.transaction():
            if self.of(device) != name:
                self._changes.write([call_device(to_text(device), device_name(name))])

    def _read(self, row: str) -> str:
        name = self._index.log.fields(DEVICE, row).get(DEVICE_NAME)
        return device_name(name) if isinstance(name, str) else ""


class DhtKeys:
    """The keys under which devices write into the DHT, exchanged while they meet otherwise. Part of the library."""

    def __init__(self, index: Index, changes: Changes) -> None:
        self._index = index
        self._changes = changes

    def of(self, device: DeviceId, library: LibraryId) -> bytes | None:
        """The key that `device` itself signed; None if it told none. Another device can't tell a false one."""
        told = self._index.log.fields(DEVICE, to_text(device)).get(DEVICE_DHT_KEY)
        try:
            return None if told is None else read_dht_key(told, device, library)
        except PeerError:
            return None

    def tell(self, device: DeviceId, signed: list[bytes]) -> None:
        """From now on the other devices know this device's key (`sign_dht_key`)."""
        with self._index.transaction():
            if self._index.log.fields(DEVICE, to_text(device)).get(DEVICE_DHT_KEY) != signed:
                self._changes.write([tell_dht_key(to_text(device), signed)])


class SeedAddresses:
    """Where seeds that have moved are reached; of the others the roster knows. Part of the library."""

    def __init__(self, index: Index, changes: Changes) -> None:
        self._index = index
        self._changes = changes

    def of(self, seed: DeviceId) -> str:
        """Its new address, unchecked; "" for one that stayed where it was."""
        url = self._index.log.fields(DEVICE, to_text(seed)).get(DEVICE_URL)
        return url if isinstance(url, str) and len(url) <= MAX_URL_CHARS else ""

    def move(self, seed: DeviceId, url: str) -> None:
        """From now on every device looks for it there."""
        with self._index.transaction():
            if self.of(seed) != url:
                self._changes.write([move_seed(to_text(seed), url)])

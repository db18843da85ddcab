"""What the library's devices are called: in the catalog, so that every device knows, and trackers and seeds don't."""

from __future__ import annotations

from typing import Final

from node.catalog.vocabulary import DEVICE, DEVICE_NAME, call_device
from node.doors.index import Index
from node.ids import DeviceId, to_text
from node.library.changes import Changes

MAX_DEVICES: Final = 1_000
MAX_NAME_CHARS: Final = 80


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
                self._changes.write([call_device(to_text(device), name[:MAX_NAME_CHARS])])

    def _read(self, row: str) -> str:
        name = self._index.log.fields(DEVICE, row).get(DEVICE_NAME)
        return name[:MAX_NAME_CHARS] if isinstance(name, str) else ""

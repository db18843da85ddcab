"""Seeds as places of copies: what placement may count on them for."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from node.flows.seed_links import SeedLink
from node.ids import BlobRoot, DeviceId
from node.placement import Device


class SeedPlaces:
    """What seeds were seen to hold whole: all of a list when nothing of it was missing, until something is.

    Seeds at one host are one operator's, and together one copy.
    """

    def __init__(self, links: Mapping[DeviceId, SeedLink]) -> None:
        self._links = links
        self._whole: dict[DeviceId, tuple[object, frozenset[BlobRoot]]] = {}

    def devices(self) -> list[Device]:
        """As placement sees them: they are asked for nothing by way of it, so they count as if they were away."""
        return [
            Device(
                id=member,
                sealed=self._held(member, link),
                operator=(urlsplit(link.url).hostname or "seed").encode(),
                present=False,
            )
            for member, link in self._links.items()
        ]

    def _held(self, member: DeviceId, link: SeedLink) -> frozenset[BlobRoot]:
        """A round with a seed begins anew all the time: what was whole before it counts while it lasts."""
        basis, held = self._whole.get(member, (None, frozenset()))
        listed = tuple(volume.id for volume, _ in link.volumes)
        if link.state == "filled" and basis != listed:
            held = frozenset(blob.root for volume, _ in link.volumes for blob in volume.blobs)
            self._whole[member] = listed, held
        elif link.standing is not None and link.standing.missing_blobs and basis == listed:
            held = frozenset()
            self._whole.pop(member, None)
        return held

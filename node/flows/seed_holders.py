"""Seeds as holders of copies: what they count for, how a blob comes from them, and how they prove that they have one.

A seed signs no receipts. Its proof are random leaves of the blob, asked for now and opened with its key; and what a
list named it keeps for 30 days after an owner took it off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlsplit

from node.crypto.blob import BlobCipher
from node.errors import DamagedError, NotFoundError
from node.flows.seed_links import SeedLink
from node.ids import BlobRoot, DeviceId
from node.library import Library
from node.placement import Device, Proven
from node.placement.trash import TRASH_MS
from node.wire.receipt import LEAVES


class SeedHolders:
    """A seed counts for all of its list once nothing of it was missing, until something is.

    Seeds at one host are one operator's, and together one copy.
    """

    def __init__(
        self,
        links: Mapping[DeviceId, SeedLink],
        library: Library,
        fetch: Callable[[str, BlobRoot, int, int], Awaitable[bytes]],
        *,
        now_ms: Callable[[], int],
        random_below: Callable[[int], int],
    ) -> None:
        """`fetch` gets sealed chunks from the seed at an address; `now_ms` is the steady clock."""
        self._links = links
        self._library = library
        self._fetch = fetch
        self._now_ms = now_ms
        self._random_below = random_below
        self._whole: dict[DeviceId, tuple[object, frozenset[BlobRoot]]] = {}

    def devices(self) -> list[Device]:
        """As placement sees them."""
        return [
            Device(
                id=member,
                sealed=self._held(member, link),
                operator=(urlsplit(link.url).hostname or "seed").encode(),
                present=link.state != "away",
            )
            for member, link in list(self._links.items())
        ]

    def __contains__(self, member: object) -> bool:
        return member in self._links

    async def chunks(self, member: DeviceId, root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        """See node/flows/ways.py, `Take`. Raises as it does, NotFoundError if it is no seed any more."""
        yield await self._fetch(self._link(member).url, root, first, count)

    async def prove(self, member: DeviceId, roots: Sequence[BlobRoot]) -> tuple[list[Proven], bool]:
        """What the seed shows now to have of `roots`, and whether it gave other bytes. Raises UnavailableError."""
        link = self._link(member)
        held, proven = self._held(member, link), []
        for root in roots:
            ref = await asyncio.to_thread(self._library.blob_ref, root)
            if ref is None or root not in held:
                continue
            asked_ms = self._now_ms()
            cipher = BlobCipher(ref.key, ref.size_bytes, commitment=ref.commitment)
            try:
                for leaf in (self._random_below(cipher.shape.chunks) for _ in range(LEAVES)):
                    cipher.open_chunk(leaf, await self._fetch(link.url, root, leaf, 1))
            except DamagedError:
                return [], True
            except NotFoundError:
                continue
            proven.append(Proven(holder=member, root=root, asked_ms=asked_ms, lock_ms=TRASH_MS))
        return proven, False

    def _link(self, member: DeviceId) -> SeedLink:
        link = self._links.get(member)
        if link is None:
            raise NotFoundError("that seed is not one of the library's any more")
        return link

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

"""Music from the library's other devices: whoever is here and has it, several at once, each chunk checked."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final

from node.catalog.model import BlobRef
from node.crypto.blob import BlobCipher
from node.errors import DamagedError, NotHeldError, UnavailableError
from node.flows.absent import joined
from node.flows.gather import SILENT_S, Gather, SilentError, WrongBytesError
from node.flows.ways import Take, Way
from node.ids import BlobRoot, DeviceId, to_text
from node.peers.directory import Directory
from node.peers.membership import Membership
from node.wire.channel import MAX_CHUNKS
from node.wire.roster import Role

log = logging.getLogger(__name__)

SLOW_FOR_S: Final = 30.0
"""Who kept a song waiting is asked last for so long."""
LACKS_FOR_S: Final = 60.0
LIED_FOR_S: Final = 86_400.0
"""Who gave wrong bytes is not asked for a day."""
BROKEN_WITHIN_S: Final = 2.0
"""A way that broke so soon is no device that hangs: what is open to it then is tried at once."""
_REMEMBERED: Final = 4_096


class _BrokenError(UnavailableError):
    """No device gave it, though one that was asked has it."""


class DeviceFetch:
    """The `Fetch` of node/flows/reading.py from other devices."""

    name = "devices"

    def __init__(
        self,
        membership: Membership,
        directory: Directory,
        take: Take,
        *,
        open_to: Callable[[DeviceId], Way],
        absent: Callable[[BlobRoot], str] = lambda _root: "no other device of the library is here",
        name_of: Callable[[DeviceId], str] = lambda _member: "the other device",
        on_lie: Callable[[DeviceId], None] = lambda _member: None,
        silent_s: float = SILENT_S,
    ) -> None:
        """`open_to` tells which way to a device is open; `absent` says who might have had it, and where they are.

        `on_lie` hears of a device that gave wrong bytes.
        """
        self._membership = membership
        self._directory = directory
        self._take = take
        self._open_to = open_to
        self._absent = absent
        self._name_of = name_of
        self._on_lie = on_lie
        self._silent_s = silent_s
        self._slow: dict[DeviceId, float] = {}
        self._lied: dict[DeviceId, float] = {}
        self._lacks: OrderedDict[tuple[DeviceId, BlobRoot], float] = OrderedDict()

    async def chunks(self, blob: BlobRef, first: int, count: int) -> bytes:
        """Sealed chunks that open. Raises UnavailableError, which names who is away or hangs, or DamagedError."""
        cipher = BlobCipher(blob.key, blob.size_bytes, commitment=blob.commitment)
        count = min(count, cipher.shape.chunks - first)
        parts = []
        for at in range(first, first + count, MAX_CHUNKS):
            part = partial(self._gathered, blob, cipher, at, min(MAX_CHUNKS, first + count - at))
            try:
                parts.append(await part())
            except _BrokenError:
                parts.append(await part())  # the way to a device broke; there may be another to the same one
        return b"".join(parts)

    async def _gathered(self, blob: BlobRef, cipher: BlobCipher, first: int, count: int) -> bytes:
        holders = self._holders(blob.root)
        if not holders:
            raise UnavailableError(self._absent(blob.root))
        now_s = asyncio.get_running_loop().time()
        # Who was late gets no share of its own, or each part of the song would wait for it anew.
        quick = sum(self._open_to(each) == "lane" and self._slow.get(each, 0) <= now_s for each in holders)
        gather = Gather(self._take, blob.root, cipher, holders, at_once=max(1, quick), silent_s=self._silent_s)
        try:
            return await gather.run(first, count)
        except NotHeldError:
            raise UnavailableError(self._absent(blob.root)) from None
        except UnavailableError as error:
            said = self._who_failed(gather)
            if asyncio.get_running_loop().time() - now_s > BROKEN_WITHIN_S:
                raise UnavailableError(said) from error
            raise _BrokenError(said) from error
        finally:
            self._learn(blob.root, gather)

    def _who_failed(self, gather: Gather) -> str:
        """A sentence without its full stop about devices that are here; nobody else has the song."""
        silent = [member for member, error in gather.failed.items() if isinstance(error, SilentError)]
        others = [member for member, error in gather.failed.items() if not isinstance(error, NotHeldError)]
        names = joined([self._name_of(member) for member in silent or others])
        if not silent:
            return f"{names} can't be reached; it plays again when that works"
        return f"{names} {'does' if len(silent) == 1 else 'do'} not answer; it plays again when that changes"

    def _holders(self, root: BlobRoot) -> list[DeviceId]:
        """Devices that give chunks, the best first."""
        now_s = asyncio.get_running_loop().time()
        found: list[tuple[tuple[bool, int, bool], DeviceId]] = []
        for member, known in self._membership.roster.members.items():
            if not known.active or member == self._membership.keys.id or self._lied.get(member, 0) > now_s:
                continue
            seen, way = self._directory.get(member), self._open_to(member)
            is_node = seen.presence is not None and seen.presence.role == "node"
            is_here = seen.present or way == "lane"  # a lane outlives the room in which it was told
            if not is_here or not (is_node or known.role is Role.SEED):
                continue
            if self._lacks.get((member, root), 0) > now_s:
                continue
            order = ("lane", "channel", "none").index(way)
            found.append(((self._slow.get(member, 0) > now_s, order, known.role is Role.SEED), member))
        return [member for _, member in sorted(found, key=lambda each: each[0])]

    def _learn(self, root: BlobRoot, gather: Gather) -> None:
        """Who is asked first the next time, and who not at all."""
        now_s = asyncio.get_running_loop().time()
        for member in gather.late:
            self._slow[member] = now_s + SLOW_FOR_S
        for member, error in gather.failed.items():
            log.info("holder_left member=%s reason=%s", to_text(member)[:8], type(error).__name__)
            if isinstance(error, WrongBytesError):
                self._lied[member] = now_s + LIED_FOR_S
                self._on_lie(member)
            elif isinstance(error, NotHeldError | DamagedError):
                self._lacks[member, root] = now_s + LACKS_FOR_S
                while len(self._lacks) > _REMEMBERED:
                    self._lacks.popitem(last=False)
            else:
                self._slow[member] = now_s + SLOW_FOR_S

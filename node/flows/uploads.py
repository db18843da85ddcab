"""What goes out now: which sealed file goes to which device or seed, how fast, and how much of it has gone."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from node.doors.channel import Serve
from node.flows.pace import MEASURED_S, Meter
from node.ids import BlobRoot, DeviceId

SHOWN_S: Final = float(MEASURED_S)
"""After the last of it went: a song is asked for in parts, and between them it is still on its way."""
MAX_GOING: Final = 256
"""Remembered at once, whatever others ask for."""


@dataclass(slots=True)
class Upload:
    """One sealed file on its way to one taker, for showing. How much of it the taker will want isn't known here."""

    taker: DeviceId
    root: BlobRoot
    meter: Meter
    last_s: float


class Uploads:
    """Counts what is given, to each taker and of each file. It bounds nothing: that is for node/flows/pace.py."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._going: dict[tuple[DeviceId, BlobRoot], Upload] = {}
        """The one that was quiet for longest first."""
        self.meters: defaultdict[DeviceId, Meter] = defaultdict(lambda: Meter(now_s=now_s))
        """What has gone to each taker since the start."""

    def count(self, taker: DeviceId, size_bytes: int, *, of: BlobRoot | None = None) -> None:
        """So much more has gone, `of` one file if that is known."""
        self.meters[taker].count(size_bytes)
        if of is None:
            return
        now_s = self._now_s()
        going = self._going.pop((taker, of), None)
        if going is None or now_s - going.last_s > SHOWN_S:
            going = Upload(taker, of, Meter(now_s=self._now_s), now_s)
        going.meter.count(size_bytes)
        going.last_s = now_s
        self._going[taker, of] = going
        if len(self._going) > MAX_GOING:
            del self._going[next(iter(self._going))]

    def going(self) -> list[Upload]:
        """What is on its way, the fastest first."""
        now_s = self._now_s()
        self._going = {each: going for each, going in self._going.items() if now_s - going.last_s <= SHOWN_S}
        return sorted(self._going.values(), key=lambda going: -going.meter.rate_bytes_per_s)

    def noting(self, serve: Serve, taker: DeviceId) -> Serve:
        """`serve`, counted for `taker`."""

        async def noted(root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
            async for part in serve(root, first, count):
                yield part
                self.count(taker, len(part), of=root)  # it was taken: else nobody asks for the next

        return noted

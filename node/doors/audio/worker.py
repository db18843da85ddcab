"""What a worker process runs: renditions beside whatever else the person's computer is for."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from multiprocessing.synchronize import Event
from pathlib import Path

from node.catalog.model import Stream
from node.doors.audio.mobile import DEFAULT_BITRATE_BPS, encode_mobile

_NICENESS = 15
_stop: Event | None = None


def start_worker(stop: Event) -> None:
    """First thing in each process of the pool (its `initializer`): step behind the person's own programs.

    `stop` is a multiprocessing.Event of the pool's own context: once set, all jobs end within a frame.
    """
    global _stop
    _stop = stop
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)


def encode_mobile_job(source: str, out: str, bitrate_bps: int = DEFAULT_BITRATE_BPS) -> Stream:
    """`encode_mobile` in a process of a pool whose initializer was `start_worker`. Ends with its parent."""
    return encode_mobile(Path(source), Path(out), bitrate_bps=bitrate_bps, should_stop=_should_stop)


def _should_stop() -> bool:
    parent = multiprocessing.parent_process()
    return (_stop is not None and _stop.is_set()) or (parent is not None and not parent.is_alive())

"""The time, as the seed's parts are given it."""

from __future__ import annotations

import time
from collections.abc import Callable

Now = Callable[[], int]
"""Milliseconds since 1970 UTC."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000

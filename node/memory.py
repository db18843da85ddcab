"""How the C library keeps memory that was freed, where it can be told (glibc)."""

from __future__ import annotations

import ctypes
from typing import Final

_SETTINGS: Final = (
    (-3, 8 << 20),  # M_MMAP_THRESHOLD: a block of a song comes from what is kept, not from the system
    (-1, 8 << 20),  # M_TRIM_THRESHOLD: kept, of each arena, before any of it is given back
    (-8, 2),  # M_ARENA_MAX: all threads together keep 16 MiB
)


def keep_freed() -> bool:
    """Keep some 16 MiB of freed memory: else each megabyte that is sent is given back to the system and cleared anew.

    Whether this C library can be told; call it before there are other threads.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False  # another C library: it decides by itself
    return all(set_option(option, value) for option, value in _SETTINGS)


def give_back() -> bool:
    """Give back to the system what is free in between: after something large that won't come again soon.

    Whether this C library can be told. Takes some milliseconds.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return False
    trim(0)
    return True

"""Reads and writes at a place in a file, also where the system has no call for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

_seek_lock = threading.Lock()
_pread: Callable[[int, int, int], bytes]
_pread_into: Callable[[int, memoryview, int], int]
write_at: Callable[[int, memoryview, int], int]
"""Descriptor, bytes, offset: how many bytes were written."""

if hasattr(os, "pread"):
    _pread, write_at = os.pread, os.pwrite
else:  # Windows: one at a time

    def _seek_and_read(fd: int, length: int, offset: int) -> bytes:
        with _seek_lock:
            os.lseek(fd, offset, os.SEEK_SET)
            return os.read(fd, length)

    def _seek_and_write(fd: int, data: memoryview, offset: int) -> int:
        with _seek_lock:
            os.lseek(fd, offset, os.SEEK_SET)
            return os.write(fd, data)

    _pread, write_at = _seek_and_read, _seek_and_write


if hasattr(os, "preadv"):

    def _read_vector(fd: int, place: memoryview, offset: int) -> int:
        return os.preadv(fd, [place], offset)

    _pread_into = _read_vector
else:

    def _read_and_copy(fd: int, place: memoryview, offset: int) -> int:
        part = _pread(fd, len(place), offset)
        place[: len(part)] = part
        return len(part)

    _pread_into = _read_and_copy


def read_at(fd: int, length: int, offset: int) -> bytes:
    """Up to `length` bytes from `offset`, fewer only at the end of the file."""
    parts = []
    while length > 0:
        part = _pread(fd, length, offset)
        if not part:
            break
        parts.append(part)
        length -= len(part)
        offset += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_into(fd: int, place: bytearray, offset: int) -> int:
    """Fill `place` from `offset` on; how many bytes there were, fewer only at the end of the file."""
    view, done = memoryview(place), 0
    while done < len(view):
        count = _pread_into(fd, view[done:], offset + done)
        if not count:
            break
        done += count
    return done

"""Which user of this machine has the other end of a loopback connection."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Final

_TABLES: Final = {4: Path("/proc/net/tcp"), 6: Path("/proc/net/tcp6")}
_MAX_TABLE_BYTES: Final = 16 * 1024 * 1024
_LOCAL_COLUMN, _REMOTE_COLUMN, _USER_COLUMN = 1, 2, 7


def own_user() -> int | None:
    """This process's user, where `user_of_connection` can know others'; else None."""
    return os.getuid() if sys.platform == "linux" else None


def user_of_connection(transport: asyncio.BaseTransport | None) -> int | None:
    """The user whose program connected, or None where it can't be known: not on this machine, or not Linux."""
    if sys.platform != "linux" or transport is None:
        return None
    ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    if not ours or not theirs or len(ours) < 2:
        return None
    version = 6 if ":" in theirs[0] else 4
    # In the table the other end's socket has its own address first and ours second.
    wanted = _written(theirs[0], theirs[1], version), _written(ours[0], ours[1], version)
    try:
        with open(_TABLES[version], "rb") as file:
            lines = file.read(_MAX_TABLE_BYTES).decode("ascii", "replace").splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        columns = line.split()
        if len(columns) > _USER_COLUMN and (columns[_LOCAL_COLUMN], columns[_REMOTE_COLUMN]) == wanted:
            return int(columns[_USER_COLUMN]) if columns[_USER_COLUMN].isdigit() else None
    return None


def _written(address: str, port: int, version: int) -> str:
    """An address as /proc/net/tcp writes it: 32-bit words in the machine's own byte order, hexadecimal."""
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    raw = socket.inet_pton(family, address)
    words = (int.from_bytes(raw[at : at + 4], sys.byteorder) for at in range(0, len(raw), 4))
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"

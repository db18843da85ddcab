"""Ports for programs that must be told theirs."""

from __future__ import annotations

import contextlib
import random
import socket


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port where nothing listens; not one that the system gives to connections meanwhile."""
    while True:
        number = random.randrange(12_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server((address, number)):
            return number

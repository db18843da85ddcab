"""Has the demo's tunes made while the player runs: each is heard as soon as it is there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from node.cli.client import Client
from node.cli.terminal import Terminal
from node.doors.home import Home
from node.errors import StorageError
from node.flows.workers import Workers


def add_demo(client: Client, home: Home, terminal: Terminal) -> str:
    """Watch the demo's folder and fill it with what it lacks; returns its path. Raises StorageError."""
    try:
        home.demo.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the demo can't be written ({error.strerror or 'I/O error'})") from error
    terminal.note("Synthesizing a few tunes.")
    client.post("folders", path=str(home.demo))
    asyncio.run(_made(home.demo))
    return str(home.demo)


async def _made(folder: Path) -> None:
    # In a process of its own: making music takes half a gigabyte, which would stay with the player.
    async with Workers(processes=1) as worker:
        await worker.run(make, folder)


def make(folder: Path) -> None:
    """In a worker."""
    from node.demo import make_demo

    make_demo(folder)

"""A node that runs in a thread of this process for as long as a command needs it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Final, Literal

from node.app import Ready, RunOptions, run_node
from node.cli.client import Client
from node.cli.terminal import Terminal
from node.config import load_settings
from node.doors.home import Home
from node.doors.vault import Vault
from node.log import configure_log
from node.memory import keep_freed

WAIT_AGAIN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Hosted:
    """The node, and how to ask it."""

    client: Client
    ended: Future[None]

    def wait(self) -> None:
        """Until it ends by itself, or this thread is interrupted."""
        _wait_for(self.ended)


@contextlib.contextmanager
def hosted(
    home: Home,
    vault: Vault,
    *,
    kind: Literal["up", "command"],
    terminal: Terminal,
    wanted_port: int | None = None,
) -> Iterator[Hosted]:
    """Start a node in `home`, whose lock the caller holds, and stop it on leaving. Raises what its start raises."""
    configure_log(level=load_settings(home.settings).log_level, file=home.log, to_stderr=terminal.verbose)
    if kind == "up":
        keep_freed()
    options = RunOptions(kind=kind, wanted_port=wanted_port)
    started: Future[tuple[Ready, Callable[[], object]]] = Future()
    ended: Future[None] = Future()

    async def life() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        await run_node(
            home,
            vault,
            options,
            ready=lambda ready: started.set_result((ready, lambda: loop.call_soon_threadsafe(stop.set))),
            stop=stop,
        )

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory(kind)) as runner:
                runner.run(life())
            ended.set_result(None)
        except BaseException as error:  # carried over to the thread that waits
            (ended if started.done() else started).set_exception(error)

    thread = threading.Thread(target=run, name="node")
    thread.start()
    try:
        ready, _ = started.result()
        yield Hosted(Client(ready.port, ready.token), ended)
    finally:
        if started.exception() is None:  # waits, if a signal came while it was starting
            with contextlib.suppress(RuntimeError):  # its loop is closed: it has ended by itself
                started.result()[1]()
            _wait_for(ended)
    ended.result()


def _wait_for(ended: Future[None]) -> None:
    # Not by joining the thread: before Python 3.13 a join that a signal interrupts takes the thread for ended.
    while not ended.done():
        # In steps, since a wait without end can't be interrupted on every system.
        wait([ended], WAIT_AGAIN_S)


def _loop_factory(kind: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if kind != "up":
        return None  # a short life does not repay the import
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

"""Changes in the music folders, as the system tells of them. The only user of watchfiles, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from importlib.machinery import PathFinder
from typing import Final

from node.doors import watcher
from node.errors import UnavailableError

log = logging.getLogger(__name__)

RESTARTS_AFTER_S: Final = (0.0, 1.0, 10.0)
"""How long to wait before the process is started anew, each time that it died; then no more."""
STEADY_S: Final = 600.0
"""A process that lived for so long has died for the first time."""
END_TIMEOUT_S: Final = 2.0
# Ctrl-C in the terminal is the node's, which then ends the process itself.
_APART: Final = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
_EXTENSION: Final = "watchfiles._rust_notify"


class WatchUnavailableError(UnavailableError):
    """The system tells of no changes here (a limit was reached, or the file system can't)."""


class _DiedError(Exception):
    """The process has ended, or tells what nobody understands."""


async def changes(
    paths: Sequence[str], stop: asyncio.Event, *, restarts_after_s: Sequence[float] = RESTARTS_AFTER_S
) -> AsyncGenerator[set[str], None]:
    """Paths that were made, changed or removed below `paths`, many at a time, until `stop` is set.

    An empty set, which is the first: from now on nothing is missed, and what was before must be looked for. That is so
    too after more changes than can be told, and when the process that is told had died. Raises WatchUnavailableError.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.create_task(stop.wait())
    deaths = 0
    try:
        while True:
            began_s = loop.time()
            try:
                async with contextlib.aclosing(_listen(paths, stopped)) as told:
                    async for kind, found in told:
                        if kind in (watcher.LISTENING, watcher.MANY):
                            yield set()
                        elif kind == watcher.CHANGED:
                            yield set(found)
                        else:
                            raise WatchUnavailableError("the system can't watch these folders")
                return
            except _DiedError as error:
                deaths = 0 if loop.time() - began_s > STEADY_S else deaths
                log.warning("watcher_died deaths=%d", deaths + 1)
                if deaths == len(restarts_after_s):
                    raise WatchUnavailableError("what watches these folders keeps ending") from error
            await asyncio.wait([stopped], timeout=restarts_after_s[deaths])
            deaths += 1
    finally:
        stopped.cancel()


async def _listen(paths: Sequence[str], stopped: asyncio.Task[bool]) -> AsyncGenerator[tuple[int, list[str]], None]:
    """What one process tells, until `stopped`. Raises _DiedError, WatchUnavailableError."""
    process = await _start()
    log.info("watcher_started pid=%d folders=%d", process.pid, len(paths))
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(watcher.framed(watcher.pack(list(paths))))
        while True:
            reading = asyncio.create_task(_message(process.stdout))
            try:
                await asyncio.wait([reading, stopped], return_when=asyncio.FIRST_COMPLETED)
                if stopped.done():
                    return
                message = reading.result()
            finally:
                reading.cancel()
            try:
                yield message[0], watcher.unpack(message[1:])
            except UnicodeDecodeError as error:
                raise _DiedError from error
    finally:
        process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with contextlib.suppress(TimeoutError):  # one that waits for a network disk ends when the disk answers
            async with asyncio.timeout(END_TIMEOUT_S):
                await process.wait()


async def _start() -> asyncio.subprocess.Process:
    found = PathFinder.find_spec("watchfiles")  # without importing it, which costs this process more than that one
    extension = found and PathFinder.find_spec(_EXTENSION, found.submodule_search_locations)
    if not extension or not extension.origin:
        raise WatchUnavailableError("what watches folders is not installed")
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", watcher.__file__, extension.origin,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # paths don't go to any log
            start_new_session=os.name != "nt",
            creationflags=_APART,
        )  # fmt: skip
    except OSError as error:
        raise WatchUnavailableError("the process that watches folders can't be started") from error


async def _message(stream: asyncio.StreamReader) -> bytes:
    """Raises _DiedError."""
    try:
        length = int.from_bytes(await stream.readexactly(watcher.LENGTH_BYTES), "big")
        if not 0 < length <= watcher.MOST_BYTES:
            raise _DiedError
        return await stream.readexactly(length)
    except (asyncio.IncompleteReadError, OSError) as error:
        raise _DiedError from error

"""Processes beside the main one for what keeps a core busy: reading tags, sealing, encoding."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Final, ParamSpec, Self, TypeVar

from node.errors import DamagedError

log = logging.getLogger(__name__)

_SPAWN: Final = multiprocessing.get_context("spawn")
_own: Final = threading.local()
"""In a worker, `halted`: what its pool says of that."""

P = ParamSpec("P")
R = TypeVar("R")


class WorkerDiedError(DamagedError):
    """The process that read a file died of it."""


class Workers:
    """A pool of processes, started when first needed, that end with this one whatever becomes of it.

    A file that makes a decoder crash takes a worker with it: everything under way is tried once more, one task
    at a time, so that only the guilty task fails.
    """

    def __init__(self, *, processes: int | None = None) -> None:
        """`processes`: as many as there are cores by default; 0 runs the work in threads of this process."""
        self.count = (os.cpu_count() or 1) if processes is None else processes
        self._pool: Executor | None = None
        self._halted = False
        self._told: Any = None
        """The same for the workers: one byte that all processes see."""
        self._alone = asyncio.Lock()

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `work` returns, which must be a function of a module and take and give plain values.

        Raises what it raises, or WorkerDiedError.
        """
        pool = self._pool
        if pool is None:
            pool = self._pool = self._start(self.count)
        try:
            return await asyncio.wrap_future(pool.submit(work, *args, **kwargs))
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = None
        log.warning("worker_died work=%s", work.__name__)
        async with self._alone:
            lonely = self._start(1)
            try:
                return await asyncio.wrap_future(lonely.submit(work, *args, **kwargs))
            except BrokenProcessPool as error:
                raise WorkerDiedError("reading it crashed the program that decodes it") from error
            finally:
                _end(lonely)

    @property
    def halted(self) -> bool:
        """Whether work that asks `is_halted` should stop where it is."""
        return self._halted

    @halted.setter
    def halted(self, halted: bool) -> None:
        self._halted = halted
        if self._told is not None:
            self._told.value = halted

    def _start(self, processes: int) -> Executor:
        if self._told is None:
            self._told = _SPAWN.RawValue(ctypes.c_bool) if self.count else ctypes.c_bool()
            self._told.value = self._halted
        if self.count == 0:
            return ThreadPoolExecutor(2, thread_name_prefix="work", initializer=_listen, initargs=(self._told,))
        return ProcessPoolExecutor(processes, mp_context=_SPAWN, initializer=_begin_worker, initargs=(self._told,))

    def close(self) -> None:
        """Ends the workers; what they were at is not waited for."""
        pool, self._pool = self._pool, None
        if pool is not None:
            _end(pool)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


def _end(pool: Executor) -> None:
    pids = list(getattr(pool, "_processes", None) or {})
    pool.shutdown(wait=False, cancel_futures=True)
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)


def is_halted() -> bool:
    """In a worker: whether work that can be done later should stop."""
    told = getattr(_own, "halted", None)
    return told is not None and bool(told.value)


def _listen(halted: Any) -> None:
    _own.halted = halted


def _begin_worker(halted: Any) -> None:
    """In a worker: be polite, leave Ctrl-C to the parent, and end when it does, even if it was killed."""
    _listen(halted)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)

"""Brings libtorrent's alerts into the event loop, by a file descriptor where the loop can watch one."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

log = logging.getLogger(__name__)

_THREAD_WAIT_MS: Final = 500


class AlertPump:
    """Calls `take` with each alert, in the event loop. An alert is valid only during that call.

    (`session.set_alert_notify` is left alone: it calls Python from libtorrent's thread and can deadlock on the GIL.)
    """

    def __init__(self, session: Any, take: Callable[[Any], None]) -> None:
        self._session = session
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._read_end, self._write_end = socket.socketpair()
        for end in (self._read_end, self._write_end):
            end.setblocking(False)
        try:
            self._loop.add_reader(self._read_end.fileno(), self._readable)
        except NotImplementedError:  # Windows' loop watches no descriptors
            self._thread = threading.Thread(target=self._wait, name="swarm-alerts", daemon=True)
            self._thread.start()
        else:
            session.set_alert_fd(self._write_end.fileno())

    def _readable(self) -> None:
        try:
            while len(self._read_end.recv(4_096)) == 4_096:
                pass
        except BlockingIOError:
            pass
        self._drain()

    def _drain(self) -> None:
        if self._closed.is_set():
            return
        for alert in self._session.pop_alerts():
            try:
                self._take(alert)
            except Exception:  # one alert that we misread must not silence all that follow
                log.exception("alert_failed kind=%s", type(alert).__name__)

    def _wait(self) -> None:
        while not self._closed.is_set():
            if self._session.wait_for_alert(_THREAD_WAIT_MS) is None:
                continue
            drained = threading.Event()

            def drain(drained: threading.Event = drained) -> None:
                self._drain()
                drained.set()

            try:
                self._loop.call_soon_threadsafe(drain)
            except RuntimeError:  # the loop has ended
                return
            drained.wait(_THREAD_WAIT_MS / 1000)

    def stop(self) -> None:
        """No more calls of `take`. In the loop, before the session is closed."""
        self._closed.set()
        if self._thread is None:
            self._loop.remove_reader(self._read_end.fileno())

    def close(self) -> None:
        """After the session is closed, which writes to the descriptor until then. Blocks briefly: not in the loop."""
        if self._thread is not None:
            self._thread.join()
        self._read_end.close()
        self._write_end.close()

"""Shows how a job goes: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any, Final, Protocol

from node.cli.client import Client, error_with_exit_code, segment
from node.cli.terminal import Terminal, counted
from node.errors import SongkeepError
from node.sizes import spoken_bytes

LOOK_EVERY_S: Final = 0.2
LINE_EVERY_S: Final = 5.0


class _Display(Protocol):
    def show(self, job: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


def follow(client: Client, job: dict[str, Any], terminal: Terminal) -> dict[str, Any]:
    """Show the job until it ends; returns it as it ended. Raises the error that it failed with."""
    display: _Display = _Bar() if sys.stderr.isatty() and not terminal.verbose else _Lines(terminal)
    try:
        while True:
            display.show(job)
            if job["state"] != "running":
                break
            time.sleep(LOOK_EVERY_S)
            job = client.get(f"jobs/{segment(job['id'])}")
    finally:
        display.close()
    if job["state"] == "failed":
        raise error_with_exit_code(job["exit_code"], job["error"])
    return job


def follow_or_stop(client: Client, job: dict[str, Any], terminal: Terminal, *, stays: str) -> dict[str, Any]:
    """`follow`; Ctrl-C has the node stop the job too, and says what `stays` and how to stop a node that goes on.

    Raises KeyboardInterrupt when that is done.
    """
    try:
        return follow(client, job, terminal)
    except KeyboardInterrupt:
        try:
            if client.delete(f"jobs/{segment(job['id'])}")["state"] == "running":
                terminal.note("Stopping; Ctrl-C again doesn't wait for it.")
            with contextlib.suppress(SongkeepError):  # that it was stopped
                follow(client, job, terminal)
            terminal.note(stays)
        except SongkeepError as error:
            terminal.note(f"It could not be stopped: {error}.")
        if client.outlives:
            terminal.note("The player goes on; Ctrl-C where 'songkeep up' runs ends it.")
        raise


def tell_failures(failed: list[dict[str, Any]], terminal: Terminal, *, what: str = "did not go in") -> None:
    """Each item that failed, once, with its path and why; then how many."""
    for failure in failed:
        terminal.note(f"  {failure['path']}: {failure['reason']}")
    if failed:
        terminal.note(f"{counted(len(failed), 'file')} {what}.")


def spoken_time(left_s: float) -> str:
    """A rough duration: 40 s, 12 min, 3 h 05 min."""
    if left_s < 90:
        return f"{max(1, round(left_s))} s"
    minutes = round(left_s / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def spoken_progress(job: dict[str, Any]) -> str:
    """One line: phase, files, speed, time left, skipped."""
    parts = [job["phase"] or job["kind"]]
    if job["files_total"]:
        parts.append(f"{job['files_done']:,} of {counted(job['files_total'], 'file')}")
    if job["bytes_total"]:
        parts.append(f"{spoken_bytes(job['bytes_done'])} of {spoken_bytes(job['bytes_total'])}")
    if job["rate_bytes_per_s"]:
        parts.append(f"{job['rate_bytes_per_s'] / 1e6:.1f} MB/s")
    if job["left_s"]:
        parts.append(f"{spoken_time(job['left_s'])} left")
    if job["failed"]:
        parts.append(f"{len(job['failed']):,} skipped")
    return ", ".join(parts)


class _Lines:
    """A line every few seconds."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._said_s = time.monotonic()
        self._phase = ""

    def show(self, job: dict[str, Any]) -> None:
        now_s = time.monotonic()
        if job["state"] == "running" and (now_s - self._said_s > LINE_EVERY_S):
            self._said_s = now_s
            self._terminal.note(spoken_progress(job))

    def close(self) -> None:
        pass


class _Bar:
    """One live line with a bar."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)
        self._progress.start()

    def show(self, job: dict[str, Any]) -> None:
        done, total = job["bytes_done"], job["bytes_total"]
        if not total:
            done, total = job["files_done"], job["files_total"]
        self._progress.update(
            self._task, completed=done, total=total or None, description=spoken_progress(job), refresh=True
        )

    def close(self) -> None:
        self._progress.stop()

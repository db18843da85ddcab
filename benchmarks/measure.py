"""Times whole processes by the operating system's own accounting, and prints tables."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """What one finished process, with all its children, took."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    """Of the largest single process."""


def timed(
    command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, output: Path | None = None
) -> Run:
    """Run `command` to its end. Raises RuntimeError with the end of what it said if it fails."""
    with tempfile.TemporaryFile() as complaint, open(output or os.devnull, "wb") as sink:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=sink,
            stderr=complaint,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
        _, status, used = os.wait4(process.pid, 0)  # the process and all its children that it waited for
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            complaint.seek(0)
            said = complaint.read()[-800:].decode(errors="replace")
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {said}")
    return Run(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def cpu_s(pids: Sequence[int]) -> float:
    """Processor seconds that these running processes and all of their children have used so far (Linux)."""
    ticks, waiting = 0, list(pids)
    while waiting:
        pid = waiting.pop()
        for task in Path(f"/proc/{pid}/task").iterdir():
            waiting += [int(child) for child in (task / "children").read_text().split()]
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))  # own and those of children that have ended
    return ticks / os.sysconf("SC_CLK_TCK")


def alternate(rounds: int, sides: Mapping[str, Callable[[], Run]]) -> dict[str, list[Run]]:
    """Run the sides in turn, A B A B ..., so that a drifting machine is the same for all."""
    results: dict[str, list[Run]] = {name: [] for name in sides}
    for turn in range(rounds):
        for name, side in sides.items():
            note(f"  round {turn + 1} of {rounds}: {name} ...")
            results[name].append(side())
    return results


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two middle ones."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def note(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a benchmark's table."""

    what: str
    measured: str
    aim: str = ""
    met: bool | None = None


def print_table(title: str, rows: Sequence[Row]) -> None:
    """The rows as a Markdown table; a missed aim says so."""
    print(f"\n### {title}\n\n| what | measured | aim | |\n|---|---|---|---|")
    for row in rows:
        verdict = "" if row.met is None else ("met" if row.met else "**missed**")
        print(f"| {row.what} | {row.measured} | {row.aim} | {verdict} |")
    sys.stdout.flush()

"""Processes beside the main one: a file that kills its reader takes nothing else along."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from node.errors import DamagedError
from node.flows.workers import WorkerDiedError, Workers
from tests.flows.home import until


def double(number: int) -> int:
    return number * 2


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return number


def refuse(words: str) -> None:
    raise DamagedError(words)


def own_pid(_: int) -> int:
    return os.getpid()


def note_and_sleep(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    signal.pause()


async def test_only_the_guilty_task_fails_when_a_worker_dies() -> None:
    async with Workers(processes=2) as workers:
        results = await asyncio.gather(
            *(workers.run(die if number == 7 else double, number) for number in range(20)), return_exceptions=True
        )
        for number, result in enumerate(results):
            if number == 7:
                assert isinstance(result, WorkerDiedError)
            else:
                assert result == number * 2
        assert await workers.run(double, 21) == 42


@pytest.mark.parametrize("processes", [0, 1])
async def test_an_error_comes_back_as_it_was_raised(processes: int) -> None:
    async with Workers(processes=processes) as workers:
        with pytest.raises(DamagedError, match="these words"):
            await workers.run(refuse, "these words")


async def test_work_is_done_in_other_processes_unless_there_are_to_be_none() -> None:
    async with Workers(processes=1) as workers:
        assert await workers.run(own_pid, 0) != os.getpid()
    async with Workers(processes=0) as workers:
        assert await workers.run(own_pid, 0) == os.getpid()


async def test_closing_ends_workers_in_the_middle_of_their_work(tmp_path: Path) -> None:
    workers = Workers(processes=1)
    task = asyncio.create_task(workers.run(note_and_sleep, str(tmp_path / "pid")))
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    pid = int((tmp_path / "pid").read_text())
    workers.close()
    await until(lambda: not runs(pid))
    with contextlib.suppress(asyncio.CancelledError, Exception):
        task.cancel()
        await task


PARENT = """
import asyncio, sys
from node.flows.workers import Workers
from tests.flows.test_workers import note_and_sleep

async def main():
    async with Workers(processes=1) as workers:
        await workers.run(note_and_sleep, sys.argv[1])

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    note = tmp_path / "pid"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(note), env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    await until(lambda: note.exists() and note.read_text() != "")
    process.kill()
    await process.wait()
    await until(lambda: not runs(int(note.read_text())))


def runs(pid: int) -> bool:
    """Whether a process is there and is more than a name to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

"""The system's word of changes, by way of a small process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from node.doors import watcher
from node.doors.watch import WatchUnavailableError, changes

LONG_S = 60.0


@contextlib.asynccontextmanager
async def told_of(folder: Path, *restarts_after_s: float) -> AsyncIterator[AsyncGenerator[set[str], None]]:
    async with asyncio.timeout(LONG_S):
        told = changes([str(folder)], asyncio.Event(), restarts_after_s=restarts_after_s)
        async with contextlib.aclosing(told):
            yield told


def pids(caplog: pytest.LogCaptureFixture) -> list[int]:
    return [int(pid) for pid in re.findall(r"watcher_started pid=(\d+)", caplog.text)]


async def test_the_first_word_is_that_nothing_is_missed_from_now_on_and_the_next_what_changed(tmp_path: Path) -> None:
    async with told_of(tmp_path) as told:
        assert await anext(told) == set()
        (tmp_path / "ä song").write_bytes(b"")
        assert await anext(told) == {str(tmp_path / "ä song")}


async def test_it_listens_no_longer_than_it_is_asked_to(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    stop = asyncio.Event()
    async with asyncio.timeout(LONG_S):
        async for paths in changes([str(tmp_path)], stop):
            assert paths == set()
            stop.set()
    [pid] = pids(caplog)
    assert not runs(pid)


async def test_a_process_that_died_is_replaced_and_what_nobody_saw_is_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with told_of(tmp_path, 0.0) as told:
        assert await anext(told) == set()
        os.kill(pids(caplog)[0], signal.SIGTERM)
        assert await anext(told) == set()
        (tmp_path / "later").write_bytes(b"")
        assert await anext(told) == {str(tmp_path / "later")}
        os.kill(pids(caplog)[1], signal.SIGTERM)
        with pytest.raises(WatchUnavailableError):
            await anext(told)
    assert str(tmp_path) not in caplog.text


async def test_a_folder_that_is_not_there_cannot_be_watched(tmp_path: Path) -> None:
    async with told_of(tmp_path / "nowhere", 0.0) as told:
        with pytest.raises(WatchUnavailableError):
            await anext(told)


def test_more_changes_than_can_be_told_are_told_as_many() -> None:
    few, many = ({f"/music/{number}" for number in range(watcher.MOST_PATHS + more)} for more in (0, 1))
    kind, packed = watcher.of_changes(few)
    assert (kind, set(watcher.unpack(packed))) == (watcher.CHANGED, few)
    assert watcher.of_changes(many) == (watcher.MANY, b"")


@pytest.mark.parametrize("name", ["plain", "Schöne Töne", "名", "line\nbreak", "no UTF-8: \udcff"])
def test_every_name_arrives_as_it_was_sent(name: str) -> None:
    assert watcher.unpack(watcher.pack([name, "/"])) == [name, "/"]
    assert watcher.unpack(watcher.pack([])) == []


NODE = """
import asyncio, logging, sys
from node.doors.watch import changes

async def listen():
    logging.basicConfig(level="INFO", stream=sys.stdout)
    async for _ in changes([sys.argv[1]], asyncio.Event()):
        print("holds up the node:", [name for name in sys.modules if name.startswith("watchfiles")], flush=True)

asyncio.run(listen())
"""


def test_what_holds_up_its_process_is_not_in_the_nodes_and_ends_with_it_even_if_it_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", NODE, str(tmp_path)], stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        pid = int(node.stdout.readline().split("pid=")[1].split()[0])
        assert node.stdout.readline() == "holds up the node: []\n"
        assert runs(pid)
        node.kill()
    until_s = time.monotonic() + LONG_S
    while runs(pid):
        assert time.monotonic() < until_s
        time.sleep(0.02)


LIMITED = """
echo 10 > /proc/sys/user/max_inotify_watches || exit 77
exec "$0" -c 'import asyncio, sys
from node.doors.watch import WatchUnavailableError, changes
async def listen():
    try:
        await anext(changes([sys.argv[1]], asyncio.Event()))
    except WatchUnavailableError:
        print("unavailable")
asyncio.run(listen())' "$1"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is of Linux")
def test_a_library_larger_than_the_systems_limit_is_not_watched_in_parts_without_a_word(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).mkdir()
    # with a limit of its own
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", LIMITED, sys.executable, str(tmp_path)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=LONG_S, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if ran.returncode in (1, 77) and not ran.stdout and "Traceback" not in ran.stderr:
        pytest.skip("no user namespaces here")
    assert ran.stdout == "unavailable\n", ran.stderr


def runs(pid: int) -> bool:
    """Whether a process is there and no mere entry that nobody has asked about."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

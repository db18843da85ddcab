"""The machine's sleep, with programs in place of the system's: what is asked of them, and that nothing is left."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from node.doors.power import Nap, Power

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts")

INHIBIT = """#!/bin/sh
for word in "$@"; do case "$word" in --*) echo "$word" >> {told} ;; *) break ;; esac; done
while [ "${{1#--}}" != "$1" ]; do shift; done
echo held >> {told}
"$@"
echo released >> {told}
"""
MONITOR = """#!/bin/sh
echo "signal time=1 sender=:1.2 member=PrepareForSleep"
echo "   boolean true"
exec cat
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A file in which the system's programs write what they were asked for."""
    path = tmp_path / "told"
    path.touch()
    for name, text in (("systemd-inhibit", INHIBIT.format(told=path)), ("dbus-monitor", MONITOR)):
        script = tmp_path / name
        script.write_text(text)
        script.chmod(0o755)
    return path


def power(told: Path, **options: float) -> Power:
    return Power(platform="linux", search_path=f"{told.parent}{os.pathsep}/usr/bin{os.pathsep}/bin", **options)


def words(told: Path) -> list[str]:
    return told.read_text().split()


async def until_told(told: Path, word: str) -> list[str]:
    async with asyncio.timeout(60):
        while word not in words(told):  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(0.01)
    return words(told)


async def test_the_machine_is_kept_awake_for_as_long_as_is_wanted(told: Path) -> None:
    async with power(told).awake() as was_told:
        assert was_told
        said = await until_told(told, "held")
        assert "--mode=block" in said
        assert "--what=idle:sleep" in said
        assert "released" not in said


def test_a_node_that_is_killed_leaves_nothing_that_keeps_the_machine_awake(told: Path) -> None:
    script = (
        "import asyncio\n"
        "from node.doors.power import Power\n"
        "async def main():\n"
        f"    async with Power(platform='linux', search_path={str(told.parent)!r} + ':/usr/bin:/bin').awake():\n"
        "        print('awake', flush=True)\n"
        "        await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "awake\n"
    deadline = time.monotonic() + 20
    while "held" not in told.read_text():
        assert time.monotonic() < deadline
    process.kill()
    process.wait(60)
    while "released" not in told.read_text():
        assert time.monotonic() < deadline


async def test_sleep_is_told_before_it_comes_and_waits_until_the_others_know(told: Path) -> None:
    naps = power(told, woke_after_s=0.01).naps()
    assert await anext(naps) is Nap.SLEEPS
    assert "--mode=delay" in words(told)
    assert await anext(naps) is Nap.WOKE
    assert await anext(naps) is Nap.SLEEPS
    await naps.aclose()


async def test_where_the_system_has_no_such_program_nothing_happens(tmp_path: Path) -> None:
    for platform in ("linux", "darwin", "plan9"):
        without = Power(platform=platform, search_path=str(tmp_path))
        async with without.awake() as was_told:
            assert not was_told
        assert [nap async for nap in without.naps()] == []

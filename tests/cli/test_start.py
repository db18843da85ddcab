"""What a command and the player cost before they are asked for anything."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.living import environment, living, songkeep

HEAVY = ("aiortc", "aioice", "libtorrent", "zeroconf", "numpy", "rich", "argon2", "segno", "av", "mutagen")
"""Packages that take long to load, or much memory, and that listing tracks has no use for."""
MOST_KB = 150_000
"""Of memory, at any time, in the player's process."""
DEMO_TRACKS = 12
DEMO_TIMEOUT_S = 500
_LIST_THEN_TELL = """
import json, sys
from node.cli.main import main
code = main(["--home", sys.argv[1], "ls"])
json.dump([code, sorted(sys.modules)], sys.stdout)
"""


def test_a_command_loads_nothing_heavy_that_it_does_not_use(tmp_path: Path) -> None:
    home = tmp_path / "home"
    songkeep(home, "init")
    command = [sys.executable, "-c", _LIST_THEN_TELL, str(home)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(), timeout=300)
    code, loaded = json.loads(told.stdout)
    assert code == 0
    assert "node.app" in loaded, "it started a node"
    assert [name for name in HEAVY if name in loaded] == []


def peak_kb(pid: int) -> int:
    """The most memory that a process ever had."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_player_stays_small_while_the_demo_is_made(tmp_path: Path) -> None:
    with living(tmp_path / "home", "--demo", "--port", "7900") as node:
        until_s = time.monotonic() + DEMO_TIMEOUT_S
        while node.get("library")["counts"]["tracks"] < DEMO_TRACKS:
            assert time.monotonic() < until_s
            time.sleep(0.2)
        assert peak_kb(node.process.pid) < MOST_KB

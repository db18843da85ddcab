"""What a command costs before it does anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.living import environment, songkeep

HEAVY = ("aiortc", "aioice", "libtorrent", "zeroconf", "numpy", "rich", "argon2", "segno")
"""Packages that take long to load, or much memory, and that listing tracks has no use for."""
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
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(), timeout=60)
    code, loaded = json.loads(told.stdout)
    assert code == 0
    assert "node.app" in loaded, "it started a node"
    assert [name for name in HEAVY if name in loaded] == []

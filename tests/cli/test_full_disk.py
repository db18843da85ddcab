"""A home on a disk that fills up: real processes on a small real disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.doors.blobs.store import SPARE_BYTES
from tests.living import songkeep
from tests.music import make_track

pytestmark = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting needs Linux and root")

ROOM_BYTES = 8 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with 8 MiB above what Songkeep leaves to others."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SPARE_BYTES + ROOM_BYTES}", "none", disk], check=False
    )
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_sealing_stops_before_the_disk_is_full_and_everything_else_goes_on(small_disk: Path, tmp_path: Path) -> None:
    home, music = small_disk / "home", tmp_path / "music"
    music.mkdir()
    for number in range(6):
        make_track(music / f"{number}.wav", seconds=20, kind="noise", seed=number, title=f"Noise {number}")
    assert sum(file.stat().st_size for file in music.iterdir()) > ROOM_BYTES
    songkeep(home, "init")
    songkeep(home, "config", "keep_sealed", "on")
    stopped = songkeep(home, "add", str(music), "--json")
    assert stopped.returncode == 9
    assert "almost full" in json.loads(stopped.stdout)["error"]["message"]
    assert songkeep(home, "ls").stdout.count("Noise") == 6
    assert songkeep(home, "config", "keep_sealed", "off").returncode == 0
    verified = songkeep(home, "verify", "--json")
    assert verified.returncode == 0
    assert json.loads(verified.stdout)["ok"]
    subprocess.run(["mount", "-o", "remount,size=500m", small_disk], check=True)
    assert songkeep(home, "add", str(music)).returncode == 0

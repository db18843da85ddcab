"""A home on a disk that fills up: real processes on a small real disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.doors.blobs.store import SPARE_BYTES
from tests.disks import resize, small_disk
from tests.living import songkeep
from tests.music import make_track

ROOM_BYTES = 8 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """8 MiB above what Songkeep leaves to others."""
    with small_disk(tmp_path / "disk", size_bytes=SPARE_BYTES + ROOM_BYTES):
        yield tmp_path / "disk"


def test_sealing_stops_before_the_disk_is_full_and_everything_else_goes_on(disk: Path, tmp_path: Path) -> None:
    home, music = disk / "home", tmp_path / "music"
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
    resize(disk, size_bytes=500 << 20)
    assert songkeep(home, "add", str(music)).returncode == 0

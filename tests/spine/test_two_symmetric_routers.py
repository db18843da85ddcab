"""A home PC and a laptop behind routers through which no direct way leads: the music goes by way of the seed, sealed,
and no faster than who runs the seed allows.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Host, open_lab
from tests.lab_nat import host_behind_router
from tests.music import make_track
from tests.spine.test_spine import TRACKER_PORT, Songkeep, hashes, hear, until_true
from tests.spine.test_two_routers import Apart

pytestmark = [pytest.mark.netns, pytest.mark.timeout(600)]

SEED_PORT = 7_666
RATE_BYTES_PER_S = 200_000
ROOMY, SCANTY = "100MB", "200KB"


def sent_by(host: Host) -> int:
    """Bytes that a machine has sent to others."""
    said = host.run(["cat", "/proc/net/dev"]).stdout
    return sum(int(line.split(":")[1].split()[8]) for line in said.splitlines() if ":" in line and "lo:" not in line)


@contextlib.contextmanager
def apart(tmp_path: Path, *, quota: str) -> Iterator[tuple[Apart, Host]]:
    """The two, and a seed with so much room for them."""
    with open_lab() as lab:
        music = tmp_path / "music"
        music.mkdir()
        tracker, server = lab.host("tracker"), lab.host("seed")
        pc, laptop = (
            Songkeep(host_behind_router(lab, name, symmetric=True), tmp_path / name) for name in ("pc", "laptop")
        )
        made = Apart(lab, music, pc, laptop, tracker)
        seed = Songkeep(server, tmp_path / "seed")
        listen = ("--listen", f"{server.address}:{SEED_PORT}", "--stun", "off", "--rate", str(RATE_BYTES_PER_S))
        hear(seed.start("seed", "run", *listen))
        make_track(music / "song.flac", seconds=8, kind="music", seed=5, title="Song")
        where = f"{tracker.address}:{TRACKER_PORT}"
        hear(Songkeep(tracker, tmp_path / "tracker").start("tracker", "run", "--listen", where))
        pc.run("init")
        pc.run("config", "trackers", f"ws://{where}")
        pc.run("config", "renditions", "off")
        hear(pc.start("up", music, "--no-browser"))
        until_true("the PC has sealed its music", lambda: [each["state"]["sealed"] for each in pc.run("ls")] == [True])
        pc.run("seeds", "add", seed.run("seed", "invite", "--quota", quota)["code"])
        until_true(
            "the seed is attended", lambda: [each["state"] for each in pc.run("seeds")] in (["filled"], ["connected"])
        )
        if quota == ROOMY:
            until_true("the seed holds it all", lambda: [each["held"] for each in pc.run("seeds")] == [1])
        made.pair()
        hear(laptop.start("up", "--no-browser"))
        until_true("the laptop has the catalog", lambda: len(laptop.run("ls")) == 1)
        yield made, server


def test_music_goes_by_way_of_the_seed_where_no_direct_way_leads(tmp_path: Path) -> None:
    with apart(tmp_path, quota=ROOMY) as (two, server):
        size = sum(path.stat().st_size for path in two.music.iterdir())
        before, began_s = sent_by(server), time.monotonic()
        two.laptop.run("export", "--all", tmp_path / "out", timeout_s=200)
        took_s = time.monotonic() - began_s
        assert set(hashes(tmp_path / "out").values()) == set(hashes(two.music).values())
        assert sent_by(server) - before >= size
        assert took_s >= size / RATE_BYTES_PER_S - 2, "faster than allowed"


def test_what_the_seed_does_not_hold_goes_through_its_room_sealed_as_the_last_resort(tmp_path: Path) -> None:
    with apart(tmp_path, quota=SCANTY) as (two, server):
        [seed] = two.pc.run("seeds")
        assert (seed["held"], seed["left_out"]) == (0, 1)
        size = sum(path.stat().st_size for path in two.music.iterdir())
        before = sent_by(server)
        two.laptop.run("export", "--all", tmp_path / "out", timeout_s=200)
        assert set(hashes(tmp_path / "out").values()) == set(hashes(two.music).values())
        assert sent_by(server) - before >= size
        assert any("relay_opened" in line for line in (two.laptop.home / "songkeep.log").read_text().splitlines())

"""A home PC and a laptop, each behind a router of its own, with real processes: music goes straight between them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import Host, Lab, open_lab
from tests.lab_nat import host_behind_router
from tests.music import make_track
from tests.spine.test_spine import TRACKER_PORT, Songkeep, hashes, hear, say, until_true

pytestmark = [pytest.mark.netns, pytest.mark.timeout(600)]

SONGS = 1


@dataclass
class Apart:
    """The two, and the tracker between them."""

    lab: Lab
    music: Path
    pc: Songkeep
    laptop: Songkeep
    tracker: Host

    def begin(self, *, home: Path) -> None:
        for number in range(SONGS):
            make_track(self.music / f"{number}.flac", seconds=15, kind="music", seed=number, title=f"Song {number}")
        hear(Songkeep(self.tracker, home).start("tracker", "run", "--listen", f"{self.tracker.address}:{TRACKER_PORT}"))
        self.pc.run("init")
        self.pc.run("config", "trackers", f"ws://{self.tracker.address}:{TRACKER_PORT}")
        for machine in (self.pc, self.laptop):
            if machine is self.laptop:
                self.pair()
            machine.run("config", "renditions", "off")
            hear(machine.start("up", "--no-browser"))
        self.pc.run("add", self.music)
        until_true("the PC has sealed its music", lambda: all(each["state"]["sealed"] for each in self.pc.run("ls")))
        until_true("the laptop has the catalog", lambda: len(self.laptop.run("ls")) == SONGS)

    def pair(self) -> None:
        pairing = self.pc.start("pair", "--role", "owner", "--anywhere")
        joining: subprocess.Popen[str] | None = None
        while True:
            event = hear(pairing)
            if event["event"] == "code":
                where = ("--tracker", event["tracker"], "--name", "Laptop", "--budget", "0")
                joining = self.laptop.start("join", event["code"], *where)
            elif event["event"] == "check":
                assert joining is not None
                say(pairing, hear(joining)["digits"])
            elif event["event"] == "paired":
                break
        assert joining is not None
        assert joining.wait(60) == 0

    def carried_by_the_tracker(self) -> int:
        """Bytes that the tracker's machine has sent."""
        said = self.tracker.run(["cat", "/proc/net/dev"]).stdout
        return sum(
            int(line.split(":")[1].split()[8]) for line in said.splitlines() if ":" in line and "lo:" not in line
        )


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    with open_lab() as lab:
        music = tmp_path / "music"
        music.mkdir()
        tracker = lab.host("tracker")
        pc, laptop = (Songkeep(host_behind_router(lab, name), tmp_path / name) for name in ("pc", "laptop"))
        made = Apart(lab, music, pc, laptop, tracker)
        made.begin(home=tmp_path / "tracker")
        yield made


def test_a_laptop_streams_straight_from_a_pc_although_each_is_behind_a_router(apart: Apart, tmp_path: Path) -> None:
    assert apart.laptop.host.run(["ping", "-c", "1", "-W", "1", apart.pc.host.address]).returncode != 0
    before = apart.carried_by_the_tracker()
    apart.laptop.run("export", "--all", tmp_path / "out")
    assert set(hashes(tmp_path / "out").values()) == set(hashes(apart.music).values())
    size = sum(path.stat().st_size for path in apart.music.iterdir())
    assert apart.carried_by_the_tracker() - before < size / 10
    assert any(each["linked"] and not each["this"] for each in apart.laptop.run("devices"))

"""Real processes on loopback: a tracker, a home PC, a laptop that joins it, plays from it and is revoked."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.crypto.blob import Purpose, blob_key
from node.doors.index import Index
from node.doors.vault import Vault
from node.ids import TrackId
from tests.flows.machines import Machine, machines_of, pair, until
from tests.music import make_track


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Machine, Machine, str]]:
    with machines_of(tmp_path) as made:
        yield made


def names(machine: Machine) -> set[str]:
    return {each["name"] for each in machine.run("devices")}


def digests(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.suffix == ".flac"}


def test_a_laptop_joins_the_home_pcs_library_plays_from_it_and_is_revoked(
    machines: tuple[Machine, Machine, str], tmp_path: Path
) -> None:
    pc, laptop, url = machines
    music = tmp_path / "music"
    music.mkdir()
    for number in range(3):
        make_track(music / f"{number}.flac", seconds=3, kind="music", seed=number, title=f"Song {number}")
    pc.run("init")
    pc.up(str(music), "--tracker", url)
    until(lambda: pc.run("status")["counts"]["tracks"] == 3, "the PC has its music")
    until(lambda: len(pc.run("devices")) == 1, "the PC answers")
    pair(pc, laptop)
    laptop.up()
    until(lambda: len(laptop.run("ls")) == 3, "the laptop has the catalog")
    until(lambda: any(each["linked"] for each in laptop.run("devices")), "the laptop is linked")
    pc.run("devices", "rename", "Laptop", "Anna's laptop")
    until(lambda: "Anna's laptop" in names(laptop), "the laptop knows what it is called now")
    laptop.run("devices", "rename", next(each["id"] for each in pc.run("devices") if each["this"]), "Home")
    until(lambda: names(pc) == names(laptop) == {"Home", "Anna's laptop"}, "both know both names")
    until(
        lambda: next(each for each in pc.run("devices") if not each["this"])["budget_bytes"] == 5_000_000_000,
        "the PC knows the laptop's budget",
    )
    looked_at = {finding["about"]: finding for finding in pc.run("doctor")}
    assert {finding["state"] for finding in looked_at.values()} <= {"good", "note"}, looked_at
    assert looked_at.keys() >= {"membership", "disk", "clock", "tracker", "local network", "router"}
    laptop.run("export", "--all", str(tmp_path / "out"))
    assert digests(tmp_path / "out") == digests(music)
    assert len(digests(music)) == 3
    until(lambda: laptop.run("copies")["songs"] == [{"copies": 2, "songs": 3}], "the laptop has filled itself")
    assert laptop.run("copies")["at_risk"]["songs"] == 0
    freed = laptop.run("free", "Song 1")
    assert freed["freed_blobs"] == 0  # the PC's file is no proof
    assert freed["kept"][0]["reason"] == "fewer than 2 other devices that are here say they hold it"

    pc.run("devices", "revoke", "Anna's laptop", "--yes")
    until(
        lambda: not next(each for each in laptop.run("devices") if each["this"])["active"],
        "the laptop knows that it was revoked",
    )
    make_track(music / "later.flac", seed=9, title="Later")
    until(lambda: pc.run("status")["counts"]["tracks"] == 4, "the PC has another song")
    assert len(laptop.run("ls")) == 3
    until(lambda: pc.run("show", "Later")["state"]["sealed"], "the new song is sealed")
    later = TrackId(pc.run("show", "Later")["id"])
    pc.stop()
    old, new = Vault.open(pc.home / "vault").secrets.epochs
    with Index.open(pc.home / "index.sqlite") as index:
        [blob] = [original.blob for original in index.tracks.facts(later).originals]
    keys = {
        epoch.number: blob_key(epoch.convergence, Purpose.ORIGINAL, size_bytes=blob.size_bytes, sha256=blob.sha256)
        for epoch in (old, new)
    }
    assert blob.key == keys[2], "it was sealed with a key that the revoked laptop can make"


def test_up_registers_at_a_tracker_and_says_what_the_plan_means(machines: tuple[Machine, Machine, str]) -> None:
    pc, _, url = machines
    pc.run("init")
    command = [sys.executable, "-m", "node.cli.main", "--home", str(pc.home), "up", "--no-browser", "--tracker", url]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    pc.processes.append(process)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "Running" in line:
            break
    assert "plan 'free'" in said
    assert "2.0 GB on seeds, about 1,307 songs" in said
    assert pc.run("config", "trackers") == {"trackers": [url]}


def test_a_tracker_that_is_away_is_remembered_and_said(machines: tuple[Machine, Machine, str]) -> None:
    pc, laptop, _ = machines
    laptop.run("init")
    laptop.up()
    command = [sys.executable, "-m", "node.cli.main", "--home", str(laptop.home), "up", "--no-browser", "--tracker"]
    done = subprocess.run([*command, "ws://127.0.0.1:9"], capture_output=True, text=True, timeout=60, check=False)
    assert "not reached yet: the server at 127.0.0.1:9 can't be reached" in done.stderr
    assert laptop.run("config", "trackers") == {"trackers": ["ws://127.0.0.1:9"]}
    wrong = subprocess.run([*command, "https://x"], capture_output=True, text=True, timeout=60, check=False)
    assert wrong.returncode == 2
    assert "not a tracker's address" in wrong.stderr
    assert not pc.home.exists()

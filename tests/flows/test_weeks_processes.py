"""Real processes: weeks of edits while the other one is off, then a laptop that comes back from an old backup."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.cli.client import Client
from tests.flows.machines import Machine, machines_of, pair, until
from tests.music import make_track


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Machine, Machine, str]]:
    with machines_of(tmp_path) as made:
        yield made


def alone(machine: Machine, does: Callable[[Client], object]) -> None:
    """What is done while no other device runs."""
    machine.up()
    does(machine.client())
    machine.stop()


def personal(machine: Machine) -> dict[str, Any]:
    """What the person sees of their own there, but for when it was."""
    client = machine.client()
    [track] = client.get("tracks", limit=5)["items"]
    lists = [
        (each["name"], [song["id"] for song in client.get(f"playlists/{each['id']}")["items"]])
        for each in client.get("playlists")["items"]
    ]
    return {"lists": sorted(lists), "plays": track["plays"]}


def test_nothing_is_lost_that_was_edited_apart_nor_what_was_edited_on_a_restored_backup(
    machines: tuple[Machine, Machine, str], tmp_path: Path
) -> None:
    pc, laptop, url = machines
    (tmp_path / "music").mkdir()
    make_track(tmp_path / "music" / "one.flac", seed=1, title="One")
    pc.run("init")
    pc.up(str(tmp_path / "music"), "--tracker", url)
    until(lambda: [each["state"]["sealed"] for each in pc.run("ls")] == [True], "the PC has sealed its music")
    until(lambda: len(pc.run("devices")) == 1, "the PC answers")
    pair(pc, laptop)
    laptop.up()
    until(lambda: len(laptop.run("ls")) == 1, "the laptop has the catalog")
    [track] = [each["id"] for each in pc.run("ls")]
    old_list = pc.client().post("playlists", name="Old", tracks=[track])["id"]
    until(lambda: laptop.client().get("playlists")["items"] != [], "the laptop knows the list")
    laptop.stop()
    pc.stop()
    shutil.copytree(laptop.home, tmp_path / "backup")

    def on_the_laptop(client: Client) -> None:
        client.post("playlists", name="Trip", tracks=[track, track])
        client.post("plays", track=track, played_ms=1_000)
        client.post("plays", track=track, played_ms=2_000)

    def on_the_pc(client: Client) -> None:
        client.post("playlists", name="Kitchen", tracks=[track])
        client.post("plays", track=track, played_ms=3_000)
        client.delete(f"playlists/{old_list}")

    alone(laptop, on_the_laptop)
    alone(pc, on_the_pc)
    pc.up()
    laptop.up()
    both = [("Kitchen", [track]), ("Trip", [track, track])]
    until(lambda: personal(pc)["lists"] == personal(laptop)["lists"] == both, "both have the lists of both")
    until(lambda: personal(pc) == personal(laptop), "both are alike")
    assert personal(pc)["plays"] == 3
    laptop.stop()
    pc.stop()

    shutil.rmtree(laptop.home)
    shutil.copytree(tmp_path / "backup", laptop.home)

    def on_the_restored_laptop(client: Client) -> None:
        client.post("playlists", name="After the restore", tracks=[track])
        client.post("plays", track=track, played_ms=4_000)

    alone(laptop, on_the_restored_laptop)
    pc.up()
    laptop.up()
    every = [("After the restore", [track]), *both]
    until(lambda: personal(pc)["lists"] == personal(laptop)["lists"] == every, "both have every list")
    until(lambda: personal(pc) == personal(laptop), "both are alike")
    assert personal(pc)["plays"] == 4
    told = [each["text"] for each in laptop.client().get("status")["notices"]]
    assert any("set back to an older state" in text for text in told), told

"""Real processes on machines of a small internet: the tracker is killed, and what its devices notice of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.lab_machines import Machine, at_tracker, network, pair, until
from tests.lab import Lab, open_lab

NO_MULTICAST = "table ip apart { chain in { type filter hook input priority 0; udp dport 5353 drop; }; }"
"""Two homes: what one calls into its local network, the other doesn't hear."""


@pytest.fixture
def lab() -> Iterator[Lab]:
    with open_lab() as opened:
        yield opened


def two_and_a_tracker(lab: Lab, folder: Path, *, apart: bool) -> tuple[Machine, Machine, subprocess.Popen[str]]:
    """A PC and a laptop that have met at a tracker; beside it is a node of a private DHT if they are apart."""
    server, pc, laptop = (Machine(lab.host(name), folder / name) for name in ("server", "pc", "laptop"))
    address = server.host.address
    tracker, _ = server.start("tracker", "run", "--listen", f"{address}:8000", "--stun", f"{address}:3478")
    if apart:
        told = server.start(
            "seed",
            "run",
            "--listen",
            f"{address}:7666",
            "--stun",
            "off",
            "--capacity",
            "1GB",
            "--dht",
            f"{address}:7668",
        )[1]
        assert told["dht_port"] == 7668
    pc.run("init")
    for machine in (pc, laptop):
        if apart:
            subprocess.run(
                machine.host.command(["nft", "-f", "-"]), input=NO_MULTICAST, text=True, check=True, timeout=20
            )
    pc.start("up", "--no-browser", "--tracker", f"ws://{address}:8000")
    until(lambda: at_tracker(pc), "the PC is at the tracker")
    pair(pc, laptop)
    laptop.start("up", "--no-browser")
    if apart:
        for machine in (pc, laptop):
            machine.run("config", "dht_nodes", f"{address}:7668")
            machine.run("config", "dht", "private")
            until(lambda machine=machine: network(machine)["dht"]["stored_by"] > 0, "its record stands in the table")  # type: ignore[misc]
    until(lambda: pc.other()["present"] and laptop.other()["present"], "they have met")
    until(lambda: "Laptop" in laptop.names() and laptop.names() == pc.names(), "they know each other's names")
    return pc, laptop, tracker


def test_when_the_tracker_is_killed_devices_that_are_apart_meet_through_the_dht(lab: Lab, tmp_path: Path) -> None:
    pc, laptop, tracker = two_and_a_tracker(lab, tmp_path, apart=True)
    tracker.kill()
    until(
        lambda: not any(each["joined"] and ":8000" in each["server"] for each in network(laptop)["rooms"]), "it is gone"
    )
    took_s = until(lambda: pc.other()["present"] and laptop.other()["present"], "they meet again")
    assert took_s < 30
    laptop.run("devices", "rename", pc.other()["id"], "Travelling")
    until(lambda: "Travelling" in pc.names(), "what is edited on one shows on the other")
    looked_at = {each["about"]: each for each in laptop.run("doctor")}
    assert looked_at["DHT"]["state"] == "good", looked_at["DHT"]
    assert looked_at["tracker"]["state"] == "bad"


def test_when_the_tracker_is_killed_devices_on_one_network_notice_nothing(lab: Lab, tmp_path: Path) -> None:
    pc, laptop, tracker = two_and_a_tracker(lab, tmp_path, apart=False)
    until(lambda: sum(each["joined"] for each in network(laptop)["rooms"]) >= 2, "they have met nearby too")
    until(lambda: sum(each["joined"] for each in network(pc)["rooms"]) >= 2, "they have met nearby too")
    until(lambda: sum(each["present"] for each in network(pc)["rooms"]) >= 2, "they have met nearby too")
    tracker.kill()
    laptop.run("devices", "rename", pc.other()["id"], "Travelling")
    while "Travelling" not in pc.names() or at_tracker(pc):
        assert pc.other()["present"]
        assert laptop.other()["present"]
    assert all(each["dht"]["mode"] == "off" and each["dht"]["port"] is None for each in (network(pc), network(laptop)))


def test_a_machine_whose_link_went_down_is_back_within_seconds_of_its_return(lab: Lab, tmp_path: Path) -> None:
    _, laptop, _ = two_and_a_tracker(lab, tmp_path, apart=True)
    link = f"i{lab.tag}4"
    assert laptop.host.run(["ip", "link", "set", link, "down"]).returncode == 0
    until(lambda: not at_tracker(laptop), "it knows that it is cut off")
    assert not laptop.other()["present"]
    time.sleep(4)  # its waits grow meanwhile
    for step in (["link", "set", link, "up"], ["route", "add", "default", "via", "10.213.77.1"]):
        assert laptop.host.run(["ip", *step]).returncode == 0
    took_s = until(lambda: at_tracker(laptop) and laptop.other()["present"], "it is back")
    assert took_s < 20
    rejoined = Path(laptop.home / "songkeep.log").read_text().count("room_joined")
    assert rejoined < 12, "without a storm"

"""Real processes on machines of a small internet: the tracker is killed, and what its devices notice of it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.lab_machines import Machine, at_tracker, network, pair, until
from tests.lab import Lab, open_lab
from tests.lab_nat import host_behind_router

NO_MULTICAST = "table ip apart { chain in { type filter hook input priority 0; udp dport 5353 drop; }; }"
"""Two homes: what one calls into its local network, the other doesn't hear."""


FORWARDED = """
table ip forwarded {{
  chain come {{
    type nat hook prerouting priority -100;
    ip daddr {out} udp dport 7669 dnat to {pc}; ip daddr {out} tcp dport 7670 dnat to {pc}
  }}
}}
table ip guard {{ chain forward {{ ct status dnat accept; }}; }}
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    with open_lab() as opened:
        yield opened


def listening(machine: Machine) -> set[int]:
    """TCP ports that are open on that machine to more than itself."""
    done = machine.host.run(["ss", "-Hltn"])
    assert done.returncode == 0, done.stderr
    found = (line.split()[3].rpartition(":") for line in done.stdout.splitlines())
    return {int(port) for address, _, port in found if not address.startswith("127.")}


def two_and_a_tracker(
    lab: Lab, folder: Path, *, apart: bool, routers: bool = False
) -> tuple[Machine, Machine, subprocess.Popen[str]]:
    """A PC and a laptop that have met at a tracker; beside it is a node of a private DHT if they are apart.

    With `routers` each is behind one; the PC's forwards the two ports that a person is told to forward.
    """
    server = Machine(lab.host("server"), folder / "server")
    make = host_behind_router if routers else lambda lab, name, **_: lab.host(name)
    pc, laptop = (
        Machine(make(lab, "pc"), folder / "pc"),
        Machine(make(lab, "laptop", symmetric=True), folder / "laptop"),
    )
    if routers:
        router = next(host for host in lab.hosts if host.namespace.endswith("pc-router"))
        subprocess.run(
            router.command(["nft", "-f", "-"]), input=FORWARDED.format(pc=pc.host.address, out=router.address),
            text=True, check=True, timeout=60,
        )  # fmt: skip
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
                machine.host.command(["nft", "-f", "-"]), input=NO_MULTICAST, text=True, check=True, timeout=60
            )
    pc.start("up", "--no-browser", "--tracker", f"ws://{address}:8000")
    until(lambda: at_tracker(pc), "the PC is at the tracker")
    pair(pc, laptop)
    laptop.start("up", "--no-browser")
    if apart:
        for machine in (pc, laptop):
            machine.run("config", "dht_nodes", f"{address}:7668")
            machine.run("config", "dht_port", "7669")
            machine.run("config", "dht", "private")
    until(lambda: pc.other()["present"] and laptop.other()["present"], "they have met")
    if not routers:  # behind these, only a server that answers or a forwarded port makes a channel
        until(lambda: "Laptop" in laptop.names() and laptop.names() == pc.names(), "they know each other's names")
    if apart:
        until(lambda: all(network(each)["dht"]["stored_by"] for each in (pc, laptop)), "their records stand")
    return pc, laptop, tracker


def test_when_the_tracker_is_killed_devices_that_are_apart_meet_through_the_dht(lab: Lab, tmp_path: Path) -> None:
    pc, laptop, tracker = two_and_a_tracker(lab, tmp_path, apart=True)
    tracker.kill()
    until(
        lambda: not any(each["joined"] and ":8000" in each["server"] for each in network(laptop)["rooms"]), "it is gone"
    )
    took_s = until(lambda: pc.other()["present"] and laptop.other()["present"], "they meet again")
    print(f"met again after {took_s:.1f} s")
    assert took_s < 30
    laptop.run("devices", "rename", pc.other()["id"], "Travelling")
    until(lambda: "Travelling" in pc.names(), "what is edited on one shows on the other")
    looked_at = {each["about"]: each for each in laptop.run("doctor")}
    assert looked_at["DHT"]["state"] == "good", looked_at["DHT"]
    assert looked_at["tracker"]["state"] == "bad"
    # The ports that it names are the ones that are open.
    named = {int(port) for port in re.findall(r"\b\d{4,5}\b", looked_at["local network"]["text"])}
    assert len(named) == 2
    assert named <= listening(laptop)
    assert network(laptop)["dht"]["room_port"] == 7670
    assert 7670 in listening(laptop)


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
    print(f"back after {took_s:.1f} s")
    assert took_s < 20
    rejoined = Path(laptop.home / "songkeep.log").read_text().count("room_joined")
    assert rejoined < 12, "without a storm"


def test_behind_two_routers_one_forwarded_port_is_enough_without_any_server(
    lab: Lab, tmp_path: Path, exhaustive: bool
) -> None:
    if not exhaustive:
        pytest.skip("takes half a minute; its parts are in test_meet_dht and test_socket_pipe")
    pc, laptop, tracker = two_and_a_tracker(lab, tmp_path, apart=True, routers=True)
    tracker.kill()
    until(lambda: not at_tracker(laptop), "it is gone")
    until(lambda: pc.other()["present"] and laptop.other()["present"], "they meet again")
    laptop.run("devices", "rename", pc.other()["id"], "Travelling")
    until(lambda: "Travelling" in pc.names(), "what is edited on one shows on the other")
    pc.run("devices", "rename", laptop.other()["id"], "At home")
    until(lambda: "At home" in laptop.names(), "and the other way")

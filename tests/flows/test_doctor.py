"""What the doctor says, held against a reality that the test makes: routers, firewalls, clocks, disks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.doors.rooms import SUSPENDED
from node.flows.doctor import Doctor, Finding
from node.flows.far import FarMeeting, FarOptions
from node.flows.lan import LanMeeting
from node.flows.unasked import Unasked
from tests.flows.hostile import Frame, hostile_tracker
from tests.flows.lab_machines import Machine, until
from tests.flows.people import Device, found, let_in, make_device, meeting
from tests.flows.people import until as soon
from tests.flows.test_meet_dht import LOOPBACK, Remembered, SharedBook, a_table, afar, open_afar
from tests.flows.test_unasked import unasked
from tests.lab import Host, Lab, open_lab
from tests.lab_nat import host_behind_router


@pytest.fixture
def lab() -> Iterator[Lab]:
    with open_lab() as opened:
        yield opened


def looked_at(machine: Machine) -> dict[str, dict[str, Any]]:
    return {each["about"]: each for each in machine.run("doctor")}


def rules(host: Host, text: str) -> None:
    subprocess.run(host.command(["nft", "-f", "-"]), input=text, text=True, check=True, timeout=60)


def a_home(lab: Lab, host: Host, folder: Path, trackers: list[str]) -> Machine:
    """A node that is at both trackers."""
    home = Machine(host, folder)
    home.run("init")
    home.start("up", "--no-browser", "--tracker", trackers[0])
    home.run("config", "trackers", *trackers)
    until(lambda: [f["state"] for f in home.run("doctor") if f["about"] == "tracker"] == ["good"] * 2, "both joined")
    return home


@pytest.fixture
def trackers(lab: Lab, tmp_path: Path) -> list[str]:
    """Two, on machines of their own: what kind of router it is shows only to more than one."""
    urls = []
    for name in ("first", "second"):
        server = Machine(lab.host(name), tmp_path / name)
        server.start(
            "tracker", "run", "--listen", f"{server.host.address}:8000", "--stun", f"{server.host.address}:3478"
        )
        urls.append(f"ws://{server.host.address}:8000")
    return urls


def test_a_line_of_ones_own_then_without_udp_and_then_without_a_tracker(
    lab: Lab, trackers: list[str], tmp_path: Path
) -> None:
    home = a_home(lab, lab.host("pc"), tmp_path / "pc", trackers)
    said = looked_at(home)
    assert (said["router"]["state"], said["router"]["text"]) == (
        "good", "This machine is in reach without a router in between."
    )  # fmt: skip
    assert {each["state"] for each in said.values()} <= {"good", "note"}, said
    assert said["clock"]["text"] == "The clock is right."
    rules(home.host, "table ip guard { chain out { type filter hook output priority 0; udp dport 3478 drop; }; }")
    said = looked_at(home)
    assert said["UDP"]["state"] == "bad"
    assert "No STUN server answers over UDP" in said["UDP"]["text"]
    assert "open UDP port 3478" in said["UDP"]["fix"]
    for host in (each for each in lab.hosts if each.namespace.endswith(("first", "second"))):
        for process in host.processes:
            process.kill()
    until(lambda: "can't be reached" in looked_at(home)["tracker"]["text"], "it says that the tracker is gone")
    said = looked_at(home)
    assert said["tracker"]["state"] == "bad"
    assert "Check the address" in said["tracker"]["fix"]
    assert said["clock"]["state"] == "note"
    assert "No server is reached" in said["clock"]["text"]


@pytest.mark.parametrize(
    ("symmetric", "state", "text"),
    [
        (False, "good", "The router lets direct ways through."),
        (True, "note", "The router gives each connection another port: direct ways often fail."),
    ],
)
def test_the_kind_of_router(
    lab: Lab, trackers: list[str], tmp_path: Path, symmetric: bool, state: str, text: str
) -> None:
    home = a_home(lab, host_behind_router(lab, "pc", symmetric=symmetric), tmp_path / "pc", trackers)
    said = looked_at(home)["router"]
    assert (said["state"], said["text"]) == (state, text)


def doctor_of(device: Device, far: FarMeeting, folder: Path, unasked: Unasked | None = None) -> Doctor:
    nearby = LanMeeting(device.membership, device.meeting, tell=lambda _text: None)
    return Doctor(device.membership, device.meeting, nearby, far, folder, unasked)


def closed(device: Device) -> FarMeeting:
    return FarMeeting(
        device.membership,
        device.directory,
        device.meeting,
        keys=SharedBook(),
        kept=Remembered(),
        heads=lambda: b"h" * 8,
        options=FarOptions(),
        tell=lambda _text: None,
    )


async def finding(doctor: Doctor, about: str) -> Finding:
    return next(Finding(**each) for each in await doctor.examine() if each["about"] == about)


@pytest.mark.parametrize(
    ("server_ahead_ms", "text"),
    [
        (86_400_000 * 3, "This clock is 3 days behind."),
        (-3_600_000 * 5, "This clock is 5 hours ahead."),
        (-10 * 60_000, "This clock is 10 minutes ahead."),
        (60_000, "The clock is right."),
    ],
)
async def test_the_clock_is_held_against_the_servers(tmp_path: Path, server_ahead_ms: int, text: str) -> None:
    async with hostile_tracker(tmp_path) as tracker:
        tracker.twist = lambda frame: [_later(frame, server_ahead_ms)]
        device = make_device("PC", found(), tracker.url)
        async with meeting(device):
            await soon(lambda: device.meeting.places[tracker.url].joined)
            said = await finding(doctor_of(device, closed(device), tmp_path), "clock")
    assert said.text == text


async def test_one_server_of_two_with_a_wrong_clock_is_not_blamed_on_this_one(tmp_path: Path) -> None:
    async with hostile_tracker(tmp_path / "a") as wrong, hostile_tracker(tmp_path / "b") as right:
        wrong.twist = lambda frame: [_later(frame, 86_400_000)]
        device = make_device("PC", found(), wrong.url, right.url)
        async with meeting(device):
            await soon(lambda: all(place.joined for place in device.meeting.places.values()))
            said = await finding(doctor_of(device, closed(device), tmp_path), "clock")
    assert said.state == "note"
    assert wrong.url[5:] in said.text
    assert right.url[5:] not in said.text


def _later(frame: Frame, ms: int) -> Frame:
    return [*frame[:2], frame[2] + ms] if frame[0] == "challenge" else frame


async def test_a_hostile_tracker_is_named_with_what_it_did(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    async with hostile_tracker(tmp_path) as tracker:
        pc, other = make_device("PC", home, tracker.url), make_device("Laptop", laptop, tracker.url)
        tracker.twist = lambda frame: [[*frame[:3], b"\x92\x01\x02"]] if frame[0] == "from" else [frame]
        async with meeting(pc, other):
            place = other.meeting.places[tracker.url]
            await soon(lambda: bool(place.suspicions.sentences()))
            said = await finding(doctor_of(other, closed(other), tmp_path), "tracker")
    assert said.state == "bad"
    assert "can't be trusted" in said.text
    assert "altered" in said.text
    assert "another tracker" in said.fix


async def test_who_was_suspended_is_not_sent_to_look_at_the_network(tmp_path: Path) -> None:
    url = "wss://tracker.example"
    pc = make_device("PC", found())
    pc.meeting.set_trackers([url])
    doctor = doctor_of(pc, closed(pc), tmp_path)
    assert "Check the address" in (await finding(doctor, "tracker")).fix
    pc.meeting.places[url].trouble = SUSPENDED
    said = await finding(doctor, "tracker")
    assert said.state == "bad"
    assert "suspended" in said.text
    assert said.fix.startswith("Ask that person")


async def test_the_dht_line_off_without_others_without_nodes_and_well(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    pc, other, alone = make_device("PC", home), make_device("Laptop", laptop), make_device("PC", found())
    book = SharedBook()
    assert (await finding(doctor_of(pc, closed(pc), tmp_path), "DHT")).text.startswith("Off:")
    async with a_table() as door:
        lonely = afar(alone, book, door)
        assert (await finding(doctor_of(alone, lonely, tmp_path), "DHT")).text.startswith("Closed:")
        far = afar(pc, book, door)
        doctor = doctor_of(pc, far, tmp_path)
        async with meeting(pc), open_afar(far):
            await soon(lambda: far.took > 0, timeout_s=60)
            said = await finding(doctor, "DHT")
            assert (said.state, "nodes answer" in said.text) == ("good", True)
            far.apply(FarOptions(mode="private", nodes=(f"{LOOPBACK}:9",)))
            await soon(lambda: far.dht is not None and far.took == 0, timeout_s=60)
            said = await finding(doctor, "DHT")
            assert said.state == "bad"
            assert "No other node answers" in said.text
            assert "dht_nodes" in said.fix
    assert other.directory.get(pc.id).present is False


def test_little_disk_is_said_with_how_much_there_is(lab: Lab, tmp_path: Path) -> None:
    """A disk of 50 MB, in a mount that only this home sees."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", str(small)], check=True, timeout=60)
    try:
        home = Machine(lab.host("pc"), small / "home")
        home.run("init")
        said = looked_at(home)["disk"]
        assert said["state"] == "bad"
        assert re.match(r"Only [45]\d MB are free", said["text"]), said["text"]
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False, timeout=60)


async def test_removed_music_that_waits_for_a_lost_device_is_told_with_its_name_and_what_to_do(tmp_path: Path) -> None:
    device = make_device("pc", found())
    doctor = doctor_of(device, closed(device), tmp_path, unasked(1_200, pc=45, gone=None))
    said = await finding(doctor, "removed music")
    assert said.state == "note"
    assert said.text.startswith("1,200 sealed files of music that was taken out of the library over 30 days ago stay")
    assert "g (never seen) and p (not seen for 45 days)" in said.text
    assert "songkeep devices revoke NAME" in said.fix
    assert "songkeep free --removed" in said.fix
    nothing = doctor_of(device, closed(device), tmp_path, unasked(1_200, pc=3, gone=None))
    assert "removed music" not in {each["about"] for each in await nothing.examine()}

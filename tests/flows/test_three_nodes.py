"""Three real nodes: a laptop plays what a PC and a NAS hold, while one of them hangs, dies or lacks it."""

from __future__ import annotations

import hashlib
import http.client
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.flows.machines import Machine, first_event, pair, until
from tests.music import make_track

pytestmark = pytest.mark.timeout(600)

READ_BYTES = 64 * 1024


@dataclass
class Household:
    """A PC and a NAS that hold the same songs, and a laptop that holds none."""

    folder: Path
    tracker: Machine
    pc: Machine
    nas: Machine
    laptop: Machine
    songs: dict[str, bytes] = field(default_factory=dict)
    base: str = ""
    key: str = ""

    def begin(self) -> None:
        music = self.folder / "music"
        music.mkdir()
        for number in range(2):
            make_track(music / f"{number}.wav", seconds=90, kind="noise", seed=number, title=f"Song {number}")
        running = self.tracker.start("tracker", "run", "--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--json")
        url = f"ws://127.0.0.1:{first_event(running)['port']}"
        self.pc.run("init")
        self.pc.run("config", "trackers", url)
        for machine in (self.pc, self.nas, self.laptop):
            if machine is not self.pc:
                pair(self.pc, machine, machine.home.name)
            machine.run("config", "renditions", "off")
            machine.run("config", "budget_bytes", "0")  # nobody keeps copies of what another holds
            process = machine.start("up", "--no-browser", "--json")
            told = first_event(process)
        self.base, _, code = told["url"].partition("/#signin=")
        self.key = self._ask("POST", "/api/v1/session", {"code": code})["media_key"]
        for machine in (self.pc, self.nas):
            machine.run("add", str(music))
        until(lambda: all(each["state"]["sealed"] for each in self.pc.run("ls")), "the PC has sealed its songs")
        until(lambda: all(each["state"]["sealed"] for each in self.nas.run("ls")), "so has the NAS")
        until(lambda: len(self.laptop.run("ls")) == 2, "the laptop has the catalog")
        originals = {path.stem: path.read_bytes() for path in music.iterdir()}
        for each in self.laptop.run("ls"):
            self.songs[each["id"]] = originals[each["title"].partition(" ")[2]]
        until(lambda: sum(each["present"] for each in self.laptop.run("devices")) == 3, "all three are here")

    def _ask(self, method: str, path: str, body: object) -> dict[str, str]:
        connection = http.client.HTTPConnection(urlsplit(self.base).netloc, timeout=60)
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status < 300, answer.read()
        return json.loads(answer.read())  # type: ignore[no-any-return]

    def listen(self, song: str, *, start: int = 0, at_half: Callable[[], None] = lambda: None) -> float:
        """Take a song to its end, byte for byte, with nothing buffered; the longest that it kept one waiting."""
        whole = self.songs[song][start:]
        connection = http.client.HTTPConnection(urlsplit(self.base).netloc, timeout=60)
        path = f"/api/v1/tracks/{song}/stream?rendition=original&key={self.key}"
        connection.request("GET", path, headers={"Range": f"bytes={start}-"})
        answer = connection.getresponse()
        assert answer.status == 206, answer.read()
        got, longest_s, halved = bytearray(), 0.0, False
        while len(got) < len(whole):
            if not halved and len(got) > len(whole) // 2:
                halved = True
                at_half()
            asked_s = time.monotonic()
            part = answer.read(READ_BYTES)
            longest_s = max(longest_s, time.monotonic() - asked_s)
            assert part, "the song broke off"
            got += part
        connection.close()
        assert hashlib.sha256(got).digest() == hashlib.sha256(whole).digest()
        return longest_s

    def stop(self) -> None:
        for machine in (self.laptop, self.nas, self.pc, self.tracker):
            for process in machine.processes:
                process.send_signal(signal.SIGCONT)
            machine.stop()


@pytest.fixture(scope="module")
def household(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    folder = tmp_path_factory.mktemp("household")
    made = Household(folder, *(Machine(folder / name) for name in ("tracker", "pc", "nas", "laptop")))
    try:
        made.begin()
        yield made
    finally:
        made.stop()


def holds_bytes(machine: Machine) -> int:
    return int(next(each["held_bytes"] for each in machine.run("devices") if each["this"]))


def node_of(machine: Machine) -> int:
    return next(index for index, process in enumerate(machine.processes) if process.poll() is None)


def test_any_place_of_a_song_that_only_others_hold_plays(household: Household) -> None:
    for song, data in household.songs.items():
        for start in (0, len(data) - 5_000, 1_000_001):
            assert household.listen(song, start=start) < 2
    assert holds_bytes(household.laptop) == 0


def test_a_holder_that_hangs_in_mid_song_costs_two_seconds_at_most(household: Household) -> None:
    song = next(iter(household.songs))
    for machine in (household.pc, household.nas):
        process = machine.processes[node_of(machine)]
        waited_s = household.listen(song, at_half=lambda process=process: process.send_signal(signal.SIGSTOP))  # type: ignore[misc]
        process.send_signal(signal.SIGCONT)
        print(f"{machine.home.name} stopped: {waited_s:.2f} s")
        assert waited_s < 2


def test_a_holder_that_is_killed_in_mid_song_costs_half_a_second_at_most(household: Household) -> None:
    song = list(household.songs)[1]
    process = household.pc.processes[node_of(household.pc)]
    waited_s = household.listen(song, at_half=process.kill)
    print(f"killed: {waited_s:.2f} s")
    assert waited_s < 0.5
    process.wait(60)


def test_with_all_holders_gone_the_answer_says_so_at_once_and_names_them(household: Household) -> None:
    for machine in (household.pc, household.nas):
        machine.stop()
    until(lambda: sum(each["present"] for each in household.laptop.run("devices")) == 1, "the laptop is alone")
    began_s = time.monotonic()
    connection = http.client.HTTPConnection(urlsplit(household.base).netloc, timeout=60)
    connection.request("GET", f"/api/v1/tracks/{next(iter(household.songs))}/stream?key={household.key}")
    answer = connection.getresponse()
    told = json.loads(answer.read())["error"]
    assert time.monotonic() - began_s < 2
    assert (answer.status, told["code"]) == (503, "unavailable")
    assert "nas" in told["message"]
    assert "last here" in told["message"]

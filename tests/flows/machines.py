"""Machines for tests with real processes: a tracker, a home PC, a laptop."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.cli.client import Client
from node.doors.home import Home

STEP_TIMEOUT_S = 60


@dataclass
class Machine:
    """One home and the processes that were started for it."""

    home: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "node.cli.main", "--home", str(self.home), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def run(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        command = [sys.executable, "-m", "node.cli.main", "--home", str(self.home), *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=STEP_TIMEOUT_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def up(self, *arguments: str) -> None:
        first_event(self.start("up", "--no-browser", "--json", *arguments))

    def client(self) -> Client:
        """Asks the node that runs here."""
        running = Home(self.home).find_running()
        assert running is not None
        return Client(running.port, running.token)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(STEP_TIMEOUT_S)
        self.processes.clear()


def first_event(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the process ended without a word"
    return json.loads(line)  # type: ignore[no-any-return]


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def until(true: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + STEP_TIMEOUT_S
    while not true():
        assert time.monotonic() < end_s, f"never: {what}"
        time.sleep(0.2)


def pair(pc: Machine, laptop: Machine, name: str = "Laptop") -> None:
    """`songkeep pair` on one, `songkeep join` on the other, the digits typed."""
    pairing, joining = pc.start("pair", "--json", "--role", "owner", "--anywhere"), None
    for event in events(pairing):
        if event["event"] == "code":
            joining = laptop.start(
                "join", event["code"], "--tracker", event["tracker"], "--name", name, "--budget", "5GB", "--json"
            )
        elif event["event"] == "check":
            assert event["name"] == name
            assert joining is not None
            assert pairing.stdin is not None
            pairing.stdin.write(first_event(joining)["digits"] + "\n")
            pairing.stdin.flush()
    assert pairing.wait(STEP_TIMEOUT_S) == 0
    assert joining is not None
    assert joining.wait(STEP_TIMEOUT_S) == 0


@contextmanager
def machines_of(folder: Path) -> Iterator[tuple[Machine, Machine, str]]:
    """A home PC and a laptop, and the address of a tracker."""
    server, pc, laptop = (Machine(folder / name) for name in ("tracker", "pc", "laptop"))
    running = server.start("tracker", "run", "--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--json")
    url = f"ws://127.0.0.1:{first_event(running)['port']}"
    try:
        yield pc, laptop, url
    finally:
        for machine in (laptop, pc, server):
            machine.stop()

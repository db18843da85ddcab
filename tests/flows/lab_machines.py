"""Homes of Songkeep on machines of the lab: real processes, each in a network of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import Host

STEP_TIMEOUT_S = 90


@dataclass
class Machine:
    """One machine of the lab with a home of Songkeep's."""

    host: Host
    home: Path

    def command(self, *arguments: str) -> list[str]:
        return self.host.command([sys.executable, "-m", "node.cli.main", "--home", str(self.home), *arguments])

    def start(self, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """A process that stays, and its first word."""
        process = self.host.start(
            [sys.executable, "-m", "node.cli.main", "--home", str(self.home), *arguments, "--json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(self.home.with_suffix(".stderr"), "a"),  # noqa: SIM115  # the process has it
        )
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    def run(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        done = subprocess.run(
            self.command(*arguments, "--json"), capture_output=True, text=True, timeout=STEP_TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def other(self) -> dict[str, Any]:
        """The other device, as this one sees it."""
        (found,) = [each for each in self.run("devices") if not each["this"]]
        return dict(found)

    def names(self) -> set[str]:
        return {each["name"] for each in self.run("devices")}


def at_tracker(machine: Machine) -> bool:
    return any(each["joined"] and each["server"].endswith(":8000") for each in network(machine)["rooms"])


def until(true: Callable[[], bool], what: str) -> float:
    """How long it took."""
    began_s = time.monotonic()
    while not true():
        assert time.monotonic() < began_s + STEP_TIMEOUT_S, f"never: {what}"
        time.sleep(0.1)
    return time.monotonic() - began_s


def pair(pc: Machine, laptop: Machine) -> None:
    pairing, event = pc.start("pair", "--role", "owner", "--anywhere")
    while event["event"] != "code":
        event = json.loads(pairing.stdout.readline())  # type: ignore[union-attr]
    joining, shown = laptop.start("join", event["code"], "--tracker", event["tracker"], "--name", "Laptop")
    assert pairing.stdin is not None
    pairing.stdin.write(shown["digits"] + "\n")
    pairing.stdin.flush()
    assert pairing.wait(STEP_TIMEOUT_S) == 0
    assert joining.wait(STEP_TIMEOUT_S) == 0


def network(machine: Machine) -> Any:
    """`GET /api/v1/network`, asked as the machine's own commands do."""
    told = json.loads((machine.home / "node.json").read_text())
    code = (
        "import urllib.request, sys;"
        f"r = urllib.request.Request('http://127.0.0.1:{told['port']}/api/v1/network',"
        f" headers={{'Authorization': 'Bearer {told['token']}'}});"
        "sys.stdout.write(urllib.request.urlopen(r, timeout=20).read().decode())"
    )
    done = machine.host.run([sys.executable, "-c", code])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

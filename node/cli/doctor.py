"""songkeep doctor: what may keep this device from the others, and what to do about it."""

from __future__ import annotations

import argparse

from node.cli.arguments import Subparsers, add_command
from node.cli.reach import reach
from node.cli.terminal import Terminal

_SIGNS = {"good": "ok  ", "note": "note", "bad": "BAD "}


def register(subparsers: Subparsers) -> None:
    add_command(
        subparsers,
        "doctor",
        run_doctor,
        summary="look for what may keep devices from each other",
        more="Looks at membership, disk, clock, trackers, the local network, the DHT, UDP and the router. Asks\n"
        "the node that 'songkeep up' runs. With --json: an array of {about, state, text, fix}; state is good, note\n"
        "or bad.",
    )


def run_doctor(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        findings = client.get("doctor")["findings"]
    terminal.result(findings)
    for finding in findings:
        terminal.say(f"{_SIGNS[finding['state']]}  {finding['about']}: {finding['text']}")
        if finding["fix"]:
            terminal.say(f"      {finding['fix']}")
    return 0

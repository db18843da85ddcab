"""songkeep devices: who belongs to the library; rename, revoke."""

from __future__ import annotations

import argparse
from typing import Any

from node.cli.arguments import Subparsers, add_command
from node.cli.client import segment
from node.cli.consent import add_yes, agree
from node.cli.phrase import add_phrase_options, note_who_hears, phrase_asked
from node.cli.reach import reach
from node.cli.terminal import Terminal, spoken_moment, table
from node.sizes import spoken_bytes


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "devices",
        run_list,
        summary="list, rename and revoke this library's devices",
        more="With --json: an array of devices, each as GET /api/v1/devices gives it.",
        examples="  songkeep devices rename phone 'Old phone'\n  songkeep devices revoke 'Old phone'",
    )
    commands = parser.add_subparsers(dest="devices_command", metavar="COMMAND")
    add_command(commands, "list", run_list, summary="list them")
    renaming = add_command(commands, "rename", run_rename, summary="call a device otherwise")
    renaming.add_argument("device", metavar="DEVICE", help="its name, identifier, or the beginning of that")
    renaming.add_argument("name", metavar="NAME")
    revoking = add_command(
        commands, "revoke", run_revoke, summary="let a device have nothing new from now on; it can't be undone"
    )
    revoking.add_argument("device", metavar="DEVICE", help="its name, identifier, or the beginning of that")
    add_yes(revoking)
    add_phrase_options(revoking)


def run_list(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        items = client.get("devices")["items"]
    if asked.json:
        terminal.result(items)
        return 0
    rows = ((each["name"], each["role"], _seen(each), _room(each), each["id"][:12]) for each in items)
    for line in table(rows, (28, 8, 22, 26, 12)):
        terminal.say(line)
    for each in items:
        if each["active"] and each["health"]:
            terminal.note(f"{each['name']}: {each['health']}")
    return 0


def _seen(device: dict[str, Any]) -> str:
    if not device["active"]:
        return "revoked"
    if device["this"]:
        return "this device"
    if device["present"]:
        return "here now"
    if device["seen_ms"] is None:
        return "not seen lately"
    how = "asleep" if device["asleep"] else "seen"
    return f"{how} {spoken_moment(device['seen_ms'])}"


def _room(device: dict[str, Any]) -> str:
    if device["held_bytes"] is None:
        return ""
    budget = f", room for {spoken_bytes(device['budget_bytes'])}" if device["budget_bytes"] else ""
    return f"holds {spoken_bytes(device['held_bytes'])}{budget}"


def run_rename(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        device = client.patch(f"devices/{segment(asked.device)}", name=asked.name)
    terminal.result(device)
    terminal.say(f"It is called {device['name']} now.")
    return 0


def run_revoke(asked: argparse.Namespace, terminal: Terminal) -> int:
    question = f"Revoke {asked.device}? It gets nothing new from then on, and would have to be paired again."
    agree(asked, terminal, question)
    by_phrase = phrase_asked(asked, terminal)
    with reach(asked, terminal) as client:
        device = client.post(f"devices/{segment(asked.device)}/revoke", **by_phrase)
        note_who_hears(client, terminal)
    terminal.result(device)
    terminal.say(f"{device['name']} was revoked. What it holds already it can still play.")
    return 0

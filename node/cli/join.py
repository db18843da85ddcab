"""songkeep join: make this computer a device of a library that others have."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from node.cli.arguments import Subparsers, add_command
from node.cli.reach import home_of
from node.cli.terminal import Terminal
from node.config import Settings, change, save_settings
from node.doors.home import Home
from node.errors import UserError

if TYPE_CHECKING:
    from node.flows.pair import Welcome


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "join",
        run_join,
        summary="join a library that another device has",
        more="CODE is what 'songkeep pair' shows on that device: a code with --tracker, or a whole link. Six digits\n"
        "are shown here, to be typed there. With --json: one event a line.",
        examples="  songkeep join abcd-efgh-ijkl-mnop --tracker wss://tracker.example.org",
    )
    parser.add_argument("code", metavar="CODE")
    parser.add_argument("--tracker", metavar="URL", help="where the other device waits, unless the link says it")
    parser.add_argument("--budget", metavar="SIZE", help="room here for copies of what other devices hold, like 50GB")
    parser.add_argument("--name", metavar="NAME", help="what this device is called (this computer's name)")


def run_join(asked: argparse.Namespace, terminal: Terminal) -> int:
    home = home_of(asked)
    with home.hold():
        welcome = asyncio.run(_join(home, asked, terminal))
    from node.ids import to_text

    terminal.event("joined", library=to_text(welcome.roster.library), trackers=list(welcome.trackers))
    terminal.say("This computer belongs to the library now. Play it with 'songkeep up'.")
    return 0


async def _join(home: Home, asked: argparse.Namespace, terminal: Terminal) -> Welcome:
    from node.flows.enter import enter_library
    from node.wire.names import device_name
    from node.wire.pairing import read_invitation

    invitation = read_invitation(asked.code)
    budget = {"budget_bytes": asked.budget} if asked.budget else {}
    change(Settings(), budget)  # what is wrong with it is said before anything begins
    if asked.tracker:
        invitation = replace(invitation, tracker=asked.tracker)

    name = device_name(asked.name or socket.gethostname().partition(".")[0] or "Songkeep")
    if not name:
        raise UserError("a device's name needs something that can be read")

    def show_check(digits: str) -> None:
        terminal.event("check", digits=digits)
        terminal.say(f"Type this on the other device:  {digits[:3]} {digits[3:]}")

    def was_typed() -> None:
        terminal.event("typed")
        terminal.say("It was typed there.")

    async def kept(welcome: Welcome) -> None:
        settings = change(Settings(), {"trackers": _trackers(welcome, invitation.tracker), **budget})
        await asyncio.to_thread(save_settings, home.settings, settings)
        await asyncio.to_thread(_keep_name, home, name)

    return await enter_library(
        home.vault,
        invitation,
        name=name,
        random=os.urandom,
        show_check=show_check,
        was_typed=was_typed,
        kept=kept,
    )


def _trackers(welcome: Welcome, met_at: str | None) -> list[str]:
    """Where to meet from now on; the library's seeds stand in its roster."""
    from node.wire.roster import Role

    if welcome.trackers or met_at is None:
        return list(welcome.trackers)
    seeds = {address for seed in welcome.roster.active(Role.SEED) for address in seed.addresses}
    return [] if f"http{met_at.removeprefix('ws')}".rstrip("/") in seeds else [met_at]


def _keep_name(home: Home, name: str) -> None:
    from node.doors.index import Index
    from node.flows.devices import OWN_NAME

    with Index.open(home.index) as index:
        index.settings.set(OWN_NAME, name)

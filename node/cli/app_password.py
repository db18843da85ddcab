"""songkeep app-password: what other people's music apps sign in with."""

from __future__ import annotations

import argparse
import time
from typing import Any, Final

from node.cli.arguments import Subparsers, add_command
from node.cli.client import Client, segment
from node.cli.reach import reach
from node.cli.terminal import Terminal, counted, plain
from node.errors import NotFoundError, UserError

USER: Final = "songkeep"
_DAY_MS: Final = 86_400_000


def register(subparsers: Subparsers) -> None:
    group = add_command(
        subparsers,
        "app-password",
        run_list,
        summary="let music apps in, and list and revoke what they sign in with",
        more=(
            "Symfonium, Tempus, DSub, Feishin and every other app that speaks Subsonic plays from this node.\n"
            "Each gets a password of its own; docs/apps.md says how to connect."
        ),
        examples='  songkeep app-password new "Symfonium on Pixel"\n  songkeep app-password revoke Feishin',
    )
    actions = group.add_subparsers(dest="action", metavar="ACTION")
    add_command(actions, "list", run_list, summary="list them, and when each was last used")
    new = add_command(
        actions,
        "new",
        run_new,
        summary="make one; it is shown once",
        more="With --json: {id, name, password, created_ms, used_ms}.",
    )
    new.add_argument("name", metavar="NAME", help="of the app and the device, for you to know it by")
    revoke = add_command(actions, "revoke", run_revoke, summary="from now on it opens nothing")
    revoke.add_argument("password", metavar="NAME", help="its name, or its number in the list")


def run_list(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        known = _known(client)
    terminal.result(known)
    for one in known:
        terminal.say(f"{one['id']:>3}  {plain(one['name'])}  {_last_use(one)}")
    if not known:
        terminal.say('No music app is let in yet: songkeep app-password new "Symfonium on Pixel"')
    return 0


def run_new(asked: argparse.Namespace, terminal: Terminal) -> int:
    if not asked.name.strip():
        raise UserError(
            'name the app and the device, for you to know it by: songkeep app-password new "Amperfy on iPad"'
        )
    with reach(asked, terminal) as client:
        made = client.post("app-passwords", name=asked.name)
        address = client.address.rstrip("/")
    terminal.result(made)
    terminal.say("In the app, add a Subsonic or OpenSubsonic server:")
    terminal.say(f"  Address    {address}  (from other machines: this computer's address; docs/apps.md)")
    terminal.say(f"  User name  {USER}  (any name will do)")
    terminal.say(f"  Password   {made['password']}  (also the API key)")
    terminal.say("It is shown this once. If it is lost, revoke it and make another.")
    return 0


def run_revoke(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        named = [one for one in _known(client) if asked.password in (one["name"], str(one["id"]))]
        if not named:
            raise NotFoundError(f"there is no app password {asked.password!r}; 'songkeep app-password list' shows them")
        if len(named) > 1:
            raise UserError(f"{counted(len(named), 'app password')} bear that name; name one by its number")
        client.delete(f"app-passwords/{segment(str(named[0]['id']))}")
    terminal.result({"revoked": named[0]["id"]})
    terminal.say(f"{plain(named[0]['name'])} opens nothing any more.")
    return 0


def _known(client: Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get("app-passwords")["items"]
    return items


def _last_use(one: dict[str, Any]) -> str:
    if one["used_ms"] is None:
        return "never used"
    days = (time.time_ns() // 1_000_000 - one["used_ms"]) // _DAY_MS
    return "used today" if days <= 0 else f"last used {counted(days, 'day')} ago"

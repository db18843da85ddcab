"""songkeep pair: let another device into the library."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

from node.cli.arguments import Subparsers, add_command
from node.cli.client import Client
from node.cli.reach import reach
from node.cli.terminal import Terminal
from node.errors import SongkeepError, UnavailableError, UserError

_FAILED_EXIT_CODE = 4


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "pair",
        run_pair,
        summary="let another device into this library",
        more="Shows a QR code for a phone and a code to type on a computer. The new device then shows six digits\n"
        "that are typed here. With --json: one event a line; the digits are read from standard input.",
        examples="  songkeep pair --app https://music.example.org/\n  songkeep pair --role owner",
    )
    parser.add_argument(
        "--role",
        choices=("player", "owner"),
        default="player",
        help="a player plays and edits; an owner may also pair and revoke (%(default)s)",
    )
    parser.add_argument(
        "--anywhere", action="store_true", help="let it come through a tracker, not only from the local network"
    )
    parser.add_argument(
        "--app", metavar="URL", help="the https address from which a phone gets the app; whoever serves it is trusted"
    )


def run_pair(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        about = {"app": asked.app} if asked.app else {}
        pairing = client.post("pair", role=asked.role, anywhere=asked.anywhere, **about)
        try:
            return _follow(client, pairing["id"], asked, terminal)
        except KeyboardInterrupt:
            client.delete(f"pair/{pairing['id']}")
            raise


def _follow(client: Client, pairing_id: str, asked: argparse.Namespace, terminal: Terminal) -> int:
    exit_code = _FAILED_EXIT_CODE
    for event in _events(client, pairing_id):
        if asked.json:
            print(json.dumps(event), flush=True)
        else:
            _show(event, asked, terminal)
        match event["event"]:
            case "check":
                _type_check(client, pairing_id, asked, terminal)
            case "paired":
                exit_code = 0
            case "failed" if not asked.json:
                raise _told(event)
    return exit_code


def _events(client: Client, pairing_id: str) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        news = client.get(f"pair/{pairing_id}/events", after=after)
        for event in news["events"]:
            if event["event"] == "end":
                return
            yield event
        after = news["next"]


def _type_check(client: Client, pairing_id: str, asked: argparse.Namespace, terminal: Terminal) -> None:
    while True:
        if not asked.json:
            print("The six digits that it shows: ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            client.delete(f"pair/{pairing_id}")
            return
        try:
            client.post(f"pair/{pairing_id}/check", digits=line.strip())
            return
        except UserError as error:
            terminal.fail(error)
        except UnavailableError:
            return  # it has ended meanwhile; the next event says why


def _show(event: dict[str, Any], asked: argparse.Namespace, terminal: Terminal) -> None:
    match event["event"]:
        case "code":
            through = f" --tracker {event['tracker']}" if event["tracker"] else ""
            terminal.say(f"On the other computer:  songkeep join {event['code']}{through}")
            if not through:
                terminal.say("It must be on the same network; 'songkeep pair --anywhere' lets it come from elsewhere.")
            terminal.say("(The code is good for one try within ten minutes.)")
            if not asked.app:
                terminal.say("For a phone, also say where its app comes from: songkeep pair --app https://...")
            terminal.say()
        case "link":
            terminal.say("With a phone, scan this; it changes every minute:")
            terminal.say(_qr(event["link"]))
            terminal.say(event["link"])
        case "met":
            terminal.say("A device has come.")
        case "check":
            terminal.say(f"It calls itself {event['name']}. Go on only if it is the one in your hand.")
        case "paired":
            terminal.say(f"{event['name']} belongs to your library now, as {event['role']}.")


def _qr(link: str) -> str:
    import segno

    drawn = io.StringIO()
    segno.make(link, error="l", micro=False).terminal(out=drawn, compact=True)
    return drawn.getvalue()


def _told(event: dict[str, Any]) -> SongkeepError:
    error = SongkeepError(event["message"])
    error.exit_code = _FAILED_EXIT_CODE
    return error

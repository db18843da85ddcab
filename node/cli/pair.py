"""songkeep pair: let another device into the library."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from typing import Any

from node.cli.arguments import Subparsers, add_command
from node.cli.client import Client
from node.cli.reach import reach
from node.cli.terminal import Terminal
from node.errors import RefusedError, UnavailableError, UserError

_WHY = (
    "Songkeep answers on your local network while it waits, so that the new device finds this one; "
    "your system may ask whether to allow it."
)
NO_ADDRESS = """\
a phone gets the app from an https address, and none is known yet. Whoever serves it is trusted with the phone's keys, \
so it should be your own, or a friend's. There are four ways:
  - your own seed or tracker on a small server, which serves the app too: docs/seed.md, docs/tracker.md
  - a friend's tracker: ask for its address
  - any static web host, with a tracker of anybody's: songkeep app export DIR, and put what it writes there
  - only at home: songkeep config lan on, and open the player's address of this network in the phone's browser
When you have the address: songkeep pair --app https://music.example.org/"""


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "pair",
        run_pair,
        summary="let another device into this library",
        more="Shows a QR code for a phone and a code to type on a computer. The new device then shows six digits\n"
        "that are typed here. With --json: one event a line; the digits are read from standard input.",
        examples="  songkeep pair --phone\n  songkeep pair --role owner",
    )
    parser.add_argument(
        "--role",
        choices=("player", "owner"),
        default="player",
        help="a player plays and edits; an owner may also pair and revoke (%(default)s)",
    )
    parser.add_argument(
        "--anywhere", action="store_true", help="let it come through a tracker or seed, not only from the local network"
    )
    parser.add_argument("--phone", action="store_true", help="show a QR code that opens the app on a phone")
    parser.add_argument(
        "--app",
        metavar="URL",
        help="the https address that phones get the app from, from now on; whoever serves it is trusted",
    )


def run_pair(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        if any(each["this"] and each["role"] != "owner" for each in client.get("devices")["items"]):
            raise RefusedError("this device may not pair others; do it on a device that is an owner")
        terminal.note(_WHY)
        about = _app_of(asked, client)
        pairing = client.post("pair", role=asked.role, anywhere=asked.anywhere, **about)
        try:
            return _follow(client, pairing["id"], asked, terminal)
        except KeyboardInterrupt:
            client.delete(f"pair/{pairing['id']}")
            raise


def _app_of(asked: argparse.Namespace, client: Client) -> dict[str, str]:
    """Where a phone gets the app from, if one is to come. Raises UserError that says what can be done about none."""
    if asked.app:
        return {"app": client.patch("config", app=asked.app)["app"]}
    if not asked.phone:
        return {}
    known = client.get("config")["app"]
    if not known:
        raise UserError(NO_ADDRESS)
    return {"app": known}


def _follow(client: Client, pairing_id: str, asked: argparse.Namespace, terminal: Terminal) -> int:
    exit_code = RefusedError.exit_code
    for event in _events(client, pairing_id):
        terminal.event(**event)
        if not asked.json:
            _show(event, asked, terminal)
        match event["event"]:
            case "check":
                _type_check(client, pairing_id, asked, terminal)
            case "paired":
                exit_code = 0
            case "failed" if not asked.json:
                raise RefusedError(event["message"])
    return exit_code


def _events(client: Client, pairing_id: str) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        news = client.get(f"pair/{pairing_id}/events", after=after)
        for event in news["events"]:
            yield event
            if event["event"] == "end":
                return
        after = news["next"]


def _type_check(client: Client, pairing_id: str, asked: argparse.Namespace, terminal: Terminal) -> None:
    while True:
        if not asked.json:
            print("The six digits that it shows: ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            if not asked.json:
                print()  # what comes next begins a line of its own
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
            if not asked.app and not asked.phone:
                terminal.say("For a phone: songkeep pair --phone")
            terminal.say()
        case "link":
            terminal.say("With a phone, scan this; it changes every minute:")
            for line in _qr(event["link"]).splitlines():
                terminal.say(line)
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

"""songkeep open: sign a browser in. Also what `up` opens the player with."""

from __future__ import annotations

import argparse
import os
import sys

from node.cli.arguments import Subparsers, add_command
from node.cli.client import Client
from node.cli.reach import home_of, open_vault, running_client
from node.cli.terminal import Terminal
from node.errors import UnavailableError


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "open",
        run,
        summary="open the running player in a browser, signed in",
        more="Prints the address too; it works once, within an hour. With --json: {url}.",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def run(asked: argparse.Namespace, terminal: Terminal) -> int:
    home = home_of(asked)
    client = running_client(home)
    if client is None:
        if not home.vault.exists():
            open_vault(home, terminal)
        raise UnavailableError("the player is not running; start it with 'songkeep up'")
    url = sign_in_address(client)
    terminal.result({"url": url})
    terminal.say(url)
    if not asked.no_browser and not terminal.as_json:
        open_browser(client)
    return 0


def sign_in_address(client: Client, *, own_user: bool = False) -> str:
    """The player's address with a fresh sign-in code; with `own_user` it works for this user of the machine alone."""
    code = client.post("session/code", own_user=own_user)["code"]
    return f"{client.address}#signin={code}"


def open_browser(client: Client) -> bool:
    """Open the player in the person's browser, if there is one; says whether it was tried."""
    if not has_display():
        return False
    import webbrowser

    # Other users can see the arguments of programs, and a browser is opened with its address as one.
    return webbrowser.open(sign_in_address(client, own_user=True))


def has_display() -> bool:
    """Whether a graphical browser can show up: never start one that takes the terminal over."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

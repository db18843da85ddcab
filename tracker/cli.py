"""`songkeep tracker`: runs a tracker."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from node.errors import UserError
from tracker import admin
from tracker.admin import Commands
from tracker.options import DEFAULT_PORT, DEFAULT_STUN_PORT, Options

if TYPE_CHECKING:
    from tracker.server import Running

_OFF: Final = "off"


def add_commands(commands: Commands) -> None:
    """Everything below `songkeep tracker`. Each sets `tracker_run`, which takes the arguments and the home."""
    running = commands.add_parser("run", help="run it until it is stopped")
    _add_run_arguments(running)
    running.set_defaults(tracker_run=run_tracker)
    admin.add_commands(commands)


def _add_run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        default=f"127.0.0.1:{DEFAULT_PORT}",
        help="where to answer HTTP and WebSocket; a proxy with a certificate stands in front (%(default)s)",
    )
    parser.add_argument(
        "--stun",
        metavar="HOST:PORT|off",
        default=f"0.0.0.0:{DEFAULT_STUN_PORT}",
        help="where to answer STUN on UDP (%(default)s)",
    )
    parser.add_argument(
        "--name",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="the name under which devices reach this tracker, as in wss://NAME; may be given more than once",
    )
    parser.add_argument(
        "--per-address",
        metavar="N",
        type=int,
        default=128,
        help="connections from one address: a mobile carrier's gateway has many phones behind it (%(default)s)",
    )
    parser.add_argument(
        "--access-log",
        metavar="on|addresses|off",
        choices=("on", "addresses", "off"),
        default="on",
        help="a line for each request on standard error, with the addresses of clients only if asked for (%(default)s)",
    )
    parser.add_argument("--no-app", action="store_true", help="do not serve the app to phones")


def run_tracker(asked: argparse.Namespace, home: Path) -> int:
    """Run until stopped; returns the exit code."""
    from node.wire.roomeffects import Limits
    from tracker.server import run

    host, port = _address(asked.listen)
    stun_host, stun_port = ("", None) if asked.stun == _OFF else _address(asked.stun)
    options = Options(
        home=home,
        host=host,
        port=port,
        stun_host=stun_host,
        stun_port=stun_port,
        names=frozenset(name.lower() for name in asked.name),
        app=not asked.no_app,
        access_log=asked.access_log,
        limits=Limits(connections_per_address=max(1, asked.per_address)),
    )
    logging.basicConfig(level=logging.INFO if asked.verbose else logging.WARNING, stream=sys.stderr)
    logging.getLogger("tracker.access").setLevel(logging.INFO)

    def started(tracker: Running) -> None:
        if asked.json:
            event = {
                "event": "started",
                "host": tracker.host,
                "port": tracker.port,
                "stun_port": tracker.stun_port,
                "key": tracker.key,
            }
            print(json.dumps(event), flush=True)
        else:
            stun = f", STUN on UDP port {tracker.stun_port}" if tracker.stun_port else ""
            print(f"The tracker answers on {tracker.host}:{tracker.port}{stun}. Ctrl-C stops it.")
            print(f"Seeds that take its accounts are run with: --tracker {tracker.key}", flush=True)

    run(options, started=started)
    return 0


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65_535:
        raise UserError(f"{text!r} is not an address like 127.0.0.1:{DEFAULT_PORT}")
    return host.strip("[]") or "0.0.0.0", int(port)

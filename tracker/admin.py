"""What the person who runs a tracker can do: accounts, plans, invitations. Works beside a running tracker."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from node.errors import NotFoundError
from node.ids import to_text
from tracker.options import DATABASE_NAME

Commands = Any
"""argparse's own type for it is private."""


def add_commands(commands: Commands) -> None:
    """`accounts`, `plan`, `invite`, `release`, `suspend` and `resume`."""
    listing = commands.add_parser("accounts", help="list the libraries that this tracker serves, and what they have")
    listing.set_defaults(tracker_run=list_accounts)
    planning = commands.add_parser("plan", help="give an account another plan")
    planning.add_argument("library", metavar="ACCOUNT", help="the beginning of its identifier")
    planning.add_argument("plan", metavar="PLAN")
    planning.set_defaults(tracker_run=set_plan)
    inviting = commands.add_parser("invite", help="make an invitation for a new library")
    inviting.add_argument("--plan", metavar="PLAN", help="which plan it gives; without: the usual one")
    inviting.add_argument("--uses", metavar="N", type=int, default=1, help="for how many libraries (%(default)s)")
    inviting.set_defaults(tracker_run=invite)
    releasing = commands.add_parser("release", help="count no more what was granted on a seed that is gone for good")
    releasing.add_argument("library", metavar="ACCOUNT", help="the beginning of its identifier")
    releasing.add_argument("seed", metavar="SEED", help="the beginning of the seed's identifier")
    releasing.set_defaults(tracker_run=release)
    for name, what, suspended in (
        ("suspend", "cut an account off at once, and let it in no more", True),
        ("resume", "let a suspended account in again", False),
    ):
        changing = commands.add_parser(name, help=what)
        changing.add_argument("library", metavar="ACCOUNT", help="the beginning of its identifier")
        changing.set_defaults(tracker_run=suspending(suspended))


@contextmanager
def _ledger(home: Path) -> Iterator[Any]:
    from tracker.database import Database
    from tracker.ledger import Ledger
    from tracker.server import load_plans, tracker_keys

    path = home / DATABASE_NAME
    if not path.exists():
        raise NotFoundError(f"no tracker has run in {home} yet; start it with 'songkeep tracker run'")
    database = Database.open(path)
    try:
        yield Ledger(database, tracker_keys(database), load_plans(home))
    finally:
        database.close()


def list_accounts(asked: argparse.Namespace, home: Path) -> int:
    with _ledger(home) as ledger:
        accounts = ledger.accounts()
    if asked.json:
        told = [
            {
                "library": to_text(each.library),
                "plan": each.plan,
                "suspended": each.suspended,
                "created_ms": each.created_ms,
                "devices": each.devices,
                "granted_bytes": each.granted_bytes,
            }
            for each in accounts
        ]
        print(json.dumps(told))
        return 0
    for each in accounts:
        since = time.strftime("%Y-%m-%d", time.localtime(each.created_ms / 1_000))
        state = "  suspended" if each.suspended else ""
        print(
            f"{to_text(each.library)[:12]}  {each.plan:<10} {each.devices:>3} devices  "
            f"{each.granted_bytes / 1e9:>8.1f} GB granted  since {since}{state}"
        )
    print(f"{len(accounts)} accounts.")
    return 0


def set_plan(asked: argparse.Namespace, home: Path) -> int:
    with _ledger(home) as ledger:
        ledger.set_plan(asked.library, asked.plan)
    _say(asked, {"plan": asked.plan}, f"It has the plan {asked.plan} now. Grants that are out stay until they end.")
    return 0


def invite(asked: argparse.Namespace, home: Path) -> int:
    with _ledger(home) as ledger:
        code = ledger.invite(os.urandom(10), plan=asked.plan, uses=asked.uses)
    _say(
        asked,
        {"invitation": code},
        f"Good for 30 days: songkeep config trackers wss://THIS-TRACKER#invite={code}",
    )
    return 0


def release(asked: argparse.Namespace, home: Path) -> int:
    with _ledger(home) as ledger:
        ledger.release(asked.library, asked.seed)
    _say(asked, {"released": asked.seed}, "What was granted there is free again. A seed that lives still keeps it.")
    return 0


def suspending(suspended: bool) -> Callable[[argparse.Namespace, Path], int]:
    def change(asked: argparse.Namespace, home: Path) -> int:
        with _ledger(home) as ledger:
            ledger.suspend(asked.library, suspended=suspended)
        state = "suspended: it is cut off, and not let in any more" if suspended else "let in again"
        _say(asked, {"suspended": suspended}, f"The account is {state}.")
        return 0

    return change


def _say(asked: argparse.Namespace, value: dict[str, object], sentence: str) -> None:
    print(json.dumps(value) if asked.json else sentence)

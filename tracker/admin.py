"""What the person who runs a tracker can do: accounts, plans, invitations. Works beside a running tracker."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.errors import NotFoundError
from node.ids import to_text
from tracker.options import DATABASE_NAME

if TYPE_CHECKING:
    from tracker.database import Database
    from tracker.ledger import Ledger

Commands = Any
"""argparse's own type for it is private."""


def add_commands(commands: Commands) -> None:
    """`accounts`, `usage`, `pool`, `plans`, `plan`, `invite`, `invites`, `release`, `suspend`, `resume` and `key`."""
    listing = commands.add_parser("accounts", help="list the libraries that this tracker serves, and what they have")
    listing.set_defaults(tracker_run=list_accounts)
    using = commands.add_parser("usage", help="what accounts have on seeds: counted, granted, used")
    using.add_argument("library", metavar="ACCOUNT", nargs="?", default="", help="only this one: how it begins")
    using.set_defaults(tracker_run=show_usage)
    plans = commands.add_parser("plans", help="list the plans, and how many accounts have each")
    plans.set_defaults(tracker_run=list_plans)
    invited = commands.add_parser("invites", help="list the invitations that can still be used")
    invited.set_defaults(tracker_run=list_invitations)
    naming = commands.add_parser("key", help="show the key by which seeds know this tracker: 'seed run --tracker KEY'")
    naming.set_defaults(tracker_run=show_key)
    pooling = commands.add_parser("pool", help="list the seeds that offer room to this tracker's libraries")
    pooling.add_argument("--shut-out", metavar="SEED", help="name this one to no library any more: how it begins")
    pooling.add_argument("--take-back", metavar="SEED", help="name one that was shut out again")
    pooling.set_defaults(tracker_run=show_pool)
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
def _database(home: Path) -> Iterator[Database]:
    from tracker.database import Database

    path = home / DATABASE_NAME
    if not path.exists():
        raise NotFoundError(f"no tracker has run in {home} yet; start it with 'songkeep tracker run'")
    database = Database.open(path)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _ledger(home: Path) -> Iterator[Ledger]:
    from tracker.ledger import Ledger
    from tracker.server import load_plans, tracker_keys

    with _database(home) as database:
        yield Ledger(database, tracker_keys(database), load_plans(home))


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
                "members": each.members,
                "granted_bytes": each.granted_bytes,
            }
            for each in accounts
        ]
        print(json.dumps(told))
        return 0
    for each in accounts:
        state = "  suspended" if each.suspended else ""
        print(
            f"{to_text(each.library)[:12]}  {each.plan:<10} {each.members:>3} members  "
            f"{_gb(each.granted_bytes)} granted  since {_day(each.created_ms)}{state}"
        )
    print(f"{len(accounts)} accounts.")
    return 0


def show_usage(asked: argparse.Namespace, home: Path) -> int:
    from tracker.ledger import system_ms
    from tracker.reports import on_seeds

    with _database(home) as database:
        found = on_seeds(database, asked.library, now_ms=system_ms())
    if asked.json:
        told = [
            {
                "library": to_text(each.library),
                "seed": to_text(each.seed),
                "counted_bytes": each.counted_bytes,
                "kept_bytes": each.kept_bytes,
                "used_bytes": each.used_bytes,
                "told_ms": each.told_ms,
            }
            for each in found
        ]
        print(json.dumps(told))
        return 0
    for each in found:
        word = "the seed has not said anything yet"
        if each.kept_bytes is not None and each.used_bytes is not None and each.told_ms is not None:
            word = f"{_gb(each.used_bytes)} of {_gb(each.kept_bytes)} used on {_day(each.told_ms)}"
        print(f"{to_text(each.library)[:12]}  on {to_text(each.seed)[:12]}  {_gb(each.counted_bytes)} counted  {word}")
    print(f"{len(found)} accounts on seeds." if len(found) != 1 else "1 account on a seed.")
    return 0


def list_plans(asked: argparse.Namespace, home: Path) -> int:
    from tracker.reports import plan_uses
    from tracker.server import load_plans

    with _database(home) as database:
        found = plan_uses(database, load_plans(home))
    if asked.json:
        print(json.dumps([asdict(each) for each in found]))
        return 0
    for each in found:
        print(f"{each.name:<10} {_gb(each.size_bytes)}  {each.accounts} accounts{'  usual' * each.is_default}")
    return 0


def list_invitations(asked: argparse.Namespace, home: Path) -> int:
    from tracker.ledger import system_ms
    from tracker.reports import invitations

    with _database(home) as database:
        found = invitations(database, now_ms=system_ms())
    if asked.json:
        print(json.dumps([asdict(each) for each in found]))
        return 0
    for each in found:
        print(f"{each.plan:<10} for {each.uses_left} more libraries, until {_day(each.expires_ms)}")
    print(f"{len(found)} invitations can be used.")
    return 0


def show_pool(asked: argparse.Namespace, home: Path) -> int:
    from tracker.ledger import system_ms
    from tracker.pool import SeedPool
    from tracker.server import tracker_keys

    with _database(home) as database:
        pool = SeedPool(database, tracker_keys(database).id, now_ms=system_ms)
        if asked.shut_out:
            pool.shut_out(asked.shut_out, shut_out=True)
        if asked.take_back:
            pool.shut_out(asked.take_back, shut_out=False)
        seeds = pool.seeds()
    if asked.json:
        print(json.dumps([{**asdict(each), "seed": to_text(each.seed)} for each in seeds]))
        return 0
    for each in seeds:
        state = "  shut out" if each.shut_out else ""
        print(
            f"{to_text(each.seed)[:12]}  {_gb(each.free_bytes)} free of {_gb(each.capacity_bytes)} by its own word of "
            f"{_day(each.time_ms)}  {each.url}{state}"
        )
    named = [each for each in seeds if not each.shut_out]
    print(f"{len(named)} seed{'s' * (len(named) != 1)}, {_gb(sum(each.free_bytes for each in named)).strip()} free.")
    return 0


def show_key(asked: argparse.Namespace, home: Path) -> int:
    from tracker.server import tracker_keys

    with _database(home) as database:
        key = to_text(tracker_keys(database).id)
    _say(asked, {"key": key}, key)
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


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:>8.1f} GB"


def _day(time_ms: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(time_ms / 1_000))

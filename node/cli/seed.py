"""songkeep seed: be a seed, for oneself or for friends."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from node.cli.arguments import Subparsers, add_command, add_group
from node.cli.consent import add_yes, agree
from node.cli.seed_status import recalled, run_status, seed_home
from node.cli.terminal import Terminal
from node.sizes import spoken_bytes

if TYPE_CHECKING:
    from node.seed.options import SeedOptions


def register(subparsers: Subparsers) -> None:
    commands = add_group(
        subparsers,
        "seed",
        summary="run a seed: keep libraries sealed, without being able to read them",
        examples="  songkeep seed run --capacity 200GB --url https://seed.example\n"
        "  songkeep seed invite --quota 100GB",
    )
    running = add_command(commands, "run", run_seed, summary="run it until it is stopped")
    running.add_argument("--listen", metavar="HOST:PORT", default="0.0.0.0:7666", help="default: 0.0.0.0:7666")
    running.add_argument("--url", metavar="URL", default="", help="the address under which devices reach it")
    running.add_argument("--capacity", metavar="SIZE", default="50GB", help="all it may promise; default: 50GB")
    running.add_argument("--swarm", metavar="INTERFACES", default="", help="where BitTorrent listens: 0.0.0.0:7667")
    running.add_argument(
        "--tracker",
        metavar="URL|KEY",
        action="append",
        default=[],
        help="a tracker whose accounts may store here, within the capacity; may be repeated. With its address the seed "
        "stands in its pool, and libraries find it there; with its key alone it doesn't",
    )
    running.add_argument("--rate", metavar="SIZE", help="how much it sends in a second, like 2MB; default: no limit")
    running.add_argument(
        "--stun",
        metavar="HOST:PORT|off",
        default="0.0.0.0:3478",
        help="where to answer STUN on UDP; default: 0.0.0.0:3478",
    )
    running.add_argument(
        "--dht",
        metavar="HOST:PORT",
        default="",
        help="be a node of a private DHT on UDP, such as 0.0.0.0:7668: devices set 'songkeep config dht_nodes' to it",
    )
    running.add_argument(
        "--dht-node",
        metavar="HOST:PORT",
        action="append",
        default=[],
        help="another node of that DHT; may be given more than once",
    )
    running.add_argument("--no-app", action="store_true", help="do not serve the app to phones")
    inviting = add_command(
        commands,
        "invite",
        run_invite,
        summary="print a code with which one library may come here",
        more="With --json: {code, quota_bytes}.",
    )
    inviting.add_argument("--quota", metavar="SIZE", required=True, help="how much it may keep, such as 100GB")
    add_command(
        commands,
        "status",
        run_status,
        summary="show what is promised and held, library by number",
        more="Prints the address of its status page too, which opens with a key of its own. With --json: {url, page,\n"
        "started_ms, capacity_bytes, promised_bytes, held_bytes, disk: {free_bytes, short_bytes, oldest_check_ms,\n"
        "damaged_blobs}, pools: [{tracker, until_ms, trouble}], libraries: [{number,\n"
        "quota_bytes, held_bytes, ..., traffic}]}.",
    )
    ending = add_command(
        commands,
        "end",
        run_end,
        summary="keep a library no more",
        more="Its owner is told, and nothing goes for 30 days; then everything does. A new invitation takes it back.\n"
        "With --json: {ended: number}.",
    )
    ending.add_argument("number", type=int, metavar="NUMBER", help="of the library, as 'songkeep seed status' lists it")
    add_yes(ending)


def _options(asked: argparse.Namespace) -> SeedOptions:
    from node.config import dht_nodes, host_and_port
    from node.seed.options import SeedOptions, read_capacity
    from node.seed.server import prepare_home
    from node.seed.trackers import trusted
    from node.wire.dhtrecord import join_address
    from node.wire.seedapi import clean_url

    home = seed_home(asked)
    host, port = host_and_port(asked.listen)
    if asked.tracker:  # what is learnt of them is kept there
        prepare_home(SeedOptions(home=home))
    stun_host, stun_port = ("", None) if asked.stun == "off" else host_and_port(asked.stun)
    return SeedOptions(
        home=home,
        host=host,
        port=port,
        url=clean_url(asked.url) if asked.url else "",
        capacity_bytes=read_capacity(asked.capacity),
        swarm_listen=asked.swarm,
        stun_host=stun_host,
        stun_port=stun_port,
        dht_listen=join_address(*host_and_port(asked.dht)) if asked.dht else "",
        dht_nodes=dht_nodes("--dht-node", asked.dht_node),
        rate_bytes_per_s=read_capacity(asked.rate) if asked.rate else 0,
        app=not asked.no_app,
        trackers=trusted(asked.tracker, home),
    )


def run_seed(asked: argparse.Namespace, terminal: Terminal) -> int:
    from node.log import configure_log
    from node.seed.server import RunningSeed, prepare_home, run

    options = _options(asked)
    prepare_home(options)
    configure_log(level="info", file=options.home / "seed.log", to_stderr=terminal.verbose)

    def started(seed: RunningSeed) -> None:
        terminal.result(
            {
                "url": seed.url,
                "port": seed.port,
                "swarm_port": seed.keeper.swarm_port,
                "dht_port": seed.dht.port if seed.dht else None,
            }
        )
        terminal.say(f"The seed answers at {seed.url} and may keep {spoken_bytes(options.capacity_bytes)}.")
        if options.is_in_pools:
            terminal.say(
                "Libraries find it in its tracker's pool; 'songkeep seed status' says whether it stands there."
            )
        elif any(each.base for each in options.trackers):
            terminal.say("It stands in no tracker's pool: say with --url under which address others reach it.")
        terminal.say("Invite a library with 'songkeep seed invite --quota 100GB'. Ctrl+C ends it.")

    run(options, started=started)
    return 0


def run_invite(asked: argparse.Namespace, terminal: Terminal) -> int:
    from node.seed.identity import load_identity
    from node.seed.ledger import Ledger
    from node.seed.options import read_capacity
    from node.seed.server import make_invitation

    options = recalled(asked)
    quota_bytes = read_capacity(asked.quota)

    async def invite() -> str:
        keys = load_identity(options.home / "seed.keys")
        async with Ledger.open(options.home / "seed.sqlite") as ledger:
            return await make_invitation(options, keys, ledger, quota_bytes=quota_bytes, url=options.url)

    code = asyncio.run(invite())
    terminal.result({"code": code, "quota_bytes": quota_bytes})
    terminal.say(code)
    terminal.note(f"Good once, for {spoken_bytes(quota_bytes)}. The library's owner runs: songkeep seeds add 'CODE'")
    return 0


def run_end(asked: argparse.Namespace, terminal: Terminal) -> int:
    from node.seed.clock import now_ms
    from node.seed.ledger import Ledger

    options = recalled(asked)
    question = f"Keep library {asked.number} no more? Its owner is told, and in 30 days all of it goes from here."
    agree(asked, terminal, question)

    async def end() -> None:
        async with Ledger.open(options.home / "seed.sqlite") as ledger:
            await ledger.refuse(asked.number, now_ms=now_ms())

    asyncio.run(end())
    terminal.result({"ended": asked.number})
    terminal.say(f"Library {asked.number} is told at its next visit, and kept for 30 days more.")
    return 0

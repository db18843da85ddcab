"""songkeep seed: be a seed, for oneself or for friends."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from node.cli.arguments import Subparsers, add_command
from node.cli.terminal import Terminal, counted, spoken_bytes
from node.doors.home import locate_home
from node.errors import UserError


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "seed",
        _show_help,
        summary="run a seed: keep libraries sealed, without being able to read them",
        examples="  songkeep seed run --capacity 200GB --url https://seed.example\n"
        "  songkeep seed invite --quota 100GB",
    )
    parser.set_defaults(seed_parser=parser)
    commands = parser.add_subparsers(dest="seed_command", metavar="COMMAND")
    running = add_command(commands, "run", run_seed, summary="run it until it is stopped")
    running.add_argument("--listen", metavar="HOST:PORT", default="0.0.0.0:7666", help="default: 0.0.0.0:7666")
    running.add_argument("--url", metavar="URL", default="", help="the address under which devices reach it")
    running.add_argument("--capacity", metavar="SIZE", default="50GB", help="all it may promise; default: 50GB")
    running.add_argument("--swarm", metavar="INTERFACES", default="", help="where BitTorrent listens: 0.0.0.0:7667")
    running.add_argument(
        "--tracker",
        metavar="KEY",
        action="append",
        default=[],
        help="the key of a tracker whose accounts may store here, within the capacity; may be given more than once",
    )
    running.add_argument(
        "--stun",
        metavar="HOST:PORT|off",
        default="0.0.0.0:3478",
        help="where to answer STUN on UDP; default: 0.0.0.0:3478",
    )
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
        more="With --json: {url, capacity_bytes, promised_bytes, libraries: [{number, quota_bytes, held_bytes, ...}]}.",
    )


def _show_help(asked: argparse.Namespace, _terminal: Terminal) -> int:
    asked.seed_parser.print_help()
    return 2


def _options(asked: argparse.Namespace) -> Any:
    from node.seed.options import SeedOptions, read_capacity
    from node.wire.seedapi import clean_url

    home = locate_home(asked.home).path / "seed"
    if asked.seed_command != "run":
        return SeedOptions(home=home)
    host, port = _host_and_port("--listen", asked.listen)
    stun_host, stun_port = ("", None) if asked.stun == "off" else _host_and_port("--stun", asked.stun)
    return SeedOptions(
        home=home,
        host=host,
        port=port,
        url=clean_url(asked.url) if asked.url else "",
        capacity_bytes=read_capacity(asked.capacity),
        swarm_listen=asked.swarm,
        stun_host=stun_host,
        stun_port=stun_port,
        trackers=tuple(_tracker_key(each) for each in asked.tracker),
    )


def _host_and_port(option: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65_535:
        raise UserError(f"{option} is HOST:PORT, such as 0.0.0.0:7666")
    return host.strip("[]") or "0.0.0.0", int(port)


def _tracker_key(text: str) -> bytes:
    from node.ids import from_text

    key = from_text(text.strip())
    if len(key) != 32:
        raise UserError("--tracker takes a tracker's key: 52 letters and digits")
    return key


def run_seed(asked: argparse.Namespace, terminal: Terminal) -> int:
    from node.log import configure_log
    from node.seed.server import RunningSeed, prepare_home, run

    options = _options(asked)
    prepare_home(options)
    configure_log(level="info", file=options.home / "seed.log", to_stderr=terminal.verbose)

    def started(seed: RunningSeed) -> None:
        terminal.result({"url": seed.url, "port": seed.port, "swarm_port": seed.keeper.swarm_port})
        terminal.say(f"The seed answers at {seed.url} and may keep {spoken_bytes(options.capacity_bytes)}.")
        terminal.say("Invite a library with 'songkeep seed invite --quota 100GB'. Ctrl+C ends it.")

    run(options, started=started)
    return 0


def run_invite(asked: argparse.Namespace, terminal: Terminal) -> int:
    from node.seed.identity import load_identity
    from node.seed.ledger import Ledger
    from node.seed.options import read_capacity, recall
    from node.seed.server import make_invitation

    options = recall(_options(asked))
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


def run_status(asked: argparse.Namespace, terminal: Terminal) -> int:
    from node.seed.ledger import Ledger
    from node.seed.options import recall
    from node.seed.schema import State

    options = recall(_options(asked))

    async def look() -> dict[str, Any]:
        async with Ledger.open(options.home / "seed.sqlite") as ledger:
            libraries = []
            for facts in await ledger.libraries():
                usage = await ledger.usage(facts.library)
                libraries.append(
                    {
                        "number": facts.number,
                        "quota_bytes": facts.quota_bytes,
                        "held_bytes": usage.bytes_by_state.get(State.HELD, 0),
                        "held_blobs": usage.blobs_by_state.get(State.HELD, 0),
                        "waiting_bytes": usage.bytes_by_state.get(State.WANTED, 0),
                        "damaged_blobs": usage.blobs_by_state.get(State.DAMAGED, 0),
                        "trash_bytes": usage.bytes_by_state.get(State.TRASH, 0),
                    }
                )
            return {
                "url": options.url,
                "capacity_bytes": options.capacity_bytes,
                "promised_bytes": await ledger.promised_bytes(),
                "libraries": libraries,
            }

    status = asyncio.run(look())
    terminal.result(status)
    promised, capacity = spoken_bytes(status["promised_bytes"]), spoken_bytes(status["capacity_bytes"])
    terminal.say(f"{status['url']}  promised {promised} of {capacity}")
    for each in status["libraries"]:
        terminal.say(
            f"  library {each['number']}: {counted(each['held_blobs'], 'blob')}, {spoken_bytes(each['held_bytes'])}"
            f" of {spoken_bytes(each['quota_bytes'])}; {spoken_bytes(each['waiting_bytes'])} to come,"
            f" {spoken_bytes(each['trash_bytes'])} in the trash, {each['damaged_blobs']} damaged"
        )
    return 0

"""songkeep seeds: who keeps this library sealed, always on."""

from __future__ import annotations

import argparse
from typing import Any

from node.cli.arguments import Subparsers, add_command
from node.cli.client import segment
from node.cli.consent import DeclinedError, add_yes, agree
from node.cli.reach import reach
from node.cli.terminal import Terminal, counted
from node.errors import UserError
from node.sizes import spoken_bytes

_NAMED = "its number in 'songkeep seeds', or how its address or its identifier begins"
_KINDS = {"mobile": "songs for the phone", "cover": "covers", "original": "originals"}


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "seeds",
        run_list,
        summary="list, add and remove the seeds that keep this library",
        more="A seed holds the library sealed and can't read it. Its owner gives you a code, made with\n"
        "'songkeep seed invite'. With --json: an array of seeds, each as GET /api/v1/seeds gives it.",
        examples="  songkeep seeds add 'https://seed.example:7666#invite=...'\n"
        "  songkeep seeds add --pool 40GB\n"
        "  songkeep seeds remove 2\n"
        "  songkeep seeds move seed.example https://elsewhere.example\n"
        "  songkeep seeds shrink",
    )
    commands = parser.add_subparsers(dest="seeds_command", metavar="COMMAND")
    add_command(commands, "list", run_list, summary="list them and what they hold")
    adding = add_command(commands, "add", run_add, summary="have a seed keep this library")
    adding.add_argument(
        "code",
        metavar="CODE",
        nargs="?",
        default="",
        help="what 'songkeep seed invite' printed, whole and in quotes; or with --grant its address",
    )
    adding.add_argument("--grant", metavar="SIZE", help="ask your tracker for so much room there, such as 40GB")
    adding.add_argument("--pool", metavar="SIZE", help="the same, on a seed that your tracker knows of")
    removing = add_command(commands, "remove", run_remove, summary="put a seed out of the library; it gets nothing new")
    removing.add_argument("seed", metavar="SEED", help=_NAMED)
    add_yes(removing)
    moving = add_command(commands, "move", run_move, summary="say under which address a seed is reached from now on")
    moving.add_argument("seed", metavar="SEED", help=_NAMED)
    moving.add_argument("url", metavar="URL", help="its new address")
    shrinking = add_command(
        commands,
        "shrink",
        run_shrink,
        summary="say that what waits to be dropped from a seed is meant to go",
        more="A list that drops a fifth or more of what a seed holds waits for your word. What goes then stays\n"
        "in the seed's trash for 30 days.",
    )
    shrinking.add_argument(
        "seed", nargs="?", default="", metavar="SEED", help=f"{_NAMED}; default: every seed where something waits"
    )
    add_yes(shrinking)


def run_list(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        items = client.get("seeds")["items"]
    terminal.result(items)
    for each in items:
        for line in _lines(each):
            terminal.say(line)
    if not items:
        terminal.say("No seed keeps this library yet. Run one with 'songkeep seed run', or ask a friend for a code.")
    return 0


def run_add(asked: argparse.Namespace, terminal: Terminal) -> int:
    from node.sizes import read_size

    if bool(asked.code) == bool(asked.pool) or (asked.grant and asked.pool):
        raise UserError("say which seed: its code, its address with --grant SIZE, or --pool SIZE")
    with reach(asked, terminal) as client:
        if asked.pool:
            seed = client.post("seeds", grant_bytes=read_size(asked.pool))
        elif asked.grant:
            seed = client.post("seeds", url=asked.code, grant_bytes=read_size(asked.grant))
        else:
            seed = client.post("seeds", code=asked.code)
    terminal.result(seed)
    terminal.say(f"{seed['url']} keeps this library from now on. Write its address beside your recovery phrase.")
    terminal.say("It is filled while 'songkeep up' runs; 'songkeep seeds' shows how far it is.")
    return 0


def run_remove(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        seed = client.get(f"seeds/{segment(asked.seed)}")
        question = f"Put {seed['url']} out of the library? What it holds stays sealed, and it gets nothing new."
        agree(asked, terminal, question)
        seed = client.delete(f"seeds/{seed['id']}")
    terminal.result(seed)
    terminal.say(f"{seed['url']} is out.")
    return 0


def run_move(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        seed = client.post(f"seeds/{segment(asked.seed)}/move", url=asked.url)
    terminal.result(seed)
    terminal.say(f"Your devices look for it at {seed['url']}. Write that address beside your recovery phrase.")
    return 0


def run_shrink(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        named = [client.get(f"seeds/{segment(asked.seed)}")] if asked.seed else client.get("seeds")["items"]
        waiting = [each for each in named if each["shrinking"]]
        if not waiting:
            raise UserError("nothing waits to be dropped from a seed")
        done: list[dict[str, Any]] = []
        for each in waiting:
            drop = each["shrinking"]
            question = (
                f"Let {each['url']} drop {counted(drop['blobs'], 'file')}, {spoken_bytes(drop['dropped_bytes'])} of "
                f"{spoken_bytes(drop['held_bytes'])}?"
            )
            try:
                agree(asked, terminal, question)
            except DeclinedError:
                if each is waiting[-1] and not done:
                    raise
            else:
                done.append(client.post(f"seeds/{segment(each['id'])}/shrink"))
    terminal.result(done)
    for each in done:
        terminal.say(
            f"{each['url']} is told. What it drops stays in its trash for 30 days: 'songkeep undo' brings it back."
        )
    return 0


def _lines(seed: dict[str, Any]) -> list[str]:
    words = f"{seed['number']}  {seed['url']}  {seed['state']}"
    if seed["quota_bytes"] is not None:
        words += (
            f"  holds {spoken_bytes(seed['held_bytes'])} of {spoken_bytes(seed['quota_bytes'])},"
            f" {spoken_bytes(seed['missing_bytes'])} on the way; {spoken_bytes(seed['left_bytes'])} left:"
            f" room for {seed['left_songs']:,} more songs"
        )
    if seed["audits"]["all"]:
        words += f"; {seed['audits']['passed']} of {counted(seed['audits']['all'], 'audit')} passed"
    below = []
    if seed["left_out"]:
        kinds = ", ".join(f"{count:,} {_KINDS.get(kind, kind)}" for kind, count in seed["left_out_of"].items())
        below.append(f"{kinds} ({spoken_bytes(seed['left_out_bytes'])}) found no room")
    if seed["shrinking"]:
        waits = f"{counted(seed['shrinking']['blobs'], 'file')}, {spoken_bytes(seed['shrinking']['dropped_bytes'])}"
        below.append(f"{waits}, wait to be dropped: say with 'songkeep seeds shrink' that it is meant")
    if seed["trouble"]:
        below.append(seed["trouble"])
    return [words, *(f"    {each}" for each in below)]

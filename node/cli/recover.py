"""songkeep recover: the library back on an empty machine, from its recovery phrase."""

from __future__ import annotations

import argparse
import asyncio
import os
import time

from node.cli.arguments import Subparsers, add_command
from node.cli.phrase import read_phrase_file, type_phrase
from node.cli.reach import home_of
from node.cli.terminal import Terminal, counted, spoken_moment
from node.errors import UserError


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "recover",
        run,
        summary="get the library back with its recovery phrase",
        more="Needs the 24 words, and the address of a seed or a tracker that stands beside them. The catalog is here\n"
        "within seconds; songs then come from the seed as they are played, and 'export --all' brings them all.\n"
        "With --json: {library, device, tracks, heads: [{device, time_ms, epoch, vouched_by}], seeds}.",
        examples="  songkeep recover --seed https://seed.example:7666\n"
        "  songkeep recover --seed https://seed.example --phrase-file words.txt && songkeep export --all ~/Music",
    )
    parser.add_argument("--seed", metavar="URL", help="a seed that keeps the library")
    parser.add_argument("--tracker", metavar="URL", help="a tracker that knows the library; it names its seeds")
    parser.add_argument("--phrase-file", metavar="FILE", help="read the words from a file; default: type them")


def run(asked: argparse.Namespace, terminal: Terminal) -> int:
    from node.crypto.phrase import entropy_from_phrase
    from node.flows.recover import recover
    from node.ids import to_text
    from node.log import configure_log

    home = home_of(asked)
    entropy = entropy_from_phrase(_phrase(asked, terminal))
    with home.hold():
        if home.vault.exists():
            raise UserError("there is a library in this home already; name an empty one with --home")
        configure_log(level="info", file=home.log, to_stderr=terminal.verbose)
        try:
            recovered = asyncio.run(
                recover(
                    vault_path=home.vault,
                    index_path=home.index,
                    entropy=entropy,
                    seed_url=asked.seed,
                    tracker_url=asked.tracker,
                    now_ms=time.time_ns() // 1_000_000,
                    random=os.urandom,
                )
            )
        except BaseException:  # nothing came of this home: there is nothing that its log could explain
            configure_log(level="info", file=None)
            home.log.unlink(missing_ok=True)
            raise
    terminal.result(
        {
            "library": to_text(recovered.library),
            "device": to_text(recovered.device),
            "tracks": recovered.tracks,
            "heads": [
                {
                    "device": to_text(each.device),
                    "time_ms": each.time_ms,
                    "epoch": each.epoch,
                    "vouched_by": recovered.vouched_by,
                }
                for each in recovered.heads
            ],
            "seeds": list(recovered.seeds),
        }
    )
    terminal.say(f"Your library is back: {counted(recovered.tracks, 'track')}. This machine is one of its devices now.")
    for each in recovered.heads:
        said = f"{spoken_moment(each.time_ms)}, signed by it"
        terminal.say(f"  newest word of device {to_text(each.device)[:8]}: {said}; {recovered.vouched_by} has it")
    terminal.say("If something newer is missing, that seed may be behind: name another with --seed in another home.")
    terminal.say(
        "Devices that are lost: 'songkeep devices' lists them, 'songkeep devices revoke DEVICE' puts them out."
    )
    terminal.say("Play it with 'songkeep up', or get every file with 'songkeep export --all DIR'.")
    return 0


def _phrase(asked: argparse.Namespace, terminal: Terminal) -> str:
    return type_phrase(terminal) if asked.phrase_file is None else read_phrase_file(asked.phrase_file)

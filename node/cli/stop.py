"""songkeep stop: what the running player was asked to do ends."""

from __future__ import annotations

import argparse
import contextlib

from node.cli.arguments import Subparsers, add_command
from node.cli.client import Client, segment
from node.cli.progress import follow, spoken_progress
from node.cli.reach import home_of, running_client
from node.cli.terminal import Terminal
from node.errors import NotFoundError, SongkeepError
from node.flows.jobs import ASKED_FOR


def register(subparsers: Subparsers) -> None:
    add_command(
        subparsers,
        "stop",
        run,
        summary="stop what the running player was asked to do",
        more="Adding, exporting and verifying end, whoever began them; of an add, what is sealed stays. Sealing and\n"
        "encoding in the background go on. The player itself is ended by Ctrl-C where 'songkeep up' runs.\n"
        "With --json: {stopped: [ids of jobs]}.",
    )


def run(asked: argparse.Namespace, terminal: Terminal) -> int:
    client = running_client(home_of(asked))
    if client is None:
        raise NotFoundError("no player runs here, so there is nothing to stop")
    stopped = _stop(client, terminal)
    terminal.result({"stopped": stopped})
    if not stopped:
        terminal.say("Nothing that was asked for is under way.")
    return 0


def _stop(client: Client, terminal: Terminal) -> list[str]:
    """Have all of them end, and wait until they have; their identifiers."""
    jobs = [job for job in client.get("status")["jobs"] if job["kind"] in ASKED_FOR]
    stopping = [client.delete(f"jobs/{segment(job['id'])}") for job in jobs]
    for job in stopping:
        with contextlib.suppress(SongkeepError):  # that it was stopped
            follow(client, job, terminal)
        terminal.say(f"Stopped: {spoken_progress(job)}.")
    return [job["id"] for job in stopping]

"""The tracker or the home PC of the phone's tests as a process of its own, to be put on another machine of the lab.

Arguments: `tracker ADDRESS`, `home TRACKER [SONGS SECONDS]`, or for a home that meets its devices at a seed, which
holds everything or nothing: `seeded CODE [TRACKER]`, `unseeded CODE`. Speaks JSON lines: writes {"event": ...} to its
output, reads {"do": ...} from its input.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from node.flows.relay import Relay
from tests.client.phone_home import Home, fill, fill_many
from tests.client.phone_seed import enter, give_all
from tests.flows import people
from tracker.options import Options
from tracker.server import running


def say(**event: Any) -> None:
    print(json.dumps(event), flush=True)


async def lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def run_tracker(folder: Path, address: str) -> None:
    options = Options(home=folder / "tracker", host=address, port=8000, stun_host=address, stun_port=3478)
    async with running(options):
        say(event="started")
        await (await lines()).read()


async def run_with_seed(folder: Path, code: str, tracker: str, *, holds_all: bool) -> None:
    home = Home.begin(tracker)
    fill(home, folder)
    await (give_all if holds_all else enter)(home, code)
    device = home.device
    relay = Relay(device.membership, device.directory, device.meeting, device.links)
    device.meeting.on_message = relay.hear
    await attend(home)


async def run_home(folder: Path, tracker: str, count: int, seconds: int) -> None:
    home = Home.begin(tracker)
    if count:
        fill_many(home, folder, count, seconds)
    else:
        fill(home, folder)
    await attend(home)


async def attend(home: Home) -> None:
    """Meet the others, and pair phones as it is told to."""
    async with people.meeting(home.device):
        say(event="started")
        reader = await lines()
        typed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        inviting: asyncio.Task[Any] | None = None
        async for line in reader:
            asked = json.loads(line)
            if asked["do"] == "invite":
                typed = asyncio.get_running_loop().create_future()
                inviting = await home.invite(bytes.fromhex(asked["code"]), typed)
                say(event="inviting")
            elif asked["do"] == "typed":
                typed.set_result(asked["digits"])
                assert inviting is not None
                await inviting
                say(event="paired")


def main() -> None:
    role, where, *more = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if role == "tracker":
            asyncio.run(run_tracker(folder, where))
        elif role == "home":
            count, seconds = map(int, more or (0, 0))
            asyncio.run(run_home(folder, where, count, seconds))
        else:
            [tracker] = more or [re.sub(r"^http(.*)#.*", r"ws\1", where)]
            asyncio.run(run_with_seed(folder, where, tracker, holds_all=role == "seeded"))


if __name__ == "__main__":
    main()

"""songkeep seed status: what a seed promised and holds, from the running one or from its disk."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from node.cli.terminal import Terminal, counted
from node.doors.home import locate_home
from node.sizes import spoken_bytes

if TYPE_CHECKING:
    from node.seed.options import SeedOptions

ANSWER_TIMEOUT_S: Final = 5.0
MAX_STATUS_BYTES: Final = 16 << 20


def seed_home(asked: argparse.Namespace) -> Path:
    """Where the state of this machine's seed lives."""
    return locate_home(asked.home).path / "seed"


def recalled(asked: argparse.Namespace) -> SeedOptions:
    """What the seed was last run with. Raises UserError if it never ran."""
    from node.seed.options import SeedOptions, recall

    return recall(SeedOptions(home=seed_home(asked)))


def run_status(asked: argparse.Namespace, terminal: Terminal) -> int:
    from node.seed.page import status_key
    from node.seed.pools import spoken

    options = recalled(asked)
    status = _from_running(options.home) or _from_disk(options)
    key = status_key(options.home)
    status["page"] = f"{options.url}/status?key={key}" if key else None
    terminal.result(status)
    promised, capacity = spoken_bytes(status["promised_bytes"]), spoken_bytes(status["capacity_bytes"])
    running = "runs" if status["started_ms"] is not None else "does not run"
    terminal.say(f"{status['url']}  {running}; promised {promised} of {capacity}")
    disk = status["disk"]
    terminal.say(f"  on the disk {spoken_bytes(status['held_bytes'])}, free there {spoken_bytes(disk['free_bytes'])}")
    if disk["short_bytes"]:
        terminal.say(f"  what is promised needs {spoken_bytes(disk['short_bytes'])} more than the disk has")
    for each in status["pools"]:
        terminal.say(f"  pool of {each['tracker']}: {spoken(each)}")
    for each in status["libraries"]:
        terminal.say(_line(each))
    if status["page"]:
        terminal.say(f"The same as a page: {status['page']}")
    return 0


def _line(library: dict[str, Any]) -> str:
    words = (
        f"  library {library['number']}: {counted(library['held_blobs'], 'blob')}, "
        f"{spoken_bytes(library['held_bytes'])} of {spoken_bytes(library['quota_bytes'])}; "
        f"{spoken_bytes(library['waiting_bytes'])} to come, {spoken_bytes(library['trash_bytes'])} in the trash, "
        f"{library['damaged_blobs']} damaged"
    )
    traffic = library["traffic"]
    if traffic is None:
        return words
    return (
        f"{words}; sent {spoken_bytes(traffic['sent_bytes'])}, received {spoken_bytes(traffic['received_bytes'])}, "
        f"{counted(traffic['single_reads'], 'single read')} answered"
    )


def _from_running(home: Path) -> dict[str, Any] | None:
    """What the seed says of itself; None if it doesn't run."""
    from urllib.error import URLError
    from urllib.request import Request, build_opener

    from node.seed.options import local_url
    from node.seed.page import status_key

    url, key = local_url(home), status_key(home)
    if not url or not key:
        return None
    request = Request(f"{url}/v1/status", headers={"Authorization": f"Bearer {key}"})
    try:
        with build_opener().open(request, timeout=ANSWER_TIMEOUT_S) as answer:
            status = json.loads(answer.read(MAX_STATUS_BYTES))
    except (URLError, OSError, ValueError):
        return None
    return status if isinstance(status, dict) and "disk" in status else None


def _from_disk(options: SeedOptions) -> dict[str, Any]:
    """What its home tells while it doesn't run."""
    from node.seed.ledger import Ledger
    from node.seed.standing import look

    async def read() -> dict[str, Any]:
        async with Ledger.open(options.home / "seed.sqlite") as ledger:
            return await look(options, ledger)

    return asyncio.run(read())

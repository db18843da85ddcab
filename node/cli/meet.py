"""Meet at a tracker: remember its address, wait until it answers, and say what it gives."""

from __future__ import annotations

import time
from typing import Any, Final

from node.cli.client import Client
from node.cli.terminal import Terminal
from node.config import Settings, change
from node.errors import SongkeepError
from node.sizes import spoken_bytes

ANSWER_WITHIN_S: Final = 15.0
_LOOK_AGAIN_S: Final = 0.1


def check_tracker(url: str) -> None:
    """Raises UserError for what is no tracker's address."""
    change(Settings(), {"trackers": [url]})


def meet_at(client: Client, url: str, terminal: Terminal) -> None:
    """Have the node go to that tracker from now on, which registers the library there, and tell the plan."""
    try:
        known = client.get("config")["trackers"]
        others = [each for each in known if _base(each) != _base(url)]
        if url not in known:
            client.patch("config", trackers=[*others, url])
            terminal.note(f"Write the tracker's address beside your recovery phrase: {_base(url)}")
        room = _answered(client, url)
    except SongkeepError as error:
        terminal.note(f"The tracker can't be used: {error}")
        return
    if room is None or not room["joined"]:
        why = (room or {}).get("trouble") or "it does not answer"
        terminal.note(f"The tracker was remembered, but is not reached yet: {why}.")
    elif room["account"] is None:
        terminal.note("Your devices meet at that tracker now. It keeps no accounts: it gives no room on seeds.")
    else:
        account = room["account"]
        terminal.note(
            f"Your devices meet at that tracker now. Your library has the plan {account['plan']!r} there: "
            f"{spoken_bytes(account['plan_bytes'])} on seeds, about {account['songs']:,} songs "
            "of the size for the phone."
        )


def _answered(client: Client, url: str) -> dict[str, Any] | None:
    """How things stand with the tracker, once that is known."""
    until_s = time.monotonic() + ANSWER_WITHIN_S
    while True:
        rooms = client.get("network")["rooms"]
        room: dict[str, Any] | None = next((each for each in rooms if each["server"] == _base(url)), None)
        settled = room is not None and (room["trouble"] or (room["joined"] and room["account"] is not None))
        if settled or time.monotonic() > until_s:
            return room
        time.sleep(_LOOK_AGAIN_S)


def _base(url: str) -> str:
    return url.partition("#")[0].rstrip("/")

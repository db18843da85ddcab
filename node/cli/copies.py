"""songkeep copies, keep, free: where the music lives, and what of it this device holds."""

from __future__ import annotations

import argparse
import shlex
from typing import Any, Final

from node.cli.arguments import Subparsers, add_command, find_track
from node.cli.client import Client
from node.cli.reach import reach
from node.cli.terminal import Terminal, counted, plain, spoken_duration, spoken_moment, table
from node.errors import NotFoundError, UserError
from node.sizes import read_size, spoken_bytes

_BAR: Final = 32
_CANDIDATES: Final = 20
_REACHED: Final = {
    "lan": "on this network",
    "direct": "directly",
    "webrtc": "through routers",
    "relay": "through a relay",
}


def register(subparsers: Subparsers) -> None:
    add_command(
        subparsers,
        "copies",
        run_copies,
        summary="show where the music lives: devices, copies of each song, what is at risk and why",
        more="With --json: as GET /api/v1/copies gives it.",
    )
    keeping = add_command(
        subparsers,
        "keep",
        run_keep,
        summary="have albums, playlists or tracks on this device, whatever its budget",
        more="What is added to an album or a playlist later comes too. Copies are fetched while 'songkeep up' runs.\n"
        "With --json: {tracks, blobs}, the number of songs and of sealed files.",
        examples="  songkeep keep 'Kind of Blue' --album\n  songkeep keep --no-longer Running",
    )
    _what(keeping)
    keeping.add_argument("--no-longer", action="store_true", help="leave it to the budget again")
    freeing = add_command(
        subparsers,
        "free",
        run_free,
        summary="free the room that albums, playlists or tracks take on this device",
        more="Only what enough other devices have just proved to hold sealed is dropped; each of the others stays,\n"
        "with the reason. A file in a music folder is never touched, and doesn't count as proof.\n"
        "With --json: {tracks, freed_blobs, freed_bytes, kept: [{reason, blobs}]}.",
        examples="  songkeep free 'Kind of Blue'\n  songkeep free --space 5GB",
    )
    _what(freeing)
    freeing.add_argument(
        "--space", metavar="SIZE", help="so much of anything, what is missed least first; lowers the budget with it"
    )
    freeing.add_argument(
        "--removed", action="store_true", help="what was taken out of the library over 30 days ago, however much it is"
    )


def _what(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="of an album, a playlist or a track, or an identifier")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--album", dest="kind", action="store_const", const="album", help="only albums are meant")
    kind.add_argument("--playlist", dest="kind", action="store_const", const="playlist", help="only playlists")
    kind.add_argument("--track", dest="kind", action="store_const", const="track", help="only tracks")


def find_named(client: Client, words: str, kind: str | None) -> tuple[str, str, str]:
    """Kind, identifier and name of what `words` name: a playlist, an album or a track, in this order.

    Raises NotFoundError, UserError with the candidates.
    """
    if kind in (None, "playlist"):
        playlists = client.get("playlists")["items"]
        found = [each for each in playlists if words in (each["id"], each["name"])]
        found = found or [each for each in playlists if each["name"].casefold() == words.casefold()]
        if found or kind:
            return _only("playlist", found, words)
    if kind in (None, "album"):
        albums = client.get("search", q=words, limit=_CANDIDATES)["albums"] if words.strip() else []
        found = [each for each in albums if each["name"].casefold() == words.casefold()]
        if found or kind:
            return _only("album", found or albums, words)
    track = find_track(client, words)
    return "track", track["id"], track["title"]


def _only(kind: str, found: list[dict[str, Any]], words: str) -> tuple[str, str, str]:
    if not found:
        raise NotFoundError(f"no {kind} is called {words!r}")
    if len(found) > 1:
        lines = "\n".join(f"  {plain(each['name'])}" for each in found)
        raise UserError(f"more than one {kind} is found by {words!r}; name one of them as it is written:\n{lines}")
    return kind, found[0]["id"], found[0]["name"]


def run_keep(asked: argparse.Namespace, terminal: Terminal) -> int:
    if not asked.names:
        raise UserError("name what to keep: songkeep keep 'Kind of Blue'")
    tracks = blobs = 0
    with reach(asked, terminal) as client:
        for words in asked.names:
            kind, row_id, name = find_named(client, words, asked.kind)
            if asked.no_longer:
                client.post("copies/forget", kind=kind, id=row_id)
                terminal.say(f"The {kind} {name} is left to the budget again.")
                continue
            kept = client.post("copies/keep", kind=kind, id=row_id)
            tracks, blobs = tracks + kept["tracks"], blobs + kept["blobs"]
            terminal.say(f"The {kind} {name} is kept on this device from now on: {counted(kept['tracks'], 'track')}.")
    terminal.result({"tracks": tracks, "blobs": blobs})
    return 0


def run_free(asked: argparse.Namespace, terminal: Terminal) -> int:
    if bool(asked.names) + bool(asked.space) + asked.removed != 1:
        raise UserError("name what to free, or say how much: songkeep free 'Kind of Blue', songkeep free --space 5GB")
    total: dict[str, Any] = {"tracks": 0, "freed_blobs": 0, "freed_bytes": 0, "kept": []}
    with reach(asked, terminal) as client:
        if asked.space:
            total = client.post("copies/free", bytes=read_size(asked.space))
        if asked.removed:
            total = client.post("copies/free", removed=True)
        for words in asked.names:
            kind, row_id, _ = find_named(client, words, asked.kind)
            freed = client.post("copies/free", kind=kind, id=row_id)
            for count in ("tracks", "freed_blobs", "freed_bytes"):
                total[count] += freed[count]
            total["kept"] += freed["kept"]
    terminal.result(total)
    terminal.say(f"Freed {spoken_bytes(total['freed_bytes'])} ({counted(total['freed_blobs'], 'sealed file')}).")
    if "budget_bytes" in total:
        terminal.say(f"The budget is {spoken_bytes(total['budget_bytes'])} now.")
    for each in total["kept"]:
        terminal.say(f"  {counted(each['blobs'], 'sealed file')} stay: {each['reason']}.")
    return 0


def run_copies(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        shown = client.get("copies")
    terminal.result(shown)
    if not terminal.as_json:
        tell_copies(shown, terminal)
    return 0


def tell_copies(shown: dict[str, Any], terminal: Terminal) -> None:
    """The picture in words and bars."""
    rows = ((each["name"], _where(each), _holds(each), _room(each)) for each in shown["devices"])
    for line in table(rows, (24, 30, 34, 24)):
        terminal.say(line)
    everything = sum(each["songs"] for each in shown["songs"])
    for each in shown["songs"]:
        bar = "█" * max(1, round(_BAR * each["songs"] / everything))
        copies = counted(each["copies"], "copy", "copies")
        terminal.say(f"  {copies:>9}  {bar:<{_BAR}}  {counted(each['songs'], 'song')}")
    for reason in shown["at_risk"]["reasons"]:
        terminal.say(f"At risk: {counted(reason['songs'], 'song')}, {reason['why']}.")
    queue, down, up = shown["queue"], shown["download"], shown["upload"]
    if queue["blobs"]:
        speed = _speed(down["rate_bytes_per_s"], queue["left_s"])
        terminal.say(f"Fetching {counted(queue['blobs'], 'sealed file')}, {spoken_bytes(queue['bytes'])}{speed}.")
    for each in queue["from"]:
        what = f"{counted(each['blobs'], 'sealed file')}, {spoken_bytes(each['bytes'])}"
        terminal.say(f"  from {each['from']}: {what}{_speed(each['rate_bytes_per_s'], each['left_s'])}")
    for each in shown["transfers"]:
        done = f"{spoken_bytes(each['done_bytes'])} of {spoken_bytes(each['total_bytes'])}"
        speed = _speed(each["rate_bytes_per_s"], each["left_s"])
        terminal.say(f"  now {_spoken_song(each)} from {each['from']}: {done}{speed}")
    limit = f", at most {spoken_bytes(up['limit_bytes_per_s'])}/s" if up["limit_bytes_per_s"] else ""
    given = f"Given to other devices since the start: {spoken_bytes(up['total_bytes'])}"
    terminal.say(f"{given}, now {spoken_bytes(up['rate_bytes_per_s'])}/s{limit}.")
    for each in up["to"]:
        terminal.say(f"  to {each['to']}: {spoken_bytes(each['total_bytes'])}{_speed(each['rate_bytes_per_s'], None)}")
    for each in shown["uploads"]:
        whole = f" of {spoken_bytes(each['total_bytes'])}" if each["total_bytes"] is not None else ""
        sent = f"{spoken_bytes(each['sent_bytes'])}{whole}{_speed(each['rate_bytes_per_s'], None)}"
        terminal.say(f"  now {_spoken_song(each)} to {each['to']}: {sent}")
    if shown["removed"]["unseen"]:
        _tell_of_unseen(shown["removed"], terminal)
    if shown["paused"]:
        terminal.say("Copying is paused: songkeep config pause off")
    if shown["trouble"]:
        terminal.note(f"The last copy that failed: {shown['trouble']}.")


def _tell_of_unseen(removed: dict[str, Any], terminal: Terminal) -> None:
    names = " and ".join(
        each["name"] + (f" (last seen {spoken_moment(each['seen_ms'])})" if each["seen_ms"] else " (never seen)")
        for each in removed["unseen"]
    )
    terminal.say(
        f"{counted(removed['blobs'], 'sealed file')} of music that was taken out of the library over 30 days ago stay: "
        f"first {names} would have to be asked whether it was brought back."
    )
    terminal.say(f"  If it is lost: songkeep devices revoke {shlex.quote(removed['unseen'][0]['name'])}")
    terminal.say("  Or let them go all the same: songkeep free --removed")


def _speed(rate_bytes_per_s: int, left_s: int | None) -> str:
    """ " at 6.8 MB/s, about 5:40 left"; nothing while nothing passes."""
    left = f", about {spoken_duration(left_s * 1_000)} left" if left_s is not None else ""
    return f" at {spoken_bytes(rate_bytes_per_s)}/s{left}" if rate_bytes_per_s else ""


def _spoken_song(transfer: dict[str, Any]) -> str:
    if not transfer["title"]:
        return {"cover": "a cover", "snapshot": "the catalog"}.get(transfer["kind"], "a sealed file")
    kind = {"mobile": "small", "cover": "the cover of"}.get(transfer["kind"], "")
    return f"{kind} {transfer['title']}".strip()


def _where(device: dict[str, Any]) -> str:
    if device["this"]:
        return "this device"
    if not device["trusted"]:
        return "not believed: it hadn't what it said"
    if device["present"]:
        return "here, reached " + _REACHED.get(device["reached"], "when needed")
    since = f" since {spoken_moment(device['seen_ms'])}" if device["seen_ms"] else ""
    return ("asleep" if device["asleep"] else "away") + since


def _holds(device: dict[str, Any]) -> str:
    kinds = (("originals", "sealed"), ("from_files", "as files"), ("small", "small"))
    return ", ".join(f"{device[kind]:,} {word}" for kind, word in kinds if device[kind]) or "nothing yet"


def _room(device: dict[str, Any]) -> str:
    if not device["budget_bytes"]:
        return ""
    return f"{spoken_bytes(device['used_bytes'])} of {spoken_bytes(device['budget_bytes'])}"

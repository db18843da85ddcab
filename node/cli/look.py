"""songkeep ls, search, show: what is in the library."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable
from typing import Any

from node.cli.arguments import Subparsers, add_command, find_track
from node.cli.client import segment
from node.cli.reach import reach
from node.cli.terminal import Terminal, counted, named, names, spoken_duration, table
from node.errors import UserError
from node.sizes import spoken_bytes

_MAX_FOUND = 50
_ID_COLUMNS, _LENGTH_COLUMNS, _GAPS = 26, 7, 8


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "ls",
        run_ls,
        summary="list the tracks",
        more="With --json: an array of tracks, each as GET /api/v1/tracks gives it.",
        examples="  songkeep ls --sort artist\n  songkeep ls --json | jq -r '.[].title'",
    )
    sorts = ("title", "artist", "album", "added", "year", "duration")
    parser.add_argument("--sort", choices=sorts, default="title")
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument("--genre", help="only tracks of this genre")
    searching = add_command(
        subparsers,
        "search",
        run_search,
        summary="find artists, albums and tracks",
        more="With --json: {artists, albums, tracks}.",
    )
    searching.add_argument("words", nargs="+", metavar="WORD")
    showing = add_command(
        subparsers,
        "show",
        run_show,
        summary="show all that is known of one track",
        more="With --json: the track as GET /api/v1/tracks/{id} gives it.",
    )
    showing.add_argument("track", metavar="TRACK", help="an identifier, or words that name one track")


def track_lines(tracks: Iterable[dict[str, Any]]) -> Iterable[str]:
    """One line a track, as wide as the terminal."""
    room = shutil.get_terminal_size((120, 24)).columns - _ID_COLUMNS - _LENGTH_COLUMNS - _GAPS
    each = max(12, min(48, room // 3))
    rows = (
        (
            track["title"],
            names(track["artists"]),
            (track["album"] or {"name": ""})["name"],
            f"{spoken_duration(track['duration_ms']):>{_LENGTH_COLUMNS}}",
            track["id"] + ("" if track["state"]["playable"] else "  not playable now"),
        )
        for track in tracks
    )
    return table(rows, (each, each, each, _LENGTH_COLUMNS))


def run_ls(asked: argparse.Namespace, terminal: Terminal) -> int:
    order = "desc" if asked.reverse else "asc"
    with reach(asked, terminal) as client:
        tracks = list(client.pages("tracks", sort=asked.sort, order=order, genre=asked.genre))
    terminal.result(tracks)
    if not terminal.as_json:
        sys.stdout.writelines(line + "\n" for line in track_lines(tracks))
        sys.stdout.flush()
        terminal.note(counted(len(tracks), "track") + ".")
    return 0


def run_search(asked: argparse.Namespace, terminal: Terminal) -> int:
    if not " ".join(asked.words).strip():
        raise UserError("say what to search for")
    with reach(asked, terminal) as client:
        found = client.get("search", q=" ".join(asked.words), limit=_MAX_FOUND)
    terminal.result(found)
    if not any(found.values()):
        terminal.say("Nothing is found by these words.")
        return 0
    for title, items in (("Artists", found["artists"]), ("Albums", found["albums"])):
        if items:
            terminal.say(title)
            for item in items:
                by = f" - {names(item['artists'])}" if item.get("artists") else ""
                terminal.say(f"  {item['name']}{by}")
    if found["tracks"]:
        terminal.say("Tracks")
        for line in track_lines(found["tracks"]):
            terminal.say("  " + line)
    return 0


def _sealed(state: dict[str, Any]) -> str:
    if not state["sealed"]:
        return "not yet"
    # Sealed bytes are made again from the file for as long as it is what was sealed.
    return "yes" if state["source"] == "present" else "yes; what of it is here says the note"


def run_show(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        track = client.get(f"tracks/{segment(find_track(client, asked.track)['id'])}")
    terminal.result(track)
    album = track["album"]["name"] if track["album"] else ""
    terminal.say(f"{named(track)}")
    facts = (
        ("album", album + (f" ({track['year']})" if track["year"] and album else "")),
        ("by", names(track["album_artists"])),
        ("genres", ", ".join(track["genres"])),
        ("length", spoken_duration(track["duration_ms"])),
        ("sound", f"{track['codec']}, {track['bitrate_bps'] // 1_000} kbit/s, {spoken_bytes(track['size_bytes'])}"),
        ("sealed", _sealed(track["state"])),
        ("mobile", "yes" if track["state"]["mobile"] else "not yet"),
        ("note", track["state"]["note"]),
        ("id", track["id"]),
    )
    for name, fact in facts:
        if fact:
            terminal.say(f"  {name:<8}{fact}")
    for source in track["sources"]:
        state = "" if source["state"] == "present" else f" ({source['state']})"
        terminal.say(f"  {'file':<8}{source['path']}{state}")
    return 0

"""songkeep status: how the library is doing."""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import urlsplit

from node.cli.arguments import Subparsers, add_command
from node.cli.copies import tell_copies
from node.cli.folders import spoken_folder
from node.cli.progress import spoken_progress
from node.cli.reach import reach
from node.cli.terminal import Terminal, counted, spoken_duration
from node.sizes import spoken_bytes


def register(subparsers: Subparsers) -> None:
    add_command(
        subparsers,
        "status",
        run,
        summary="show how the library is doing",
        more='With --json: as GET /api/v1/status gives it, and under "copies" what GET /api/v1/copies gives.',
    )


def run(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        status, copies = client.get("status"), client.get("copies")
    terminal.result({**status, "copies": copies})
    counts, store = status["counts"], status["store"]
    terminal.say(
        f"{counted(counts['tracks'], 'track')}, {counted(counts['albums'], 'album')}, "
        f"{counted(counts['artists'], 'artist')}, {spoken_duration(status['duration_ms'])} of music."
    )
    for folder in status["folders"]:
        terminal.say(f"  {folder['path']}  {spoken_folder(folder)}")
    sealed = store["sealed"]
    kept = "everything is kept sealed" if store["keep_sealed"] else f"up to {spoken_bytes(store['cache_limit_bytes'])}"
    terminal.say(f"Sealed store: {spoken_bytes(sealed['cache_bytes'] + sealed['pinned_bytes'])} ({kept}).")
    if sealed["damaged_blobs"]:
        terminal.say(f"{counted(sealed['damaged_blobs'], 'blob')} damaged; run 'songkeep verify --repair'.")
    for name, what in (("left_to_seal", "sealed"), ("left_to_render", "made small for the phone")):
        if store[name]["files"]:
            terminal.say(
                f"To be {what}: {counted(store[name]['files'], 'file')}, {spoken_bytes(store[name]['bytes'])}."
            )
    if len(copies["devices"]) > 1:
        terminal.say("Where your music lives:")
        tell_copies(copies, terminal)
    for job in status["jobs"]:
        terminal.say(f"Now: {spoken_progress(job)}.")
    _say_where_it_meets(terminal, status["network"])
    for notice in status["notices"][-10:]:
        terminal.say(f"{notice['level']}: {notice['text']}")
    return 0


def _say_where_it_meets(terminal: Terminal, network: dict[str, Any]) -> None:
    """A line for each server, and for the DHT; nothing for a library of one device."""
    for room in network["rooms"]:
        where = urlsplit(room["server"]).netloc
        how = counted(room["present"], "other connection") if room["joined"] else room["trouble"] or "not joined yet"
        terminal.say(f"Meets at {where}: {how}.")
    dht = network["dht"]
    if dht["port"] is not None:
        how = dht["trouble"] or f"{counted(dht['nodes'], 'node')}, {dht['stored_by']} hold where this device is"
        terminal.say(f"Meets through the DHT ({dht['mode']}, UDP port {dht['port']}): {how}.")

"""songkeep folders: which music folders are watched."""

from __future__ import annotations

import argparse
from typing import Any

from node.cli.arguments import Subparsers, add_command, whole
from node.cli.client import Client, segment
from node.cli.reach import reach
from node.cli.terminal import Terminal, counted
from node.errors import NotFoundError


def register(subparsers: Subparsers) -> None:
    group = add_command(
        subparsers,
        "folders",
        run_list,
        summary="list, remove and move music folders",
        more="Without more words: the list. With --json: an array of {id, path, state, tracks, files, failed, whole,\n"
        "note}: files went in, failed lie there and did not; whole is false where only chosen files were added.",
        examples="  songkeep folders\n  songkeep folders move /media/old/Music /media/new/Music",
    )
    actions = group.add_subparsers(dest="action", metavar="ACTION")
    add_command(actions, "list", run_list, summary="list the folders and whether they are there")
    remove = add_command(
        actions,
        "remove",
        run_remove,
        summary="stop watching a folder",
        more="No file is touched. Tracks that are sealed here stay playable.",
    )
    remove.add_argument("folder", metavar="FOLDER", help="its path, or its number")
    move = add_command(
        actions,
        "move",
        run_move,
        summary="say where a folder is now",
        more="For a folder that you moved, or a disk with a new name: nothing is read again but what changed.",
    )
    move.add_argument("old", metavar="OLD")
    move.add_argument("new", metavar="NEW")


def _folders(client: Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get("folders")["items"]
    return items


def _named(client: Client, words: str) -> dict[str, Any]:
    path = whole(words)
    for folder in _folders(client):
        if folder["id"] == words or folder["path"] == path:
            return folder
    raise NotFoundError(f"{words!r} is none of the music folders; 'songkeep folders' lists them")


def run_list(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        folders = _folders(client)
    terminal.result(folders)
    for folder in folders:
        terminal.say(f"{folder['id']:>3}  {folder['path']}  {spoken_folder(folder)}")
    if not folders:
        terminal.say("No folder is watched yet; add one with 'songkeep add FOLDER'.")
    return 0


def spoken_folder(folder: dict[str, Any]) -> str:
    """How a folder is, and what of it went in."""
    tracks = counted(folder["tracks"], "track" if folder["whole"] else "chosen track")
    files = f" in {counted(folder['files'], 'file')}" if folder["files"] != folder["tracks"] else ""
    note = f"; {folder['note']}" if folder["note"] else ""
    return f"{folder['state']}, {tracks}{files}{note}"


def run_remove(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        folder = _named(client, asked.folder)
        report = client.delete(f"folders/{segment(folder['id'])}")
    terminal.result(report)
    terminal.say(f"{folder['path']} is not watched any more; its files are where they were.")
    if report["tracks_without_copy"]:
        terminal.say(f"{counted(report['tracks_without_copy'], 'track')} had no other copy and can't be played now.")
    return 0


def run_move(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        folder = _named(client, asked.old)
        report = client.post(f"folders/{segment(folder['id'])}/move", path=whole(asked.new))
    terminal.result(report)
    terminal.say(f"The folder is at {whole(asked.new)} now: {counted(report['known'], 'file')} found again.")
    return 0

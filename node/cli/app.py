"""songkeep app: the phone's app as plain files, for a host of one's own."""

from __future__ import annotations

import argparse

from node.cli.arguments import Subparsers, add_command, add_group, whole
from node.cli.terminal import Terminal, counted
from node.sizes import spoken_bytes


def register(subparsers: Subparsers) -> None:
    commands = add_group(subparsers, "app", summary="the phone's app: write its files for a web host")
    exporting = add_command(
        commands,
        "export",
        run_export,
        summary="write the app's files into a folder, for any static host",
        more="The folder is new, empty, or one that an earlier export wrote. Its files need nothing but a web server\n"
        "with https; _headers says what some hosts read there. With --json: {dir, files, size_bytes}.",
        examples="  songkeep app export ./site\n  songkeep pair --app https://music.example.org/",
    )
    exporting.add_argument("dir", metavar="DIR")


def run_export(asked: argparse.Namespace, terminal: Terminal) -> int:
    from node.flows.app_export import export_app

    done = export_app(whole(asked.dir))
    terminal.result({"dir": str(done.folder), "files": done.files, "size_bytes": done.size_bytes})
    terminal.say(f"Wrote {counted(done.files, 'file')} ({spoken_bytes(done.size_bytes)}) into {done.folder}.")
    terminal.say("Put them on a web host with https. Whoever can change them there can use the keys of your phones.")
    terminal.say("Then: songkeep pair --app https://the.address/")
    return 0

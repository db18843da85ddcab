"""songkeep up: the one command. Makes the library if there is none, starts the player, adds what is new."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import socket
import time
from pathlib import Path

from node.cli.add import WHAT_STAYS, begin_adding, spoken_added, tell_odd, with_way_out
from node.cli.arguments import Subparsers, add_command, whole
from node.cli.browser import open_browser, sign_in_address
from node.cli.client import Client
from node.cli.init import begin, show_phrase
from node.cli.meet import check_tracker, meet_at
from node.cli.progress import follow, follow_or_stop
from node.cli.reach import home_of, open_vault, running_client
from node.cli.terminal import Terminal, counted
from node.config import Settings, change, load_settings, save_settings
from node.doors.home import Home, HomeBusyError
from node.errors import SongkeepError, UnsureError, UserError
from node.sizes import spoken_bytes

MAX_PORT = 65_535
_LOOK_AGAIN_S = 0.2
_COUNT_FILES_S = 3.0
"""How long the first run looks at the size of the folders before it asks about keeping all sealed."""


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "up",
        run,
        summary="start the player; add folders; on the first run make the library",
        more="Runs until Ctrl-C. The folders are watched: what is copied in appears in the player by itself.\n"
        "With --json: {library, url, phrase}, then it runs; phrase is null but on the first run.",
        examples="  songkeep up ~/Music\n  songkeep up --demo",
    )
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="music folders to add")
    parser.add_argument("--demo", action="store_true", help="add a dozen tunes that the program synthesizes itself")
    parser.add_argument("--tracker", metavar="URL", help="where your devices meet from anywhere: wss://...")
    parser.add_argument("--port", type=int, metavar="N", help="where the player answers (7664, or the next free one)")
    parser.add_argument("--no-browser", action="store_true", help="don't open the player")
    parser.add_argument(
        "--host-for-others", metavar="SIZE", help="keep so much of friends' libraries, sealed, like 50GB; 0 ends it"
    )
    parser.add_argument("--host-listen", metavar="HOST:PORT", help="where friends' devices reach it (0.0.0.0:7666)")
    parser.add_argument("--host-url", metavar="URL", help="the address under which they do, for invitations")
    parser.add_argument("--yes", action="store_true", help="add a whole home folder or drive without being asked")
    parser.add_argument("--keep-sealed", action="store_true", help="keep every original sealed in the store too")


def run(asked: argparse.Namespace, terminal: Terminal) -> int:
    home = home_of(asked)
    if asked.port is not None and not 1 <= asked.port <= MAX_PORT:
        raise UserError(f"a port is a number from 1 to {MAX_PORT}")
    if asked.tracker:
        check_tracker(asked.tracker)
    change(Settings(), _hosting(asked))
    folders = [whole(folder) for folder in asked.folders]
    if not home.vault.exists():  # later a folder may well be away
        for folder in folders:
            if not Path(folder).exists():
                raise UserError(f"there is nothing at {folder}")
            _refuse_too_wide(folder, sure=asked.yes or terminal.interactive)
    with contextlib.ExitStack() as lifetime:
        running = _hold_or_find(home, lifetime, terminal)
        if running is not None:
            return _use_running(running, home, folders, asked, terminal)
        phrase = None
        if not home.vault.exists():
            trackers = [asked.tracker] if asked.tracker else load_settings(home.settings).trackers
            library, phrase = begin(home)
            if not terminal.as_json:
                show_phrase(phrase, terminal, trackers=trackers)
        _keep_sealed(home, folders, asked, terminal, first=phrase is not None)
        if hosting := _hosting(asked):
            save_settings(home.settings, change(load_settings(home.settings), hosting))
        vault = open_vault(home, terminal)
        from node.cli.host import hosted

        settings = load_settings(home.settings)
        wanted_port = asked.port or settings.port
        node = lifetime.enter_context(hosted(home, vault, kind="up", terminal=terminal, wanted_port=wanted_port))
        client = node.client
        if client.port != wanted_port:
            terminal.note(f"Port {wanted_port} is taken; the player is at port {client.port}.")
        url = sign_in_address(client)
        library = client.get("library")["library"]
        terminal.result({"library": library, "url": url, "phrase": phrase})
        terminal.say(f"Songkeep plays at {url}")
        if settings.lan:
            terminal.note(
                f"Others in your network reach it at http://{socket.gethostname()}:{client.port}/ with the password; "
                "the connection is not encrypted."
            )
        if not asked.no_browser and not terminal.as_json:
            open_browser(client)
        try:
            if asked.tracker:
                meet_at(client, asked.tracker, terminal)
            _add(client, folders, home, asked, terminal)
            terminal.note("Running; Ctrl-C ends it.")
            node.wait()
        except KeyboardInterrupt:
            terminal.note("Closing.")
    return 0


def _refuse_too_wide(folder: str, *, sure: bool) -> None:
    """As the node would, before there is a library."""
    from node.flows.breadth import refuse_too_wide

    try:
        refuse_too_wide(folder, sure=sure)
    except UnsureError as error:
        raise with_way_out(error) from None


def _hold_or_find(home: Home, lifetime: contextlib.ExitStack, terminal: Terminal) -> Client | None:
    """Take the home's lock, or return the player that runs there; a command's node is waited for."""
    told = False
    while True:
        try:
            lifetime.enter_context(home.hold())
        except HomeBusyError:
            running = home.find_running()
            if running is not None and running.kind == "up":
                client = running_client(home)
                if client is not None:
                    return client
            if not told:
                terminal.note("Another Songkeep command is at work here; waiting for it to end.")
                told = True
            time.sleep(_LOOK_AGAIN_S)
        else:
            return None


def _use_running(client: Client, home: Home, folders: list[str], asked: argparse.Namespace, terminal: Terminal) -> int:
    url = sign_in_address(client)
    terminal.result({"library": client.get("library")["library"], "url": url, "phrase": None})
    terminal.say(f"Songkeep is running already, at {url}")
    if asked.keep_sealed:
        client.patch("config", keep_sealed=True)
    if hosting := _hosting(asked):
        client.patch("config", **hosting)
    if asked.tracker:
        meet_at(client, asked.tracker, terminal)
    if not asked.no_browser and not terminal.as_json:
        open_browser(client)
    return _add(client, folders, home, asked, terminal)


def _add(client: Client, folders: list[str], home: Home, asked: argparse.Namespace, terminal: Terminal) -> int:
    """Add what was asked for; what goes wrong is told, and the player goes on. Returns an exit code."""
    try:
        if asked.demo:
            from node.cli.demo import add_demo

            folders = [*folders, add_demo(client, home, terminal)]
        if not folders:
            return 0
        started = begin_adding(client, folders, terminal, sure=asked.yes)
        if client.outlives:
            job = follow_or_stop(client, started, terminal, stays=WHAT_STAYS)
        else:  # Ctrl-C ends the player, and what is left to do goes on at the next start
            job = follow(client, started, terminal)
    except SongkeepError as error:
        terminal.note(f"Adding stopped: {error}")
        return error.exit_code
    report = job["result"]
    exit_code = tell_odd(report, terminal)
    if asked.demo and not asked.folders:  # some were seen and listed before all were made
        terminal.note(f"The demo is in your library: {counted(report['added'] + report['known'], 'tune')}.")
    else:
        terminal.note(spoken_added(report))
    return exit_code


def _hosting(asked: argparse.Namespace) -> dict[str, object]:
    """What was asked for about being a seed for others, as settings."""
    given = {"host_bytes": asked.host_for_others, "host_listen": asked.host_listen, "host_url": asked.host_url}
    return {name: value for name, value in given.items() if value is not None}


def _keep_sealed(home: Home, folders: list[str], asked: argparse.Namespace, terminal: Terminal, *, first: bool) -> None:
    """Settle whether originals are kept sealed: asked for, or on the first run offered if the disk has room."""
    settings = load_settings(home.settings)
    wanted = bool(asked.keep_sealed)
    if not wanted and first and folders and terminal.interactive:
        music_bytes, whole_count = _music_bytes(folders)
        free_bytes = shutil.disk_usage(home.path).free
        if whole_count and music_bytes and free_bytes > 2 * music_bytes:
            wanted = terminal.ask(
                f"Keep a sealed copy of everything too? It takes {spoken_bytes(music_bytes)} of the "
                f"{spoken_bytes(free_bytes)} free here, and outlives a file that you lose or change.",
                default=False,
            )
    if wanted and not settings.keep_sealed:
        save_settings(home.settings, change(settings, {"keep_sealed": True}))


def _music_bytes(folders: list[str]) -> tuple[int, bool]:
    """Roughly how much there is, and whether all of it was counted in the time that a person waits."""
    until_s = time.monotonic() + _COUNT_FILES_S
    total = 0
    for folder in folders:
        for file in Path(folder).rglob("*"):
            with contextlib.suppress(OSError):
                if file.is_file():
                    total += file.stat().st_size
            if time.monotonic() > until_s:
                return total, False
    return total, True

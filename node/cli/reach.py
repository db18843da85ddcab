"""Finds the node of a home, or starts one for as long as a command runs: commands then talk to either in one way."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from node.cli.client import Client
from node.cli.terminal import Terminal
from node.doors.home import Home, HomeBusyError, locate_home
from node.errors import UnavailableError, UserError

if TYPE_CHECKING:
    from node.doors.vault import Vault

PASSPHRASE_FILE_NAME: Final = "SONGKEEP_PASSPHRASE_FILE"
WAIT_FOR_OTHER_S: Final = 30.0
_LOOK_AGAIN_S: Final = 0.05
_MAX_PASSPHRASE_FILE_BYTES: Final = 4_096


def home_of(asked: argparse.Namespace) -> Home:
    """The home that the command line, the environment or the system names."""
    home = locate_home(asked.home)
    if home.path.exists() and not home.path.is_dir():
        raise UserError(f"{home.path} is a file; the home of a library is a directory")
    return home


@contextlib.contextmanager
def reach(asked: argparse.Namespace, terminal: Terminal) -> Iterator[Client]:
    """A client of the running node, or of one that lives as long as this context.

    Raises what opening a library raises, and UnavailableError if another process holds it and doesn't answer.
    """
    home = home_of(asked)
    if not home.vault.exists():
        open_vault(home, terminal)  # says so, and leaves no empty home behind
    with contextlib.ExitStack() as lifetime:
        until_s = time.monotonic() + WAIT_FOR_OTHER_S
        while True:
            try:
                lifetime.enter_context(home.hold())
            except HomeBusyError:
                client = running_client(home)
                if client is not None:
                    break
            else:
                vault = open_vault(home, terminal)
                from node.cli.host import hosted

                client = lifetime.enter_context(hosted(home, vault, kind="command", terminal=terminal)).client
                break
            if time.monotonic() > until_s:
                raise UnavailableError("another Songkeep holds this library but does not answer")
            time.sleep(_LOOK_AGAIN_S)
        yield client


def running_client(home: Home) -> Client | None:
    """A client of the node that runs in `home`, if one answers."""
    running = home.find_running()
    if running is None:
        return None
    client = Client(running.port, running.token, outlives=running.kind == "up")
    return client if client.is_alive() else None


def open_vault(home: Home, terminal: Terminal) -> Vault:
    """This device's keys; asks for the passphrase if they are locked. Raises NotFoundError if there is no library."""
    from node.doors.vault import Vault, is_locked

    if not is_locked(home.vault):
        return Vault.open(home.vault)
    return Vault.open(home.vault, passphrase_for(terminal))


def passphrase_for(terminal: Terminal) -> str:
    """The passphrase: from the file that SONGKEEP_PASSPHRASE_FILE names, or typed."""
    named = os.environ.get(PASSPHRASE_FILE_NAME)
    if not named:
        return terminal.ask_secret(
            "Passphrase of this library:",
            instead=f"for the passphrase of this library, name a file in {PASSPHRASE_FILE_NAME}",
        )
    try:
        data = Path(named).read_bytes()[:_MAX_PASSPHRASE_FILE_BYTES]
        return data.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the file that {PASSPHRASE_FILE_NAME} names can't be read") from error

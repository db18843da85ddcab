"""Reads the command line, runs one command and turns what went wrong into a sentence and an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

from node import __version__
from node.cli.terminal import Terminal
from node.errors import INTERRUPTED_EXIT_CODE, TERMINATED_EXIT_CODE, SongkeepError, UserError
from node.log import kind_and_place

COMMANDS = (
    "up",
    "browser",
    "init",
    "add",
    "stop",
    "undo",
    "look",
    "export",
    "folders",
    "pair",
    "app",
    "join",
    "devices",
    "phrase",
    "copies",
    "seeds",
    "seed",
    "recover",
    "status",
    "verify",
    "doctor",
    "app_password",
    "config",
    "tracker",
)
"""Modules of this package with a `register(subparsers)`, in the order of the help."""

_DESCRIPTION = "Your music, from your machines, everywhere, readable by nobody else."
_EPILOG = """\
Begin with:
  songkeep up ~/Music     add a folder, start the player and open it
  songkeep up --demo      hear it with a dozen synthesized tunes

Each command takes --json (one JSON value on standard output), --home DIR and --help.
Exit codes: 0 done, 1 a mistake of Songkeep's, 2 asked for something that can't be, 3 not found, 4 refused, 5 damaged,
6 not now, 7 another machine broke the protocol, 8 of a newer Songkeep, 9 the disk refused, 10 some items failed,
130 stopped by Ctrl-C, 143 by SIGTERM.
"""


class _UsageError(UserError):
    """The command line can't be understood."""

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would end the process, so that there is one way to tell errors."""

    def error(self, message: str) -> NoReturn:
        raise _UsageError(message, self.format_usage())


class _Terminated(SystemExit):
    """Asked to end by SIGTERM."""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole = _Parser(
        prog="songkeep",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"songkeep {__version__}")
    add_common(whole, default=None)
    subparsers = whole.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name in COMMANDS:
        import_module(f"node.cli.{name}").register(subparsers)
    for subparser in _leaves(whole):
        add_common(subparser, default=argparse.SUPPRESS)
    return whole


def add_common(to: argparse.ArgumentParser, *, default: object) -> None:
    """The options of every command, accepted before and after its name."""
    common = to.add_argument_group("everywhere")
    common.add_argument(
        "--home", metavar="DIR", default=default, help="where this device's state lives (SONGKEEP_HOME)"
    )
    common.add_argument("--json", action="store_true", default=default, help="print one JSON value, nothing else")
    common.add_argument("-v", "--verbose", action="store_true", default=default, help="show the program's log")


def _leaves(of: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    found: dict[int, argparse.ArgumentParser] = {}
    for action in of._actions:  # argparse offers no other way to walk its parsers
        if isinstance(action, argparse._SubParsersAction):
            for chosen in action.choices.values():
                for leaf in (chosen, *_leaves(chosen)):
                    found[id(leaf)] = leaf
    return list(found.values())


def run_command(arguments: Sequence[str]) -> int:
    """Run what `arguments` ask for; returns the exit code."""
    try:
        asked = _understood(arguments)
    except _UsageError as error:
        print(error.usage, end="", file=sys.stderr)
        Terminal(as_json="--json" in arguments).fail(error)
        return error.exit_code
    terminal = Terminal(as_json=bool(asked.json), verbose=bool(asked.verbose))
    signal.signal(signal.SIGTERM, _terminate)
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, signal.default_int_handler)
    try:
        return int(asked.run(asked, terminal))
    except SongkeepError as error:
        terminal.fail(error)
        return error.exit_code
    except KeyboardInterrupt:
        terminal.note("Stopped.")
        return INTERRUPTED_EXIT_CODE
    except _Terminated:
        return TERMINATED_EXIT_CODE
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ImportError as error:
        if terminal.verbose:
            raise
        missing = error.name or "a part"
        terminal.fail(SongkeepError(f"Songkeep is not installed whole on this system: {missing} is missing"))
        return SongkeepError.exit_code
    except Exception as error:
        if terminal.verbose:
            raise
        where = kind_and_place(error)
        terminal.fail(SongkeepError(f"Songkeep made a mistake ({where}); with --verbose it says more"))
        return SongkeepError.exit_code


def _understood(arguments: Sequence[str]) -> argparse.Namespace:
    whole = parser()
    asked = whole.parse_args(arguments)
    if asked.command is None:
        raise _UsageError("name a command", whole.format_help())
    return asked


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated(TERMINATED_EXIT_CODE)

"""songkeep phrase: the recovery phrases that open this library; make another one, remove one."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path
from typing import Any, Final

from node.cli.arguments import Subparsers, add_command
from node.cli.client import Client, segment
from node.cli.consent import add_yes, agree
from node.cli.init import show_phrase
from node.cli.reach import reach
from node.cli.terminal import Terminal, table
from node.errors import SongkeepError, UserError

MAX_PHRASE_FILE_BYTES: Final = 4_096
TRIES: Final = 3
_UNFINISHED: Final = "the three words were not typed; the phrase was not added"


def register(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "phrase",
        run_list,
        summary="list, make and remove recovery phrases",
        more="Every phrase opens the whole library. The first one outranks every device; one that is made on a device\n"
        "ranks just above that device. With --json: an array of phrases, each as GET /api/v1/phrases gives it.",
        examples="  songkeep phrase new\n  songkeep phrase remove x3kq --with-phrase",
    )
    commands = parser.add_subparsers(dest="phrase_command", metavar="COMMAND")
    add_command(commands, "list", run_list, summary="list them, the most senior first")
    add_command(
        commands,
        "new",
        run_new,
        summary="make a further phrase: 24 words, shown once; three of them are typed back",
        more="With --json: one event a line: words {id, words, positions, trackers, seeds}, wrong {message}, then\n"
        "added {phrase} or an error. The asked words are read from standard input, one a line.",
    )
    removing = add_command(
        commands,
        "remove",
        run_remove,
        summary="have a phrase open nothing that comes from now on",
        more="What outranks the phrase may: a device senior to the one that made it, a senior phrase, or the phrase\n"
        "itself, by its words. The last phrase can't be removed. With --json: the phrase.",
    )
    removing.add_argument("phrase", metavar="PHRASE", help="its identifier, or the beginning of that")
    add_yes(removing)
    add_phrase_options(removing)


def add_phrase_options(to: argparse.ArgumentParser) -> None:
    """To act in the name of a recovery phrase."""
    named = to.add_mutually_exclusive_group()
    named.add_argument(
        "--with-phrase", action="store_true", help="in the name of a recovery phrase, whose words are typed"
    )
    named.add_argument("--phrase-file", metavar="FILE", help="the same, with the words read from a file")


def phrase_asked(asked: argparse.Namespace, terminal: Terminal) -> dict[str, str]:
    """What a request says to act in the name of a phrase; nothing if this device acts. Raises UserError."""
    if asked.phrase_file is not None:
        return {"phrase": read_phrase_file(asked.phrase_file)}
    if asked.with_phrase:
        return {"phrase": type_phrase(terminal)}
    return {}


def type_phrase(terminal: Terminal) -> str:
    """The words, typed by the person without being shown. Raises RefusedError if nobody is there."""
    return terminal.ask_secret("Recovery phrase (24 words):", instead="give the words with --phrase-file FILE")


def read_phrase_file(path: str) -> str:
    """A file that holds just the words. Raises UserError."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from error
    if len(data) > MAX_PHRASE_FILE_BYTES:
        raise UserError(f"{path} is too long to hold just the words")
    return " ".join(data.decode("utf-8-sig", "replace").split())


def note_who_hears(client: Client, terminal: Terminal) -> None:
    """Say so where nobody can have heard of a change of the roster yet."""
    if not any(room["joined"] for room in client.get("network")["rooms"]):
        terminal.note(
            "Your other devices, trackers and seeds hear of it as soon as 'songkeep up' runs here and meets them."
        )


def run_list(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        told = client.get("phrases")
    if asked.json:
        terminal.result(told["items"])
        return 0
    rows = ((each["id"][:12], _made(each), _standing(each)) for each in told["items"])
    for line in table(rows, (12, 44, 40)):
        terminal.say(line)
    for kind in ("seeds", "trackers"):
        if told[kind]:
            terminal.note(f"Beside each on paper, your {kind}: {', '.join(told[kind])}")
    return 0


def _made(phrase: dict[str, Any]) -> str:
    if phrase["first"]:
        return "the first one, made with the library"
    day = time.strftime("%Y-%m-%d", time.localtime(phrase["added_ms"] / 1_000))
    return f"made {day} by {phrase['made_by']}"


def _standing(phrase: dict[str, Any]) -> str:
    if phrase["first"]:
        return "outranks every device"
    return "outranks this device" if phrase["outranks_this"] else "this device outranks it"


def run_new(asked: argparse.Namespace, terminal: Terminal) -> int:
    with reach(asked, terminal) as client:
        draft = client.post("phrases")
        try:
            made = _typed_back(client, draft, asked, terminal)
        except BaseException:
            with contextlib.suppress(SongkeepError):
                client.post(f"phrases/{draft['id']}/discard")
            raise
        note_who_hears(client, terminal)
    terminal.event("added", phrase=made)
    terminal.say("It opens your library from now on. The phrases you had before do so too.")
    terminal.say("If one of those may be in other hands: songkeep phrase remove, with the words of a senior one.")
    return 0


def _typed_back(client: Client, draft: dict[str, Any], asked: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    terminal.event("words", **draft)
    show_phrase(" ".join(draft["words"]), terminal, trackers=draft["trackers"], seeds=draft["seeds"], first=False)
    terminal.say("Now from your paper:")
    for left in reversed(range(TRIES)):
        words = {str(place): _line(f"  word {place}: ", asked) for place in draft["positions"]}
        try:
            made: dict[str, Any] = client.post(f"phrases/{draft['id']}/confirm", words=words)
        except UserError as error:
            if not left:
                raise
            terminal.event("wrong", message=str(error))
            if not asked.json:
                terminal.note(f"That's not it: {error}. Once more.")
        else:
            return made
    raise UserError(_UNFINISHED)


def _line(question: str, asked: argparse.Namespace) -> str:
    if not asked.json:
        print(question, end="", flush=True)
    line = sys.stdin.readline()
    if not line:
        raise UserError(_UNFINISHED)
    return line.strip()


def run_remove(asked: argparse.Namespace, terminal: Terminal) -> int:
    question = f"Remove the recovery phrase {asked.phrase}? It opens nothing that comes from then on."
    agree(asked, terminal, question)
    by_phrase = phrase_asked(asked, terminal)
    with reach(asked, terminal) as client:
        phrase = client.post(f"phrases/{segment(asked.phrase)}/remove", **by_phrase)
        note_who_hears(client, terminal)
    terminal.result(phrase)
    terminal.say("It is removed. What was kept before, whoever has the old words and a seed's copy can still read.")
    return 0

"""Being asked before something is done that is not easily taken back."""

from __future__ import annotations

import argparse
import ast
from pathlib import Path

import pytest

import node.cli
from node.cli.consent import DeclinedError, agree
from node.cli.terminal import Terminal
from node.errors import UnsureError

NOT_SAID = argparse.Namespace(yes=False)


class Somebody(Terminal):
    """A person at the terminal who answers so."""

    interactive = True

    def __init__(self, *, agrees: bool) -> None:
        super().__init__(as_json=False)
        self.agrees = agrees
        self.asked: list[tuple[str, bool]] = []

    def ask(self, question: str, *, default: bool) -> bool:
        self.asked.append((question, default))
        return self.agrees


def test_a_yes_goes_on_and_a_no_is_refused_so_that_no_program_takes_it_for_done() -> None:
    willing, unwilling = Somebody(agrees=True), Somebody(agrees=False)
    agree(NOT_SAID, willing, "Bring it back?")
    with pytest.raises(DeclinedError, match="nothing was changed") as declined:
        agree(NOT_SAID, unwilling, "Bring it back?")
    assert (declined.value.exit_code, declined.value.code) == (4, "refused")
    assert willing.asked == unwilling.asked == [("Bring it back?", False)], "Enter alone is no yes"


def test_without_anybody_to_ask_only_yes_agrees() -> None:
    program = Terminal(as_json=True)
    with pytest.raises(UnsureError, match="--yes"):
        agree(NOT_SAID, program, "Bring it back?")
    agree(argparse.Namespace(yes=True), program, "Bring it back?")


def test_no_command_asks_for_consent_in_another_way() -> None:
    asking = {
        file.stem
        for file in Path(node.cli.__file__).parent.glob("*.py")
        for each in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(each, ast.Attribute) and each.attr == "ask" and ast.unparse(each.value) == "terminal"
    }
    # `add` names what it doubts and raises the same; `up` offers something, and goes on with a no.
    assert asking == {"consent", "add", "up"}

"""One request of a music app: its parameters, read by their names and kept within bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.faces.parts import Parts
from node.faces.subsonic.protocol import GENERIC, MISSING_PARAMETER, NOT_FOUND, Failure, Format, is_callback
from node.faces.subsonic.state import State

MAX_VALUES: Final = 20_000
"""Of one repeated parameter."""
MAX_TEXT_CHARS: Final = 4_096
MUSIC_FOLDER: Final = 1
"""The one that there is: the library is one, wherever its files lie."""
_NUMBER: Final = re.compile(r"-?\d{1,15}\Z", re.ASCII)
_TRUE: Final = frozenset({"true", "1", "yes", "on"})

Parameters = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request by an app that is signed in."""

    parts: Parts
    state: State
    parameters: Parameters
    user: str
    """As the app calls the person: there is one person, and any name will do."""
    app: str
    """As the app calls itself."""
    password_name: str
    """What the person called the app password."""

    def texts(self, name: str) -> list[str]:
        """All values of a parameter that may be repeated; [] if there is none."""
        values = [value for value in self.parameters.get(name, ()) if value != ""]
        if len(values) > MAX_VALUES:
            raise Failure(GENERIC, f"{name} is repeated more than {MAX_VALUES} times")
        if any(len(value) > MAX_TEXT_CHARS for value in values):
            raise Failure(GENERIC, f"{name} has more than {MAX_TEXT_CHARS} characters")
        return values

    def text(self, name: str) -> str:
        """A parameter that must be there."""
        values = self.texts(name)
        if not values:
            raise Failure(MISSING_PARAMETER, f"the parameter {name} is missing")
        return values[0]

    def text_or(self, name: str, default: str = "") -> str:
        values = self.texts(name)
        return values[0] if values else default

    def number(self, name: str, default: int, *, lowest: int = 0, highest: int = 1 << 48) -> int:
        """A whole number; beyond its bounds the nearest that is allowed."""
        values = self.texts(name)
        if not values:
            return default
        return min(max(_number(name, values[0]), lowest), highest)

    def numbers(self, name: str) -> list[int]:
        """All whole numbers of a repeated parameter, whatever they are."""
        return [_number(name, value) for value in self.texts(name)]

    def needed_number(self, name: str, *, lowest: int = 0, highest: int = 1 << 48) -> int:
        """A whole number that must be there."""
        self.text(name)
        return self.number(name, 0, lowest=lowest, highest=highest)

    def check_music_folder(self) -> None:
        """An app that asks for a folder that is not there must not get another one's music. Raises Failure."""
        wanted = self.texts("musicFolderId")
        if wanted and str(MUSIC_FOLDER) not in wanted:
            raise Failure(NOT_FOUND, "there is no such music folder")

    def flag(self, name: str, *, default: bool) -> bool:
        values = self.texts(name)
        return values[0].lower() in _TRUE if values else default


def form_of(parameters: Parameters) -> tuple[Format, str]:
    """How to answer, and the callback of JSONP. Raises Failure."""
    form = (parameters.get("f") or ["xml"])[0]
    if form == "json":
        return "json", ""
    if form == "jsonp":
        callback = (parameters.get("callback") or [""])[0]
        if not is_callback(callback):
            raise Failure(MISSING_PARAMETER, "jsonp needs a callback: the name of a function")
        return "jsonp", callback
    return "xml", ""


def _number(name: str, text: str) -> int:
    # Some apps send decimals.
    whole = text.partition(".")[0] if text.replace(".", "", 1).replace("-", "", 1).isdigit() else text
    if not _NUMBER.match(whole):
        raise Failure(GENERIC, f"{name} is not a whole number")
    return int(whole)

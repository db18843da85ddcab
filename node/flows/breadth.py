"""Folders that nobody means as a music folder: the whole system, and one's whole home."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Final, Literal

from node.errors import UnsureError, UserError

_UNIX: Final = "/ /bin /boot /dev /etc /lib /lib32 /lib64 /proc /run /sbin /sys /usr /var"
_MACOS: Final = "/Applications /Library /System /Volumes /cores /private /private/etc /private/var"
_WINDOWS: Final = ("SystemRoot", "ProgramData", "ProgramFiles", "ProgramFiles(x86)")
"""Variables of the environment that name such a folder."""


def system_folders(platform: str, environment: Mapping[str, str]) -> frozenset[PurePath]:
    """The folders that are the system's own, on a system like `platform` (as sys.platform)."""
    if platform == "win32":
        drive = environment.get("SystemDrive", "C:")
        named = [environment[name] for name in _WINDOWS if name in environment]
        return frozenset(PureWindowsPath(path) for path in (drive + "\\", *named))
    return frozenset(PurePosixPath(path) for path in (_UNIX + " " + (_MACOS if platform == "darwin" else "")).split())


def breadth(place: PurePath, *, home: PurePath, system: Collection[PurePath]) -> Literal["system", "home", "drive", ""]:
    """What `place` is the whole of: the system or a part of it, a home (or what holds homes), a drive. '' for none."""
    if place in system:
        return "system"
    if place == home or place in home.parents:
        return "home"
    is_share = place.drive.startswith("\\\\")  # of a music server, often with nothing else in it
    return "drive" if place == type(place)(place.anchor) and not is_share else ""


def refuse_too_wide(path: str | Path, *, sure: bool) -> None:
    """Raises UserError for a folder of the system, and unless the person is `sure` UnsureError for a whole home.

    Links are followed. Blocks.
    """
    whole = os.path.abspath(path)
    home = Path(os.path.realpath(os.path.expanduser("~")))
    system = system_folders(sys.platform, os.environ)
    found = [breadth(Path(place), home=home, system=system) for place in (whole, os.path.realpath(whole))]
    if "system" in found:
        raise UserError(f"{whole} is the system's own; name the folder with your music in it")
    if sure or not any(found):
        return
    at_home = "your whole home folder" if Path(os.path.realpath(whole)) == home else "what your home folder is in"
    what = "a whole drive" if "drive" in found else at_home
    raise UnsureError(f"{whole} is {what}: each song, message and sound in it would become part of the library")

"""Folders that are hardly meant: the system's own, a whole home, a whole drive."""

from __future__ import annotations

from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest

from node.errors import UnsureError, UserError
from node.flows.breadth import breadth, refuse_too_wide, system_folders

WINDOWS = {"SystemDrive": "C:", "SystemRoot": "C:\\Windows", "ProgramFiles": "C:\\Program Files"}


@pytest.mark.parametrize(
    ("platform", "place", "found"),
    [
        ("linux", "/", "system"),
        ("linux", "/usr", "system"),
        ("linux", "/home/ana", "home"),
        ("linux", "/home", "home"),
        ("linux", "/home/ana/Music", ""),
        ("linux", "/home/bob", ""),
        ("linux", "/mnt/disk", ""),
        ("linux", "/run/media/ana/DISK", ""),
        ("darwin", "/System", "system"),
        ("darwin", "/Volumes", "system"),
        ("darwin", "/Volumes/Music", ""),
        ("win32", "C:\\", "system"),
        ("win32", "c:\\windows", "system"),
        ("win32", "C:\\Users\\Ana", "home"),
        ("win32", "c:\\users", "home"),
        ("win32", "D:\\", "drive"),
        ("win32", "\\\\nas\\music\\", ""),
        ("win32", "D:\\Music", ""),
        ("win32", "C:\\Users\\Ana\\Music", ""),
    ],
)
def test_a_folder_is_known_by_what_it_is_the_whole_of(platform: str, place: str, found: str) -> None:
    home: PurePath = PureWindowsPath("C:\\Users\\Ana") if platform == "win32" else PurePosixPath("/home/ana")
    system = system_folders(platform, WINDOWS if platform == "win32" else {})
    assert breadth(type(home)(place), home=home, system=system) == found


def test_a_link_is_as_wide_as_what_it_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "ana"
    (home / "Music").mkdir(parents=True)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name, place in (("root", Path(tmp_path.anchor)), ("self", home), ("music", home / "Music")):
        (tmp_path / name).symlink_to(place)
    with pytest.raises(UserError, match="root"):
        refuse_too_wide(tmp_path / "root", sure=True)
    for place in (home, tmp_path / "self", tmp_path):
        with pytest.raises(UnsureError, match=str(place)):
            refuse_too_wide(place, sure=False)
        refuse_too_wide(place, sure=True)
    refuse_too_wide(tmp_path / "music", sure=False)

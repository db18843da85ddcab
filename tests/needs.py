"""What a test needs of the machine: skipped where it is missing, but on CI nothing may be."""

from __future__ import annotations

import os
import shutil
import sys

import pytest


def require(what: str, there: object) -> None:
    """Skip this test, or fail it on CI, unless `there` is true."""
    if there:
        return
    if os.environ.get("CI"):
        pytest.fail(f"on CI nothing is skipped, but {what} is missing")
    pytest.skip(f"needs {what}")


def require_root() -> None:
    """What only root of a Linux machine may do: mount disks, make networks, be another user."""
    require("root on Linux", sys.platform == "linux" and os.geteuid() == 0)


def require_program(name: str) -> str:
    """The path of a program."""
    path = shutil.which(name)
    require(name, path)
    assert path is not None
    return path

"""Real disks of a test's own, which fill up and go away (Linux, root)."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.needs import require, require_program, require_root


@contextlib.contextmanager
def small_disk(path: Path, *, size_bytes: int) -> Iterator[None]:
    """A disk of `size_bytes`, mounted at the new folder `path`."""
    require_root()
    path.mkdir()
    command = [require_program("mount"), "-t", "tmpfs", "-o", f"size={size_bytes}", "none", path]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    require(f"a tmpfs of its own ({mounted.stderr.strip()})", mounted.returncode == 0)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def resize(path: Path, *, size_bytes: int) -> None:
    """Make the disk at `path` larger or smaller."""
    subprocess.run(["mount", "-o", f"remount,size={size_bytes}", path], check=True)

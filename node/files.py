"""Small private files, whole or not at all (the vault, the settings, the sessions), and files that are held open."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path
from typing import Final, Self

from node.errors import StorageError

MAX_SMALL_FILE_BYTES: Final = 16 * 1024 * 1024


class OpenFile:
    """A file that is held open by its descriptor (`with`)."""

    def __init__(self, fd: int) -> None:
        """`fd` belongs to this from now on."""
        self._fd = fd

    def close(self) -> None:
        """Let go of the file; once more does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sync_directory(directory: Path) -> None:
    """Have a rename in `directory` outlive a power cut. Raises OSError."""
    if sys.platform == "win32":
        return  # a rename is written through by itself there, and directories can't be opened
    directory_fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(directory_fd)
    finally:
        os.close(directory_fd)


def write_private(target: Path, data: bytes) -> None:
    """Put `data` in place of `target`, whole or not at all, on the disk, readable by its owner alone."""
    # Only one process writes in a home, so a fixed prefix and a random end are enough to never meet another's file.
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.draft")
    try:
        draft_fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with open(draft_fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        sync_directory(target.parent)
    except OSError as error:
        raise StorageError(f"{target.name} can't be written: {error.strerror}") from error


def reserve_private(path: Path) -> None:
    """Make an empty file that its owner alone may read, for others to write into; one that is there is left."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise StorageError(f"{path.name} can't be written: {error.strerror}") from error


def read_small(path: Path, *, max_bytes: int = MAX_SMALL_FILE_BYTES) -> bytes | None:
    """The whole of a small file, or None if it isn't there. Raises StorageError."""
    try:
        with open(path, "rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path.name} can't be read: {error.strerror}") from error
    if len(data) > max_bytes:
        raise StorageError(f"{path.name} is larger than it can be")
    return data


def remove_drafts(directory: Path) -> None:
    """Clear away what a crash in the middle of `write_private` left."""
    for draft in directory.glob(".*.draft"):
        with contextlib.suppress(OSError):
            draft.unlink()

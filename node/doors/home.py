"""The directory that holds one device's state: its places, its lock, and who is running in it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from node.errors import StorageError, UnavailableError, UserError
from node.files import read_small, write_private

ENVIRONMENT_NAME: Final = "SONGKEEP_HOME"
_NODE_FIELDS_LIMIT_BYTES: Final = 4_096


class HomeBusyError(UnavailableError):
    """Another process holds the home's lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningNode:
    """How to reach the process that holds the home: written to `node.json` while it runs."""

    port: int
    token: str
    """Opens everything; whoever can read the file is this device's owner."""
    pid: int
    kind: str
    """up | command: whether it stays, or ends with the command that started it."""
    version: str


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything of this device is kept. The directory is 0700, each file in it 0600."""

    path: Path

    @property
    def vault(self) -> Path:
        return self.path / "vault"

    @property
    def index(self) -> Path:
        return self.path / "index.sqlite"

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def covers(self) -> Path:
        return self.path / "covers"

    @property
    def settings(self) -> Path:
        return self.path / "settings.json"

    @property
    def sessions(self) -> Path:
        return self.path / "sessions.json"

    @property
    def log(self) -> Path:
        return self.path / "songkeep.log"

    @property
    def demo(self) -> Path:
        return self.path / "demo"

    @property
    def running(self) -> Path:
        return self.path / "node.json"

    def prepare(self) -> None:
        """Make the directory, private. Raises UserError if it can't be one, StorageError if the disk refuses."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sys.platform != "win32":
                self.path.chmod(0o700)
        except (FileExistsError, NotADirectoryError) as error:
            raise UserError(f"{self.path} is a file; the home of a library is a directory") from error
        except OSError as error:
            raise StorageError(f"{self.path} can't be used as a home: {error.strerror}") from error

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Be the one process that writes here. Raises HomeBusyError at once if another is."""
        self.prepare()
        try:
            lock_fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageError(f"the lock in {self.path} can't be opened: {error.strerror}") from error
        try:
            if not _try_lock(lock_fd):
                raise HomeBusyError("another Songkeep is using this library")
            yield
        finally:
            # Closing lets go of the lock; the file stays, since taking it away would race with its next user.
            os.close(lock_fd)

    def tell_running(self, node: RunningNode) -> None:
        """Let commands find the node that runs here."""
        write_private(self.running, json.dumps(asdict(node)).encode())

    def forget_running(self) -> None:
        with contextlib.suppress(OSError):
            self.running.unlink()

    def find_running(self) -> RunningNode | None:
        """The node that says it runs here, or None. A crash leaves a stale one: only the lock tells."""
        data = read_small(self.running, max_bytes=_NODE_FIELDS_LIMIT_BYTES)
        if data is None:
            return None
        try:
            node = RunningNode(**json.loads(data))
        except (ValueError, TypeError):
            return None
        return node if isinstance(node.port, int) and isinstance(node.token, str) else None


def locate_home(asked: str | None, environment: Mapping[str, str] = os.environ) -> Home:
    """The home that was asked for, or SONGKEEP_HOME, or the usual place of this system."""
    named = asked or environment.get(ENVIRONMENT_NAME)
    if named:
        return Home(Path(named).expanduser().absolute())
    from platformdirs import user_data_path

    return Home(user_data_path("songkeep", appauthor=False))


if sys.platform == "win32":
    import msvcrt

    def _try_lock(lock_fd: int) -> bool:
        try:
            msvcrt.locking(lock_fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(lock_fd: int) -> bool:
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

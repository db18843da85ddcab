"""The small process that is told of changes by the system, and tells the node.

To be told of each directory takes seconds for a large library, in which that Python process does nothing else. So it
is one of its own: node/doors/watch.py runs this file by its path, and it imports next to nothing. It ends with the
node, since its standard input does.
"""

from __future__ import annotations

import _thread
import os
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec

GATHER_MS = 2_000
"""Changes that follow each other closely are told together, at the latest after this."""
QUIET_MS = 300
POLL_MS = 10_000
"""How often to look where Linux runs under Windows, which tells it nothing of Windows' own disks."""
MOST_PATHS = 10_000
"""With more changes at once it is only told that there are many."""
LENGTH_BYTES = 4
MOST_BYTES = 64 << 20
"""Of one message, which fits `MOST_PATHS` of the longest paths of any system."""

LISTENING, CHANGED, MANY, UNAVAILABLE = b"LCMU"
"""What a message from here begins with. Behind CHANGED: the paths."""


def pack(paths: list[str]) -> bytes:
    """Paths as one run of bytes: no system has a zero in a path. Names that are no UTF-8 come out as they went in."""
    return b"\0".join(path.encode("utf-8", "surrogatepass") for path in paths)


def unpack(packed: bytes) -> list[str]:
    """What `pack` took. Raises UnicodeDecodeError."""
    return [path.decode("utf-8", "surrogatepass") for path in packed.split(b"\0")] if packed else []


def framed(message: bytes) -> bytes:
    """A message with its length before it."""
    return len(message).to_bytes(LENGTH_BYTES, "big") + message


def main(extension: str) -> None:
    """Watch the folders that the first message on standard input names; `extension` is the file that can."""
    loader = ExtensionFileLoader("watchfiles._rust_notify", extension)
    module = loader.create_module(ModuleSpec(loader.name, loader, origin=extension))
    loader.exec_module(module)
    length = int.from_bytes(sys.stdin.buffer.read(LENGTH_BYTES), "big")
    paths = unpack(sys.stdin.buffer.read(length))
    _thread.start_new_thread(_end_with_the_node, ())
    under_windows = hasattr(os, "uname") and "microsoft-standard" in os.uname().release.lower()
    try:
        try:
            watch = module.RustNotify(paths, False, under_windows, POLL_MS, True, False)
        except PermissionError:
            # This lets it pass over directories that nobody may read, and over every other trouble without a word.
            watch = module.RustNotify(paths, False, under_windows, POLL_MS, True, True)
        _tell(LISTENING)
        while True:
            _tell(*of_changes({path for _, path in watch.watch(GATHER_MS, QUIET_MS, 0, None)}))
    except Exception:  # whose words would name folders
        _tell(UNAVAILABLE)


def of_changes(paths: set[str]) -> tuple[int, bytes]:
    """The kind of message that tells of changes at `paths`, and what it holds."""
    return (MANY, b"") if len(paths) > MOST_PATHS else (CHANGED, pack(list(paths)))


def _tell(kind: int, packed: bytes = b"") -> None:
    sys.stdout.buffer.write(framed(bytes((kind,)) + packed))
    sys.stdout.buffer.flush()


def _end_with_the_node() -> None:
    sys.stdin.buffer.read(1)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])

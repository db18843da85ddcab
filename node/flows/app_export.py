"""Writing the phone's app as plain files, for a static host."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from node.errors import StorageError, UserError
from node.wire.apphost import HEADERS, app_files, app_policy

_HEADERS_FILE: Final = "_headers"
"""Read by several static hosts: the headers to send with every file."""
_MARK: Final = "songkeep-app.txt"
_MARK_TEXT: Final = "Written by 'songkeep app export'; it may be written over by the next export.\n"
_HEAD: Final = '<meta charset="utf-8">'


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    folder: Path
    files: int
    size_bytes: int


def export_app(folder: str | Path) -> Exported:
    """Write the app into `folder`: new, empty, or of an earlier export. Nothing else in it is overwritten.

    Raises UserError if the folder holds something else, StorageError.
    """
    target = Path(folder)
    written = size_bytes = 0
    try:
        if target.exists() and not target.is_dir():
            raise UserError(f"{target} is a file; name a folder to write the app into")
        if target.exists() and any(target.iterdir()) and not (target / _MARK).is_file():
            raise UserError(f"{target} holds other files, which the app must not overwrite; name a new folder")
        for name, body in _files():
            place = target.joinpath(*name.split("/"))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(body)
            written += 1
            size_bytes += len(body)
    except OSError as error:
        raise StorageError(f"the app could not be written into {target}: {error.strerror or error}") from error
    return Exported(target, written, size_bytes)


def _files() -> list[tuple[str, bytes]]:
    # First, so that a broken export may be written over.
    found: list[tuple[str, bytes]] = [(_MARK, _MARK_TEXT.encode())]
    for name, place in sorted(app_files(files("client")), key=lambda each: each[0]):
        body = place.read_bytes()
        found.append((name, _with_policy(body) if name == "index.html" else body))
    headers = {**HEADERS, "Content-Security-Policy": app_policy()}
    lines = "".join(f"  {name}: {value}\n" for name, value in headers.items())
    return [*found, (_HEADERS_FILE, f"/*\n{lines}".encode())]


def _with_policy(page: bytes) -> bytes:
    """The page says itself what it may do, since not every host sends headers."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{app_policy(in_page=True)}">'
    text = page.decode()
    if _HEAD not in text:
        raise ValueError("the page of the app has no place for its policy")
    return text.replace(_HEAD, f"{_HEAD}\n    {meta}", 1).encode()

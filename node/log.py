"""Where the program's own log goes, and what must never be in it: titles, paths, keys, phrases.

Our own events carry names of events and identifiers only. What other packages log, and the text of exceptions,
may quote a path or a header, so of those only the kind and the place in the code are kept.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

LOG_FILE_BYTES: Final = 2_000_000
LOG_FILES: Final = 3
_OUR_LOGGERS: Final = ("node", "tracker", "songkeep")


def kind_and_place(error: BaseException) -> str:
    """An exception without its text: its class, its causes' classes and where in the code it was raised."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(parts) < 5:
        frames = traceback.extract_tb(seen.__traceback__)[-4:]
        at = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}:{frame.name}" for frame in reversed(frames))
        parts.append(f"{type(seen).__name__} at {at or 'nowhere'}")
        seen = seen.__cause__ or seen.__context__
    return "; by ".join(parts)


class QuietFormatter(logging.Formatter):
    """Time in UTC, level, logger and event; of foreign records and of exceptions only what cannot name music."""

    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return f"{super().formatTime(record, datefmt)}.{int(record.msecs):03d}Z"

    def format(self, record: logging.LogRecord) -> str:
        safe = logging.makeLogRecord(record.__dict__)
        if record.name.split(".", 1)[0] not in _OUR_LOGGERS:
            safe.msg, safe.args = f"foreign_record at={record.module}:{record.lineno}", None
        # A text cached by another formatter on the same record would quote the exception.
        safe.exc_text = safe.stack_info = None
        return super().format(safe)

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return kind_and_place(ei[1]) if ei[1] is not None else ""


class _PrivateRotatingFile(logging.handlers.RotatingFileHandler):
    """A rotating file that only its owner may read."""

    def _open(self):  # type: ignore[no-untyped-def]  # the stream's type is private to logging
        return open(
            self.baseFilename,
            self.mode,
            encoding="utf-8",
            errors="backslashreplace",
            opener=lambda path, flags: os.open(path, flags, 0o600),
        )


def configure_log(*, level: str, file: Path | None, to_stderr: bool = False) -> None:
    """Send every log record to `file` (2 MB, three of them kept) and, if asked, to standard error."""
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    kinds: list[logging.Handler] = []
    if file is not None:
        kinds.append(_PrivateRotatingFile(file, maxBytes=LOG_FILE_BYTES, backupCount=LOG_FILES - 1))
    if to_stderr:
        kinds.append(logging.StreamHandler())
    for kind in kinds or [logging.NullHandler()]:
        kind.setFormatter(QuietFormatter())
        root.addHandler(kind)
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)

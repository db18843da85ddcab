"""Which bytes a request wants: Range and If-Range (RFC 9110, sections 13 and 14). Pure."""

from __future__ import annotations

import re
from typing import Final

# ASCII digits alone, and so few that making numbers of them costs nothing; no track has as many bytes as they can say.
_ONE_RANGE: Final = re.compile(r"bytes=\s*([0-9]{0,1000})\s*-\s*([0-9]{0,1000})\s*", re.IGNORECASE)


class NotSatisfiableError(Exception):
    """The range begins beyond the end: answer 416."""


def wanted_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """The half-open range that a Range header asks of `size_bytes`; None if the whole is to be sent.

    Several ranges at once, other units and malformed headers are ignored, as the RFC allows.
    Raises NotSatisfiableError.
    """
    match = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if match is None:
        return None
    first, last = match.groups()
    if first == "":
        if last == "":
            return None
        if int(last) == 0 or size_bytes == 0:
            raise NotSatisfiableError
        return max(0, size_bytes - int(last)), size_bytes
    start = int(first)
    if last != "" and int(last) < start:
        return None
    if start >= size_bytes:
        raise NotSatisfiableError
    return start, size_bytes if last == "" else min(int(last) + 1, size_bytes)


def names_tag(header: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names `etag` (unquoted). Weak comparison, as it is for GET."""
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return any(part.strip().removeprefix("W/") == f'"{etag}"' for part in header.split(",")[:50])


def range_still_holds(if_range: str | None, *, etag: str) -> bool:
    """Whether an If-Range header lets the range stand. A date never does: two versions may share a second."""
    return if_range is None or if_range.strip() == f'"{etag}"'

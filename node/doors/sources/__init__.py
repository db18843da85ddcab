"""The person's own files: found, opened for reading, and watched for change. Nothing here ever writes to them."""

from node.doors.sources.opening import (
    NotDownloadedError,
    OpenSource,
    SourceChangedError,
    SourceMissingError,
    fingerprint,
    fingerprint_of,
    is_placeholder,
    why_unreadable,
)
from node.doors.sources.scan import MAX_DEPTH, Found, Scan, Wanted, is_empty, scan, stat_one

__all__ = [
    "MAX_DEPTH",
    "Found",
    "NotDownloadedError",
    "OpenSource",
    "Scan",
    "SourceChangedError",
    "SourceMissingError",
    "Wanted",
    "fingerprint",
    "fingerprint_of",
    "is_empty",
    "is_placeholder",
    "scan",
    "stat_one",
    "why_unreadable",
]

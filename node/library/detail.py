"""The JSON of one track in full: its files, its renditions, all its tags."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from node.catalog.model import Stream
from node.doors.index import Held, Source
from node.ids import to_text
from node.library.facts import TrackFiles


def track_detail(files: TrackFiles) -> dict[str, Any]:
    """What GET /tracks/{id} says beyond a line of a list. Keys of blobs are never shown."""
    return {
        "sources": [_source_json(source) for source in files.sources],
        "originals": [_held_json(held) for held in files.originals],
        "mobile": None if files.mobile is None else _held_json(files.mobile),
        "tags": {} if files.tags is None else {**asdict(files.tags), "musicbrainz": dict(files.tags.musicbrainz)},
        "hidden": files.hidden,
    }


def _source_json(source: Source) -> dict[str, Any]:
    state = source.state if source.folder_state == "present" or source.state == "missing" else "away"
    return {
        "path": readable(source.path),
        "folder": readable(source.folder_path),
        "state": state,
        "sealed": source.root is not None,
        "size_bytes": source.fingerprint.size_bytes,
        "error": source.error,
    }


def _held_json(held: Held) -> dict[str, Any]:
    rendition = held.rendition
    return {
        "blob": to_text(rendition.blob.root),
        "sha256": rendition.blob.sha256.hex(),
        "size_bytes": rendition.blob.size_bytes,
        "path": readable(rendition.path),
        "mtime_ns": rendition.mtime_ns,
        "stored": held.stored,
        "damaged": held.damaged,
        **stream_json(rendition.stream),
    }


def stream_json(stream: Stream) -> dict[str, Any]:
    return asdict(stream)


def readable(path: str) -> str:
    """A path as text that JSON can carry: bytes that are no UTF-8 become the replacement character."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not path.isascii() else path

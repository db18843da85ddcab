"""A file's tags and stream as the index keeps them."""

from __future__ import annotations

from typing import Final

from node.catalog.model import Stream, Tags
from node.catalog.values import stream_of, stream_value, tags_of, tags_value
from node.wire.codec import pack, unpack

_MAX_FACTS_BYTES: Final = 1 << 20


def facts_bytes(tags: Tags, stream: Stream) -> bytes:
    """Both as one msgpack value."""
    return pack([tags_value(tags), stream_value(stream)])


def facts_of(raw: bytes) -> tuple[Tags, Stream]:
    """What `facts_bytes` packed."""
    tags, stream = unpack(raw, max_bytes=_MAX_FACTS_BYTES)
    return tags_of(tags), stream_of(stream)

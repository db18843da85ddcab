"""How tags, streams, blobs and renditions are written in the catalog: compact, open to newer fields, strict on types.

A reader raises PeerError for a value of the wrong type and leaves alone what it does not know; a writer that is given
the value it replaces carries the unknown fields over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, get_args

from node.catalog.model import BlobRef, Rendition, RenditionKind, Stream, Tags
from node.crypto.labels import MAX_BLOB_BYTES
from node.errors import PeerError
from node.ids import BlobRoot
from node.wire.codec import array, bounded_bytes, bounded_text, fixed_bytes, natural

MAX_TEXT_CHARS: Final = 4_096
MAX_TEXTS: Final = 64
MAX_PATH_BYTES: Final = 8_192
_MAX_INT: Final = (1 << 53) - 1
_MAX_TIME_NS: Final = (1 << 63) - 1

_TAG_NUMBERS: Final[dict[int, str]] = {
    1: "title", 2: "artists", 3: "album", 4: "album_artists", 5: "genres", 6: "composers", 7: "track_no",
    8: "track_total", 9: "disc_no", 10: "disc_total", 11: "disc_subtitle", 12: "date", 13: "original_date",
    14: "compilation", 15: "title_sort", 16: "artist_sort", 17: "album_sort", 18: "album_artist_sort", 19: "bpm",
    20: "isrc", 21: "moods", 22: "comment", 23: "musicbrainz", 24: "track_gain_db", 25: "track_peak",
    26: "album_gain_db", 27: "album_peak", 28: "release_types", 29: "explicit",
}  # fmt: skip
"""Never given to another field; a new field takes the next number."""
TAG_NAMES: Final = frozenset(_TAG_NUMBERS.values())
_NO_TAGS: Final = Tags()
_FLOATS: Final = {"track_gain_db", "track_peak", "album_gain_db", "album_peak"}
_BOOLS: Final = {"compilation", "explicit"}


def tags_value(tags: Tags, replaces: Any = None) -> dict[int, Any]:
    """Tags as a map from field number to value, without what is absent."""
    value: dict[int, Any] = {}
    for number, name in _TAG_NUMBERS.items():
        content = getattr(tags, name)
        if content != getattr(_NO_TAGS, name):
            value[number] = _plain(content)
    if isinstance(replaces, dict):
        unknown = [key for key in replaces if isinstance(key, int) and key not in _TAG_NUMBERS]
        value |= {key: replaces[key] for key in sorted(unknown)}
    return value


def tags_of(value: Any) -> Tags:
    """The tags in a value. Raises PeerError."""
    if not isinstance(value, dict):
        raise PeerError("a track's tags are not a map")
    return Tags(**{
        name: _TAG_READERS[name](content, name)
        for number, content in value.items()
        if (name := _TAG_NUMBERS.get(number)) is not None
    })  # fmt: skip


def tag_value(name: str, content: object) -> Any:
    """One tag, as written in its own register when a person edits it. Raises PeerError if it is no tag's content."""
    if name not in TAG_NAMES:
        raise PeerError(f"there is no tag {name[:40]!r}")
    value = _plain(content)
    tag_of(name, value)
    return value


def tag_of(name: str, value: Any) -> Any:
    """The content of one tag. Raises PeerError if it is of the wrong type."""
    return _TAG_READERS[name](value, name)


def stream_value(stream: Stream) -> list[Any]:
    """A stream as [codec, content type, milliseconds, Hz, channels, bit/s, bits a sample or nil]."""
    return [
        stream.codec, stream.mime, stream.duration_ms, stream.sample_rate_hz, stream.channels, stream.bitrate_bps,
        stream.bit_depth,
    ]  # fmt: skip


def stream_of(value: Any) -> Stream:
    """The stream in a value. Raises PeerError."""
    codec, mime, duration_ms, rate, channels, bitrate, depth = array(value, 7, "a stream")[:7]
    return Stream(
        codec=bounded_text(codec, 64, "a codec's name"),
        mime=bounded_text(mime, 128, "a content type"),
        duration_ms=natural(duration_ms, _MAX_INT, "a duration"),
        sample_rate_hz=natural(rate, _MAX_INT, "a sample rate"),
        channels=natural(channels, 65_535, "a number of channels"),
        bitrate_bps=natural(bitrate, _MAX_INT, "a bit rate"),
        bit_depth=None if depth is None else natural(depth, 1_024, "a bit depth"),
    )


def blob_value(blob: BlobRef) -> list[Any]:
    """A blob reference as [root, key, commitment, size, SHA-256 of the plaintext]."""
    return [blob.root, blob.key, blob.commitment, blob.size_bytes, blob.sha256]


def blob_of(value: Any) -> BlobRef:
    """The blob reference in a value. Raises PeerError."""
    root, key, commitment, size_bytes, sha256 = array(value, 5, "a blob")[:5]
    return BlobRef(
        root=BlobRoot(fixed_bytes(root, 32, "a blob's name")),
        key=fixed_bytes(key, 32, "a blob's key"),
        commitment=fixed_bytes(commitment, 32, "a blob's commitment"),
        size_bytes=natural(size_bytes, MAX_BLOB_BYTES, "a blob's size"),
        sha256=fixed_bytes(sha256, 32, "a blob's hash"),
    )


def rendition_value(rendition: Rendition) -> list[Any]:
    """A rendition as [blob, stream] and, for an original, the path's bytes and the modification time in ns."""
    value: list[Any] = [blob_value(rendition.blob), stream_value(rendition.stream)]
    if rendition.kind == "original":
        value += [path_bytes(rendition.path), rendition.mtime_ns]
    return value


def rendition_of(kind: RenditionKind, value: Any) -> Rendition:
    """The rendition in a value. Raises PeerError."""
    assert kind in get_args(RenditionKind)
    if kind == "mobile":
        blob, stream = array(value, 2, "a rendition")[:2]
        return Rendition(kind=kind, blob=blob_of(blob), stream=stream_of(stream))
    blob, stream, path, mtime_ns = array(value, 4, "a rendition")[:4]
    return Rendition(
        kind=kind,
        blob=blob_of(blob),
        stream=stream_of(stream),
        path=safe_path(path_text(bounded_bytes(path, MAX_PATH_BYTES, "a file's path"))),
        mtime_ns=_time_ns(mtime_ns),
    )


def path_bytes(path: str) -> bytes:
    """A relative path as the bytes that the file system has: UTF-8, surrogate escapes undone."""
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # Windows allows names with any lone surrogate
        return path.encode("utf-8", "surrogatepass")


def path_text(raw: bytes) -> str:
    """A path of such bytes as text with surrogate escapes."""
    return raw.decode("utf-8", "surrogateescape")


def safe_path(path: str) -> str:
    """`path` if it is empty or stays below its folder. Raises PeerError: export writes where others say."""
    parts = path.split("/")
    if path and ("\0" in path or any(part in ("", ".", "..") for part in parts)):
        raise PeerError("a file's path leads outside of its folder")
    return path


def _plain(content: object) -> Any:
    if isinstance(content, str):
        # msgpack text is UTF-8: a stray half of a surrogate pair, as some tags have, becomes a question mark
        return content[:MAX_TEXT_CHARS].encode("utf-8", "replace").decode("utf-8")
    if isinstance(content, tuple | list):
        return [_plain(item) for item in content[:MAX_TEXTS]]
    return content


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS:
        raise PeerError(f"the tag {name} is not text of at most {MAX_TEXT_CHARS} characters")
    return value


def _texts(value: Any, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_TEXTS:
        raise PeerError(f"the tag {name} is not a list of at most {MAX_TEXTS}")
    return tuple([_text(item, name) for item in value])


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_INT:
        raise PeerError(f"the tag {name} is not a number from 0 to {_MAX_INT}")
    return value


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PeerError(f"the tag {name} is not a number")
    return float(value)


def _truth(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise PeerError(f"the tag {name} is neither true nor false")
    return value


def _pairs(value: Any, name: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or len(value) > MAX_TEXTS:
        raise PeerError(f"MusicBrainz identifiers are not a list of at most {MAX_TEXTS}")
    pairs = [array(pair, 2, "a MusicBrainz identifier") for pair in value]
    return tuple(sorted((_text(pair[0], name), _text(pair[1], name)) for pair in pairs))


def _reader(name: str) -> Callable[[Any, str], Any]:
    if name == "musicbrainz":
        return _pairs
    if name in _BOOLS:
        return _truth
    if name in _FLOATS:
        return _number
    default = getattr(_NO_TAGS, name)
    return _texts if isinstance(default, tuple) else _text if isinstance(default, str) else _whole


_TAG_READERS: Final = {name: _reader(name) for name in _TAG_NUMBERS.values()}
"""They build their sentence only when it is needed: a snapshot has a million tags."""


def _time_ns(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_TIME_NS:
        raise PeerError("a modification time is not a 64-bit number")
    return value

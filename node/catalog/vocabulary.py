"""Which registers the catalog has, what they hold, and a track read out of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from node.catalog.batch import HASH_BYTES, Op
from node.catalog.model import BlobRef, Rendition, Stream, Tags, cover_id
from node.catalog.register import Key
from node.catalog.values import (
    TAG_NAMES,
    blob_of,
    blob_value,
    rendition_of,
    rendition_value,
    stream_of,
    stream_value,
    tag_of,
    tag_value,
    tags_of,
    tags_value,
)
from node.catalog.vector import LOG_ID_BYTES, MAX_SEQ, LogId
from node.errors import PeerError, UserError
from node.ids import CoverId, TrackId, from_text, to_text
from node.wire.codec import array, fixed_bytes, natural

TRACK: Final = "track"
COVER: Final = "cover"
PLAYLIST: Final = "playlist"
STAR: Final = "star"
RATING: Final = "rating"
PLAYS: Final = "plays"
DEVICE: Final = "device"
DEVICE_URL: Final = "url"
LOG: Final = "log"

ADDED: Final = "added"
"""Milliseconds since 1970 when the track came."""
TAGS: Final = "tags"
"""As the file says."""
TAG_PREFIX: Final = "tag:"
"""'tag:title': as a person says, over what the file does."""
STREAM: Final = "stream"
ORIGINAL_PREFIX: Final = "original:"
"""And the first 16 bytes of the file's SHA-256 in base32: one register for each different file."""
MOBILE: Final = "mobile"
MOBILE_AAC: Final = "mobile:aac"
"""For what plays no Opus; only of tracks of which somebody asked for it."""
TRACK_COVER: Final = "cover"
"""Text: the cover's identifier, a row of the table of covers."""
HIDDEN: Final = "hidden"
"""True: the person removed it from what is shown; its blobs may go."""
DEVICE_NAME: Final = "name"
DEVICE_DHT_KEY: Final = "dht"
"""[key, signature]: under which a device's records in the DHT stand (node/wire/dhtrecord.py)."""
LOG_BRANCH: Final = "branch"
"""[number, hash]: the batch that counts in a log where it has two histories. Only the log's own device can say."""
COVER_BLOB: Final = "blob"
"""[blob, content type]."""
_MAX_TIME_MS: Final = 1 << 47


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFacts:
    """All that a track's registers say, read one by one: what is malformed counts as absent."""

    tags: Tags | None = None
    stream: Stream | None = None
    added_ms: int | None = None
    originals: tuple[Rendition, ...] = ()
    """Largest first."""
    mobile: Rendition | None = None
    mobile_aac: Rendition | None = None
    cover: CoverId | None = None
    hidden: bool = False

    @property
    def mobiles(self) -> tuple[Rendition, ...]:
        """The small ones, Opus first."""
        return tuple(each for each in (self.mobile, self.mobile_aac) if each is not None)


def read_track(fields: Mapping[str, Any]) -> TrackFacts:
    """A track out of the shown values of its registers, by field."""
    tags = _read(tags_of, fields.get(TAGS))
    edits = _edits(fields)
    if edits:
        tags = replace(tags or _NO_TAGS, **edits)
    originals = [
        rendition
        for name in sorted(fields)
        if name.startswith(ORIGINAL_PREFIX)
        and (rendition := _read(lambda raw: rendition_of("original", raw), fields[name])) is not None
    ]
    originals.sort(key=lambda original: (-original.blob.size_bytes, original.blob.sha256))
    cover = fields.get(TRACK_COVER)
    return TrackFacts(
        tags=tags,
        stream=_read(stream_of, fields.get(STREAM)) or (originals[0].stream if originals else None),
        added_ms=_read(lambda raw: natural(raw, _MAX_TIME_MS, "a time"), fields.get(ADDED)),
        originals=tuple(originals),
        mobile=_read(lambda raw: rendition_of("mobile", raw), fields.get(MOBILE)),
        mobile_aac=_read(lambda raw: rendition_of("mobile", raw), fields.get(MOBILE_AAC)),
        cover=CoverId(cover) if isinstance(cover, str) and len(cover) <= 64 else None,
        hidden=fields.get(HIDDEN) is True,
    )


_NO_TAGS: Final = Tags()


def _edits(fields: Mapping[str, Any]) -> dict[str, Any]:
    edits: dict[str, Any] = {}
    for field, value in fields.items():
        name = field.removeprefix(TAG_PREFIX)
        if name != field and name in TAG_NAMES:
            try:
                edits[name] = tag_of(name, value)
            except PeerError:
                continue
    return edits


def _read(reader: Any, value: Any) -> Any:
    if value is None:
        return None
    try:
        return reader(value)
    except PeerError:
        return None


def track_key(track: TrackId, field: str) -> Key:
    return Key(TRACK, track, field)


def original_field(sha256: bytes) -> str:
    return ORIGINAL_PREFIX + to_text(sha256[:16])


def set_added(track: TrackId, added_ms: int) -> Op:
    return Op(track_key(track, ADDED), added_ms)


def set_tags(track: TrackId, tags: Tags, replaces: Any = None) -> Op:
    """`replaces` is the value written before, so that fields of newer versions in it stay."""
    return Op(track_key(track, TAGS), tags_value(tags, replaces))


def edit_tag(track: TrackId, name: str, content: object) -> Op:
    """A person's own word for one tag; None takes it back, and the file's stands again."""
    return Op(track_key(track, TAG_PREFIX + name), None if content is None else tag_value(name, content))


def set_stream(track: TrackId, stream: Stream) -> Op:
    return Op(track_key(track, STREAM), stream_value(stream))


def set_original(track: TrackId, original: Rendition) -> Op:
    return Op(track_key(track, original_field(original.blob.sha256)), rendition_value(original))


def set_mobile(track: TrackId, mobile: Rendition) -> Op:
    """Its codec says which of the two it is."""
    return Op(track_key(track, MOBILE_AAC if mobile.stream.codec == "aac" else MOBILE), rendition_value(mobile))


def set_cover(track: TrackId, cover: CoverId) -> Op:
    return Op(track_key(track, TRACK_COVER), cover)


def set_hidden(track: TrackId, hidden: bool) -> Op:
    return Op(track_key(track, HIDDEN), True if hidden else None)


def set_cover_blob(blob: BlobRef, mime: str) -> Op:
    return Op(Key(COVER, cover_id(blob.sha256), COVER_BLOB), [blob_value(blob), mime])


def call_device(device: str, name: str) -> Op:
    """What the person calls a device; `device` is its identifier."""
    return Op(Key(DEVICE, device, DEVICE_NAME), name)


def choose_branch(log: LogId, seq: int, batch_hash: bytes) -> Op:
    """Which batch counts at the place where a log of the writer's own parts into two histories."""
    return Op(Key(LOG, to_text(log), LOG_BRANCH), [seq, batch_hash])


def read_branch(row: str, value: Any) -> tuple[LogId, int, bytes] | None:
    """The log, number and hash that such a register holds; None if it is malformed."""
    try:
        log = fixed_bytes(from_text(row), LOG_ID_BYTES, "a log's name")
        seq, batch_hash = array(value, 2, "a branch")[:2]
        return LogId(log), natural(seq, MAX_SEQ, "a batch's number"), fixed_bytes(batch_hash, HASH_BYTES, "a hash")
    except (PeerError, UserError):
        return None


def tell_dht_key(device: str, key: list[bytes]) -> Op:
    """Under which key a device writes into the DHT; `device` is its identifier, `key` what it signed."""
    return Op(Key(DEVICE, device, DEVICE_DHT_KEY), key)


def read_cover(value: Any) -> tuple[BlobRef, str] | None:
    """A cover's blob and content type, or None if the value is malformed."""
    if not isinstance(value, list) or len(value) < 2 or not isinstance(value[1], str) or len(value[1]) > 128:
        return None
    blob = _read(blob_of, value[0])
    return None if blob is None else (blob, value[1])


def move_seed(seed: str, url: str) -> Op:
    """A seed is reached under another address than the roster says."""
    return Op(Key(DEVICE, seed, DEVICE_URL), url)

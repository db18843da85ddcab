"""ID3v1 and ID3v2, and the MPEG audio that they are mostly found on."""

from __future__ import annotations

import itertools
import zlib
from typing import Any, Final

from mutagen import MutagenError
from mutagen.aac import AAC
from mutagen.apev2 import APEv2
from mutagen.id3 import ID3
from mutagen.mp3 import MP3, HeaderNotFoundError

from node.catalog.sniff import id3v2_size
from node.doors.tags.fields import Fields
from node.doors.tags.finding import Finding, MusicFile, missing_part, stream_of
from node.doors.tags.lyrics import lrc
from node.errors import DamagedError

_MAX_TAG_BYTES = 64 * 1024 * 1024
_MAX_INFLATED_BYTES = 32 * 1024 * 1024
_MAX_FRAMES = 4_000
_APE_FOOTER_BYTES = 32
_ID3V1_BYTES = 128

_FRAMES: Final[dict[str, str]] = {
    "TIT2": "title",
    "TPE1": "artist",
    "TALB": "album",
    "TPE2": "album_artist",
    "TCOM": "composer",
    "TRCK": "track",
    "TPOS": "disc",
    "TSST": "disc_subtitle",
    "TDRC": "date",
    "TDRL": "date",
    "TDOR": "original_date",
    "TCMP": "compilation",
    "TSOT": "title_sort",
    "TSOP": "artist_sort",
    "TSOA": "album_sort",
    "TSO2": "album_artist_sort",
    "TBPM": "bpm",
    "TSRC": "isrc",
    "TMOO": "mood",
}
_RVA2_MASTER = 1
_SYLT_LYRICS = 1
_SYLT_MPEG_FRAMES = 1


def read_mp3(file: MusicFile) -> Finding:
    """MPEG audio of any layer with ID3v2, ID3v1, APEv2, or several of them; the first of these has the say."""
    tag_bytes = refuse_bombs(file)
    file.seek(0)
    try:
        mp3: Any = MP3(file)
    except HeaderNotFoundError as error:
        raise DamagedError("no sound was found in it") from error
    info = mp3.info
    if info.sketchy and info.frame_offset > tag_bytes + 4096:
        raise DamagedError("no sound was found in it")
    seconds, damage = _true_length(info, file.size_bytes)
    finding = Finding(
        stream=stream_of(
            codec=f"mp{info.layer}",
            mime="audio/mpeg",
            seconds=seconds,
            sample_rate_hz=info.sample_rate,
            channels=info.channels,
            size_bytes=file.size_bytes,
            bitrate_bps=info.bitrate,
        ),
        damage=damage,
    )
    if mp3.tags is not None:
        samples_per_frame = 1152 if info.version == 1 or info.layer == 2 else 576
        take_id3(mp3.tags, finding, sylt_frame_s=samples_per_frame / info.sample_rate)
    finding.fields.fill(_apev2_at_end(file))
    if info.track_gain is not None:
        lame = Fields()
        lame.add("track_gain", [str(info.track_gain)])
        finding.fields.fill(lame)
    return finding


def _true_length(info: Any, size_bytes: int) -> tuple[float, str]:
    """What plays, in seconds: a Xing header tells what the file once held."""
    claimed_bytes = info.length * info.bitrate / 8
    there_bytes = max(0, size_bytes - info.frame_offset)
    if claimed_bytes > 0 and there_bytes < claimed_bytes * 0.97 - 4096:
        return info.length * there_bytes / claimed_bytes, missing_part(there_bytes, claimed_bytes)
    return info.length, ""


def read_adts(file: MusicFile) -> Finding:
    """Bare AAC, with ID3v2 if it has any tags."""
    refuse_bombs(file)
    file.seek(0)
    info: Any = AAC(file).info
    finding = Finding(
        stream=stream_of(
            codec="aac",
            mime="audio/aac",
            seconds=info.length,
            sample_rate_hz=info.sample_rate,
            channels=info.channels,
            size_bytes=file.size_bytes,
            bitrate_bps=info.bitrate,
        )
    )
    file.seek(0)
    try:
        take_id3(ID3(file), finding)
    except MutagenError:
        return finding
    return finding


def take_id3(tags: Any, finding: Finding, *, sylt_frame_s: float = 1152 / 44_100) -> None:
    """Put what an ID3 tag says into `finding`. SYLT may count in MPEG frames: `sylt_frame_s` each."""
    fields = finding.fields
    for frame in itertools.islice(tags.values(), _MAX_FRAMES):
        name = frame.FrameID
        if name in _FRAMES:
            fields.add(_FRAMES[name], map(str, frame.text))
        elif name == "TXXX":
            fields.add_named(frame.desc, frame.text)
        elif name == "TCON":
            fields.add("genre", frame.genres)
        elif name == "APIC":
            finding.pictures.append((int(frame.type), frame.data))
        elif name == "COMM" and not frame.desc:
            fields.add("comment", frame.text)
        elif name == "USLT":
            fields.add("lyrics", [frame.text])
        elif name == "SYLT" and frame.type == _SYLT_LYRICS:
            tick_ms = sylt_frame_s * 1000 if frame.format == _SYLT_MPEG_FRAMES else 1.0
            fields.add("synced_lyrics", [lrc([(time * tick_ms, words) for words, time in frame.text])])
        elif name == "UFID" and frame.owner == "http://musicbrainz.org":
            fields.add("mb:recording", [frame.data[:64].decode("ascii", "replace")])
        elif name == "RVA2" and frame.channel == _RVA2_MASTER and frame.desc.lower() in ("track", "album"):
            of = frame.desc.lower()
            fields.add(f"{of}_gain", [f"{frame.gain:.6f}"])
            fields.add(f"{of}_peak", [f"{frame.peak:.6f}"] if frame.peak else [])


def _apev2_at_end(file: MusicFile) -> Fields:
    tail = file.piece(file.size_bytes - _APE_FOOTER_BYTES - _ID3V1_BYTES, _APE_FOOTER_BYTES + _ID3V1_BYTES)
    fields = Fields()
    if b"APETAGEX" not in tail:
        return fields
    file.seek(0)
    try:
        take_apev2(APEv2(file), fields)
    except MutagenError:
        return Fields()
    return fields


def take_apev2(tags: Any, fields: Fields) -> list[tuple[int, bytes]]:
    """Put what an APEv2 tag says into `fields`; returns its pictures."""
    pictures = []
    for name, value in itertools.islice(tags.items(), _MAX_FRAMES):
        if name.lower().startswith("cover art") and hasattr(value, "value"):
            # "name of the file" NUL bytes of the picture
            data = bytes(value.value).partition(b"\0")[2]
            pictures.append((3 if "front" in name.lower() else 0, data))
        elif isinstance(getattr(value, "value", None), str):
            fields.add_named(name, value.value.split("\0"))
    return pictures


def refuse_bombs(file: MusicFile, offset: int = 0) -> int:
    """The size in bytes of the ID3v2 tag at `offset`, 0 if none is there.

    Raises DamagedError if the tag is larger than the file or than any honest one, or holds a compressed frame
    that would unpack to more than _MAX_INFLATED_BYTES.
    """
    head = file.piece(offset, 10)
    size = id3v2_size(head)
    if size == 0:
        return 0
    if offset + size > file.size_bytes:
        raise DamagedError("it ends in the middle of its tags: the file was cut short")
    if size > _MAX_TAG_BYTES:
        raise DamagedError("its tags claim to be larger than tags can be")
    if head[3] in (3, 4):
        _refuse_inflation(file, offset, size, head)
    return size


def _refuse_inflation(file: MusicFile, offset: int, size: int, head: bytes) -> None:
    version, unsynchronised, extended = head[3], bool(head[5] & 0x80), bool(head[5] & 0x40)
    if unsynchronised or extended:
        # Offsets of frames are then not what they seem: look for any deflate stream instead.
        _refuse_any_inflation(file.piece(offset, size))
        return
    at, end = offset + 10, offset + size
    for _ in range(_MAX_FRAMES):
        header = file.piece(at, 10)
        if at + 10 > end or len(header) < 10 or header[0] == 0:
            return
        length = int.from_bytes(header[4:8], "big")
        if version == 4 and max(header[4:8]) < 128:
            length = header[4] << 21 | header[5] << 14 | header[6] << 7 | header[7]
        if header[9] & (0x80 if version == 3 else 0x08):
            _refuse_any_inflation(file.piece(at + 10, min(length, end - at - 10)))
        at += 10 + length


def _refuse_any_inflation(body: bytes) -> None:
    """Refuse `body` if a deflate stream in it unpacks to too much."""
    found, tried = body.find(b"\x78"), 0
    while found >= 0 and tried < 256:
        # RFC 1950: the two header bytes are a multiple of 31; 0x78 is the only common first one.
        if int.from_bytes(body[found : found + 2], "big") % 31 == 0:
            tried += 1
            unpacking = zlib.decompressobj()
            try:
                unpacked = len(unpacking.decompress(body[found:], _MAX_INFLATED_BYTES))
            except zlib.error:
                unpacked = 0
            if unpacked >= _MAX_INFLATED_BYTES:
                raise DamagedError("its tags would unpack to more than tags can be")
        found = body.find(b"\x78", found + 1)

"""Vorbis comments, and the containers that carry them: FLAC, and Ogg with Vorbis, Opus or FLAC in it."""

from __future__ import annotations

import base64
import re
from typing import Any

from mutagen.flac import FLAC, Picture
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from node.doors.tags.facts import MAX_COVER_BYTES
from node.doors.tags.finding import MAX_PICTURES, Finding, MusicFile, missing_part, stream_of

_TAIL_BYTES = 96 * 1024
"""Holds the last frame of a FLAC file, tags behind it included, in all but contrived cases."""
_FLAC_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_OPUS_RATE_HZ = 48_000


def read_flac(file: MusicFile) -> Finding:
    """A FLAC file, also one with an ID3 tag stuck on."""
    file.seek(0)
    flac: Any = FLAC(file)
    info = flac.info
    last_sample = _last_sample(file, info)
    total = info.total_samples
    damage = missing_part(last_sample, total) if 0 < last_sample < total else ""
    seconds = (last_sample or total) / info.sample_rate if info.sample_rate else 0
    finding = Finding(
        stream=stream_of(
            codec="flac",
            mime="audio/flac",
            seconds=seconds,
            sample_rate_hz=info.sample_rate,
            channels=info.channels,
            size_bytes=file.size_bytes,
            bit_depth=info.bits_per_sample,
        ),
        damage=damage,
    )
    for picture in flac.pictures[:MAX_PICTURES]:
        finding.pictures.append((picture.type, picture.data))
    _take_comments(flac.tags, finding)
    return finding


def read_ogg_vorbis(file: MusicFile) -> Finding:
    """Ogg Vorbis."""
    return _read_ogg(OggVorbis, file, codec="vorbis")


def read_ogg_opus(file: MusicFile) -> Finding:
    """Ogg Opus."""
    return _read_ogg(OggOpus, file, codec="opus")


def read_ogg_flac(file: MusicFile) -> Finding:
    """FLAC in Ogg."""
    return _read_ogg(OggFLAC, file, codec="flac")


def _read_ogg(container: Any, file: MusicFile, *, codec: str) -> Finding:
    file.seek(0)
    ogg = container(file)
    info = ogg.info
    finding = Finding(
        stream=stream_of(
            codec=codec,
            mime=f"audio/ogg; codecs={codec}",
            seconds=info.length,
            sample_rate_hz=getattr(info, "sample_rate", _OPUS_RATE_HZ),
            channels=info.channels,
            size_bytes=file.size_bytes,
            bit_depth=getattr(info, "bits_per_sample", None),
        )
    )
    _take_comments(ogg.tags, finding)
    return finding


def _take_comments(tags: Any, finding: Finding) -> None:
    if tags is None:
        return
    encoded: list[str] = []
    for name, value in tags:
        if name.lower() == "metadata_block_picture":
            encoded.append(value)
        else:
            finding.fields.add_named(name, (value,))
    for text in encoded[:MAX_PICTURES]:
        if len(text) > MAX_COVER_BYTES * 4 // 3 + 1024:
            continue
        try:
            picture = Picture(base64.b64decode(text))
        except Exception:
            # A picture that can't be read is no reason to lose the song; mutagen raises many kinds here.
            continue
        finding.pictures.append((picture.type, picture.data))


def _last_sample(file: MusicFile, info: Any) -> int:
    """The number of samples up to the end of the last frame (RFC 9639, section 9.1); 0 if none is found."""
    tail = file.piece(max(0, file.size_bytes - _TAIL_BYTES), _TAIL_BYTES)
    matches = list(_FLAC_SYNC.finditer(tail))
    for match in reversed(matches[-4096:]):
        end = _frame_end(tail[match.start() : match.start() + 16], info)
        if end:
            return end
    return 0


def _frame_end(header: bytes, info: Any) -> int:
    """The sample number behind the frame that `header` begins, 0 if it begins none."""
    if len(header) < 6 or header[2] >> 4 == 0 or header[2] & 0x0F == 15 or header[3] & 1:
        return 0
    first = header[4]
    more = 0 if first < 0x80 else (8 - (first ^ 0xFF).bit_length()) - 1
    if first & 0xC0 == 0x80 or more > 6 or len(header) < 6 + more:
        return 0
    number = first & (0x7F >> (more + 1 if more else 0))
    for byte in header[5 : 5 + more]:
        number = number << 6 | byte & 0x3F
    at = 5 + more
    size_code, rate_code = header[2] >> 4, header[2] & 0x0F
    if size_code == 1:
        block = 192
    elif size_code <= 5:
        block = 576 << (size_code - 2)
    elif size_code >= 8:
        block = 256 << (size_code - 8)
    else:
        width = size_code - 5
        block = int.from_bytes(header[at : at + width], "big") + 1
        at += width
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(header) or _crc8(header[:at]) != header[at]:
        return 0
    variable = header[1] & 1
    return (number if variable else number * info.max_blocksize) + block


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) ^ (0x107 if crc & 0x80 else 0)
    return crc

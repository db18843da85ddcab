"""Windows Media (ASF)."""

from __future__ import annotations

import itertools
from typing import Any

from mutagen.asf import ASF

from node.doors.tags.fields import MAX_FIELDS
from node.doors.tags.finding import Finding, MusicFile, stream_of
from node.errors import UserError

# ASF specification 1.20.03, section 10.1: content encryption, extended content encryption.
_LOCKED_OBJECTS = (
    bytes.fromhex("fbb31122 23bdd211 b4b700a0 c955fc6e"),
    bytes.fromhex("14e68a29 2226174c b935dae0 7ee9289c"),
)
_HEADER_BYTES = 64 * 1024


def read_asf(file: MusicFile) -> Finding:
    """A Windows Media file with sound."""
    header = file.piece(0, _HEADER_BYTES)
    size = int.from_bytes(header[16:24], "little")
    if any(mark in header[:size] for mark in _LOCKED_OBJECTS):
        raise UserError("this song is locked by the shop it was bought from (DRM), so only their player plays it")
    file.seek(0)
    asf: Any = ASF(file)
    info = asf.info
    if not info.channels:
        raise UserError("this is a film or an empty Windows Media file: it has no sound track")
    finding = Finding(
        stream=stream_of(
            codec=_codec(f"{info.codec_type} {info.codec_name}"),
            mime="audio/x-ms-wma",
            seconds=info.length,
            sample_rate_hz=info.sample_rate,
            channels=info.channels,
            size_bytes=file.size_bytes,
            bitrate_bps=info.bitrate,
        )
    )
    for name, value in itertools.islice(asf.tags or (), MAX_FIELDS):
        if name == "WM/Picture":
            picture = _picture(bytes(value.value))
            if picture is not None:
                finding.pictures.append(picture)
        elif name == "WM/IsCompilation":
            finding.fields.add("compilation", ["1" if value.value else ""])
        elif isinstance(value.value, (str, int)):
            finding.fields.add_named(name, [str(value)])
    return finding


def _codec(spoken: str) -> str:
    spoken = spoken.lower()
    for word, codec in (("lossless", "wmalossless"), ("pro", "wmapro"), ("voice", "wmavoice")):
        if word in spoken:
            return codec
    return "wmav2"


def _picture(data: bytes) -> tuple[int, bytes] | None:
    """(type, bytes): type u8, size u32, mime and description as UTF-16 with a double NUL, then the picture."""
    if len(data) < 9:
        return None
    size, at = int.from_bytes(data[1:5], "little"), 5
    for _ in range(2):
        while data[at : at + 2] not in (b"\0\0", b""):
            at += 2
        at += 2
    return data[0], data[at : at + size]

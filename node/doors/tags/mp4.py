"""MP4 atoms: AAC, Apple Lossless, and whatever else stands in an .m4a."""

from __future__ import annotations

from typing import Any, Final

from mutagen.mp4 import MP4

from node.doors.tags.finding import FRONT_COVER, Finding, MusicFile, missing_part, stream_of
from node.errors import DamagedError, UserError

_MAX_ATOMS = 100_000
"""At the top of one file: a fragmented one has two for each few seconds."""

_ATOMS: Final[dict[str, str]] = {
    "\xa9nam": "title",
    "\xa9ART": "artist",
    "\xa9alb": "album",
    "aART": "album_artist",
    "\xa9gen": "genre",
    "\xa9wrt": "composer",
    "\xa9day": "date",
    "sonm": "title_sort",
    "soar": "artist_sort",
    "soal": "album_sort",
    "soaa": "album_artist_sort",
    "\xa9cmt": "comment",
    "\xa9lyr": "lyrics",
    "tmpo": "bpm",
    "rtng": "advisory",
}

_CODECS: Final[dict[str, str]] = {
    "alac": "alac",
    "fLaC": "flac",
    "Opus": "opus",
    "ac-3": "ac3",
    "ec-3": "eac3",
    "mp4a.69": "mp3",
    "mp4a.6B": "mp3",
    "mp4a": "aac",
}
_LOCKED = ("drms", "enca", "p608")


def read_mp4(file: MusicFile) -> Finding:
    """An MP4 file with a sound track."""
    there, claimed, has_index, whole = _shape(file)
    if not has_index:
        if not whole:
            raise DamagedError("it ends in the middle: its index (moov) never came, so nothing can be played")
        raise DamagedError("its index (moov) is missing, so nothing can be played")
    file.seek(0)
    mp4: Any = MP4(file)
    info = mp4.info
    if not info.codec:
        raise UserError("this is a film or an empty MP4 file: it has no sound track")
    if info.codec in _LOCKED:
        raise UserError("this song is locked by the shop it was bought from (DRM), so only their player plays it")
    cut = claimed > 0 and there < claimed
    finding = Finding(
        stream=stream_of(
            codec=_CODECS.get(info.codec) or _CODECS.get(info.codec.split(".")[0], info.codec[:20]),
            mime=f"audio/mp4; codecs={info.codec}",
            seconds=info.length * there / claimed if cut else info.length,
            sample_rate_hz=info.sample_rate,
            channels=info.channels,
            size_bytes=there or file.size_bytes,
            bit_depth=info.bits_per_sample if info.codec in ("alac", "fLaC") else None,
        ),
        damage=missing_part(there, claimed) if cut else "",
    )
    if mp4.tags is not None:
        _take_atoms(mp4.tags, finding)
    return finding


def _shape(file: MusicFile) -> tuple[int, int, bool, bool]:
    """(sound bytes there, sound bytes claimed, whether there is an index, whether the last atom is whole)."""
    there = claimed = at = 0
    has_index = False
    for _ in range(_MAX_ATOMS):
        if at + 8 > file.size_bytes:
            break
        header = file.piece(at, 16)
        size, name = int.from_bytes(header[:4], "big"), header[4:8]
        if size == 1 and len(header) == 16:
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:
            size = file.size_bytes - at
        if size < 8:
            break
        if name == b"mdat":
            claimed += size
            there += min(size, file.size_bytes - at)
        elif name == b"moov" and at + size <= file.size_bytes:
            has_index = True
        at += size
    return there, claimed, has_index, at <= file.size_bytes


def _take_atoms(tags: Any, finding: Finding) -> None:
    fields = finding.fields
    for name, value in tags.items():
        if name in _ATOMS:
            fields.add(_ATOMS[name], map(str, value))
        elif name.startswith("----:"):
            fields.add_named(name.rsplit(":", 1)[-1], (bytes(v).decode("utf-8", "replace") for v in value))
        elif name in ("trkn", "disk"):
            number, total = value[0]
            fields.add("track" if name == "trkn" else "disc", [f"{number}/{total}"])
        elif name == "cpil":
            fields.add("compilation", ["1" if value else ""])
        elif name == "covr":
            finding.pictures.extend((FRONT_COVER, bytes(picture)) for picture in value[:8])

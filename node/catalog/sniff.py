"""Tells by a file's bytes what it is, whatever its name says. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from node.errors import UserError

Kind = Literal["mp3", "flac", "mp4", "vorbis", "opus", "oggflac", "wav", "aiff", "asf", "adts", "wavpack"]

HEAD_BYTES = 4096
"""How much of a file's start `kind_of` wants to see."""
_MAX_LEADING_TAGS = 8
"""Windows Media Player writes several ID3v2 tags in a row."""

SPOKEN: dict[Kind, str] = {
    "mp3": "MP3",
    "flac": "FLAC",
    "mp4": "MP4",
    "vorbis": "Ogg Vorbis",
    "opus": "Ogg Opus",
    "oggflac": "Ogg FLAC",
    "wav": "WAV",
    "aiff": "AIFF",
    "asf": "Windows Media",
    "adts": "AAC",
    "wavpack": "WavPack",
}
"""What a person calls each kind."""

MIMES: dict[Kind, str] = {
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "mp4": "audio/mp4",
    "vorbis": "audio/ogg; codecs=vorbis",
    "opus": "audio/ogg; codecs=opus",
    "oggflac": "audio/ogg; codecs=flac",
    "wav": "audio/wav",
    "aiff": "audio/aiff",
    "asf": "audio/x-ms-wma",
    "adts": "audio/aac",
    "wavpack": "audio/x-wavpack",
}
"""The content type of a file of each kind; an MP4's is told better with its codec."""

_MUSIC_ENDINGS = frozenset(
    [
        "mp3",
        "mp2",
        "flac",
        "m4a",
        "m4b",
        "m4r",
        "ogg",
        "oga",
        "opus",
        "wav",
        "wave",
        "aif",
        "aiff",
        "aifc",
        "wma",
        "asf",
        "aac",
        "wv",
    ]
)

_PICTURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png", "a PNG picture"),
    (b"\xff\xd8\xff", "image/jpeg", "a JPEG picture"),
    (b"GIF87a", "image/gif", "a GIF picture"),
    (b"GIF89a", "image/gif", "a GIF picture"),
    (b"BM", "image/bmp", "a BMP picture"),
)

_STRANGERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM film"),
    (b"MThd", "a MIDI file: notes, not sound"),
    (b"MAC ", "a Monkey's Audio file, which Songkeep can't play yet"),
    (b"MP+", "a Musepack file, which Songkeep can't play yet"),
    (b"MPCK", "a Musepack file, which Songkeep can't play yet"),
    (b"DSD ", "a DSD file, which Songkeep can't play yet"),
    (b"FRM8", "a DSD file, which Songkeep can't play yet"),
    (b"TTA1", "a True Audio file, which Songkeep can't play yet"),
    (b"#EXTM3U", "a playlist"),
    (b"[playlist]", "a playlist"),
)

_OGG_PACKETS: tuple[tuple[bytes, Kind], ...] = (
    (b"\x01vorbis", "vorbis"),
    (b"OpusHead", "opus"),
    (b"\x7fFLAC", "oggflac"),
)


def is_music_name(name: str) -> bool:
    """Whether a file of this name is worth opening: it ends like one of the formats that can be read."""
    dot = name.rfind(".")
    # A leading "._" is what macOS leaves beside every file on a foreign disk: never music.
    return dot > 0 and name[dot + 1 :].lower() in _MUSIC_ENDINGS and not name.startswith("._")


def kind_of(head: bytes) -> Kind | None:
    """The kind of music that `head`, a file's first HEAD_BYTES, belongs to; None if it is none that is known."""
    start = head[:4]
    if start == b"fLaC":
        return "flac"
    if start == b"OggS":
        return next((kind for magic, kind in _OGG_PACKETS if magic in head[:512]), None)
    if start in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if start == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] == b"ftyp":
        return "mp4"
    if start == b"\x30\x26\xb2\x75":
        return "asf"
    if start == b"wvpk":
        return "wavpack"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and not head.startswith(b"\xff\xfe"):
        # Layer bits of zero are reserved in MPEG audio, and what ADTS has there.
        return "adts" if head[1] & 0xF6 == 0xF0 else "mp3"
    return None


def id3v2_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag that `head` begins with, its header and footer included; 0 if there is none."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] == 0xFF or max(head[6:10]) > 127:
        return 0
    body = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + body + (10 if head[5] & 0x10 else 0)


def picture_mime(data: bytes) -> str | None:
    """The content type of a picture by its first bytes, or None if it is no kind that browsers show."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for magic, mime, _ in _PICTURES if data.startswith(magic)), None)


def stranger(head: bytes) -> str:
    """What a file that isn't music is, in a person's words: 'a PNG picture'. '' if nobody knows."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP picture"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "an AVI film"
    for magic, _, words in _PICTURES:
        if head.startswith(magic):
            return words
    for magic, words in _STRANGERS:
        if head.startswith(magic):
            return words
    if head[:4] == b"OggS":
        return "an Ogg file without Vorbis, Opus or FLAC in it"
    if not head.strip(b"\0"):
        return "a file of zeros (a broken-off download?)"
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t")[:200].lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in head[:512]):
        return "a text file"
    return ""


def find_kind(piece: Callable[[int, int], bytes], suffix: str) -> tuple[Kind, int]:
    """The kind of a file, and where in it the first byte stands that is no ID3v2 tag.

    `piece` reads (offset, size); `suffix` is how the file's name ends. Raises UserError, with what the file is in
    a person's words, if it is no music that is known.
    """
    head = piece(0, HEAD_BYTES)
    start, after = 0, head
    for _ in range(_MAX_LEADING_TAGS):
        tag_bytes = id3v2_size(after)
        if tag_bytes == 0:
            break
        start += tag_bytes
        after = piece(start, HEAD_BYTES)
    kind = kind_of(after)
    if start and kind not in ("flac", "adts"):
        return "mp3", start
    if kind is not None:
        return kind, start
    words = stranger(head)
    if not words and suffix.lower() in (".mp3", ".mp2"):
        # MPEG audio has no signature, and may begin in the middle of a frame.
        return "mp3", start
    named = f"with the name of {_kind_of_name(suffix)}" if len(suffix) > 1 else "and not music"
    raise UserError(f"this is {words or 'no kind of music that Songkeep knows,'} {named}")


def _kind_of_name(suffix: str) -> str:
    # As it is said: "an MP3", but "a FLAC", which is a word.
    word = suffix[1:].lower()[:12]
    return f"an {word} file" if word[:1] in tuple("aefhilmnorsx") and word != "flac" else f"a {word} file"

"""Opens a music file once and tells all that it says of itself, or in one sentence why it can't."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from node.catalog.model import Stream
from node.doors.tags import asf, id3, mp4, riff, vorbis
from node.doors.tags.facts import FileFacts
from node.doors.tags.finding import Finding, MusicFile, front_cover
from node.doors.tags.sniff import HEAD_BYTES, SPOKEN, Kind, id3v2_size, kind_of, stranger
from node.errors import DamagedError, NotFoundError, SongkeepError, UserError

_MIN_BITRATE_BPS = 300
"""Below this a length is a lie: FLAC of pure silence takes about 1,000."""

_READERS: Final[dict[Kind, Callable[[MusicFile], Finding]]] = {
    "mp3": id3.read_mp3,
    "adts": id3.read_adts,
    "flac": vorbis.read_flac,
    "vorbis": vorbis.read_ogg_vorbis,
    "opus": vorbis.read_ogg_opus,
    "oggflac": vorbis.read_ogg_flac,
    "mp4": mp4.read_mp4,
    "asf": asf.read_asf,
    "wav": riff.read_wav,
    "aiff": riff.read_aiff,
    "wavpack": riff.read_wavpack,
}

_OS_REASONS: Final[dict[int, str]] = {
    errno.EACCES: "you may not read it: its permissions keep you out",
    errno.EPERM: "you may not read it: its permissions keep you out",
    errno.ELOOP: "it is a link that leads in a circle",
    errno.ENAMETOOLONG: "its name is longer than this system can open",
    errno.EISDIR: "it is a folder, not a file",
}


def read_tags(path: Path, *, probe: Callable[[Path], Stream] | None = None) -> FileFacts:
    """Tags, stream, cover and lyrics of the music file at `path`, whatever its name says it is.

    `probe` is asked for the stream where the file's tags and headers don't tell how long it plays. Reads at most
    MAX_READ_BYTES. Raises UserError if there is no music in it or it may not be read (NotFoundError if it is
    gone) and DamagedError if it is broken; the message says why, without the path.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UserError("it is not a file but a folder or a device")
        with MusicFile(io.FileIO(path)) as file:
            finding = _read(file, path.suffix)
    except FileNotFoundError as error:
        raise NotFoundError("it is gone: nothing has this name any more") from error
    except OSError as error:
        reason = _OS_REASONS.get(error.errno or 0)
        if reason is None:
            raise DamagedError(f"the disk can't read it ({error.strerror or 'I/O error'})") from error
        raise UserError(reason) from error
    stream, damage = finding.stream, finding.damage
    if stream.duration_ms == 0 and probe is not None:
        stream = probe(path)
    return FileFacts(
        tags=finding.fields.tags(),
        stream=stream,
        cover=front_cover(finding.pictures),
        lyrics=finding.fields.lyrics(),
        damage=damage,
    )


def _read(file: MusicFile, suffix: str) -> Finding:
    if file.size_bytes == 0:
        raise DamagedError("it is an empty file")
    kind = _kind(file, suffix)
    try:
        finding = _READERS[kind](file)
    except SongkeepError:
        raise
    except OSError:
        raise
    except Exception as error:
        # Broken files make mutagen raise nearly anything: its own errors, struct.error, IndexError, RecursionError.
        if file.ended_early:
            raise DamagedError("it ends in the middle of its header: the file was cut short") from error
        raise DamagedError(f"its {SPOKEN[kind]} header is damaged, so it can't be read") from error
    return _without_lies(finding, file.size_bytes)


def _kind(file: MusicFile, suffix: str) -> Kind:
    head = file.piece(0, HEAD_BYTES)
    tag_bytes = id3v2_size(head)
    kind = kind_of(file.piece(tag_bytes, HEAD_BYTES) if tag_bytes else head)
    if tag_bytes and kind not in ("flac", "adts"):
        return "mp3"
    if kind is not None:
        return kind
    words = stranger(head)
    if not words and suffix.lower() in (".mp3", ".mp2"):
        # MPEG audio has no signature, and may begin in the middle of a frame.
        return "mp3"
    named = f"with the name of {_article(suffix)}" if suffix else "and not music"
    if words:
        raise UserError(f"this is {words} {named}")
    raise UserError(f"this is no kind of music that Songkeep knows, {named}")


def _article(suffix: str) -> str:
    word = suffix[1:].lower()[:12]
    return f"an {word}" if word[:1] in tuple("aeiofmlnrsx") else f"a {word}"


def _without_lies(finding: Finding, size_bytes: int) -> Finding:
    seconds = finding.stream.duration_ms / 1000
    if seconds > 60 and size_bytes * 8 / seconds < _MIN_BITRATE_BPS:
        hours = seconds / 3600
        finding.damage = f"its header lies: it can't hold the {hours:,.1f} hours that it says"
        finding.stream = _without_length(finding.stream)
    return finding


def _without_length(stream: Stream) -> Stream:
    return Stream(
        codec=stream.codec,
        mime=stream.mime,
        duration_ms=0,
        sample_rate_hz=stream.sample_rate_hz,
        channels=stream.channels,
        bitrate_bps=0,
        bit_depth=stream.bit_depth,
    )

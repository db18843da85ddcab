"""Opens a music file once and tells all that it says of itself, or in one sentence why it can't."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from node.catalog.model import Stream
from node.catalog.sniff import SPOKEN, Kind, find_kind
from node.doors.tags import asf, id3, mp4, riff, vorbis
from node.doors.tags.facts import FileFacts
from node.doors.tags.finding import Finding, MusicFile, front_cover
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

    `probe` (audio.read_stream) counts how long the file plays, if its headers don't tell or lie. Reads at most
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
        counted = probe(path)
        stream = replace(stream, duration_ms=counted.duration_ms, bitrate_bps=counted.bitrate_bps)
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
    kind, _ = find_kind(file.piece, suffix)
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


def _without_lies(finding: Finding, size_bytes: int) -> Finding:
    seconds = finding.stream.duration_ms / 1000
    if seconds > 60 and size_bytes * 8 / seconds < _MIN_BITRATE_BPS:
        hours = seconds / 3600
        finding.damage = f"its header lies: it can't hold the {hours:,.1f} hours that it says"
        finding.stream = replace(finding.stream, duration_ms=0, bitrate_bps=0)
    return finding

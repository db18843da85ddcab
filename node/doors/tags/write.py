"""Puts tags into a file that has none: only ever into music that the program made itself."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from mutagen import MutagenError, id3
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4, MP4Cover
from mutagen.oggopus import OggOpus
from mutagen.wave import WAVE

from node.catalog.model import Tags
from node.doors.tags.finding import FRONT_COVER
from node.errors import StorageError

COVER_MIME = "image/jpeg"


def write_tags(path: Path, tags: Tags, *, cover: bytes = b"", lyrics: str = "") -> None:
    """Write names, numbers, date and genres of `tags`, a JPEG `cover` and `lyrics` (plain or LRC) into `path`.

    For FLAC, MP3, M4A, Ogg Opus and WAV by the ending of the name before '.part'. Raises StorageError.
    """
    ending = path.name.removesuffix(".part").rsplit(".", 1)[-1]
    try:
        if ending == "m4a":
            _write_mp4(path, tags, cover, lyrics)
        elif ending in ("flac", "opus"):
            _write_vorbis(path, tags, cover, lyrics)
        else:
            _write_id3(path, tags, cover, lyrics)
    except (MutagenError, OSError) as error:
        raise StorageError("the music's tags can't be written") from error


def _write_vorbis(path: Path, tags: Tags, cover: bytes, lyrics: str) -> None:
    is_flac = path.name.removesuffix(".part").endswith(".flac")
    file: Any = FLAC(path) if is_flac else OggOpus(path)
    if file.tags is None:
        file.add_tags()
    values = {
        "TITLE": [tags.title],
        "ARTIST": list(tags.artists),
        "ALBUM": [tags.album],
        "ALBUMARTIST": list(tags.album_artists),
        "GENRE": list(tags.genres),
        "DATE": [tags.date],
        "TRACKNUMBER": [str(tags.track_no or "")],
        "TRACKTOTAL": [str(tags.track_total or "")],
        "COMPILATION": ["1" if tags.compilation else ""],
        "COMMENT": [tags.comment],
        "LYRICS": [lyrics],
    }
    for name, texts in values.items():
        if any(texts):
            file.tags[name] = texts
    if cover:
        picture: Any = Picture()
        picture.type, picture.mime, picture.data = FRONT_COVER, COVER_MIME, cover
        if is_flac:
            file.add_picture(picture)
        else:
            file.tags["METADATA_BLOCK_PICTURE"] = base64.b64encode(picture.write()).decode("ascii")
    file.save()


def _write_mp4(path: Path, tags: Tags, cover: bytes, lyrics: str) -> None:
    file: Any = MP4(path)
    if file.tags is None:
        file.add_tags()
    values = {
        "\xa9nam": [tags.title],
        "\xa9ART": list(tags.artists),
        "\xa9alb": [tags.album],
        "aART": list(tags.album_artists),
        "\xa9gen": list(tags.genres),
        "\xa9day": [tags.date],
        "\xa9cmt": [tags.comment],
        "\xa9lyr": [lyrics],
    }
    for name, texts in values.items():
        if any(texts):
            file.tags[name] = texts
    file.tags["trkn"] = [(tags.track_no or 0, tags.track_total or 0)]
    if tags.compilation:
        file.tags["cpil"] = True
    if cover:
        file.tags["covr"] = [MP4Cover(cover, MP4Cover.FORMAT_JPEG)]
    file.save()


def _write_id3(path: Path, tags: Tags, cover: bytes, lyrics: str) -> None:
    make: Any = id3
    values = {
        "TIT2": [tags.title],
        "TPE1": list(tags.artists),
        "TALB": [tags.album],
        "TPE2": list(tags.album_artists),
        "TCON": list(tags.genres),
        "TDRC": [tags.date],
        "TRCK": [f"{tags.track_no or ''}/{tags.track_total or ''}".strip("/")],
        "TCMP": ["1" if tags.compilation else ""],
    }
    frames = [getattr(make, name)(encoding=3, text=texts) for name, texts in values.items() if any(texts)]
    if tags.comment:
        frames.append(make.COMM(encoding=3, lang="eng", desc="", text=[tags.comment]))
    if lyrics:
        frames.append(make.USLT(encoding=3, lang="eng", desc="", text=lyrics))
    if cover:
        frames.append(make.APIC(encoding=3, mime=COVER_MIME, type=FRONT_COVER, desc="", data=cover))
    is_wav = path.name.removesuffix(".part").endswith(".wav")
    file: Any = WAVE(path) if is_wav else None
    if is_wav:
        file.add_tags()
    held: Any = file.tags if is_wav else make.ID3()
    for frame in frames:
        held.add(frame)
    if is_wav:
        file.save()
    else:
        held.save(path)

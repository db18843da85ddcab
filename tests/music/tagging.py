"""Writes tags as the wide-spread tag editors do, one way for each container."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from mutagen import File, id3, mp4
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2
from mutagen.asf import ASF
from mutagen.asf._attrs import ASFBoolAttribute, ASFByteArrayAttribute, ASFUnicodeAttribute
from mutagen.flac import FLAC, Picture
from mutagen.wave import WAVE

from node.catalog.model import Tags

# What a field is called: ID3's TXXX, Vorbis comments, MP4's free-form atoms, ASF.
_MB = {
    "track": ("MusicBrainz Release Track Id", "MUSICBRAINZ_RELEASETRACKID", "MusicBrainz/Release Track Id"),
    "release": ("MusicBrainz Album Id", "MUSICBRAINZ_ALBUMID", "MusicBrainz/Album Id"),
    "release_group": (
        "MusicBrainz Release Group Id",
        "MUSICBRAINZ_RELEASEGROUPID",
        "MusicBrainz/Release Group Id",
    ),
    "artist": ("MusicBrainz Artist Id", "MUSICBRAINZ_ARTISTID", "MusicBrainz/Artist Id"),
    "album_artist": (
        "MusicBrainz Album Artist Id",
        "MUSICBRAINZ_ALBUMARTISTID",
        "MusicBrainz/Album Artist Id",
    ),
}


def write_tags(path: Path, tags: Tags, *, cover: bytes | None = None, lyrics: str = "") -> None:
    """Put `tags` into the file, which must be without any."""
    name = path.name.lower()
    if name.endswith((".mp3", ".wav", ".aiff", ".aac")):
        _write_id3(path, id3_frames(tags, cover=cover, lyrics=lyrics))
    elif name.endswith(".m4a"):
        _write_mp4(path, tags, cover, lyrics)
    elif name.endswith(".wma"):
        _write_asf(path, tags, cover, lyrics)
    elif name.endswith(".wv"):
        write_apev2(path, tags)
    else:
        _write_vorbis(path, tags, cover, lyrics)


def id3_frames(tags: Tags, *, cover: bytes | None = None, lyrics: str = "") -> list[Any]:
    """The frames of ID3v2.4 that say what `tags` says."""
    frames: list[Any] = []

    def text(frame: str, *values: str) -> None:
        if any(values):
            frames.append(getattr(id3, frame)(encoding=3, text=list(values)))

    def named(name: str, *values: str) -> None:
        if any(values):
            frames.append(id3.TXXX(encoding=3, desc=name, text=list(values)))

    text("TIT2", tags.title)
    text("TPE1", *tags.artists)
    text("TALB", tags.album)
    text("TPE2", *tags.album_artists)
    text("TCON", *tags.genres)
    text("TCOM", *tags.composers)
    text("TRCK", _pair(tags.track_no, tags.track_total))
    text("TPOS", _pair(tags.disc_no, tags.disc_total))
    text("TSST", tags.disc_subtitle)
    text("TDRC", tags.date)
    text("TDOR", tags.original_date)
    text("TCMP", "1" if tags.compilation else "")
    text("TSOT", tags.title_sort)
    text("TSOP", tags.artist_sort)
    text("TSOA", tags.album_sort)
    text("TSO2", tags.album_artist_sort)
    text("TBPM", str(tags.bpm or ""))
    text("TSRC", tags.isrc)
    text("TMOO", *tags.moods)
    if tags.comment:
        frames.append(id3.COMM(encoding=3, lang="eng", desc="", text=[tags.comment]))
    ids: dict[str, list[str]] = {}
    for kind, value in tags.musicbrainz:
        ids.setdefault(kind, []).append(value)
    for kind, values in ids.items():
        if kind == "recording":
            frames.append(id3.UFID(owner="http://musicbrainz.org", data=values[0].encode()))
        else:
            named(_MB[kind][0], *values)
    for name, gain in _gains(tags):
        named(name, gain)
    named("MusicBrainz Album Type", *tags.release_types)
    named("ITUNESADVISORY", _advisory(tags))
    if cover:
        frames.append(id3.APIC(encoding=3, mime="image/png", type=id3.PictureType.COVER_FRONT, data=cover))
    if lyrics:
        frames.append(id3.USLT(encoding=3, lang="eng", desc="", text=lyrics))
    return frames


def _write_id3(path: Path, frames: list[Any]) -> None:
    if path.name.lower().endswith(".wav"):
        holder: Any = WAVE(path)
    elif path.name.lower().endswith(".aiff"):
        holder = AIFF(path)
    else:
        tags = id3.ID3()
        for frame in frames:
            tags.add(frame)
        tags.save(path)
        return
    holder.add_tags()
    for frame in frames:
        holder.tags.add(frame)
    holder.save()


def vorbis_pairs(tags: Tags) -> dict[str, list[str]]:
    """The Vorbis comments that say what `tags` says."""
    pairs = {
        "TITLE": [tags.title],
        "ARTIST": list(tags.artists),
        "ALBUM": [tags.album],
        "ALBUMARTIST": list(tags.album_artists),
        "GENRE": list(tags.genres),
        "COMPOSER": list(tags.composers),
        "TRACKNUMBER": [str(tags.track_no or "")],
        "TRACKTOTAL": [str(tags.track_total or "")],
        "DISCNUMBER": [str(tags.disc_no or "")],
        "DISCTOTAL": [str(tags.disc_total or "")],
        "DISCSUBTITLE": [tags.disc_subtitle],
        "DATE": [tags.date],
        "ORIGINALDATE": [tags.original_date],
        "COMPILATION": ["1" if tags.compilation else ""],
        "TITLESORT": [tags.title_sort],
        "ARTISTSORT": [tags.artist_sort],
        "ALBUMSORT": [tags.album_sort],
        "ALBUMARTISTSORT": [tags.album_artist_sort],
        "BPM": [str(tags.bpm or "")],
        "ISRC": [tags.isrc],
        "MOOD": list(tags.moods),
        "COMMENT": [tags.comment],
        "RELEASETYPE": list(tags.release_types),
        "ITUNESADVISORY": [_advisory(tags)],
    }
    for kind, value in tags.musicbrainz:
        name = "MUSICBRAINZ_TRACKID" if kind == "recording" else _MB[kind][1]
        pairs.setdefault(name, []).append(value)
    for name, gain in _gains(tags):
        pairs[name] = [gain]
    return {name: values for name, values in pairs.items() if any(values)}


def _write_vorbis(path: Path, tags: Tags, cover: bytes | None, lyrics: str) -> None:
    file: Any = File(path)
    if file.tags is None:
        file.add_tags()
    for name, values in vorbis_pairs(tags).items():
        file.tags[name] = values
    if lyrics:
        file.tags["LYRICS"] = lyrics
    if cover:
        picture = Picture()
        picture.type, picture.mime, picture.data = 3, "image/png", cover
        if isinstance(file, FLAC):
            file.add_picture(picture)
        else:
            file.tags["METADATA_BLOCK_PICTURE"] = base64.b64encode(picture.write()).decode()
    file.save()


def _write_mp4(path: Path, tags: Tags, cover: bytes | None, lyrics: str) -> None:
    file: Any = mp4.MP4(path)
    if file.tags is None:
        file.add_tags()
    out = file.tags
    texts = {
        "\xa9nam": [tags.title],
        "\xa9ART": list(tags.artists),
        "\xa9alb": [tags.album],
        "aART": list(tags.album_artists),
        "\xa9gen": list(tags.genres),
        "\xa9wrt": list(tags.composers),
        "\xa9day": [tags.date],
        "sonm": [tags.title_sort],
        "soar": [tags.artist_sort],
        "soal": [tags.album_sort],
        "soaa": [tags.album_artist_sort],
        "\xa9cmt": [tags.comment],
        "\xa9lyr": [lyrics],
    }
    for name, values in texts.items():
        if any(values):
            out[name] = values
    if tags.track_no:
        out["trkn"] = [(tags.track_no, tags.track_total or 0)]
    if tags.disc_no:
        out["disk"] = [(tags.disc_no, tags.disc_total or 0)]
    if tags.compilation:
        out["cpil"] = True
    if tags.bpm:
        out["tmpo"] = [tags.bpm]
    if tags.explicit is not None:
        out["rtng"] = [1 if tags.explicit else 2]
    free = {
        "DISCSUBTITLE": [tags.disc_subtitle],
        "ORIGINALDATE": [tags.original_date],
        "ISRC": [tags.isrc],
        "MOOD": list(tags.moods),
        "MusicBrainz Album Type": list(tags.release_types),
    }
    for kind, value in tags.musicbrainz:
        name = "MusicBrainz Track Id" if kind == "recording" else _MB[kind][0]
        free.setdefault(name, []).append(value)
    for name, gain in _gains(tags):
        free[name.lower()] = [gain]
    for name, values in free.items():
        if any(values):
            out[f"----:com.apple.iTunes:{name}"] = [mp4.MP4FreeForm(v.encode()) for v in values]
    if cover:
        out["covr"] = [mp4.MP4Cover(cover, mp4.MP4Cover.FORMAT_PNG)]
    file.save()


def _write_asf(path: Path, tags: Tags, cover: bytes | None, lyrics: str) -> None:
    file: Any = ASF(path)
    texts = {
        "Title": [tags.title],
        "Author": list(tags.artists),
        "WM/AlbumTitle": [tags.album],
        "WM/AlbumArtist": list(tags.album_artists),
        "WM/Genre": list(tags.genres),
        "WM/Composer": list(tags.composers),
        "WM/TrackNumber": [_pair(tags.track_no, tags.track_total)],
        "WM/PartOfSet": [_pair(tags.disc_no, tags.disc_total)],
        "WM/SetSubTitle": [tags.disc_subtitle],
        "WM/Year": [tags.date],
        "WM/OriginalReleaseTime": [tags.original_date],
        "WM/TitleSortOrder": [tags.title_sort],
        "WM/ArtistSortOrder": [tags.artist_sort],
        "WM/AlbumSortOrder": [tags.album_sort],
        "WM/AlbumArtistSortOrder": [tags.album_artist_sort],
        "WM/BeatsPerMinute": [str(tags.bpm or "")],
        "WM/ISRC": [tags.isrc],
        "WM/Mood": list(tags.moods),
        "Description": [tags.comment],
        "MusicBrainz/Album Type": list(tags.release_types),
        "ITUNESADVISORY": [_advisory(tags)],
        "WM/Lyrics": [lyrics],
    }
    for kind, value in tags.musicbrainz:
        name = "MusicBrainz/Track Id" if kind == "recording" else _MB[kind][2]
        texts.setdefault(name, []).append(value)
    for name, gain in _gains(tags):
        texts[name] = [gain]
    for name, values in texts.items():
        if any(values):
            file[name] = [ASFUnicodeAttribute(value) for value in values]
    if tags.compilation:
        file["WM/IsCompilation"] = [ASFBoolAttribute(True)]
    if cover:
        mime = "image/png\0".encode("utf-16-le")
        data = b"\x03" + len(cover).to_bytes(4, "little") + mime + b"\0\0" + cover
        file["WM/Picture"] = [ASFByteArrayAttribute(data)]
    file.save()


def write_apev2(path: Path, tags: Tags) -> None:
    """Append an APEv2 tag, as on mp3 and WavPack files."""
    out = APEv2()
    renamed = {
        "TRACKNUMBER": "Track",
        "DISCNUMBER": "Disc",
        "DATE": "Year",
        "ALBUMARTIST": "Album Artist",
    }
    pairs = vorbis_pairs(tags)
    pairs["TRACKNUMBER"] = [_pair(tags.track_no, tags.track_total)]
    pairs["DISCNUMBER"] = [_pair(tags.disc_no, tags.disc_total)]
    for name, values in pairs.items():
        if any(values) and name not in ("TRACKTOTAL", "DISCTOTAL"):
            out[renamed.get(name, name.title())] = values
    out.save(path)


def _pair(number: int | None, total: int | None) -> str:
    if not number:
        return ""
    return f"{number}/{total}" if total else str(number)


def _advisory(tags: Tags) -> str:
    return {None: "", True: "1", False: "2"}[tags.explicit]


def _gains(tags: Tags) -> list[tuple[str, str]]:
    gains = []
    for name, gain_db in (("TRACK", tags.track_gain_db), ("ALBUM", tags.album_gain_db)):
        if gain_db is not None:
            gains.append((f"REPLAYGAIN_{name}_GAIN", f"{gain_db:+.2f} dB"))
    for name, peak in (("TRACK", tags.track_peak), ("ALBUM", tags.album_peak)):
        if peak is not None:
            gains.append((f"REPLAYGAIN_{name}_PEAK", f"{peak:.6f}"))
    return gains

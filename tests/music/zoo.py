"""Writes the odd files that real music folders have, each with what is to be expected of it."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import av
from mutagen.id3 import ID3, TIT2, TXXX

from node.catalog.model import Tags
from tests.music.making import make_picture, make_track
from tests.music.tagging import write_apev2

Outcome = Literal["fine", "cut", "damaged", "refused"]


@dataclass(frozen=True, kw_only=True)
class Odd:
    """One odd file."""

    path: Path
    outcome: Outcome
    """fine: it reads like any other. cut: it reads and its `damage` says something. damaged: DamagedError.
    refused: UserError."""
    says: str = ""
    """What the message or `damage` must contain."""
    title: str = ""
    """What the tags must say, of those that can be read."""


def odd_files(folder: Path) -> list[Odd]:
    """Fill `folder` with odd files; those that this system can't have are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    return [*_strangers(folder), *_broken(folder), *_liars(folder), *_names(folder), *_old_tags(folder)]


def _strangers(folder: Path) -> list[Odd]:
    def written(name: str, data: bytes, says: str) -> Odd:
        path = folder / name
        path.write_bytes(data)
        return Odd(path=path, outcome="refused", says=says)

    found = [
        written("picture.mp3", make_picture(), "a PNG picture with the name of an mp3 file"),
        written("page.mp3", b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        written("zeros.flac", bytes(50_000), "a file of zeros (a broken-off download?) with the name of a flac file"),
        written("words.ogg", b"These are the words of a song.\n" * 40, "a text file with the name of an ogg file"),
        written("list.mp3", b"#EXTM3U\nfile:///etc/passwd\n", "a playlist"),
        written("packed.m4a", b"PK\x03\x04" + bytes(100), "a ZIP archive with the name of an m4a file"),
        written("theora.ogg", b"OggS\0\x02" + bytes(22) + b"\x80theora" + bytes(90), "an Ogg file without"),
        Odd(path=_film(folder / "film.m4a"), outcome="refused", says="no sound track"),
        Odd(path=_locked(folder / "locked.m4a"), outcome="refused", says="locked"),
    ]
    (folder / "folder.mp3").mkdir()
    found.append(Odd(path=folder / "folder.mp3", outcome="refused", says="folder"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.mp3")
        found.append(Odd(path=folder / "pipe.mp3", outcome="refused", says="not a file"))
    return found


def _broken(folder: Path) -> list[Odd]:
    def cut(name: str, part: float, outcome: Outcome, says: str) -> Odd:
        path = make_track(folder / name, seconds=4, kind="noise", title="Cut", seed=len(name))
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * part)])
        # A WAV has its tags behind the sound.
        return Odd(path=path, outcome=outcome, says=says, title="" if name.endswith(".wav") else "Cut")

    noise = folder / "garbage.mp3"
    noise.write_bytes(b"\xff\xfb" + random.Random(1).randbytes(30_000).replace(b"\xff", b"\0"))
    empty = folder / "empty.mp3"
    empty.touch()
    stub = make_track(folder / "stub.flac")
    stub.write_bytes(stub.read_bytes()[:30])
    mp3 = make_track(folder / "cut-tags.mp3", title="Cut", cover=make_picture())
    mp3.write_bytes(mp3.read_bytes()[:2_000])
    return [
        Odd(path=empty, outcome="damaged", says="empty"),
        Odd(path=noise, outcome="damaged", says="no sound"),
        Odd(path=stub, outcome="damaged", says="ends in the middle"),
        Odd(path=mp3, outcome="damaged", says="ends in the middle of its tags"),
        cut("cut.mp3", 0.5, "cut", "ends in the middle"),
        cut("cut.flac", 0.6, "cut", "ends in the middle"),
        cut("cut.wav", 0.5, "cut", "about 50 %"),
        # The index of an .m4a mostly stands at its end, and without it nothing plays.
        cut("cut.m4a", 0.5, "damaged", "index"),
    ]


def _liars(folder: Path) -> list[Odd]:
    wav = make_track(folder / "long.wav", seconds=1)
    data = bytearray(wav.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = (0xF0000000).to_bytes(4, "little")
    wav.write_bytes(data)

    flac = make_track(folder / "years.flac", seconds=1, title="Years")
    data = bytearray(flac.read_bytes())
    data[21:26] = bytes([data[21] | 0x0F]) + b"\xff" * 4
    flac.write_bytes(data)

    huge = make_track(folder / "huge-title.mp3")
    tags: Any = ID3()
    tags.add(TIT2(encoding=3, text=["Long\x07 \x00".rstrip("\0") + "x" * 1_000_000]))
    for number in range(3_000):
        tags.add(TXXX(encoding=3, desc=f"note {number}", text=["y" * 50]))
    tags.save(huge)

    claims = make_track(folder / "claims.mp3")
    claims.write_bytes(b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + claims.read_bytes())

    bomb = make_track(folder / "bomb.mp3")
    packed = zlib.compress(bytes(100_000_000), 9)
    frame = b"TIT2" + struct.pack(">IH", len(packed) + 4, 0x0080) + struct.pack(">I", 100_000_000) + packed
    bomb.write_bytes(_id3(3, frame) + bomb.read_bytes())
    return [
        Odd(path=wav, outcome="cut", says="ends in the middle"),
        Odd(path=flac, outcome="cut", title="Years"),
        Odd(path=huge, outcome="fine"),
        Odd(path=claims, outcome="damaged", says="tags"),
        Odd(path=bomb, outcome="damaged", says="unpack"),
    ]


def _names(folder: Path) -> list[Odd]:
    found = []

    def named(name: str) -> None:
        # Windows and macOS refuse some of these; then nobody has such files there.
        with contextlib.suppress(OSError, UnicodeError):
            path = make_track(folder / name, seconds=0.5, title="Named")
            found.append(Odd(path=path, outcome="fine", title="Named"))

    named("n" * 251 + ".mp3")
    named("日本語 – ‘naïve’ 🎵.opus")
    named(os.fsdecode(b"caf\xe9 \xff.flac"))
    named("- rm 'x' $(y) %s.wav")
    named("UPPER.MP3")
    disguised = make_track(folder / "disguised.flac", title="Named")
    os.replace(disguised, folder / "disguised.mp3")
    found.append(Odd(path=folder / "disguised.mp3", outcome="fine", title="Named"))
    with contextlib.suppress(OSError, NotImplementedError):
        (folder / "loop.mp3").symlink_to(folder / "loop.mp3")
        found.append(Odd(path=folder / "loop.mp3", outcome="refused", says="circle"))
        (folder / "gone.mp3").symlink_to(folder / "nowhere.mp3")
        found.append(Odd(path=folder / "gone.mp3", outcome="refused", says="gone"))
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        secret = make_track(folder / "secret.mp3")
        secret.chmod(0)
        found.append(Odd(path=secret, outcome="refused", says="may not read"))
    return found


def _old_tags(folder: Path) -> list[Odd]:
    v1 = make_track(folder / "id3v1.mp3")
    v1.write_bytes(v1.read_bytes() + id3v1("Old"))

    ape = make_track(folder / "ape.mp3")
    write_apev2(ape, Tags(title="Old", artists=("A", "B")))

    v22 = make_track(folder / "id3v22.mp3")
    frame = b"TT2" + (4).to_bytes(3, "big") + b"\0Old"
    v22.write_bytes(_id3(2, frame) + v22.read_bytes())

    v23 = make_track(folder / "id3v23.mp3")
    tags: Any = ID3()
    tags.add(TIT2(encoding=1, text=["Old"]))
    tags.save(v23, v2_version=3)

    prefixed = make_track(folder / "id3-before.flac", title="Old")
    prefixed.write_bytes(_id3(4, b"") + prefixed.read_bytes())
    return [Odd(path=path, outcome="fine", title="Old") for path in (v1, ape, v22, v23, prefixed)]


def id3v1(title: str) -> bytes:
    """The 128 bytes of an ID3v1.1 tag."""
    return b"TAG" + title.encode("latin-1").ljust(30, b"\0") + bytes(92) + b"\0\x07\x11"


def _id3(version: int, frames: bytes) -> bytes:
    size = len(frames)
    return b"ID3" + bytes([version, 0, 0, size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + frames


def _film(path: Path) -> Path:
    with av.open(str(path), "w", format="mp4") as out:
        stream: Any = out.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        out.mux(stream.encode(None))
    return path


def _locked(path: Path) -> Path:
    make_track(path)
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"drms"))
    return path

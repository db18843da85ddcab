"""Tracks out of nothing: what a scan and a sealing would say of files of any number, in many scripts."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from node.catalog.model import BlobRef, Fingerprint, Stream, Tags
from node.crypto.blob import Purpose
from node.crypto.keys import MemberKeys, member_keys_from_random
from node.doors.index import CoverFound, SealedBlob, SourceRead
from node.ids import BlobRoot

_NAMES = (  # noqa: SIM905 - a list of thirty quoted words is harder to read
    "river night golden stone winter echo silver harbor paper moon velvet thunder garden mirror signal ember hollow "
    "crystal wander lantern été Straße ночь песня 東京 夜の海 서울 여름 αγάπη שיר قمر"
).split()
SEARCHES = (
    "a",
    "ri",
    "river",
    "river night",
    "gold sto",
    "ete",
    "ночь",
    "夜",
    "서",
    "αγαπη",
    "harbor 12",
    "zzz",
    "the",
)
STREAM = Stream(
    codec="flac", mime="audio/flac", duration_ms=241_000, sample_rate_hz=44_100, channels=2, bitrate_bps=900_000
)


def keys(number: int) -> MemberKeys:
    """A device's keys, the same each time."""
    return member_keys_from_random(hashlib.sha512(b"%d" % number).digest())


def name(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(_NAMES) for _ in range(words)).title()


def artists_of(chance: random.Random, tracks: int) -> list[str]:
    """As many as such a library has."""
    return [name(chance, 2) for _ in range(max(1, tracks // 40))]


def path_of(chance: random.Random, number: int, artists: Sequence[str]) -> str:
    """Below the music folder: twelve tracks an album."""
    album, place = divmod(number, 12)
    artist = artists[album % len(artists)]
    return f"{artist}/{1960 + album % 60} - Album {album}/{place + 1:02d} {name(chance, 2)}.flac"


def read_of(
    chance: random.Random, number: int, artists: Sequence[str], *, path: str, fingerprint: Fingerprint
) -> SourceRead:
    """What a scan says of file `number`."""
    album, place = divmod(number, 12)
    artist = artists[album % len(artists)]
    return SourceRead(
        path=path,
        fingerprint=fingerprint,
        tags=Tags(
            title=f"{name(chance, 3)} {chance.randrange(100)}",
            artists=(artist,) if chance.random() < 0.9 else (artist, chance.choice(artists)),
            album=f"{name(random.Random(album), 2)} {album}",
            album_artists=(artist,),
            genres=(chance.choice(("Rock", "Pop", "Jazz", "Classical", "Electronic", "Folk", "Hip-Hop")),),
            track_no=place + 1,
            track_total=12,
            disc_no=1,
            date=str(1960 + album % 60),
            musicbrainz=(("recording", str(_uuid(chance))), ("release", str(_uuid(random.Random(album))))),
            track_gain_db=round(chance.uniform(-12, 2), 2),
            track_peak=round(chance.random(), 6),
        ),
        stream=STREAM,
        cover=CoverFound(sha256=hashlib.sha256(b"%d" % album).digest(), mime="image/jpeg", size_bytes=90_000),
    )


def _uuid(chance: random.Random) -> str:
    text = f"{chance.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def blob_of(seed: bytes, size_bytes: int, purpose: Purpose) -> SealedBlob:
    """A sealed blob as the index knows it, its bytes kept nowhere."""

    def noise(label: bytes) -> bytes:
        return hashlib.sha256(label + seed).digest()

    ref = BlobRef(
        root=BlobRoot(noise(b"root")), key=noise(b"key"), commitment=noise(b"commitment"), size_bytes=size_bytes,
        sha256=noise(b"plain"),
    )  # fmt: skip
    layer = noise(b"layer") * (size_bytes // 65_536 + 1)
    return SealedBlob(ref=ref, purpose=purpose, sealed_bytes=size_bytes, layer=layer, stored="none")

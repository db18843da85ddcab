"""Invented music libraries of any size, in the shapes of the HTTP API."""

from __future__ import annotations

import hashlib
import random
from typing import Any

JSON = dict[str, Any]

NAMED_ALBUMS: list[tuple[str, str, int, str, list[str]]] = [
    ("Low Tide Atlas", "Marla Quist", 2021, "Ambient", ["Harbour Lights", "Salt Ledger", "The Slow Ferry"]),
    ("Paper Lanterns", "The Ninth Floor", 2018, "Indie Rock", ["Elevator Weather", "Copper Wire", "Two Doors Down"]),
    ("مدينة الضوء", "ليلى منصور", 2019, "Arabic Pop", ["صباح جديد", "طريق البحر"]),
    ("東京の雨", "佐藤ひかり", 2016, "City Pop", ["夜の終電", "傘の下で"]),
    (
        "A Very Long Title That a Patient Composer Gave to a Suite in Several Movements for Nine Players",
        "Konrad Ostrowski & the Chamber Players of the Northern Lighthouse Society",
        2004,
        "Classical",
        ["I. Allegro ma non troppo, sempre cantabile, with a rather long subtitle", "II. Largo"],
    ),
]
FIRST = (
    "Amber",
    "Blue",
    "Cedar",
    "Distant",
    "Electric",
    "Fallow",
    "Golden",
    "Hollow",
    "Iron",
    "Jade",
    "Kindred",
    "Lunar",
    "Marble",
    "Northern",
    "Open",
)
SECOND = (
    "Anthem",
    "Bridge",
    "Coast",
    "Dawn",
    "Echo",
    "Fields",
    "Garden",
    "Hours",
    "Island",
    "Journey",
    "Kites",
    "Letters",
    "Mirror",
    "Nights",
    "Orchard",
)
PEOPLE = (
    "Ada",
    "Bruno",
    "Clara",
    "Dario",
    "Esme",
    "Felix",
    "Greta",
    "Hugo",
    "Iris",
    "Jonas",
    "Kaia",
    "Leo",
    "Mina",
    "Nils",
    "Oda",
    "Pavel",
    "Rosa",
    "Sven",
    "Tilda",
)
FAMILIES = (
    "Aalto",
    "Berg",
    "Castro",
    "Dorn",
    "Eklund",
    "Fontaine",
    "Grimaldi",
    "Holm",
    "Ito",
    "Jansen",
    "Kova",
    "Lindqvist",
    "Moreau",
    "Novak",
)
GENRES = (
    "Ambient",
    "Indie Rock",
    "Jazz",
    "Classical",
    "Electronic",
    "Folk",
    "Hip-Hop",
    "Soul",
    "Metal",
    "City Pop",
)
START_MS = 1_600_000_000_000
DAY_MS = 86_400_000


def ident(kind: str, name: str) -> str:
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()[:32]


class MockLibrary:
    """Tracks, albums and artists that refer to each other; `add_album` makes it grow."""

    def __init__(self) -> None:
        self.tracks: dict[str, JSON] = {}
        self.albums: dict[str, JSON] = {}
        self.artists: dict[str, JSON] = {}
        self.revision = 1

    def add_album(
        self,
        name: str,
        artist: str,
        year: int | None,
        genre: str,
        titles: list[str],
        *,
        duration_ms: int = 200_000,
        cover: bool = True,
    ) -> JSON:
        person = self._artist(artist)
        ref = {"id": person["id"], "name": artist}
        album_id = ident("album", f"{artist}/{name}")
        added_ms = START_MS + len(self.albums) * DAY_MS // 4
        album = {
            "id": album_id,
            "name": name,
            "artists": [ref],
            "year": year,
            "genres": [genre] if genre else [],
            "tracks": len(titles),
            "discs": 1,
            "duration_ms": duration_ms * len(titles),
            "cover": ident("cover", name) if cover else None,
            "added_ms": added_ms,
            "compilation": False,
        }
        self.albums[album_id] = album
        person["albums"] += 1
        for number, title in enumerate(titles, 1):
            self._add_track(album, ref, title, number, duration_ms)
        self.revision += 1
        return album

    def _artist(self, name: str) -> JSON:
        artist_id = ident("artist", name)
        return self.artists.setdefault(
            artist_id, {"id": artist_id, "name": name, "albums": 0, "tracks": 0, "cover": None}
        )

    def _add_track(self, album: JSON, ref: JSON, title: str, number: int, duration_ms: int) -> None:
        track_id = ident("track", f"{album['id']}/{number}/{title}")
        self.artists[ref["id"]]["tracks"] += 1
        if self.artists[ref["id"]]["cover"] is None:
            self.artists[ref["id"]]["cover"] = album["cover"]
        self.tracks[track_id] = {
            "id": track_id,
            "title": title,
            "artists": [ref],
            "album": {"id": album["id"], "name": album["name"]},
            "album_artists": [ref],
            "track_no": number,
            "disc_no": 1,
            "year": album["year"],
            "genres": album["genres"],
            "duration_ms": duration_ms,
            "cover": album["cover"],
            "added_ms": album["added_ms"],
            "replaygain": {"track_gain_db": -6.0, "track_peak": 0.9, "album_gain_db": -5.0, "album_peak": 0.95},
            "codec": "pcm_s16le",
            "bitrate_bps": 128_000,
            "size_bytes": 4_000_000,
            "state": {"playable": True, "source": "present", "sealed": True, "mobile": True, "note": ""},
        }

    def tracks_of(self, album_id: str) -> list[JSON]:
        return [track for track in self.tracks.values() if track["album"]["id"] == album_id]

    def genre_counts(self) -> list[JSON]:
        counts: dict[str, JSON] = {}
        for kind, things in (("tracks", self.tracks), ("albums", self.albums)):
            for thing in things.values():
                for genre in thing["genres"]:
                    counts.setdefault(genre, {"name": genre, "tracks": 0, "albums": 0})[kind] += 1
        return sorted(counts.values(), key=lambda genre: str(genre["name"]).casefold())


def small_library(*, duration_ms: int = 200_000) -> MockLibrary:
    """Twelve tracks on five albums, in several scripts, one without a cover."""
    library = MockLibrary()
    for index, (name, artist, year, genre, titles) in enumerate(NAMED_ALBUMS):
        library.add_album(name, artist, year, genre, titles, duration_ms=duration_ms, cover=index != 1)
    return library


def large_library(tracks: int) -> MockLibrary:
    """So many tracks, twelve to an album, the named albums among them; the same every time."""
    library = small_library()
    rng = random.Random(7)
    while len(library.tracks) < tracks:
        artist = f"{rng.choice(PEOPLE)} {rng.choice(FAMILIES)}"
        name = f"{rng.choice(FIRST)} {rng.choice(SECOND)}"
        if tracks > 2_000:  # else few albums share a name
            name += f" {len(library.albums)}"
        count = min(12, tracks - len(library.tracks))
        titles = [f"{rng.choice(FIRST)} {rng.choice(SECOND)}" for _ in range(count)]
        library.add_album(
            name,
            artist,
            rng.randint(1962, 2024),
            rng.choice(GENRES),
            titles,
            duration_ms=rng.randint(120_000, 420_000),
            cover=rng.random() > 0.1,
        )
    return library

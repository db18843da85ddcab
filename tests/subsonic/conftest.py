"""One node with music that has every kind of tag, and apps that are signed in to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.living import Living, living
from tests.music import make_picture, make_track
from tests.subsonic.apps import App

LYRICS = "[00:00.50]<00:00.50>First <00:00.80>words\n[00:01.00]Second"
RECORDING = "11111111-2222-3333-4444-555555555555"
RELEASE = "22222222-2222-3333-4444-555555555555"
ARTIST = "33333333-2222-3333-4444-555555555555"


def make_records(folder: Path) -> Path:
    """Four albums: one with every tag, one of two discs, a compilation, one in a script of its own."""
    (folder / "mix").mkdir(parents=True)
    for number in (1, 2, 3):
        make_track(
            folder / f"0{number} Glass.flac",
            seconds=3,
            seed=number,
            title=f"Glass {number}",
            artists=("The Anna Ö",),
            artist_sort="Anna Ö, The",
            album="Prisms",
            album_artists=("The Anna Ö",),
            genres=("Ambient", "Drone"),
            composers=("Carl C",),
            track_no=number,
            date="1997-06-16",
            original_date="1996",
            bpm=121,
            isrc="USSM18300073",
            moods=("calm",),
            comment="taken & <kept>",
            release_types=("album", "live"),
            explicit=False,
            musicbrainz=(("artist", ARTIST), ("recording", RECORDING), ("release", RELEASE)),
            track_gain_db=-6.5,
            track_peak=0.9,
            album_gain_db=-7.0,
            cover=make_picture(300, seed=1),
            lyrics=LYRICS if number == 1 else "",
        )
    for number in (1, 2):
        make_track(
            folder / f"Two {number}.mp3",
            seconds=3,
            seed=20 + number,
            bitrate_bps=320_000,
            title=f"Side {number}",
            artists=("Bob", "Guest"),
            album="Double",
            album_artists=("Bob",),
            genres=("Rock",),
            disc_no=number,
            disc_subtitle=f"Disc {number} & more",
            track_no=1,
            date="2003",
        )
    for number, name in enumerate(("Eins", "Zwei"), start=1):
        make_track(
            folder / "mix" / f"{name}.m4a",
            seconds=3,
            seed=30 + number,
            title=name,
            artists=(f"Singer {name}",),
            album="Hits",
            album_artists=("Various Artists",),
            compilation=True,
            genres=("Pop", "Rock"),
            date="2010",
        )
    make_track(folder / "Ярус.opus", seconds=3, seed=40, title="Ярус", artists=("Бета",), album="Низ", date="2020")
    make_track(folder / "bare.wav", seconds=3, seed=50)
    return folder


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """A node that has taken in `make_records`."""
    place = tmp_path_factory.mktemp("subsonic")
    with living(place / "home", "--port", "7720") as running:
        job = running.ask("POST", "/api/v1/add", {"paths": [str(make_records(place / "music"))]}).json["job"]
        result = running.finish(job)["result"]
        assert (result["added"], result["failed"]) == (9, [])
        yield running


@pytest.fixture(scope="package")
def app(node: Living) -> App:
    """An app that is signed in."""
    return App.signed_in(node)

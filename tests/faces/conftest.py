"""One running node for all tests that only read from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faces.living import Living, living
from tests.music import make_picture, make_track


def make_music(folder: Path) -> Path:
    """Two albums of two artists in three formats, with a cover, lyrics and a gain."""
    folder.mkdir()
    cover = make_picture(300, seed=1)
    for number in (1, 2, 3):
        make_track(
            folder / f"0{number} Glass.flac",
            seconds=2,
            seed=number,
            title=f"Glass {number}",
            artists=("Anna Ö", "Guest"),
            album="Prisms",
            album_artists=("Anna Ö",),
            genres=("Ambient",),
            track_no=number,
            date="1997-06",
            track_gain_db=-6.5,
            cover=cover,
            lyrics="[00:00.50]First\n[00:01.00]Second" if number == 1 else "",
        )
    for number, ending in ((1, ".mp3"), (2, ".m4a")):
        make_track(
            folder / f"Ярус {number}{ending}",
            seconds=2,
            seed=10 + number,
            title=f"Ярус {number}",
            artists=("Бета",),
            album="Низ",
            genres=("Rock", "Ambient"),
            track_no=number,
        )
    return folder


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """A node that has listed and sealed a small folder."""
    place = tmp_path_factory.mktemp("node")
    with living(place / "home", "--port", "7700") as running:
        job = running.ask("POST", "/api/v1/add", {"paths": [str(make_music(place / "music"))]}).json["job"]
        result = running.finish(job)["result"]
        assert (result["added"], result["failed"]) == (5, [])
        yield running

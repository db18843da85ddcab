"""The phone's library against the computer's: the same catalog gives the same lists, names, orders and finds."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from node.catalog import vocabulary
from node.catalog.model import BlobRef, Rendition, Stream, Tags
from node.crypto.keys import EpochKeys, track_id
from node.doors.index import Index
from node.ids import BlobRoot
from node.library import Library
from tests.needs import require_program
from tests.wire.family import keys_of

SCRIPT = Path(__file__).parent / "js" / "ask_library.js"
STREAM = Stream(
    codec="flac", mime="audio/flac", duration_ms=61_000, sample_rate_hz=44_100, channels=2, bitrate_bps=900_000
)

SONGS: list[tuple[str, Tags]] = [
    (
        "A/One/01.flac",
        Tags(
            title="The First",
            artists=("Ärzte",),
            album="One",
            album_artists=("Ärzte",),
            track_no=1,
            date="1999-03-01",
            genres=("Rock", "pop"),
        ),
    ),
    (
        "A/One/02.flac",
        Tags(
            title="a second 10",
            artists=("Ärzte", "Guest"),
            album="One",
            album_artists=("Ärzte",),
            track_no=2,
            date="1999",
            genres=("rock",),
        ),
    ),
    (
        "A/One/03.flac",
        Tags(
            title="A Second 9",
            artists=("Ärzte",),
            album="one",
            album_artists=("Ärzte",),
            track_no=3,
            date="1999",
            track_gain_db=-6.0,
            track_peak=0.5,
        ),
    ),
    ("B/Mix/01.flac", Tags(title="Song", artists=("Alpha",), album="Mix", track_no=1, date="2001")),
    ("B/Mix/02.flac", Tags(title="Song", artists=("Beta",), album="Mix", track_no=2, date="2003")),
    ("C/Box/CD 1/01.flac", Tags(title="Ночь", artists=("Кино",), album="Box", track_no=1, disc_no=1)),
    ("C/Box/CD 2/01.flac", Tags(title="夜の海", artists=("Кино",), album="Box", track_no=1, disc_no=2)),
    (
        "D/Solo/01.flac",
        Tags(
            title="(untitled)",
            artists=("The Band", "Alpha"),
            album="Solo",
            artist_sort="Band, The",
            title_sort="zz top",
        ),
    ),
    ("D/Solo/02.flac", Tags(title="Straße", artists=("The Band",), album="Solo", original_date="1970", date="2009")),
    ("E/no tags.mp3", Tags()),
    ("F/release/1.flac", Tags(title="Ein", artists=("Gamma",), album="Same", musicbrainz=(("release", "r-1"),))),
    (
        "F/release/2.flac",
        Tags(title="Zwei", artists=("Gamma",), album="Same", musicbrainz=(("release", "r-2"),), compilation=True),
    ),
    ("G/x.flac", Tags(title="Hidden", artists=("Nobody",), album="Away")),
    ("G/y.flac", Tags(title="Loose", artists=())),
]


def ops_of(number: int, path: str, tags: Tags) -> Iterator[vocabulary.Op]:
    digest = hashlib.sha256(path.encode()).digest()
    track = track_id(EpochKeys(1, b"\7" * 32).identity, digest)
    blob = BlobRef(root=BlobRoot(digest), key=digest, commitment=digest, size_bytes=1_000 + number, sha256=digest)
    yield vocabulary.set_added(track, 1_000 * number)
    yield vocabulary.set_tags(track, tags)
    yield vocabulary.set_stream(track, STREAM)
    yield vocabulary.set_original(track, Rendition(kind="original", blob=blob, stream=STREAM, path=path))
    if number % 2:
        yield vocabulary.set_mobile(track, Rendition(kind="mobile", blob=blob, stream=STREAM))
    if tags.title == "Hidden":
        yield vocabulary.set_hidden(track, True)
    if tags.title == "Zwei":
        yield vocabulary.edit_tag(track, "title", "Zwo")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Index.open(tmp_path_factory.mktemp("index") / "index.sqlite") as index:
        made = Library.open(index, keys_of(1), b"\1" * 32)
        for number, (path, tags) in enumerate(SONGS):
            made.write(list(ops_of(number, path, tags)))
        yield made


def ask_phone(library: Library, folder: Path, questions: Sequence[Sequence[object]]) -> list[Any]:
    snapshot = folder / "snapshot"
    snapshot.write_bytes(library.snapshot())
    asked = "".join(json.dumps(question) + "\n" for question in questions)
    command = [require_program("node"), str(SCRIPT), str(snapshot)]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


PERSONAL = ("state", "starred_ms", "rating", "plays", "played_ms")
"""What a list shows beside the music: tested where it comes from."""


def comparable(answer: Any) -> Any:
    """In one order, without where the bytes are, which a phone doesn't know."""
    if isinstance(answer, dict):
        return {name: comparable(value) for name, value in sorted(answer.items()) if name not in PERSONAL}
    return [comparable(each) for each in answer] if isinstance(answer, list) else answer


TRACK_SORTS = ("title", "artist", "album", "added", "year", "duration")
ALBUM_SORTS = ("name", "artist", "year", "added")


@pytest.mark.parametrize(("sort", "order"), [*itertools.product(TRACK_SORTS, ("asc", "desc"))])
def test_songs_stand_in_the_same_order(library: Library, tmp_path: Path, sort: str, order: str) -> None:
    here = library.tracks(0, 500, sort=sort, order=order)
    [there] = ask_phone(library, tmp_path, [["tracks", {"sort": sort, "order": order, "limit": 500}]])
    ids = [each["title"] for each in there["items"]]
    assert ids == [each["title"] for each in here["items"]]
    assert comparable(there) == comparable(here)


@pytest.mark.parametrize(("sort", "order"), [*itertools.product(ALBUM_SORTS, ("asc", "desc"))])
def test_albums_are_grouped_named_and_ordered_alike(library: Library, tmp_path: Path, sort: str, order: str) -> None:
    here = library.albums(0, 500, sort=sort, order=order)
    [there] = ask_phone(library, tmp_path, [["albums", {"sort": sort, "order": order, "limit": 500}]])
    assert comparable(there) == comparable(here)
    for album in here["items"]:
        [detail] = ask_phone(library, tmp_path, [["album", album["id"]]])
        assert comparable(detail) == comparable(library.album(album["id"]))


def test_artists_and_genres_are_alike(library: Library, tmp_path: Path) -> None:
    artists, genres, counts = ask_phone(library, tmp_path, [["artists", {"limit": 500}], ["genres"], ["counts"]])
    here = library.artists(0, 500)
    assert comparable(artists) == comparable(here)
    assert comparable(genres) == comparable(library.genres())
    assert counts == library.summary()["counts"]
    for artist in here["items"]:
        [detail] = ask_phone(library, tmp_path, [["artist", artist["id"]]])
        assert comparable(detail) == comparable(library.artist(artist["id"]))


@pytest.mark.parametrize(
    "query",
    [
        "s",
        "so",
        "song",
        "arzte",
        "ÄRZTE",
        "the band",
        "band solo",
        "ноч",
        "夜",
        "夜の",
        "strasse",
        "second 1",
        "zzz",
        "!",
        "",
        "one first",
    ],
)
def test_searches_find_the_same(library: Library, tmp_path: Path, query: str) -> None:
    [there] = ask_phone(library, tmp_path, [["search", query, 20]])
    here = library.search(query, 20)
    for kind, name in (("tracks", "title"), ("albums", "name"), ("artists", "name")):
        assert [each[name] for each in there[kind]] == [each[name] for each in here[kind]], kind

"""Folding, sorting and the words of searches; how albums are told apart."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.catalog.listing import VARIOUS, album_artists, list_track
from node.catalog.model import Tags
from node.catalog.vocabulary import TrackFacts
from node.catalog.words import album_folder, artist_id, fold, match_expression, search_words, sort_key


@pytest.mark.parametrize(
    ("written", "folded"),
    [("  Björk ", "bjork"), ("ÉTÉ", "ete"), ("Straße", "strasse"), ("Sigur Rós", "sigur ros"),
     ("Ёлка", "елка"), ("ﬁn", "fin"), ("ガ", "ガ"), ("ｶﾞ", "ガ"), ("한국", "한국"), ("Œuvre", "oeuvre"),
     ("Łódź", "lodz"), ("Αγάπη", "αγαπη")],
)  # fmt: skip
def test_a_name_is_folded(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_names_are_sorted_without_article_by_number_and_without_punctuation() -> None:
    names = ["The Beatles", "(Untitled)", "10cc", "2Pac", "A Tribe", "Ändern", "Zebra", "The"]
    assert sorted(names, key=sort_key) == [
        "2Pac", "10cc", "Ändern", "The Beatles", "The", "A Tribe", "(Untitled)", "Zebra",
    ]  # fmt: skip
    assert sort_key("Die Ärzte", ("die",)) == "arzte"


@given(st.text(max_size=30))
def test_every_text_has_a_sort_key_and_words(text: str) -> None:
    sort_key(text)
    search_words(text)
    match_expression(text)


def test_words_of_scripts_without_spaces_are_their_characters() -> None:
    assert search_words("夜の海").split() == ["夜", "の", "海"]
    assert match_expression("夜の Abc") == '"夜 の" "abc"*'
    assert match_expression("  ?! ") == ""
    assert match_expression('a" OR b* NEAR(') == '"a"* "or"* "b"* "near"*'


def test_an_artist_is_the_same_however_the_name_is_written() -> None:
    assert artist_id("Björk") == artist_id("BJORK ")
    assert artist_id("Björk") != artist_id("Bjork 2")


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("A/B/CD1/x.mp3", "A/B"),
        ("A/B/Disc 2 - Live/x.mp3", "A/B"),
        ("A/B/x.mp3", "A/B"),
        ("x.mp3", ""),
        ("CD1/x.mp3", "CD1"),
    ],
)
def test_the_folders_of_an_albums_discs_are_one(path: str, folder: str) -> None:
    assert album_folder(path) == folder


def album_of(path: str = "a/b.mp3", **tags: object) -> str | None:
    line = list_track(TrackFacts(tags=Tags(**tags)), path=path, size_bytes=1, articles=("the",))  # type: ignore[arg-type]
    assert line is not None
    return line.album.id if line.album else None


def test_albums_are_told_apart_by_release_then_artists_then_folder() -> None:
    assert album_of(album="X", album_artists=("A",)) == album_of(path="other/c.mp3", album="x", album_artists=("a",))
    assert album_of(album="X", album_artists=("A",)) != album_of(album="X", album_artists=("B",))
    assert album_of(album="X", artists=("A",)) == album_of(album="X", artists=("B",))
    assert album_of(album="X", artists=("A",)) != album_of(path="other/c.mp3", album="X", artists=("A",))
    release = (("release", "1"),)
    assert album_of(album="X", musicbrainz=release) == album_of(path="o/c.mp3", album="X", musicbrainz=release)
    assert album_of(album="X", album_artists=("A",), musicbrainz=release) != album_of(album="X", album_artists=("A",))
    assert album_of(title="x") is None


def test_an_album_that_names_no_artist_gets_its_tracks_artist_or_various() -> None:
    a, b = {"id": "1", "name": "A"}, {"id": "2", "name": "B"}
    assert album_artists([[a], [a]]) == [a]
    assert album_artists([[a, b], [a, b]]) == [a, b]
    assert album_artists([[a], [a, b]]) == [a]
    assert [artist["name"] for artist in album_artists([[a], [b]])] == [VARIOUS]
    assert [artist["name"] for artist in album_artists([[], []])] == []


def test_a_track_without_a_title_is_called_by_its_file() -> None:
    line = list_track(TrackFacts(tags=Tags()), path="a/01 \udcff song.mp3", size_bytes=1, articles=())
    assert line is not None
    assert line.title == "01 \ufffd song"
    assert json.loads(line.shown)["title"] == line.title


def test_a_track_of_which_nothing_is_known_has_no_line() -> None:
    assert list_track(TrackFacts(hidden=True), path="", size_bytes=0, articles=()) is None

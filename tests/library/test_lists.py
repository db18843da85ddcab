"""What the person sees: pages, albums, artists, genres, search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.errors import NotFoundError
from node.library import Library
from tests.library.music import file, opened, titles


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with opened(tmp_path / "index.db") as library:
        library.index.folders.add("/music", 1)
        yield library


def add(library: Library, *files: tuple[str, dict]) -> None:
    library.record_scan(1, [file(path, **tags) for path, tags in files])


def names(items: list[dict]) -> list[str]:
    return [item["name"] for item in items]


def test_tracks_are_sorted_as_people_sort(library: Library) -> None:
    add(
        library,
        ("1.mp3", {"title": "The Zoo", "date": "2001", "artists": ("B",)}),
        ("2.mp3", {"title": "Über", "date": "1999", "artists": ("The A",)}),
        ("3.mp3", {"title": "10 More", "artists": ()}),
        ("4.mp3", {"title": "9 More", "date": "2001-05-01", "original_date": "1970", "artists": ("C",)}),
    )
    assert titles(library) == ["9 More", "10 More", "Über", "The Zoo"]
    assert titles(library, order="desc") == ["The Zoo", "Über", "10 More", "9 More"]
    assert titles(library, sort="artist") == ["Über", "The Zoo", "9 More", "10 More"]
    assert titles(library, sort="year") == ["10 More", "9 More", "Über", "The Zoo"]


def test_articles_that_do_not_count_can_be_chosen(library: Library) -> None:
    add(library, ("1.mp3", {"title": "Der Mond"}), ("2.mp3", {"title": "Eis"}))
    assert titles(library) == ["Der Mond", "Eis"]
    library.index.set_articles(("Der", "Die", "Das"))
    assert titles(library) == ["Eis", "Der Mond"]


def test_pages_join_to_the_whole_whatever_the_order(library: Library) -> None:
    add(library, *((f"{number}.mp3", {"title": "same", "album": "X", "track_no": number % 3}) for number in range(23)))
    for sort in ("title", "artist", "album", "added", "year", "duration"):
        for order in ("asc", "desc"):
            pages = [library.tracks(at, 5, sort=sort, order=order) for at in range(0, 30, 5)]
            ids = [track["id"] for page in pages for track in page["items"]]
            assert len(set(ids)) == len(ids) == 23
            assert {page["total"] for page in pages} == {23}


def test_an_album_comes_in_its_own_order_over_its_discs(library: Library) -> None:
    add(
        library,
        ("X/CD2/1.mp3", {"title": "c", "album": "X", "disc_no": 2, "track_no": 1, "artists": ("A",)}),
        ("X/CD1/2.mp3", {"title": "b", "album": "X", "disc_no": 1, "track_no": 2, "artists": ("A",)}),
        ("X/CD1/1.mp3", {"title": "z", "album": "X", "disc_no": 1, "track_no": 1, "artists": ("A", "Guest")}),
    )
    [album] = library.albums()["items"]
    assert (album["tracks"], album["discs"], names(album["artists"])) == (3, 2, ["A"])
    assert [track["title"] for track in library.album(album["id"])["tracks"]] == ["z", "b", "c"]
    assert titles(library, album=album["id"], sort="title", order="desc") == ["z", "b", "c"]


def test_a_compilation_stands_under_various_artists_and_its_singers_appear_on_it(library: Library) -> None:
    add(
        library,
        ("Hits/1.mp3", {"album": "Hits", "artists": ("A",), "date": "1990"}),
        ("Hits/2.mp3", {"album": "Hits", "artists": ("B",)}),
        ("Own/1.mp3", {"album": "Own", "artists": ("A",), "date": "1980"}),
    )
    hits = next(album for album in library.albums()["items"] if album["name"] == "Hits")
    assert (names(hits["artists"]), hits["compilation"]) == (["Various Artists"], True)
    singer = next(artist for artist in library.artists()["items"] if artist["name"] == "A")
    assert (singer["albums"], singer["tracks"]) == (1, 2)
    whole = library.artist(singer["id"])
    assert (names(whole["albums"]), names(whole["appears_on"])) == (["Own"], ["Hits"])
    assert len(whole["tracks"]) == 2
    assert titles(library, artist=singer["id"], sort="year") == ["1", "1"]


def test_an_album_s_artists_are_those_its_files_name(library: Library) -> None:
    add(
        library,
        ("a/1.mp3", {"album": "X", "artists": ("A",), "album_artists": ("Band",)}),
        ("b/2.mp3", {"album": "x", "artists": ("B",), "album_artists": ("BAND",)}),
    )
    [album] = library.albums()["items"]
    assert [name.lower() for name in names(album["artists"])] == ["band"]
    assert not album["compilation"]


def test_when_the_last_track_of_an_album_goes_the_album_its_artist_and_its_genre_go(library: Library) -> None:
    add(library, ("1.mp3", {"album": "X", "artists": ("A",), "genres": ("Rock",)}))
    add(library, ("1.mp3", {"album": "Y", "artists": ("B",), "genres": ("Pop", "Jazz")}))
    assert names(library.albums()["items"]) == ["Y"]
    assert names(library.artists()["items"]) == ["B"]
    assert names(library.genres()["items"]) == ["Jazz", "Pop"]
    assert library.search("x") == library.search("rock") == {"artists": [], "albums": [], "tracks": []}


def test_genres_count_tracks_and_albums_and_narrow_lists(library: Library) -> None:
    add(
        library,
        ("1.mp3", {"album": "X", "artists": ("A",), "genres": ("Rock", "rock")}),
        ("2.mp3", {"album": "X", "artists": ("A",), "genres": ("ROCK", "Pop")}),
        ("b/3.mp3", {"album": "Y", "artists": ("A",), "genres": ("Pop",)}),
    )
    genres = [(each["name"].lower(), each["tracks"], each["albums"]) for each in library.genres()["items"]]
    assert genres == [("pop", 2, 2), ("rock", 2, 1)]
    assert titles(library, genre="rock") == ["1", "2"]
    assert names(library.albums(genre="Rock")["items"]) == ["X"]
    assert [genre.lower() for genre in library.albums()["items"][0]["genres"]] == ["rock", "pop"]


def test_search_finds_beginnings_of_words_in_any_script_without_accents(library: Library) -> None:
    add(
        library,
        ("1.mp3", {"title": "Jóga", "artists": ("Björk",), "album": "Homogenic"}),
        ("2.mp3", {"title": "夜の海", "artists": ("東京事変",), "album": "大人"}),
        ("3.mp3", {"title": "Группа крови", "artists": ("Кино",), "album": "Ёж"}),
        ("4.mp3", {"title": "हिन्दी गीत", "artists": ("लता",), "album": "אלבום"}),
        ("5.mp3", {"title": "봄날의 노래", "artists": ("방탄",), "album": "قمر"}),
        ("6.mp3", {"title": "AC/DC's Don't", "artists": ("AC/DC",), "album": "99.9"}),
    )

    def found(words: str) -> list[str]:
        return [track["title"] for track in library.search(words)["tracks"]]

    for words in ("jog", "JÓGA", "bjo", "homog", "björk joga", "homogenic bjork"):
        assert found(words) == ["Jóga"], words
    for words in ("夜", "の海", "海", "東京", "事変 夜", "大人"):
        assert found(words) == ["夜の海"], words
    for words in ("груп", "КРОВИ", "кино", "еж"):
        assert found(words) == ["Группа крови"], words
    for words in ("हिन्दी", "लता", "אלב"):
        assert found(words) == ["हिन्दी गीत"], words
    for words in ("봄날", "노래", "방", "قم"):
        assert found(words) == ["봄날의 노래"], words
    for words in ("ac dc", "don't", "99.9", 'ac/dc "don'):
        assert found(words) == ["AC/DC's Don't"], words
    for words in ("", "  ", "???", "joga 夜", '"', "*", "NOT", "a OR b", "title:jog", "x" * 2_000):
        assert found(words) == [], words


def test_search_puts_titles_before_artists_before_albums(library: Library) -> None:
    add(
        library,
        ("1.mp3", {"title": "Other", "artists": ("X",), "album": "Moon Album"}),
        ("2.mp3", {"title": "Another", "artists": ("Moon Band",), "album": "Y"}),
        ("3.mp3", {"title": "Blue Moon", "artists": ("X",), "album": "Y"}),
        ("4.mp3", {"title": "Moonlight", "artists": ("X",), "album": "Y"}),
        ("5.mp3", {"title": "Moon", "artists": ("X",), "album": "Y"}),
    )
    found = library.search("moon")
    assert [track["title"] for track in found["tracks"]] == ["Moon", "Moonlight", "Blue Moon", "Another", "Other"]
    assert names(found["artists"]) == ["Moon Band"]
    assert names(found["albums"])[0] == "Moon Album"
    assert len(library.search("moon", 2)["tracks"]) == 2


def test_counts_follow_every_change(library: Library) -> None:
    before = library.summary()
    add(library, ("1.mp3", {"album": "X", "artists": ("A", "B"), "genres": ("G",)}))
    after = library.summary()
    assert after["revision"] > before["revision"]
    assert after["counts"] == {"tracks": 1, "albums": 1, "artists": 2, "genres": 1}
    assert after["duration_ms"] == 60_000


def test_a_page_is_never_longer_than_its_bound(library: Library) -> None:
    add(library, *((f"{number}.mp3", {}) for number in range(510)))
    assert len(library.tracks(0, 10_000)["items"]) == 500
    assert library.tracks(0, -1)["items"] == []
    assert library.tracks(9_999, 5) == {"total": 510, "items": []}


def test_what_is_not_there_is_not_found(library: Library) -> None:
    for ask in (library.track, library.album, library.artist, library.files, library.hide):
        with pytest.raises(NotFoundError):
            ask("a" * 26)


def test_a_name_that_is_no_text_is_shown_all_the_same(library: Library) -> None:
    add(library, ("\udcff\udcfe.mp3", {"title": ""}), ("b.mp3", {"title": "a\ud83db"}))
    assert titles(library) == ["a?b", "\ufffd\ufffd"]
    assert library.track(library.tracks()["items"][1]["id"])["sources"][0]["path"] == "\ufffd\ufffd.mp3"

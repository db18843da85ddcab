"""Every answer of every endpoint, in both formats, is what the protocol's types say; and both say the same."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from node.faces.subsonic.protocol import Failure as ProtocolFailure
from node.faces.subsonic.protocol import answered, failed, is_callback, render
from node.faces.subsonic.table import LIVE, NAMES, OPEN, QUESTIONS
from tests.subsonic import schema
from tests.subsonic.apps import App, content

BYTES = {"stream", "download", "getCoverArt", "getAvatar"}


def ids(app: App) -> dict[str, str]:
    """One of each kind."""
    album = app.ask("getAlbumList2", type="alphabeticalByName", size=10)["album"]
    prisms = next(one for one in album if one["name"] == "Prisms")
    song = app.ask("getAlbum", id=prisms["id"])["song"][0]
    playlist = app.ask("createPlaylist", name="Conform", songId=[song["id"], song["id"]])
    return {"album": prisms["id"], "artist": prisms["artistId"], "song": song["id"], "playlist": playlist["id"]}


def asked(known: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """What to ask of each endpoint that needs something; several ways where they differ."""
    album, artist, song, playlist = known["album"], known["artist"], known["song"], known["playlist"]
    kinds = (
        "random",
        "newest",
        "highest",
        "frequent",
        "recent",
        "starred",
        "alphabeticalByName",
        "alphabeticalByArtist",
    )
    lists: list[dict[str, Any]] = [{"type": kind, "size": 5} for kind in kinds]
    lists += [{"type": "byYear", "fromYear": 2005, "toYear": 1990}, {"type": "byGenre", "genre": "Rock"}]
    return {
        "getMusicDirectory": [{"id": "1"}, {"id": artist}, {"id": album}],
        "getArtist": [{"id": artist}],
        "getAlbum": [{"id": album}],
        "getSong": [{"id": song}],
        "getArtistInfo": [{"id": artist}, {"id": album}, {"id": song}],
        "getArtistInfo2": [{"id": artist}],
        "getAlbumInfo": [{"id": album}, {"id": song}],
        "getAlbumInfo2": [{"id": album}],
        "getSimilarSongs": [{"id": song}, {"id": album}, {"id": artist}],
        "getSimilarSongs2": [{"id": artist, "count": 3}],
        "getTopSongs": [{"artist": "The Anna Ö"}, {"artist": "nobody at all"}],
        "getAlbumList": lists,
        "getAlbumList2": lists,
        "getRandomSongs": [{}, {"size": 2, "genre": "Rock", "fromYear": 2000, "toYear": 2011}],
        "getSongsByGenre": [{"genre": "rock"}, {"genre": "none"}],
        "getIndexes": [{}, {"ifModifiedSince": 9_999_999_999_999}],
        "search": [{"any": "glass"}],
        "search2": [{"query": "glass"}, {"query": ""}],
        "search3": [{"query": "anna"}, {"query": ""}, {"query": '""', "songCount": 2, "songOffset": 1}],
        "getPlaylist": [{"id": playlist}],
        "createPlaylist": [{"playlistId": playlist, "songId": [song]}],
        "updatePlaylist": [{"playlistId": playlist, "songIdToAdd": [song]}],
        "deletePlaylist": [{"id": playlist}],
        "createBookmark": [{"id": song, "position": 100, "comment": "a < b"}],
        "deleteBookmark": [{"id": song}],
        "savePlayQueue": [{"id": [song, song], "current": song, "position": 7}],
        "savePlayQueueByIndex": [{"id": [song, song], "currentIndex": 1, "position": 7}],
        "star": [{"id": [song], "albumId": [album], "artistId": [artist]}],
        "unstar": [{"id": [song], "albumId": [album], "artistId": [artist]}],
        "setRating": [{"id": song, "rating": 4}],
        "scrobble": [
            {"id": song, "submission": False},
            {"id": [song, song], "time": [1_700_000_000_000, 1_700_000_001_000]},
        ],
        "getLyrics": [{"artist": "The Anna Ö", "title": "Glass 1"}, {"artist": "x", "title": "none of that"}],
        "getLyricsBySongId": [{"id": song}, {"id": song, "enhanced": True}],
        "getUser": [{"username": "me"}],
    }


def test_every_question_is_answered_as_its_type_says_in_json_and_xml(app: App) -> None:
    known = ids(app)
    ways = asked(known)
    # Marks first, so that the lists that follow show them; what deletes comes last.
    first = ["star", "setRating", "scrobble", "createBookmark", "savePlayQueue"]
    last = ["unstar", "deleteBookmark", "deletePlaylist"]
    rest = sorted(NAMES - BYTES - set(first) - set(last))
    for name in (*first, *rest, *last):
        for way in ways.get(name, [{}]):
            for form in ("json", "xml"):
                if (name, form) == ("deletePlaylist", "xml"):
                    continue  # it is gone by then
                told = app.tree(name, form=form, **way)
                if name in schema.ANSWERS or name in ways or name == "ping":
                    assert told["status"] == "ok", (name, way, told)
                else:
                    assert told["error"]["code"] in (50, 70), (name, told)


@pytest.mark.parametrize(
    ("endpoint", "way"),
    [
        ("getArtists", {}),
        ("getIndexes", {}),
        ("getGenres", {}),
        ("getAlbumList2", {"type": "alphabeticalByName"}),
        ("search3", {"query": ""}),
        ("getUser", {"username": "me"}),
        ("getOpenSubsonicExtensions", {}),
        ("getMusicFolders", {}),
    ],
)
def test_xml_and_json_say_the_same(app: App, endpoint: str, way: dict[str, Any]) -> None:
    assert app.tree(endpoint, form="json", **way) == app.tree(endpoint, form="xml", **way)


def test_bytes_are_bytes_and_their_errors_are_the_protocols(app: App) -> None:
    known = ids(app)
    for name, identifier in (
        ("stream", known["song"]),
        ("download", known["song"]),
        ("getCoverArt", known["album"]),
        ("getCoverArt", known["song"]),
        ("getCoverArt", known["artist"]),
        ("getCoverArt", known["playlist"]),
    ):
        answer = app.raw(name, {"id": identifier})
        assert answer.status == 200
        assert answer.headers["Content-Type"].partition("/")[0] in ("audio", "image")
        assert len(answer.body) == int(answer.headers["Content-Length"]) > 100
    assert app.raw("getAvatar", {"username": "me"}).body.startswith(b"\x89PNG")
    for name in BYTES - {"getAvatar"}:
        answer = app.raw(name, {"id": "a" * 26, "f": "json"})
        assert answer.status == 200
        assert content(answer)["error"]["code"] == 70
        assert app.raw(name, {"f": "json"}).json["subsonic-response"]["error"]["code"] == 10
    app.ask("deletePlaylist", id=known["playlist"])


def test_every_name_is_in_one_table_only() -> None:
    tables: list[dict[str, Any]] = [dict(OPEN), dict(LIVE), dict(QUESTIONS)]
    assert sum(map(len, tables)) == len(NAMES)
    assert set(schema.ANSWERS) <= NAMES
    assert len(NAMES) >= 80


EXTENSION_ENDPOINTS = {
    "apiKeyAuthentication": {"tokenInfo"},
    "formPost": set(),
    "indexBasedQueue": {"getPlayQueueByIndex", "savePlayQueueByIndex"},
    "songLyrics": {"getLyricsBySongId"},
    "transcodeOffset": {"stream"},
    "playbackReport": {"reportPlayback"},
    "sonicSimilarity": {"findSonicPath", "getSonicSimilarTracks"},
    "transcoding": {"getTranscodeDecision", "getTranscodeStream"},
}
"""What the specification says that an extension adds or changes."""


def test_an_extension_is_declared_if_its_endpoints_are_there_and_else_they_are_unknown(app: App) -> None:
    told = content(app.raw("getOpenSubsonicExtensions", {"f": "json"}))["openSubsonicExtensions"]
    declared = {each["name"] for each in told}
    assert declared <= EXTENSION_ENDPOINTS.keys()
    for name, endpoints in EXTENSION_ENDPOINTS.items():
        if name in declared:
            assert endpoints <= NAMES
        for endpoint in endpoints - NAMES:
            assert name not in declared
            answer = app.raw(endpoint, {"f": "json"})
            assert (answer.status, content(answer)["error"]["code"]) == (404, 70)
    assert EXTENSION_ENDPOINTS.keys() - declared == {"playbackReport", "sonicSimilarity", "transcoding"}


def test_what_xml_can_not_carry_is_replaced_and_the_rest_escaped() -> None:
    title = 'a<b>&"c\x00\x0b\ud800\n'
    body = render(answered({"song": {"title": title, "genres": [{"name": title}], "value": None}}), "xml")
    song = ElementTree.fromstring(body)[0]
    assert song.get("title") == 'a<b>&"c\ufffd\ufffd\ufffd\n'
    assert render(answered({"song": {"title": title}}), "json").startswith(b'{"subsonic-response"')


@pytest.mark.parametrize("name", ["cb", "a.b.c", "_$1"])
def test_jsonp_calls_what_it_was_told(app: App, name: str) -> None:
    answer = app.raw("ping", {"f": "jsonp", "callback": name})
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.body.startswith(b"/**/" + name.encode() + b'({"subsonic-response":')
    assert answer.body.endswith(b");")


@pytest.mark.parametrize("name", ["", "alert(1)//", "a b", "1a", "a" * 300, "a;b", "a..b", "é"])
def test_jsonp_calls_nothing_that_could_be_a_program(app: App, name: str) -> None:
    assert not is_callback(name)
    answer = app.raw("ping", {"f": "jsonp", "callback": name})
    tree = schema.from_xml("ping", answer.body)
    assert tree["error"]["code"] == 10


def test_an_error_is_one_in_every_format() -> None:
    tree = failed(ProtocolFailure(70, "not <there>"))
    assert schema.from_xml("x", render(tree, "xml")) == tree
    schema.check("x", tree)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda album: album.pop("created"),
        lambda album: album.update(songCount=None),
        lambda album: album.update(genres=None),
        lambda album: album.update(duration="12"),
        lambda album: album.update(songcount=1),
        lambda album: album.update(starred="yesterday"),
        lambda album: album["artists"][0].pop("id"),
    ],
)
def test_the_table_of_types_finds_what_is_wrong(app: App, spoil: Any) -> None:
    tree = app.tree("getAlbumList2", type="alphabeticalByName")
    spoil(tree["albumList2"]["album"][0])
    with pytest.raises(AssertionError):
        schema.check("getAlbumList2", tree)

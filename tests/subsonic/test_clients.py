"""Real client libraries on a real node: py-sonic, py-opensonic (Music Assistant's, the strictest), subsonic-api."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import libopensonic
import libsonic
import pytest
from libopensonic.errors import CredentialError, DataNotFoundError

from tests.living import Living
from tests.needs import require_program
from tests.subsonic.apps import App
from tests.subsonic.conftest import ARTIST, RECORDING, RELEASE

JAVASCRIPT = Path(__file__).parent / "client.mjs"
NPM_PACKAGE = "subsonic-api@3.3.1"


@contextlib.contextmanager
def opensonic(node: Living, **options: Any) -> Iterator[Any]:
    connection = libopensonic.Connection("http://127.0.0.1", port=node.port, **options)
    try:
        yield connection
    finally:
        connection.cleanup()


def sonic(app: App, **options: Any) -> Any:
    return libsonic.Connection("http://127.0.0.1", "me", app.password, port=app.node.port, appName="py", **options)


@pytest.mark.parametrize(
    "options",
    [{}, {"use_get": True}, {"use_views": False}, {"legacy_auth": True}, {"use_get": True, "legacy_auth": True}],
)
def test_py_opensonic_signs_in_every_way(app: App, options: dict[str, Any]) -> None:
    with opensonic(app.node, username="me", password=app.password, **options) as client:
        assert client.ping()
        assert client.get_license()
    with opensonic(app.node, api_key=app.password) as client:
        assert client.ping()
        assert client.token_info().username == "songkeep"
    with opensonic(app.node, username="me", password="wrong", **options) as client, pytest.raises(CredentialError):
        client.get_artists()


def test_py_opensonic_walks_through_the_library(app: App) -> None:
    with opensonic(app.node, username="me", password=app.password) as client:
        names = {extension.name: extension.versions for extension in client.get_open_subsonic_extensions()}
        assert names["songLyrics"] == [1, 2]
        artists = [artist for index in client.get_artists().index for artist in index.artist]
        anna = next(artist for artist in artists if artist.name == "The Anna Ö")
        assert [index.name for index in client.get_artists().index] == sorted(
            index.name for index in client.get_artists().index
        )
        assert (anna.music_brainz_id, anna.sort_name, anna.roles) == (ARTIST, "Anna Ö, The", ["artist", "albumartist"])
        album = client.get_artist(anna.id).album[0]
        assert (album.name, album.song_count, album.music_brainz_id) == ("Prisms", 3, RELEASE)
        assert (album.release_types, album.release_date.year, album.original_release_date.year) == (
            ["album", "live"],
            1997,
            1996,
        )
        song = client.get_album(album.id).song[0]
        assert (song.title, song.track, song.music_brainz_id, song.bpm) == ("Glass 1", 1, RECORDING, 121)
        assert (song.isrc, song.moods, song.explicit_status) == (["USSM18300073"], ["calm"], "clean")
        assert (song.replay_gain.track_gain, song.contributors[0].role) == (-6.5, "composer")
        assert [genre.name for genre in song.genres] == ["Ambient", "Drone"]
        assert client.get_song(song.id).comment == "taken & <kept>"
        discs = client.search3("Double").album[0]
        assert [(disc.disc, disc.title) for disc in client.get_album(discs.id).disc_titles] == [
            (1, "Disc 1 & more"),
            (2, "Disc 2 & more"),
        ]
        lyrics = client.get_lyrics_by_song_id(song.id)[0]
        assert [(line.start, line.value) for line in lyrics.line] == [(500, "First words"), (1000, "Second")]
        assert {genre.value: genre.song_count for genre in client.get_genres()}["Rock"] == 4
        assert len(client.get_album_list2("byYear", from_year=2010, to_year=1990)) >= 3
        assert sorted(each.title for each in client.get_songs_by_genre("pop")) == ["Eins", "Zwei"]
        assert client.get_artist_info2(anna.id).music_brainz_id == ARTIST
        assert client.get_album_info2(album.id).music_brainz_id == RELEASE
        assert client.get_similar_songs2(song.id, 5)
        with pytest.raises(DataNotFoundError):
            client.get_album("a" * 26)


def test_py_opensonic_changes_what_the_person_owns(app: App) -> None:
    with opensonic(app.node, username="me", password=app.password) as client:
        found = client.search3("", song_count=500)
        songs = sorted(found.song, key=lambda song: song.title)[:4]
        ids = [song.id for song in songs]
        assert client.star(sids=[ids[0]], album_ids=[found.album[0].id], artist_ids=[found.artist[0].id])
        starred = client.get_starred2()
        assert ([s.id for s in starred.song], len(starred.album), len(starred.artist)) == ([ids[0]], 1, 1)
        assert client.unstar(sids=[ids[0]], album_ids=[found.album[0].id], artist_ids=[found.artist[0].id])
        assert client.set_rating(ids[1], 5)
        assert client.get_song(ids[1]).user_rating == 5
        assert client.set_rating(ids[1], 0)
        assert client.get_song(ids[1]).user_rating is None
        before = client.get_song(ids[2]).play_count
        assert client.scrobble(ids[2], listen_time=1_700_000_100)
        assert client.scrobble(ids[2], submission=False)
        assert client.get_song(ids[2]).play_count == before + 1
        assert client.get_song(ids[2]).played.startswith("2023-11-14T")
        assert [entry.id for entry in client.get_now_playing()][:1] == [ids[2]]
        assert client.create_playlist(name="From an app", song_ids=ids[:2])
        playlist = next(each for each in client.get_playlists() if each.name == "From an app")
        assert client.update_playlist(playlist.id, song_ids_to_add=[ids[3]], song_indices_to_remove=[0])
        again = client.get_playlist(playlist.id)
        assert ([entry.id for entry in again.entry], again.owner) == ([ids[1], ids[3]], "me")
        assert client.delete_playlist(playlist.id)
        assert client.save_play_queue(ids, current=ids[2], position=4_200)
        queue = client.get_play_queue()
        assert ([entry.id for entry in queue.entry], queue.current, queue.position) == (ids, ids[2], 4_200)
        assert client.save_play_queue_by_index([ids[0], ids[0]], 1, 9)
        assert client.get_play_queue_by_index().current_index == 1
        assert client.create_bookmark(ids[0], 1_000, "here")
        assert client.get_bookmarks()[0].entry.id == ids[0]
        assert client.delete_bookmark(ids[0])
        assert client.get_user("me").playlist_role
        assert client.get_scan_status().count == 9
        assert client.get_shares() == client.get_podcasts() == client.get_internet_radio_stations() == []


def test_py_opensonic_hears_every_bit_and_sees_the_cover(app: App) -> None:
    song = app.ask("search3", query="Glass 1")["song"][0]
    original = app.node.ask("GET", f"/api/v1/tracks/{song['id']}/stream?rendition=original").body
    heard = _bytes(app, lambda client: client.stream(song["id"]))
    assert hashlib.sha256(heard).digest() == hashlib.sha256(original).digest()
    assert _bytes(app, lambda client: client.download(song["id"])) == original
    assert _bytes(app, lambda client: client.get_cover_art(song["coverArt"], 64)).startswith(b"\xff\xd8")
    smaller = _bytes(app, lambda client: client.stream(song["id"], max_bit_rate=64, tformat="mp3"))
    with av.open(io.BytesIO(smaller)) as sound:
        assert sound.streams.audio[0].codec_context.name.startswith("mp3")
        assert sum(frame.samples for frame in sound.decode(audio=0)) >= 2.9 * 44_100


def _bytes(app: App, ask: Callable[[Any], Any]) -> bytes:
    with opensonic(app.node, username="me", password=app.password) as client:
        return heard_by(client, lambda: ask(client))


def heard_by(client: Any, ask: Callable[[], Any]) -> bytes:
    """What the client's response to `ask` holds, read on the client's own loop."""
    return asyncio.run_coroutine_threadsafe(ask().read(), client._loop).result(60)


@pytest.mark.parametrize("options", [{}, {"legacyAuth": True}])
def test_py_sonic_finds_plays_and_keeps(app: App, options: dict[str, Any]) -> None:
    client = sonic(app, **options)
    assert client.ping()
    assert client.getLicense()["license"]["valid"]
    found = client.search3("glass")["searchResult3"]
    assert [song["title"] for song in found["song"]] == ["Glass 1", "Glass 2", "Glass 3"]
    song = found["song"][0]
    assert client.getAlbum(song["albumId"])["album"]["songCount"] == 3
    assert client.getArtist(song["artistId"])["artist"]["albumCount"] == 1
    assert client.getIndexes()["indexes"]["lastModified"] > 1_500_000_000
    children = client.getMusicDirectory(song["parent"])["directory"]["child"]
    assert [child["title"] for child in children] == ["Glass 1", "Glass 2", "Glass 3"]
    assert client.getAlbumList("newest")["albumList"]["album"][0]["isDir"]
    client.star(sids=[song["id"]])
    assert [each["id"] for each in client.getStarred2()["starred2"]["song"]] == [song["id"]]
    client.unstar(sids=[song["id"]])
    made = client.createPlaylist(name="py", songIds=[song["id"], song["id"]])
    playlist = made["playlist"]["id"]
    client.updatePlaylist(playlist, songIndexesToRemove=[0])
    assert client.getPlaylist(playlist)["playlist"]["songCount"] == 1
    client.deletePlaylist(playlist)
    client.scrobble(song["id"])
    whole = client.stream(song["id"]).read()
    assert whole == client.download(song["id"]).read()
    assert whole.startswith(b"fLaC")
    assert client.getCoverArt(song["coverArt"]).read().startswith(b"\x89PNG")
    assert client.getLyrics("The Anna Ö", "Glass 1")["lyrics"]["value"] == "First words\nSecond"
    with pytest.raises(libsonic.errors.DataNotFoundError):
        client.getSong("a" * 26)
    with pytest.raises(libsonic.errors.AuthError):
        client.createShare([song["id"]])
    with pytest.raises(libsonic.errors.CredentialError):
        libsonic.Connection("http://127.0.0.1", "me", "no", port=app.node.port).getArtists()


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the npm package in it."""
    place = tmp_path_factory.mktemp("npm")
    command = [
        require_program("npm"),
        "install",
        "--silent",
        "--no-fund",
        "--no-audit",
        "--ignore-scripts",
        NPM_PACKAGE,
    ]
    subprocess.run(command, cwd=place, check=True, timeout=120)
    shutil.copy(JAVASCRIPT, place / "client.mjs")
    return place


def test_subsonic_api_of_npm_does_all_of_it(app: App, javascript: Path) -> None:
    run = subprocess.run(
        [require_program("node"), "client.mjs", f"http://127.0.0.1:{app.node.port}", app.password],
        cwd=javascript,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["types"] == ["songkeep", "songkeep", "songkeep"]
    assert told["titles"] == ["Glass 1", "Glass 2", "Glass 3"]
    assert told["created"] == "Date"
    assert told["starred"] == [told["song"]]
    assert told["playlist"] == ["Glass 1", "Glass 2"]
    assert told["bytes"] == told["size"]
    assert told["wrong"] == 40

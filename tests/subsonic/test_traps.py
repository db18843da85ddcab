"""What others fell into, one by one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.living import Living, living
from tests.music import make_track
from tests.subsonic.apps import App, content


def titles(songs: list[dict[str, Any]]) -> list[str]:
    return [song["title"] for song in songs]


@pytest.mark.parametrize("query", ["", '""', " ", None])
def test_an_empty_search_gives_everything_in_pages_in_an_order_that_stays(app: App, query: str | None) -> None:
    whole = app.ask("search3", query=query, songCount=500, albumCount=500, artistCount=500)
    assert (len(whole["song"]), len(whole["album"])) == (9, 4)
    pages = [
        song
        for offset in range(0, 12, 2)
        for song in app.ask("search3", query=query, songCount=2, songOffset=offset, albumCount=0, artistCount=0)["song"]
    ]
    assert pages == whole["song"]
    none = app.ask("search3", query=query, songCount=0, albumCount=0, artistCount=0)
    assert none == {"artist": [], "album": [], "song": []}
    albums = [
        album["id"]
        for offset in range(5)
        for album in app.ask("search3", query=query, albumCount=1, albumOffset=offset, songCount=0)["album"]
    ]
    assert albums == [album["id"] for album in whole["album"]]


def test_words_are_found_whatever_their_case_accents_and_script(app: App) -> None:
    assert titles(app.ask("search3", query="ярус")["song"]) == ["Ярус"]
    assert [artist["name"] for artist in app.ask("search3", query="anna o")["artist"]] == ["The Anna Ö"]
    assert titles(app.ask("search3", query="glass", songCount=2, songOffset=1)["song"]) == ["Glass 2", "Glass 3"]


def test_a_stream_is_no_play_and_neither_is_a_download(app: App) -> None:
    song = app.ask("search3", query="Glass 3")["song"][0]
    for endpoint in ("stream", "download"):
        assert app.raw(endpoint, {"id": song["id"]}).status == 200
    assert app.ask("getSong", id=song["id"])["playCount"] == song["playCount"]
    app.ask("scrobble", id=song["id"], submission=False)
    assert app.ask("getSong", id=song["id"])["playCount"] == song["playCount"]
    app.ask("scrobble", id=song["id"])
    assert app.ask("getSong", id=song["id"])["playCount"] == song["playCount"] + 1


def test_a_play_in_the_future_was_now(app: App) -> None:
    song = app.ask("search3", query="Glass 1")["song"][0]["id"]
    app.ask("scrobble", id=song, time=9_999_999_999_999)
    assert app.ask("getSong", id=song)["played"] < "2200"


def test_a_music_folder_that_is_not_there_has_nobody_elses_music(app: App) -> None:
    for endpoint, more in (("getArtists", {}), ("search3", {"query": ""}), ("getAlbumList2", {"type": "newest"})):
        assert app.error(endpoint, musicFolderId=2, **more) == 70
        assert app.ask(endpoint, musicFolderId=1, **more)


def test_every_answer_says_who_speaks_also_the_bad_ones(app: App) -> None:
    for told in (app.tree("ping"), app.tree("getSong", id="a" * 26), app.tree("ping", form="xml")):
        assert (told["type"], told["openSubsonic"], told["version"]) == ("songkeep", True, "1.16.1")
        assert told["serverVersion"]


def test_update_playlist_passes_over_places_that_do_not_exist(app: App) -> None:
    song = app.ask("search3", query="Glass 1")["song"][0]["id"]
    playlist = app.ask("createPlaylist", name="Trap", songId=[song, song])["id"]
    app.ask("updatePlaylist", playlistId=playlist, songIndexToRemove=[-1, 99, 10**14], comment="")
    assert app.ask("getPlaylist", id=playlist)["songCount"] == 2
    app.ask("updatePlaylist", playlistId=playlist, songIndexToRemove=[0, 0, 1])
    assert app.ask("getPlaylist", id=playlist)["entry"] == []
    assert app.error("updatePlaylist", playlistId=playlist, songIndexToRemove="x") == 0
    assert app.error("updatePlaylist", playlistId=playlist, songIdToAdd="a" * 26) == 70
    app.ask("deletePlaylist", id=playlist)
    assert app.error("deletePlaylist", id=playlist) == 70


def test_a_raw_stream_has_its_length_and_any_range(app: App) -> None:
    song = app.ask("search3", query="Glass 2")["song"][0]
    whole = app.raw("stream", {"id": song["id"]})
    assert int(whole.headers["Content-Length"]) == song["size"] == len(whole.body)
    assert whole.headers["Accept-Ranges"] == "bytes"
    for asked, start, stop in (("bytes=0-0", 0, 1), ("bytes=5-99", 5, 100), ("bytes=-7", -7, None)):
        part = app.raw("stream", {"id": song["id"]}, headers={"Range": asked})
        assert part.status == 206
        assert part.body == whole.body[start:stop]
        assert part.headers["Content-Range"].endswith(f"/{song['size']}")
    beyond = app.raw("stream", {"id": song["id"]}, headers={"Range": f"bytes={song['size']}-"})
    assert (beyond.status, beyond.body, beyond.headers["Content-Range"]) == (416, b"", f"bytes */{song['size']}")
    unchanged = app.raw("stream", {"id": song["id"]}, headers={"If-None-Match": whole.headers["ETag"]})
    assert (unchanged.status, unchanged.body) == (304, b"")
    stale = app.raw("stream", {"id": song["id"]}, headers={"Range": "bytes=5-9", "If-Range": '"other"'})
    assert (stale.status, stale.body) == (200, whole.body)
    head = app.raw("stream", {"id": song["id"]}, method="HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(song["size"]))


def test_what_was_removed_is_in_no_list_and_answers_as_unknown(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    for number in (1, 2):
        make_track(tmp_path / "music" / f"{number}.mp3", seed=number, title=f"Song {number}", album="A", artists=("B",))
    with living(tmp_path / "home", "--port", "7740", str(tmp_path / "music")) as node:
        app = App.signed_in(node)
        settle(node, 2)
        first, second = sorted(app.ask("search3", query="")["song"], key=lambda song: song["title"])
        playlist = app.ask("createPlaylist", name="Both", songId=[first["id"], second["id"]])["id"]
        app.ask("star", id=[first["id"], second["id"]])
        node.ask("DELETE", f"/api/v1/tracks/{first['id']}")
        assert titles(app.ask("search3", query="")["song"]) == ["Song 2"]
        assert titles(app.ask("getStarred2")["song"]) == ["Song 2"]
        whole = app.ask("getPlaylist", id=playlist)
        assert (titles(whole["entry"]), whole["songCount"]) == (["Song 2"], 1)
        assert app.error("getSong", id=first["id"]) == 70
        assert app.ask("getAlbum", id=second["albumId"])["songCount"] == 1


def test_names_of_things_stay_after_a_retag_and_a_move(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    make_track(music / "1.flac", seed=1, title="Old", album="Old Album", artists=("Old Artist",))
    with living(tmp_path / "home", "--port", "7750", str(music)) as node:
        app = App.signed_in(node)
        settle(node, 1)
        before = app.ask("search3", query="Old")["song"][0]
        app.ask("star", id=before["id"], albumId=before["albumId"])
        playlist = app.ask("createPlaylist", name="Keep", songId=[before["id"]])["id"]
        make_track(music / "1.flac", seed=1, title="New", album="New Album", artists=("New Artist",))
        app.ask("startScan")
        wait_for(lambda: app.ask("getSong", id=before["id"])["title"] == "New", "the new tags")
        (music / "moved").mkdir()
        (music / "1.flac").rename(music / "moved" / "2.flac")
        app.ask("startScan")
        wait_for(lambda: app.raw("stream", {"id": before["id"]}).headers["Content-Type"] == "audio/flac", "the move")
        after = app.ask("getSong", id=before["id"])
        assert (after["album"], after["starred"]) == ("New Album", before_star(app, before["id"]))
        album = app.ask("getAlbum", id=before["albumId"])
        assert (album["name"], album["id"]) == ("New Album", after["albumId"])
        assert app.ask("getArtist", id=before["artistId"])["name"] == "New Artist"
        assert titles(app.ask("getPlaylist", id=playlist)["entry"]) == ["New"]
        assert [each["name"] for each in app.ask("getStarred2")["album"]] == ["New Album"]


def before_star(app: App, song: str) -> str:
    starred: str = app.ask("getStarred2")["song"][0]["starred"]
    assert app.ask("getStarred2")["song"][0]["id"] == song
    return starred


def test_a_song_whose_file_is_gone_plays_from_its_sealed_copy(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    original = make_track(tmp_path / "music" / "1.flac", seconds=3, seed=1, title="Sealed")
    whole = original.read_bytes()
    with living(tmp_path / "home", "--port", "7760", "--keep-sealed", str(tmp_path / "music")) as node:
        app = App.signed_in(node)
        settle(node, 1)
        song = app.ask("search3", query="Sealed")["song"][0]["id"]
        original.unlink()
        assert [app.raw(endpoint, {"id": song}).body == whole for endpoint in ("stream", "download")] == [True, True]


def test_a_song_whose_file_is_gone_plays_small_or_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    small = make_track(tmp_path / "music" / "1.flac", seconds=3, seed=1, title="Small")
    with living(tmp_path / "home", "--port", "7765", str(tmp_path / "music")) as node:
        app = App.signed_in(node)
        settle(node, 1)
        first = app.ask("search3", query="Small")["song"][0]["id"]
        wait_for(lambda: node.get(f"tracks/{first}")["mobile"] is not None, "the mobile rendition")
        assert node.ask("PATCH", "/api/v1/config", {"renditions": "off"}).status == 200
        lost = make_track(tmp_path / "music" / "2.flac", seconds=3, seed=2, title="Lost")
        app.ask("startScan")
        settle(node, 2)
        second = app.ask("search3", query="Lost")["song"][0]["id"]
        small.unlink()
        lost.unlink()
        smaller = app.raw("stream", {"id": first})
        assert (smaller.headers["Content-Type"], len(smaller.body)) == (
            "audio/webm; codecs=opus",
            int(smaller.headers["Content-Length"]),
        )
        assert app.raw("stream", {"id": first, "format": "mp3"}).headers["Content-Type"] == "audio/mpeg"
        for endpoint, song in (("download", first), ("stream", second), ("download", second)):
            answer = app.raw(endpoint, {"id": song, "f": "json"})
            assert (answer.status, content(answer)["error"]["code"]) == (200, 0)
            assert content(answer)["error"]["message"]


def test_many_apps_at_once_are_all_answered(app: App) -> None:
    failures: list[object] = []

    def ask() -> None:
        for _ in range(10):
            told = content(app.raw("getAlbumList2", {"type": "random", "size": 5, "f": "json"}))
            if len(told["albumList2"]["album"]) != 4:
                failures.append(told)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def settle(node: Living, tracks: int) -> None:
    """Wait until all is listed and sealed."""

    def settled() -> bool:
        status = node.get("status")
        return bool(status["counts"]["tracks"] == tracks and status["store"]["left_to_seal"]["files"] == 0)

    wait_for(settled, "everything to be sealed")


def wait_for(happened: Any, what: str) -> None:
    import time

    until_s = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < until_s, f"waited in vain for {what}"
        time.sleep(0.1)

"""Stars, ratings, plays, bookmarks, the queue, playlists and app passwords, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.living import Living

NOBODY = "a" * 26


def track(node: Living, title: str) -> str:
    found: str = next(one["id"] for one in node.get("tracks")["items"] if one["title"] == title)
    return found


def put(node: Living, path: str, body: object = None) -> Any:
    answer = node.ask("PUT", f"/api/v1/{path}", body)
    assert answer.status == 200, answer.body
    return answer.json


def test_a_star_and_a_rating_show_in_every_list(node: Living) -> None:
    song, album = track(node, "Glass 1"), node.get("albums")["items"][0]["id"]
    artist = node.get("artists")["items"][0]["id"]
    try:
        assert put(node, f"tracks/{song}/star")["starred_ms"] > 1_500_000_000_000
        put(node, f"albums/{album}/star")
        put(node, f"artists/{artist}/star")
        assert put(node, f"tracks/{song}/rating", {"rating": 5})["rating"] == 5
        starred = node.get("starred")
        assert [one["id"] for one in starred["tracks"]] == [song]
        assert [one["id"] for one in starred["albums"]] == [album]
        assert [one["id"] for one in starred["artists"]] == [artist]
        assert node.get(f"tracks/{song}")["rating"] == 5
        assert node.get(f"albums/{album}")["starred_ms"] is not None
        assert node.get(f"artists/{artist}")["starred_ms"] is not None
    finally:
        for path in (f"tracks/{song}/star", f"albums/{album}/star", f"artists/{artist}/star", f"tracks/{song}/rating"):
            assert node.ask("DELETE", f"/api/v1/{path}").status == 200
    assert node.get("starred") == {"artists": [], "albums": [], "tracks": []}
    assert node.get(f"tracks/{song}")["rating"] is None


def test_plays_are_counted_and_a_stream_is_none(node: Living) -> None:
    song = track(node, "Glass 2")
    before = node.get(f"tracks/{song}")["plays"]
    assert node.ask("GET", f"/api/v1/tracks/{song}/stream").status == 200
    assert node.get(f"tracks/{song}")["plays"] == before
    told = {"track": song, "played_ms": 1_700_000_000_000}
    assert node.ask("POST", "/api/v1/plays", told).json["plays"] == before + 1
    assert node.ask("POST", "/api/v1/plays", told).json["plays"] == before + 1
    assert node.ask("POST", "/api/v1/plays", {"track": song}).json["plays"] == before + 2


def test_the_history_has_what_was_played_and_nothing_else(node: Living) -> None:
    often, lately = track(node, "Glass 1"), track(node, "Glass 3")
    for played_ms in (1_700_000_001_000, 1_700_000_002_000, 1_700_000_003_000, 1_700_000_004_000, 1_700_000_005_000):
        node.ask("POST", "/api/v1/plays", {"track": often, "played_ms": played_ms})
    node.ask("POST", "/api/v1/plays", {"track": lately})
    found = node.get("history")
    assert found["recent"][0]["id"] == lately
    assert found["most"][0]["id"] == often
    assert all(one["plays"] for one in found["recent"] + found["most"])
    assert len(node.get("history?limit=1")["most"]) == 1
    assert node.ask("GET", "/api/v1/history?limit=many").status == 422


def test_a_playlist_is_made_changed_and_deleted(node: Living) -> None:
    one, two, three = (track(node, f"Glass {number}") for number in (1, 2, 3))
    made = node.ask("POST", "/api/v1/playlists", {"name": "Mix", "comment": "for rain", "tracks": [one, two]})
    assert made.status == 201
    path = f"playlists/{made.json['id']}"
    assert [each["title"] for each in made.json["items"]] == ["Glass 1", "Glass 2"]
    assert node.ask("POST", f"/api/v1/{path}/tracks", {"tracks": [three]}).json["tracks"] == 3
    edited = node.ask("PATCH", f"/api/v1/{path}", {"name": "Mix 2", "remove": [0, -1, 7]}).json
    assert (edited["name"], edited["comment"], edited["tracks"]) == ("Mix 2", "for rain", 2)
    ordered = put(node, f"{path}/tracks", {"tracks": [three, two, three]})
    assert [each["id"] for each in ordered["items"]] == [three, two, three]
    assert [each["name"] for each in node.get("playlists")["items"]] == ["Mix 2"]
    assert node.ask("DELETE", f"/api/v1/{path}").json == {"deleted": True}
    assert node.ask("GET", f"/api/v1/{path}").status == 404


def test_bookmarks_and_the_queue_come_back_as_they_were_left(node: Living) -> None:
    one, two = track(node, "Glass 1"), track(node, "Glass 2")
    put(node, f"tracks/{one}/bookmark", {"position_ms": 1_500, "comment": "the bridge"})
    assert [(each["track"], each["position_ms"]) for each in node.get("bookmarks")["items"]] == [(one, 1_500)]
    assert node.ask("DELETE", f"/api/v1/tracks/{one}/bookmark").json == {"removed": True}
    saved = put(node, "queue", {"tracks": [one, two], "index": 1, "position_ms": 700, "changed_by": "here"})
    assert node.get("queue") == saved
    assert (saved["tracks"], saved["index"], saved["position_ms"]) == ([one, two], 1, 700)
    assert put(node, "queue", {"tracks": []})["tracks"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", f"tracks/{NOBODY}/star", None, 404),
        ("PUT", f"albums/{NOBODY}/rating", {"rating": 3}, 404),
        ("PUT", "tracks/short/star", None, 422),
        ("PUT", f"tracks/{NOBODY}/rating", {"rating": 6}, 422),
        ("PUT", f"tracks/{NOBODY}/rating", {"rating": True}, 422),
        ("POST", "plays", {"track": NOBODY}, 404),
        ("POST", "plays", {"track": NOBODY, "played_ms": -1}, 422),
        ("POST", "playlists", {"name": ""}, 422),
        ("POST", "playlists", {"name": "x" * 501}, 422),
        ("POST", "playlists", {"name": "x", "tracks": [NOBODY]}, 404),
        ("PATCH", f"playlists/{NOBODY}", {"name": "x"}, 404),
        ("PATCH", f"playlists/{NOBODY}", {"remove": ["x"]}, 422),
        ("DELETE", f"playlists/{NOBODY}", None, 404),
        ("PUT", f"playlists/{NOBODY}/tracks", {"tracks": []}, 404),
        ("PUT", "queue", {"tracks": [], "index": 0}, 422),
        ("PUT", "queue", {"tracks": [NOBODY]}, 404),
        ("PUT", f"tracks/{NOBODY}/bookmark", {"position_ms": 1}, 404),
        ("POST", "app-passwords", {"name": " "}, 422),
        ("DELETE", "app-passwords/999", None, 404),
        ("DELETE", "app-passwords/x", None, 422),
    ],
)
def test_what_can_not_be_is_told_in_a_sentence(node: Living, method: str, path: str, body: object, status: int) -> None:
    answer = node.ask(method, f"/api/v1/{path}", body)
    assert answer.status == status
    assert len(answer.json["error"]["message"]) > 10


def test_an_app_password_is_shown_once_and_revoked_for_good(node: Living) -> None:
    made = node.ask("POST", "/api/v1/app-passwords", {"name": "Symfonium on Pixel"})
    assert made.status == 201
    listed = node.get("app-passwords")["items"]
    assert [(one["name"], one["used_ms"]) for one in listed] == [("Symfonium on Pixel", None)]
    assert "password" not in listed[0]
    ping = f"/rest/ping?apiKey={made.json['password']}&v=1.16.1&c=tests&f=json"
    assert node.ask("GET", ping, token=None).json["subsonic-response"]["status"] == "ok"
    assert node.get("app-passwords")["items"][0]["used_ms"] is not None
    assert node.ask("DELETE", f"/api/v1/app-passwords/{made.json['id']}").json == {"revoked": True}
    assert node.ask("GET", ping, token=None).json["subsonic-response"]["error"]["code"] == 44
    assert node.get("app-passwords")["items"] == []


def test_an_app_password_opens_nothing_but_the_apps_door(node: Living) -> None:
    made = node.ask("POST", "/api/v1/app-passwords", {"name": "x"}).json
    try:
        assert node.ask("GET", "/api/v1/library", token=made["password"]).status == 401
        assert node.ask("GET", f"/api/v1/tracks/{NOBODY}/stream?key={made['password']}", token=None).status == 401
    finally:
        node.ask("DELETE", f"/api/v1/app-passwords/{made['id']}")

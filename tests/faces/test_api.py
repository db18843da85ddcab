"""The player's API as a whole, against a real process; every answer is checked against docs/openapi.yaml."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from node.faces.site import FACES
from tests import openapi
from tests.living import Living

NOBODY = "a" * 26


def by_title(node: Living, title: str) -> dict[str, Any]:
    return next(track for track in node.get("tracks")["items"] if track["title"] == title)


def test_lists_pages_and_details_hold_what_the_files_say(node: Living) -> None:
    page = node.get("tracks?sort=title&limit=2&offset=1")
    assert page["total"] == 5
    assert [track["title"] for track in page["items"]] == ["Glass 2", "Glass 3"]
    track = node.get(f"tracks/{by_title(node, 'Glass 1')['id']}")
    assert [artist["name"] for artist in track["artists"]] == ["Anna Ö", "Guest"]
    assert track["year"] == 1997
    assert track["replaygain"]["track_gain_db"] == -6.5
    assert track["state"]["playable"]
    assert track["state"]["sealed"]
    assert track["sources"][0]["path"].endswith("01 Glass.flac")


def test_albums_artists_genres_and_search_lead_to_each_other(node: Living) -> None:
    album = next(each for each in node.get("albums?sort=name")["items"] if each["name"] == "Prisms")
    assert album["tracks"] == 3
    assert [track["track_no"] for track in node.get(f"albums/{album['id']}")["tracks"]] == [1, 2, 3]
    artist = next(each for each in node.get("artists")["items"] if each["name"] == "Anna Ö")
    assert [each["name"] for each in node.get(f"artists/{artist['id']}")["albums"]] == ["Prisms"]
    assert {genre["name"]: genre["tracks"] for genre in node.get("genres")["items"]} == {"Ambient": 5, "Rock": 2}
    assert node.get("tracks?genre=Rock")["total"] == 2
    assert len(node.get("search?q=%D0%AF%D1%80")["tracks"]) == 2
    assert node.get(f"tracks?album={album['id']}&sort=album&order=desc")["total"] == 3


def test_a_track_that_was_removed_is_told_among_the_removals_until_it_is_back(node: Living) -> None:
    track = by_title(node, "Glass 3")
    node.ask("DELETE", f"/api/v1/tracks/{track['id']}")
    [removal] = node.get("removals")["items"]
    assert (removal["count"], [each["title"] for each in removal["tracks"]]) == (1, ["Glass 3"])
    assert [each["id"] for each in node.ask("POST", "/api/v1/undo").json["restored"]] == [track["id"]]
    assert by_title(node, "Glass 3")["id"] == track["id"]
    assert node.get("removals") == {"items": []}
    assert node.ask("POST", "/api/v1/undo").status == 404
    assert node.ask("POST", "/api/v1/seeds/nobody/shrink").status == 404


def test_lyrics_come_with_their_times(node: Living) -> None:
    track = by_title(node, "Glass 1")
    assert node.get(f"tracks/{track['id']}/lyrics") == {
        "synced": True,
        "lines": [{"time_ms": 500, "text": "First"}, {"time_ms": 1000, "text": "Second"}],
    }
    assert node.ask("GET", f"/api/v1/tracks/{by_title(node, 'Glass 2')['id']}/lyrics").status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"tracks/{NOBODY}", 404),
        (f"albums/{NOBODY}", 404),
        (f"artists/{NOBODY}", 404),
        (f"covers/{NOBODY}", 404),
        (f"tracks/{NOBODY}/stream", 404),
        ("tracks/short", 422),
        ("tracks?limit=501", 422),
        ("tracks?limit=-1", 422),
        ("tracks?offset=x", 422),
        ("tracks?sort=colour", 422),
        ("search", 422),
        ("search?q=" + "x" * 501, 422),
        (f"covers/{NOBODY}?size=100", 422),
        ("jobs/none", 404),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_told_in_a_sentence(node: Living, path: str, status: int) -> None:
    answer = node.ask("GET", "/api/v1/" + path)
    assert answer.status == status
    assert len(answer.json["error"]["message"]) > 10


def test_what_was_asked_for_can_be_stopped_and_stopping_it_again_changes_nothing(node: Living) -> None:
    begun = node.ask("POST", "/api/v1/verify", {}).json["job"]
    stopped = node.ask("DELETE", f"/api/v1/jobs/{begun['id']}")
    assert (stopped.status, stopped.json["id"]) == (202, begun["id"])
    ended = node.finish(stopped.json)  # or it was done before
    assert node.ask("DELETE", f"/api/v1/jobs/{begun['id']}").json == ended
    assert node.ask("DELETE", "/api/v1/jobs/none").status == 404


def test_unknown_addresses_and_methods_are_errors_of_the_same_shape(node: Living) -> None:
    for method, path, status in (
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/tracks", 405),
        ("GET", "/api/", 404),
    ):
        answer = node.ask(method, path, documented=False)
        assert answer.status == status
        assert set(answer.json["error"]) == {"code", "message"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"paths": []}', b'{"paths": "x"}', b'{"paths": ["relative"]}', b'{"other": 1}', b"[" * 99_999],
)
def test_a_malformed_body_is_refused(node: Living, body: bytes) -> None:
    assert node.ask("POST", "/api/v1/add", body).status == 422


def test_a_body_beyond_the_limit_is_cut_off(node: Living) -> None:
    answer = node.ask("POST", "/api/v1/add", b'{"paths": ["' + b"x" * 2_000_000 + b'"]}', documented=False)
    assert answer.status == 413


def test_the_status_and_the_library_say_where_things_stand(node: Living) -> None:
    library, status = node.get("library"), node.get("status")
    assert library["counts"] == status["counts"] == {"tracks": 5, "albums": 2, "artists": 3, "genres": 2}
    assert not library["phrase_confirmed"]
    assert [folder["state"] for folder in status["folders"]] == ["present"]
    assert status["store"]["left_to_seal"] == {"files": 0, "bytes": 0}


def test_settings_are_shown_changed_and_bounded(node: Living) -> None:
    assert node.ask("PATCH", "/api/v1/config", {"mobile_kbps": 64}).json["mobile_kbps"] == 64
    assert node.get("config")["mobile_kbps"] == 64
    assert node.ask("PATCH", "/api/v1/config", {"mobile_kbps": 500}).status == 422
    assert node.ask("PATCH", "/api/v1/config", {"colour": "red"}).status == 422
    assert "lan_password" not in node.get("config")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/v1/config", {"lan": True}),
        ("PATCH", "/api/v1/config", {"trackers": ["wss://evil.example"]}),
        ("PATCH", "/api/v1/config", {"password": "long enough"}),
        ("POST", "/api/v1/passphrase", {"passphrase": "x"}),
        ("POST", "/api/v1/session/code", {}),
    ],
)
def test_a_browser_can_not_open_the_machine_to_others(node: Living, method: str, path: str, body: object) -> None:
    assert node.ask(method, path, body).status == 403


def test_events_begin_with_where_the_library_stands_and_tell_of_jobs(node: Living) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
    connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {node.token}"})
    response = connection.getresponse()
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.readline() == b"event: changed\n"
    assert json.loads(response.readline().removeprefix(b"data: "))["revision"] == node.get("library")["revision"]
    node.finish(node.ask("POST", "/api/v1/verify", {}).json["job"])
    line = response.readline()
    while line != b"event: progress\n":
        assert line, "the stream ended"
        line = response.readline()
    job = json.loads(response.readline().removeprefix(b"data: "))
    assert job["kind"] in ("verify", "seal", "renditions")
    connection.close()


def test_the_network_the_devices_and_the_seeds_are_told_even_when_there_is_only_this_one(node: Living) -> None:
    network = node.get("network")
    assert (network["rooms"], network["links"]) == ([], 0)
    assert (network["dht"]["mode"], network["dht"]["port"], network["dht"]["room_port"]) == ("off", None, None)
    looked_at = node.get("doctor")["findings"]
    assert {"membership", "disk"} <= {each["about"] for each in looked_at}
    devices = node.get("devices")["items"]
    assert [(device["this"], device["role"]) for device in devices] == [(True, "owner")]
    assert devices[0]["id"] == node.get("library")["device"]
    assert node.get("seeds") == {"items": []}
    assert node.ask("PATCH", f"/api/v1/devices/{devices[0]['id']}", {"name": "Attic"}).json["name"] == "Attic"
    assert node.ask("POST", f"/api/v1/devices/{devices[0]['id']}/revoke").status == 422
    owner = node.ask("POST", "/api/v1/pair", {"role": "owner"})
    assert owner.status == 403, "a browser that is signed in lets no owner in"
    assert "songkeep command" in owner.json["error"]["message"]
    assert node.ask("POST", "/api/v1/pair", {"role": "player"}).json["tracker"] is None
    assert node.ask("GET", "/api/v1/pair/none/events").status == 404


def test_counters_are_told_in_prometheus_own_words(node: Living) -> None:
    lines = node.ask("GET", "/metrics").body.decode().splitlines()
    assert any(
        line.startswith('songkeep_requests_total{method="GET",route="/api/v1/tracks",status="200"} ') for line in lines
    )
    for line in lines:
        name, _, value = line.rpartition(" ")
        assert name.startswith(("# TYPE songkeep_", "songkeep_"))
        assert line.startswith("#") or float(value) >= 0
    assert node.ask("GET", "/healthz", token=None).json["status"] == "ok"


def test_every_route_is_documented(node: Living) -> None:
    from importlib import import_module

    from aiohttp import web

    import node.faces as package

    app = web.Application()
    for face in FACES:
        import_module(f"{package.__name__}.{face}").routes(app)
    documented = set(openapi.document()["paths"])
    served = {resource.canonical for resource in app.router.resources()} - {"/{path}"}
    assert served == documented

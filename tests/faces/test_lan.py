"""Opening the player to the local network, against a real process."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from pathlib import Path

import pytest

from tests.living import Living, living

ANOTHER_ADDRESS = "127.0.0.2"
"""Linux answers to all of 127/8, so this stands for an address that is not the one of loopback."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a second address on every machine")


def ask(node: Living, method: str, path: str, body: object = None, token: str = "") -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection(ANOTHER_ADDRESS, node.port, timeout=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    told = json.loads(response.read())
    connection.close()
    return response.status, told


def control(node: Living) -> str:
    return str(json.loads((node.home / "node.json").read_text())["token"])


def refused(node: Living) -> bool:
    try:
        socket.create_connection((ANOTHER_ADDRESS, node.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_lan_gets_in_by_password_while_it_is_open_and_not_after(tmp_path: Path) -> None:
    with living(tmp_path / "home", "--port", "7840") as node:
        assert refused(node)
        without = node.ask("PATCH", "/api/v1/config", {"lan": True}, token=control(node))
        assert without.status == 422
        assert "password" in without.json["error"]["message"]
        short = node.ask("PATCH", "/api/v1/config", {"lan": True, "password": "short"}, token=control(node))
        assert short.status == 422
        wishes = {"lan": True, "password": "a long enough one"}
        assert node.ask("PATCH", "/api/v1/config", wishes, token=control(node)).json["lan"]
        assert node.ask("GET", "/api/v1/library").status == 401, "a new password signs everybody out"
        assert ask(node, "GET", "/api/v1/library")[0] == 401
        assert ask(node, "POST", "/api/v1/session", {"password": "a wrong one"})[0] == 403
        status, session = ask(node, "POST", "/api/v1/session", {"password": "a long enough one"})
        assert status == 200
        assert ask(node, "GET", "/api/v1/library", token=str(session["token"]))[0] == 200
        statuses = [ask(node, "POST", "/api/v1/session", {"password": "guess"})[0] for _ in range(20)]
        assert 429 in statuses
        assert not node.ask("PATCH", "/api/v1/config", {"lan": False}, token=control(node)).json["lan"]
        assert refused(node)
        assert node.ask("GET", "/api/v1/library", token=str(session["token"])).status == 200


def test_the_choice_is_kept_and_the_password_only_as_a_hash(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with living(home, "--port", "7860") as node:
        wishes = {"lan": True, "password": "a long enough one"}
        node.ask("PATCH", "/api/v1/config", wishes, token=control(node))
    assert "a long enough one" not in (home / "settings.json").read_text()
    with living(home, "--port", "7860") as node:
        assert ask(node, "POST", "/api/v1/session", {"password": "a long enough one"})[0] == 200

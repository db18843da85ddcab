"""The settings and their bounds."""

from __future__ import annotations

import pytest

from node.config import Settings, change, setting_names, settings_from_json, settings_to_json, shown
from node.errors import UnknownFormatError, UserError


def test_settings_survive_being_written_and_read() -> None:
    settings = change(Settings(), {"mobile_kbps": 64, "trackers": ["wss://t.example/room"], "keep_sealed": True})
    assert settings_from_json(settings_to_json(settings)) == settings
    assert settings_from_json(settings_to_json(Settings())) == Settings()


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("mobile_kbps", "64", 64),
        ("keep_sealed", "on", True),
        ("keep_sealed", "off", False),
        ("trackers", "wss://a.example ws://b.example:8080/x", ("wss://a.example", "ws://b.example:8080/x")),
        ("sort_articles", "The,Die", ("the", "die")),
    ],
)
def test_values_are_taken_as_a_person_types_them(name: str, typed: str, value: object) -> None:
    assert getattr(change(Settings(), {name: typed}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mobile_kbps", 31),
        ("mobile_kbps", 161),
        ("mobile_kbps", True),
        ("mobile_kbps", "many"),
        ("cache_bytes", 0),
        ("renditions", "sometimes"),
        ("keep_sealed", 1),
        ("port", 65_536),
        ("trackers", ["http://t.example"]),
        ("trackers", ["wss://t.example; script-src *"]),
        ("trackers", ["wss://"]),
        ("trackers", ["wss://t.example:99999/"]),
        ("trackers", ["wss://t.example"] * 9),
        ("lan_password", "secret"),
        ("no_such_setting", 1),
    ],
)
def test_what_is_out_of_bounds_is_refused(name: str, value: object) -> None:
    with pytest.raises(UserError):
        change(Settings(), {name: value})


def test_the_lan_is_not_opened_without_a_password() -> None:
    with pytest.raises(UserError, match="password"):
        change(Settings(), {"lan": True})


def test_the_password_hash_is_never_shown() -> None:
    settings = change(Settings(), {"lan_password": "$argon2id$v=19$xyz"})
    assert "lan_password" not in shown(settings)
    assert "lan_password" not in setting_names()


@pytest.mark.parametrize("data", [b"", b"[]", b'{"version": 1}', b'{"version": 2, "settings": {}}'])
def test_a_file_that_is_no_settings_is_told(data: bytes) -> None:
    with pytest.raises(UnknownFormatError):
        settings_from_json(data)


@pytest.mark.parametrize("node", ["seed.example.org:7668", "192.0.2.1:1", "[2001:db8::1]:65535"])
def test_a_node_of_a_dht_is_a_host_and_a_port(node: str) -> None:
    assert change(Settings(), {"dht_nodes": [node]}).dht_nodes == (node,)


@pytest.mark.parametrize(
    "nodes",
    [["seed.example.org"], [":7668"], ["a:0"], ["a:65536"], ["2001:db8::1:7668"], ["a b:1"], ["a:1,b:2"], ["a:1"] * 33],
)  # fmt: skip
def test_what_is_no_node_of_a_dht_is_refused(nodes: object) -> None:
    with pytest.raises(UserError):
        change(Settings(), {"dht_nodes": nodes})


def test_the_dht_is_off_and_the_public_one_is_never_meant_by_chance() -> None:
    assert Settings().dht == "off"
    for wrong in ("on", "yes", True, "", "Mainline"):
        with pytest.raises(UserError, match="off, private, mainline"):
            change(Settings(), {"dht": wrong})
    with pytest.raises(UserError, match="65534"):
        change(Settings(), {"dht_port": 65_535})

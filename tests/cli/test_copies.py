"""`songkeep copies`, `keep` and `free`, as a person runs them on one machine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from node.cli.copies import tell_copies
from node.cli.terminal import Terminal
from tests.client.mock_copies import household
from tests.living import Living, living, make_music


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    place = tmp_path_factory.mktemp("copies")
    with living(place / "home", str(make_music(place / "music")), "--port", "7966") as running:
        running.songkeep("add", str(place / "music"))
        yield running


def test_one_machine_alone_is_told_what_is_at_risk(node: Living) -> None:
    shown = json.loads(node.songkeep("copies", "--json").stdout)
    told = node.get("copies")
    for moving in ("upload", "queue", "devices"):  # renditions are made meanwhile
        del told[moving]
    assert {name: shown[name] for name in told} == told
    assert [each["this"] for each in shown["devices"]] == [True]
    assert shown["at_risk"]["songs"] == sum(each["songs"] for each in shown["songs"]) == 5
    said = node.songkeep("copies").stdout
    assert "this device" in said
    assert "At risk: " in said
    assert "Where your music lives" not in node.songkeep("status").stdout  # there is but one place


def test_an_album_is_kept_freed_and_left_alone_again(node: Living) -> None:
    kept = json.loads(node.songkeep("keep", "Prisms", "--json").stdout)
    assert kept["tracks"] == 3
    assert [(each["wish"], each["kind"]) for each in node.get("copies")["wishes"]] == [("keep", "album")]
    freed = json.loads(node.songkeep("free", "prisms", "--json").stdout)
    assert (freed["tracks"], freed["freed_blobs"]) == (3, 0)
    assert node.songkeep("keep", "--no-longer", "Prisms").returncode == 0
    assert node.get("copies")["wishes"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("keep",), 2, "Name what to keep"),
        (("keep", "No such thing"), 3, "No track is found"),
        (("keep", "--playlist", "No such thing"), 3, "No playlist is called"),
        (("keep", "--album", "Glass"), 3, "No album is called"),
        (("keep", "--no-longer", "Prisms"), 3, "Nothing was wished of that album"),
        (("free",), 2, "Name what to free"),
        (("free", "Prisms", "--space", "1GB"), 2, "Name what to free"),
        (("free", "--space", "much"), 2, "is not an amount of data"),
        (("config", "copies", "1"), 2, "The setting copies is a whole number from 2 to 16"),
        (("config", "upload_limit", "5kB"), 2, "at least 100 kB"),
    ],
)
def test_mistakes_are_told(node: Living, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = node.songkeep(*arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_limits_are_settings_and_are_shown(node: Living) -> None:
    node.songkeep("config", "upload_limit", "2MB/s")
    node.songkeep("config", "pause", "on")
    said = node.songkeep("copies").stdout
    assert "at most 2.0 MB/s" in said
    assert "Copying is paused" in said
    node.songkeep("config", "pause", "off")
    node.songkeep("config", "upload_limit", "off")
    assert node.get("copies")["upload"]["limit_bytes_per_s"] == 0


def test_freeing_space_lowers_the_budget_and_touches_nothing_unproved(node: Living) -> None:
    node.songkeep("config", "budget_bytes", "5GB")
    freed = json.loads(node.songkeep("free", "--space", "1GB", "--json").stdout)
    assert freed["freed_blobs"] == 0
    assert node.get("config")["budget_bytes"] == freed["budget_bytes"] == 0
    assert json.loads(node.songkeep("free", "--removed", "--json").stdout)["freed_blobs"] == 0


def test_what_comes_is_told_by_device_and_by_song_with_rates_and_the_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_copies(household(), Terminal(as_json=False))
    said = capsys.readouterr().out
    assert "Fetching 96 sealed files, 2.3 GB at 6.8 MB/s, about 5:40 left.\n" in said
    assert "  from NAS in the attic: 90 sealed files, 2.2 GB at 6.1 MB/s, about 6:01 left\n" in said
    assert "  from Ada’s laptop with a long name: 6 sealed files, 100 MB\n" in said
    assert "  now Glass <b>7</b> from NAS in the attic: 18 MB of 31 MB at 640 kB/s, about 0:20 left\n" in said


def test_what_goes_out_is_told_by_device_and_by_song_with_its_rate(capsys: pytest.CaptureFixture[str]) -> None:
    shown = household()
    shown["uploads"].append(
        {"to": "Phone", "kind": "snapshot", "title": "", "sent_bytes": 16_384, "total_bytes": None,
         "rate_bytes_per_s": 0}
    )  # fmt: skip
    tell_copies(shown, Terminal(as_json=False))
    said = capsys.readouterr().out
    assert "  to seed.example: 1.2 GB\n" in said
    assert "  to Ada’s laptop with a long name: 40 MB at 310 kB/s\n" in said
    assert "  now small Glass <b>9</b> to Ada’s laptop with a long name: 600 kB of 1.5 MB at 310 kB/s\n" in said
    assert "  now the catalog to Phone: 16 kB\n" in said


def test_removed_music_that_nobody_can_be_asked_about_is_told_with_the_way_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_copies(household(), Terminal(as_json=False))
    said = capsys.readouterr().out
    assert "12 sealed files of music that was taken out of the library over 30 days ago stay: first Old desktop" in said
    assert "songkeep devices revoke 'Old desktop'\n" in said
    assert "songkeep free --removed\n" in said
    tell_copies({**household(), "removed": {"blobs": 12, "unseen": []}}, Terminal(as_json=False))
    assert "free --removed" not in capsys.readouterr().out

"""Two friends are each other's seeds: two real nodes, each of which keeps the other's library sealed, and no more."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.flows.test_recover import tree
from tests.living import Living, living, songkeep
from tests.music import make_track

CAP = 60_000_000


def music_of(folder: Path, artist: str) -> Path:
    folder.mkdir()
    for number in range(3):
        title, seed = f"{artist} sings number {number}", sum(map(ord, artist)) + number
        make_track(folder / f"{number}.flac", seconds=2, seed=seed, title=title, artists=(artist,))
    return folder


def until(true: Callable[[], bool], what: str, *, timeout_s: float = 90) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline_s, f"never: {what}"
        time.sleep(0.1)


def hosted(node: Living) -> str:
    """Where it is a seed for others, once it is."""
    until(lambda: node.get("hosting")["seed"] is not None, "it hosts")
    return str(node.get("hosting")["seed"]["url"])


def filled(node: Living) -> bool:
    [seed] = node.get("seeds")["items"]
    return bool(seed["state"] == "filled" and seed["held"] >= 3)


def test_two_friends_are_each_others_seeds_and_one_gets_everything_back_from_the_other(tmp_path: Path) -> None:
    ada_music, bo_music = music_of(tmp_path / "ada-music", "Ada"), music_of(tmp_path / "bo-music", "Bo")
    host = ("--host-for-others", str(CAP), "--host-listen")
    with (
        living(tmp_path / "ada", str(ada_music), *host, "127.0.0.21:0", "--port", "7931") as ada,
        living(tmp_path / "bo", str(bo_music), *host, "127.0.0.22:0", "--port", "7941") as bo,
    ):
        for guest, friend in ((ada, bo), (bo, ada)):
            hosted(friend)
            invited = json.loads(friend.songkeep("seed", "invite", "--quota", "50MB", "--json").stdout)
            assert guest.ask("POST", "/api/v1/seeds", {"code": invited["code"]}).status == 201
        until(lambda: filled(ada) and filled(bo), "each holds the other's library")
        # Mutual, but capped: what was promised is not there to be promised again.
        too_much = bo.songkeep("seed", "invite", "--quota", "20MB", "--json")
        assert (too_much.returncode, json.loads(too_much.stdout)["error"]["code"]) == (4, "refused")
        [library] = ada.get("hosting")["seed"]["libraries"]
        assert library["number"] == 1
        assert 0 < library["held_bytes"] <= library["quota_bytes"] == 50_000_000
        # Ciphertext only: nothing in the part of Bo's home that is Ada's says what it is.
        kept = [path for path in (tmp_path / "bo" / "seed").rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in kept if len(path.name) == 52) >= library["held_bytes"] // 2
        for path in kept:
            data = path.read_bytes()
            assert b"sings number" not in data, path.name
            assert b"fLaC" not in data[:16], path.name
        # All that was Ada's is destroyed; Bo has it.
        new = tmp_path / "new"
        words = tmp_path / "words.txt"
        words.write_text(ada.told["phrase"])
        back = songkeep(new, "recover", "--seed", hosted(bo), "--phrase-file", str(words), "--json")
        assert back.returncode == 0, back.stderr
        assert json.loads(back.stdout)["tracks"] == 3
        exported = songkeep(new, "export", "--all", str(tmp_path / "back"), "--json")
        assert exported.returncode == 0, exported.stderr
    assert tree(tmp_path / "back") == tree(ada_music)


def test_a_node_hosts_nothing_unless_asked_and_stops_when_told(tmp_path: Path) -> None:
    with living(tmp_path / "home", "--port", "7951") as node:
        assert node.get("hosting") == {"host_bytes": 0, "trouble": "", "seed": None}
        assert not (tmp_path / "home" / "seed").exists()
        asked = {"host_bytes": "50MB", "host_listen": "127.0.0.23:0"}
        assert node.ask("PATCH", "/api/v1/config", asked).status == 200
        assert hosted(node).startswith("http://127.0.0.23:")
        assert node.ask("PATCH", "/api/v1/config", {"host_bytes": 0}).status == 200
        until(lambda: node.get("hosting")["seed"] is None, "it stops")
        # A port that is taken is said, and the player plays on.
        assert (
            node.ask("PATCH", "/api/v1/config", {"host_bytes": "50MB", "host_listen": "127.0.0.1:7951"}).status == 200
        )
        until(lambda: "7951" in node.get("hosting")["trouble"], "its trouble is told")
        assert node.get("status")["notices"]
    assert songkeep(tmp_path / "home", "up", "--host-for-others", "lots").returncode == 2

"""Room on seeds by a tracker's leave, with real processes: a plan is used on one seed, freed there, used on another."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from node.doors.home import ENVIRONMENT_NAME
from tests.living import SONGKEEP, living, make_music
from tests.seed.process import CHECKOUT

TRACKER_IP, FIRST_IP, SECOND_IP = "127.0.0.51", "127.0.0.52", "127.0.0.53"


@contextlib.contextmanager
def started(home: Path, *arguments: str) -> Iterator[Mapping[str, Any]]:
    """A command that goes on, and the first thing that it says."""
    process = subprocess.Popen(
        [*SONGKEEP, *arguments, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, ENVIRONMENT_NAME: str(home)},
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(60)


def until(true: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + 90
    while not true():
        assert time.monotonic() < deadline_s, f"never: {what}"
        time.sleep(0.1)


def test_a_plan_moves_to_another_seed_by_the_first_ones_own_word(tmp_path: Path) -> None:
    music = make_music(tmp_path / "music")
    with started(tmp_path / "tracker", "tracker", "run", "--listen", f"{TRACKER_IP}:0", "--stun", "off") as tracker:
        url = f"ws://{TRACKER_IP}:{tracker['port']}"
        run = ("seed", "run", "--stun", "off", "--listen")
        with (
            started(tmp_path / "first", *run, f"{FIRST_IP}:0", "--tracker", tracker["key"]) as first,
            started(tmp_path / "second", *run, f"{SECOND_IP}:0", "--tracker", url) as second,
            living(tmp_path / "pc", str(music), "--tracker", url, "--port", "7991") as pc,
        ):
            until(lambda: any(each["account"] for each in pc.get("network")["rooms"]), "it has an account")
            asked = {"grant_bytes": 2_000_000_000}  # all that the plan gives
            assert pc.ask("POST", "/api/v1/seeds", {"url": first["url"], **asked}).status == 201

            def held() -> int:
                return int(next(each["held"] or 0 for each in pc.get("seeds")["items"] if each["url"] == first["url"]))

            until(lambda: held() >= 5, "the first seed is filled")
            refused = pc.ask("POST", "/api/v1/seeds", {"url": second["url"], **asked})
            assert refused.status == 403, refused.body
            assert "0 of them are left" in refused.json["error"]["message"]
            [seed] = [each for each in pc.get("seeds")["items"] if each["url"] == first["url"]]
            assert pc.ask("DELETE", f"/api/v1/seeds/{seed['number']}").status == 200
            again = pc.ask("POST", "/api/v1/seeds", {"url": second["url"], **asked})
            assert again.status == 201, again.body
            until(lambda: [each["quota_bytes"] for each in pc.get("seeds")["items"]] == [2_000_000_000], "it has room")

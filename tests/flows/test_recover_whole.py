"""Every device is destroyed and only the seed is left: everything comes back, with the commands that a person runs.

A dozen songs here; with --exhaustive 500 of four megabytes each.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.music import make_library
from node.doors.home import ENVIRONMENT_NAME
from tests.living import SONGKEEP, Living, environment, living, songkeep
from tests.seed.process import CHECKOUT, COMMAND

GONE_TRACKER = "ws://127.0.0.1:9/v1/room"


def hashes(folder: Path) -> list[str]:
    """Of every file below `folder`."""
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file())


def until(true: Callable[[], bool], what: str, *, timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline_s, f"never: {what}"
        time.sleep(0.2)


def with_new_phrase(node: Living, first: Path) -> str:
    """Make another phrase and have the first one open nothing new: the epoch turns with it. Returns the new words."""
    process = subprocess.Popen(
        [*SONGKEEP, "--home", str(node.home), "phrase", "new", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    event = json.loads(process.stdout.readline())
    words = event["words"]
    process.stdin.write("".join(f"{words[place - 1]}\n" for place in event["positions"]))
    process.stdin.close()
    assert json.loads(process.stdout.readline())["event"] == "added"
    assert process.wait(60) == 0
    [old] = [each["id"] for each in node.get("phrases")["items"] if each["first"]]
    removed = node.songkeep("phrase", "remove", old, "--yes", "--phrase-file", str(first), "--json")
    assert removed.returncode == 0, removed.stderr
    return " ".join(words)


def in_new_epoch(home: Path, url: str, phrase: Path) -> bool:
    """Whether the seed has the catalog as it is since the phrase was changed."""
    shutil.rmtree(home, ignore_errors=True)
    told = songkeep(home, "recover", "--seed", url, "--phrase-file", str(phrase), "--json")
    return told.returncode == 0 and max(head["epoch"] for head in json.loads(told.stdout)["heads"]) > 1


def test_everything_comes_back_from_the_seed_alone_also_after_phrase_epoch_and_tracker_have_changed(
    tmp_path: Path, exhaustive: bool
) -> None:
    files, bytes_each = (500, 4_000_000) if exhaustive else (12, 300_000)
    patience_s = 900.0 if exhaustive else 90.0
    make_library(tmp_path / "music", files=files, bytes_each=bytes_each)
    before = hashes(tmp_path / "music")
    assert len(set(before)) == files
    seed_environment = {**os.environ, ENVIRONMENT_NAME: str(tmp_path / "seed-home")}
    running = subprocess.Popen(
        [*COMMAND, "run", "--listen", "127.0.0.31:0", "--stun", "off", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env=seed_environment,
    )
    try:
        assert running.stdout is not None
        url = json.loads(running.stdout.readline())["url"]
        invited = subprocess.run(
            [*COMMAND, "invite", "--quota", "5GB", "--json"],
            capture_output=True,
            text=True,
            check=True,
            cwd=CHECKOUT,
            env=seed_environment,
        )
        first, second = tmp_path / "first.txt", tmp_path / "second.txt"
        with living(tmp_path / "pc", str(tmp_path / "music"), "--port", "7961") as pc:
            first.write_text(pc.told["phrase"])
            pc.ask("PATCH", "/api/v1/config", {"renditions": "off", "trackers": [GONE_TRACKER]})
            until(lambda: pc.get("library")["counts"]["tracks"] == files, "all is listed", timeout_s=patience_s)
            until(lambda: not pc.get("status")["store"]["left_to_seal"]["files"], "all is sealed", timeout_s=patience_s)
            assert pc.ask("POST", "/api/v1/seeds", {"code": json.loads(invited.stdout)["code"]}).status == 201

            def filled() -> bool:
                [seed] = pc.get("seeds")["items"]
                return bool(seed["state"] == "filled" and seed["held"] >= files and not seed["missing"])

            until(filled, "the seed holds everything", timeout_s=patience_s)
            second.write_text(with_new_phrase(pc, first))
            assert len(pc.get("phrases")["items"]) == 1
            until(
                lambda: in_new_epoch(tmp_path / "probe", url, second), "the new epoch's catalog", timeout_s=patience_s
            )
        shutil.rmtree(tmp_path / "pc")
        shutil.rmtree(tmp_path / "music")
        refused = songkeep(tmp_path / "late", "recover", "--seed", url, "--phrase-file", str(first), "--json")
        assert refused.returncode != 0
        back = songkeep(tmp_path / "new", "recover", "--seed", url, "--phrase-file", str(second), "--json")
        assert back.returncode == 0, back.stderr
        told = json.loads(back.stdout)
        assert told["tracks"] == files
        assert told["heads"]
        assert all(head["vouched_by"] == url for head in told["heads"])
        exported = songkeep(tmp_path / "new", "export", "--all", str(tmp_path / "back"), "--json")
        assert exported.returncode == 0, exported.stderr
        assert hashes(tmp_path / "back") == before
    finally:
        running.terminate()
        running.wait(20)

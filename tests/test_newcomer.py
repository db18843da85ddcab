"""What a person gets: the wheel, installed apart from the checkout, plays the demo tunes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has nothing but the wheel's content."""
    where = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", where, CHECKOUT], check=True, timeout=300)
    (wheel,) = where.glob("songkeep-*.whl")
    site = where / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True, timeout=300)
    return site


def command(site: Path, *arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-P", "-m", "node", *arguments]


def environment(site: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(site)}


@pytest.fixture
def running(installed: Path, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """`songkeep up --demo` as its own process; what it said when it answered."""
    process = subprocess.Popen(
        command(installed, "up", "--demo", "--no-browser", "--json", "--home", tmp_path / "home"),
        env=environment(installed),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(60)


def ask(url: str, *, token: str | None = None, body: Any = None) -> Any:
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_the_demo_tunes_are_there_and_sound(running: dict[str, Any]) -> None:
    base, code = running["url"].split("#signin=")
    assert len(running["phrase"].split()) == 24
    with urllib.request.urlopen(base, timeout=30) as page:
        assert b"<title>Songkeep" in page.read()
    session = ask(f"{base}api/v1/session", body={"code": code})
    deadline = time.monotonic() + 500
    while (tracks := ask(f"{base}api/v1/tracks?limit=100", token=session["token"]))["total"] < 12:
        assert time.monotonic() < deadline, f"only {tracks['total']} of the twelve tunes appeared"
        time.sleep(0.2)
    first = tracks["items"][0]
    stream = f"{base}api/v1/tracks/{first['id']}/stream?rendition=original&key={session['media_key']}"
    with urllib.request.urlopen(stream, timeout=30) as sound:
        assert sound.headers["Content-Type"].startswith("audio/")
        assert len(sound.read()) == first["size_bytes"]


def test_the_wheel_has_the_app_and_no_tests(installed: Path) -> None:
    assert (installed / "client" / "index.html").is_file()
    assert (installed / "client" / "sw.js").is_file()
    assert (installed / "tracker" / "server.py").is_file()
    assert not (installed / "tests").exists()


def test_an_unknown_command_is_refused_with_help(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command(installed, "dance"),
        env=environment(installed),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "invalid choice: 'dance'" in done.stderr

"""A real `songkeep up` in a process of its own, with a small library, for tests to talk to."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import openapi
from tests.music import make_picture, make_track

START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 60.0
SONGKEEP = (sys.executable, "-m", "node.cli.main")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Living:
    """A running node."""

    def __init__(self, home: Path, process: subprocess.Popen[str], told: dict[str, Any]) -> None:
        self.home = home
        self.process = process
        self.told = told
        self.port = urlsplit(told["url"]).port or 0
        self.code = told["url"].partition("#signin=")[2]
        self.token = ""
        self.media_key = ""

    def sign_in(self) -> None:
        session = self.ask("POST", "/api/v1/session", {"code": self.code}, token=None).json
        self.token, self.media_key = session["token"], session["media_key"]

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = "session",
        headers: Mapping[str, str] | None = None,
        documented: bool = True,
    ) -> Answer:
        """One request; what is answered must be what docs/openapi.yaml says."""
        sent = {"Host": f"127.0.0.1:{self.port}"}
        if token is not None:
            sent["Authorization"] = f"Bearer {self.token if token == 'session' else token}"
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_TIMEOUT_S)
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        if documented and (path.startswith("/api/") or path in ("/healthz", "/metrics")):
            content_type = answer.headers.get("Content-Type", "")
            value = answer.json if answer.body and content_type.startswith("application/json") else None
            openapi.check(method, path.partition("?")[0], answer.status, content_type, value)
        return answer

    def get(self, path: str) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.ask("GET", "/api/v1/" + path)
        assert answer.status == 200, answer.body
        return answer.json

    def finish(self, job: dict[str, Any]) -> dict[str, Any]:
        """Wait for a job to end."""
        until_s = time.monotonic() + ANSWER_TIMEOUT_S
        while job["state"] == "running":
            assert time.monotonic() < until_s, f"{job['kind']} does not end"
            time.sleep(0.05)
            job = self.get(f"jobs/{job['id']}")
        return job

    def songkeep(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this home."""
        return songkeep(self.home, *arguments)


def environment() -> dict[str, str]:
    """Of the tests, without a display to open browsers on or a home of the developer's."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SONGKEEP_HOME", "SONGKEEP_PASSPHRASE_FILE")
    return {name: value for name, value in os.environ.items() if name not in hidden}


def songkeep(
    home: Path, *arguments: str, typed: str | None = None, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*SONGKEEP, "--home", str(home), *arguments],
        input=typed if typed is not None else "",
        capture_output=True,
        text=True,
        timeout=120,
        env={**environment(), **(more or {})},
        check=False,
    )


@contextlib.contextmanager
def living(home: Path, *arguments: str) -> Iterator[Living]:
    """Start `songkeep up` in `home`; it is ended as a person would, with Ctrl-C."""
    process = start(home, *arguments)
    try:
        node = greet(home, process)
        yield node
        stop(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Begin `songkeep up --json` without waiting for it."""
    command: Sequence[str] = [*SONGKEEP, "--home", str(home), "up", "--json", "--no-browser", *arguments]
    flags = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0  # so that only it gets Ctrl-Break
    with open(home.parent / f"{home.name}.stderr", "a", encoding="utf-8") as errors:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(), creationflags=flags
        )


def greet(home: Path, process: subprocess.Popen[str]) -> Living:
    """Wait for the node's first word and sign in."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, (home.parent / f"{home.name}.stderr").read_text(encoding="utf-8")
    node = Living(home, process, json.loads(line))
    node.sign_in()
    return node


def stop(process: subprocess.Popen[str]) -> None:
    """End it with Ctrl-C; it must end by itself and without complaint."""
    process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
    assert process.wait(timeout=60) == 0


def make_music(folder: Path) -> Path:
    """Two albums of two artists in three formats, with a cover, lyrics and a gain."""
    folder.mkdir()
    cover = make_picture(300, seed=1)
    for number in (1, 2, 3):
        make_track(
            folder / f"0{number} Glass.flac",
            seconds=2,
            seed=number,
            title=f"Glass {number}",
            artists=("Anna Ö", "Guest"),
            album="Prisms",
            album_artists=("Anna Ö",),
            genres=("Ambient",),
            track_no=number,
            date="1997-06",
            track_gain_db=-6.5,
            cover=cover,
            lyrics="[00:00.50]First\n[00:01.00]Second" if number == 1 else "",
        )
    for number, ending in ((1, ".mp3"), (2, ".m4a")):
        make_track(
            folder / f"Ярус {number}{ending}",
            seconds=2,
            seed=10 + number,
            title=f"Ярус {number}",
            artists=("Бета",),
            album="Низ",
            genres=("Rock", "Ambient"),
            track_no=number,
        )
    return folder

"""The door of the music apps beside supysonic, on one library of 2,000 songs: first bytes, lists, searches, streams."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.ingest import SONGKEEP, SUPYSONIC_CONFIG, install_supysonic
from benchmarks.measure import Row, median, note, percentile, timed
from benchmarks.music import make_library

STREAM_BYTES = 70_000
AT_ONCE = 16
_READY_S = 60.0
_SERVE = "from supysonic.web import create_application; import waitress; waitress.serve(create_application(), "


@dataclass(frozen=True)
class Server:
    """One server that answers the protocol, and what a client of it needs."""

    name: str
    port: int
    signs: dict[str, str]
    pid: int

    def request(self, endpoint: str, *, headers: str = "", **parameters: str | int) -> bytes:
        query = urlencode({**self.signs, "v": "1.12.0", "c": "benchmark", "f": "json", **parameters})
        return f"GET /rest/{endpoint}.view?{query} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{headers}\r\n".encode()


class Connection:
    """A keep-alive connection that reads answers and throws them away; as little work as Python allows."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._buffer = bytearray(1 << 18)

    def ask(self, request: bytes) -> tuple[float, float, int]:
        """Seconds to the first byte and to the last, and how many bytes the body had."""
        started = time.perf_counter()
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        head = b""
        first_s = 0.0
        while b"\r\n\r\n" not in head:
            data = self._socket.recv(65_536)
            if not data:
                raise ConnectionError("the server hung up")
            first_s = first_s or time.perf_counter() - started
            head += data
        raw, _, body = head.partition(b"\r\n\r\n")
        lines = raw.lower().split(b"\r\n")
        if lines[0].split()[1] not in (b"200", b"206"):
            raise ConnectionError(raw.decode("latin-1"))
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
        left = length - len(body)
        while left > 0:
            left -= self._socket.recv_into(self._buffer, min(left, len(self._buffer)))
        if b"connection: close" in lines:
            self._socket.close()
            self._socket = None
        return first_s, time.perf_counter() - started, length

    def json(self, request: bytes) -> Any:
        """The content of a JSON answer (on a connection of its own)."""
        with socket.create_connection(("127.0.0.1", self._port)) as own:
            own.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            whole = b"".join(iter(lambda: own.recv(1 << 16), b""))
        return json.loads(whole[whole.index(b"{") : whole.rindex(b"}") + 1])["subsonic-response"]


def subsonic(work: Path, *, files: int, bytes_each: int, rounds: int, seconds: float) -> list[Row]:
    """Both servers run at once and are asked in turn."""
    music = work / "small-music"
    note(f"making {files} files ...")
    make_library(music, files=files, bytes_each=bytes_each, seed=2)
    with _songkeep(work, music) as ours, _supysonic(work, music) as theirs:
        servers = (ours, theirs)
        songs = {server.name: _songs(server) for server in servers}
        chance = random.Random(1)
        rows: list[Row] = []
        lists = [("newest", 0), ("alphabeticalByName", 50), ("random", 0)]
        ways: list[tuple[str, Callable[[Server], bytes], float, int]] = [
            (
                "getAlbumList2 of 50",
                lambda server: _list(server, *chance.choice(lists)),
                8.0,
                200,
            ),
            ("search3", lambda server: server.request("search3", query=f"song {chance.randrange(files):05}"), 8.0, 200),
            ("getAlbum", lambda server: server.request("getAlbum", id=chance.choice(songs[server.name])[1]), 8.0, 200),
        ]
        for what, make, aim_ms, count in ways:
            rows.append(_latency(what, servers, make, aim_ms=aim_ms, count=count, rounds=rounds))
        rows.append(_first_byte(servers, songs, chance, rounds=rounds))
        rows.append(_streams(servers, songs, rounds=rounds, seconds=seconds))
        rows.append(Row("memory of the main process", _memory(servers), "150 MB", _resident_mb(ours.pid) <= 150))
    return rows


def _list(server: Server, kind: str, offset: int) -> bytes:
    return server.request("getAlbumList2", type=kind, size=50, offset=offset)


def _latency(
    what: str, servers: Sequence[Server], make: Callable[[Server], bytes], *, aim_ms: float, count: int, rounds: int
) -> Row:
    took: dict[str, list[float]] = {server.name: [] for server in servers}
    for turn in range(rounds):
        note(f"  {what}, round {turn + 1} of {rounds} ...")
        for server in servers:
            connection = Connection(server.port)
            took[server.name] += [connection.ask(make(server))[1] * 1e3 for _ in range(count)]
    return _compared(what, servers, took, aim_ms)


def _first_byte(
    servers: Sequence[Server], songs: dict[str, list[tuple[str, str]]], chance: random.Random, *, rounds: int
) -> Row:
    took: dict[str, list[float]] = {server.name: [] for server in servers}
    for turn in range(rounds):
        note(f"  first byte of a stream, round {turn + 1} of {rounds} ...")
        for server in servers:
            connection = Connection(server.port)
            for _ in range(200):
                request = server.request("stream", id=chance.choice(songs[server.name])[0])
                took[server.name].append(connection.ask(request)[0] * 1e3)
    return _compared("first byte of a stream", servers, took, 2.0)


def _compared(what: str, servers: Sequence[Server], took: dict[str, list[float]], aim_ms: float) -> Row:
    ours, theirs = (took[server.name] for server in servers)
    ratio = median(theirs) / median(ours)
    measured = (
        f"p50 {median(ours):.2f} ms, p95 {percentile(ours, 95):.2f} ms; supysonic {median(theirs):.2f} / "
        f"{percentile(theirs, 95):.2f} ms: {ratio:.0f} times"
    )
    return Row(what, measured, f"p50 {aim_ms:.0f} ms, 5 times supysonic", median(ours) <= aim_ms and ratio >= 5)


def _streams(servers: Sequence[Server], songs: dict[str, list[tuple[str, str]]], *, rounds: int, seconds: float) -> Row:
    rates: dict[str, list[float]] = {server.name: [] for server in servers}
    for turn in range(rounds):
        for server in servers:
            note(f"  {STREAM_BYTES:,} bytes {AT_ONCE} at once from {server.name}, round {turn + 1} of {rounds} ...")
            rates[server.name].append(_rate(server, [song for song, _ in songs[server.name]], seconds))
    ours, theirs = (median(rates[server.name]) for server in servers)
    measured = f"{ours:,.0f} a second; supysonic {theirs:,.0f}: {ours / theirs:.0f} times"
    met = ours >= 1_500 and ours >= 5 * theirs
    return Row(f"streams of 70 KB, {AT_ONCE} at once, client on the same cores", measured, "1,500 a second", met)


def _rate(server: Server, songs: list[str], seconds: float) -> float:
    """Streams a second that a client process with `AT_ONCE` connections gets."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        count: int = pool.apply(stream_for, (server, songs, seconds))
    return count / seconds


def stream_for(server: Server, songs: list[str], seconds: float) -> int:
    """Ask for parts of songs on all connections until the time is over; how many came. In a process of its own."""
    counts = [0] * AT_ONCE
    until_s = time.perf_counter() + seconds

    def ask(number: int) -> None:
        chance = random.Random(number)
        connection = Connection(server.port)
        part = f"Range: bytes=0-{STREAM_BYTES - 1}\r\n"
        while time.perf_counter() < until_s:
            _, _, length = connection.ask(server.request("stream", headers=part, id=chance.choice(songs)))
            assert length == STREAM_BYTES, length
            counts[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def _songs(server: Server) -> list[tuple[str, str]]:
    """Identifiers of songs with those of their albums."""
    connection = Connection(server.port)
    found: list[tuple[str, str]] = []
    for offset in range(0, 10_000, 500):
        albums = connection.json(server.request("getAlbumList2", type="alphabeticalByName", size=500, offset=offset))
        page = albums["albumList2"].get("album", [])
        for album in page[:: max(1, len(page) // 40)]:
            whole = connection.json(server.request("getAlbum", id=album["id"]))
            found += [(song["id"], album["id"]) for song in whole["album"]["song"]]
        if len(page) < 500:
            return found
    return found


@contextlib.contextmanager
def _songkeep(work: Path, music: Path) -> Iterator[Server]:
    home = work / "apps-home"
    shutil.rmtree(home, ignore_errors=True)
    environment = {"SONGKEEP_HOME": str(home)}
    for command in (("init",), ("config", "renditions", "off"), ("add", str(music))):
        note(f"songkeep {command[0]} ...")
        timed([*SONGKEEP, *command, "--json"], environment=environment)
    timed([*SONGKEEP, "app-password", "new", "benchmark", "--json"], environment=environment, output=work / "app.json")
    secret = json.loads((work / "app.json").read_text())["password"]
    process = subprocess.Popen(
        [*SONGKEEP, "up", "--json", "--no-browser", "--port", "7790"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(json.loads(process.stdout.readline())["url"].split(":")[2].partition("/")[0])
        server = Server("songkeep", port, {"u": "me", "p": secret}, process.pid)
        time.sleep(2)  # it looks once at its folders after it has begun
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@contextlib.contextmanager
def _supysonic(work: Path, music: Path) -> Iterator[Server]:
    program = install_supysonic(work)
    python = program.parent / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "waitress"], check=True)
    config = work / "supysonic.conf"
    config.write_text(SUPYSONIC_CONFIG.format(work=work))
    environment = {"SUPYSONIC_CONFIG": str(config), "HOME": str(work), "PYTHONWARNINGS": "ignore"}
    (work / "supysonic.db").unlink(missing_ok=True)
    note("supysonic folder scan ...")
    timed([program, "folder", "add", "music", music], environment=environment)
    timed([program, "folder", "scan", "--foreground"], environment=environment)
    timed([program, "user", "add", "me", "-p", "secret"], environment=environment)
    port = 7795
    process = subprocess.Popen(
        [python, "-c", f"{_SERVE}host='127.0.0.1', port={port}, threads={AT_ONCE})"],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_s = time.monotonic() + _READY_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if time.monotonic() > until_s or process.poll() is not None:
                raise RuntimeError("supysonic does not start")
            time.sleep(0.1)
        yield Server("supysonic", port, {"u": "me", "p": "secret"}, process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _memory(servers: Sequence[Server]) -> str:
    ours, theirs = (_resident_mb(server.pid) for server in servers)
    return f"{ours:.0f} MB; supysonic {theirs:.0f} MB"


def _resident_mb(pid: int) -> float:
    if not sys.platform.startswith("linux"):
        return 0.0
    status = Path(f"/proc/{pid}/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kib) / 1_024

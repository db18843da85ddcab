"""The trackers that ours is measured beside: npm's bittorrent-tracker over WebSocket, Debian's opentracker over UDP."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import note

NPM_PACKAGE = "bittorrent-tracker@11.2.3"
OFFER_BYTES = 700
"""Of an offer's description: with what is around it as long as one of our messages."""
IN_FLIGHT = 2_000
DATAGRAMS_AT_ONCE = 32
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_SERVE = """
const { default: Server } = await import(process.argv[2] + "/node_modules/bittorrent-tracker/server.js");
const server = new Server({ udp: false, http: true, ws: true, stats: false });
server.listen(0, "127.0.0.1", () => console.log(server.http.address().port));
"""


@dataclass(frozen=True, slots=True)
class Relayed:
    """What one tracker needed for WebSocket clients."""

    each_kb: float
    per_cpu_s: float


def resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise RuntimeError("no such process")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def masked_head(first: int, size: int) -> bytes:
    """Of a client's frame; a mask of zeros is a mask too, and costs the client nothing."""
    long = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
    return bytes([first]) + long + bytes(4)


async def open_socket(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket with as little to it as can be: the load generator must not be what is measured."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The first byte of a server's frame, and what it holds."""
    first, size = await reader.readexactly(2)
    if size == 126:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack(">Q", await reader.readexactly(8))
    return first, await reader.readexactly(size)


@contextlib.contextmanager
def a_bittorrent_tracker(work: Path) -> Iterator[tuple[int, int]]:
    """npm's, WebSockets only: its process id and port."""
    home = work / "bittorrent-tracker"
    if not (home / "node_modules").exists():
        note("installing bittorrent-tracker ...")
        home.mkdir(parents=True, exist_ok=True)
        # Without scripts: they would build WebRTC, which its client needs and its server does not.
        npm = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts", NPM_PACKAGE]
        subprocess.run(npm, cwd=home, check=True)
    (home / "serve.mjs").write_text(_SERVE)
    process = subprocess.Popen(["node", "serve.mjs", str(home)], cwd=home, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(20)


async def relay_offers(pid: int, port: int, *, pairs: int, seconds: float) -> Relayed:
    """Pairs of peers in a swarm each, one of which sends offers to the other."""
    before_kb = resident_kb(pid)

    def announced(pair: int, side: int, offers: list[object]) -> bytes:
        body = {
            "action": "announce", "info_hash": f"{pair:020}", "peer_id": f"{side}{pair:019}", "uploaded": 0,
            "downloaded": 0, "left": 1, "numwant": 1, "offers": offers,
        }  # fmt: skip
        data = json.dumps(body if offers else {**body, "event": "started"}).encode()
        return masked_head(0x81, len(data)) + data

    note(f"  connecting {2 * pairs} peers ...")
    sides: list[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = [[], []]
    for pair in range(pairs):
        for side in (0, 1):
            reader, writer = await open_socket(port, "/")
            writer.write(announced(pair, side, []))
            await read_frame(reader)
            sides[side].append((reader, writer))
    each_kb = (resident_kb(pid) - before_kb) / (2 * pairs)
    got = 0

    async def listen(reader: asyncio.StreamReader, *, count: bool) -> None:
        nonlocal got
        while True:
            await read_frame(reader)
            got += count

    listening = [asyncio.create_task(listen(reader, count=side == 1)) for side in (0, 1) for reader, _ in sides[side]]
    offer: list[object] = [{"offer": {"type": "offer", "sdp": "x" * OFFER_BYTES}, "offer_id": "o" * 20}]
    frames = [announced(pair, 0, offer) for pair in range(pairs)]
    began_s, sent, end_s = cpu_s(pid), 0, time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        for _ in range(100):
            sides[0][sent % pairs][1].write(frames[sent % pairs])
            sent += 1
        await asyncio.sleep(0)
        while sent - got > IN_FLIGHT:  # no more under way than queues would hold
            if time.perf_counter() > end_s + 10:
                raise RuntimeError("offers are lost")
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.5)
    used_s = cpu_s(pid) - began_s
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    for _, writer in sides[0] + sides[1]:
        writer.close()
    return Relayed(each_kb, got / max(used_s, 0.01))


@contextlib.contextmanager
def an_opentracker(work: Path) -> Iterator[tuple[int, int]]:
    """Debian's: its process id and UDP port."""
    if shutil.which("opentracker") is None:
        note("installing opentracker ...")
        subprocess.run(["apt-get", "install", "-y", "-qq", "opentracker"], check=True, stdout=subprocess.DEVNULL)
    home = work / "opentracker"
    home.mkdir(parents=True, exist_ok=True)
    (home / "allowed").write_text("61" * 20 + "\n")
    home.chmod(0o755)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["opentracker", "-i", "127.0.0.1", "-P", str(port), "-d", str(home), "-w", "allowed"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(20)


def announce_datagram(port: int) -> bytes:
    """An announce that opentracker answers: with a connection id of its own."""
    connect = struct.pack(">QII", 0x41727101980, 0, 7)
    end_s = time.monotonic() + 10
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        while time.monotonic() < end_s:
            with contextlib.suppress(OSError):
                client.sendto(connect, ("127.0.0.1", port))
                _, _, connection = struct.unpack(">IIQ", client.recv(64))
                head = struct.pack(">QII", connection, 1, 7)
                return head + b"a" * 20 + b"p" * 20 + struct.pack(">QQQIIIiH", 0, 1, 0, 0, 0, 1, 1, 6_881)
    raise RuntimeError("opentracker does not answer")


def datagrams_per_cpu_s(pid: int, port: int, make: Callable[[], bytes], *, seconds: float, wanted: int) -> float:
    """Answers a server CPU-second; each must have at least `wanted` bytes."""
    request, got = make(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(1.0)
        began_s, end_s = cpu_s(pid), time.perf_counter() + seconds
        while time.perf_counter() < end_s:
            for _ in range(DATAGRAMS_AT_ONCE):
                client.send(request)
            for _ in range(DATAGRAMS_AT_ONCE):
                if len(client.recv(2_048)) < wanted:
                    raise RuntimeError("that is not the answer")
                got += 1
        return got / max(cpu_s(pid) - began_s, 0.01)

"""The tracker under load: memory of a connected device, CPU of a relayed message, and how long a message takes."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Row, note
from node.crypto.keys import EpochKeys, MemberKeys, member_keys_from_random
from node.crypto.phrase import recovery_keys
from node.wire import codec, roomframes
from node.wire.roster import Role, Roster, admit, found_library

MESSAGE_BYTES = 800
JOIN_AT_ONCE = 50
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass
class Person:
    """One library with two devices."""

    keys: tuple[MemberKeys, MemberKeys]
    epoch: EpochKeys
    roster: Roster


def person(number: int) -> Person:
    def keys(which: int) -> MemberKeys:
        return member_keys_from_random((number * 4 + which).to_bytes(8, "big") * 8)

    epoch = EpochKeys(1, keys(2).sign_secret)
    roster = found_library(
        keys(0), recovery_keys(keys(3).sign_secret).public, epoch, time_ms=1, random_16=number.to_bytes(16, "big")
    )
    roster = admit(roster, keys(0), keys(1).public, role=Role.PLAYER, epochs=[epoch], time_ms=2)
    return Person((keys(0), keys(1)), epoch, roster)


@dataclass
class Client:
    """A WebSocket with as little to it as can be: the load generator must not be what is measured."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    own: int = 0
    others: list[int] = field(default_factory=list)

    @classmethod
    async def open(cls, port: int) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /v1/room HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        return cls(reader, writer)

    def send(self, *fields: object) -> None:
        data = codec.pack(list(fields))
        # A mask of zeros is a mask too, and costs nothing here.
        head = b"\x82" + (bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data)))
        self.writer.write(head + bytes(4) + data)

    async def receive(self) -> list[object]:
        while True:
            opcode, length = await self.reader.readexactly(2)
            if length == 126:
                (length,) = struct.unpack(">H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", await self.reader.readexactly(8))
            data = await self.reader.readexactly(length)
            if opcode == 0x82:
                return list(codec.unpack(data, max_bytes=1 << 20))
            if opcode == 0x89:
                self.writer.write(b"\x8a\x80" + bytes(4))

    async def join(self, who: Person, device: int, host: str) -> None:
        keys = who.keys[device]
        nonce = (await self.receive())[1]
        assert isinstance(nonce, bytes)
        proof = roomframes.join_proof(keys, nonce, host, who.roster.library, who.epoch.room_name)
        self.send("join", who.roster.library, who.epoch.room_name, keys.id, len(who.roster.entries), proof)
        while not self.own:
            word, *rest = await self.receive()
            if word == "more":
                self.send("roster", list(who.roster.entries), 0)
            elif word == "joined":
                self.own, self.others = rest[0], [pair[0] for pair in rest[1]]  # type: ignore[assignment,attr-defined]


@contextmanager
def a_tracker(home: Path) -> Iterator[tuple[int, int]]:
    """A tracker process: its process id and port."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "node", "--home", str(home), "tracker", "run",
            "--listen", "127.0.0.1:0", "--stun", "off", "--no-app", "--per-address", "100000", "--json",
        ],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        port = int(codec_json(process.stdout.readline())["port"])
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(20)


def codec_json(line: bytes) -> dict[str, int]:
    import json

    return json.loads(line)  # type: ignore[no-any-return]


def resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise RuntimeError("no such process")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


async def _load(pid: int, port: int, *, people: int, seconds: float, per_s: int) -> list[Row]:
    note(f"  making {people} libraries ...")
    everyone = [person(number) for number in range(people)]
    before_kb, host = resident_kb(pid), f"127.0.0.1:{port}"
    slots = asyncio.Semaphore(JOIN_AT_ONCE)

    async def enter(who: Person, device: int) -> Client:
        async with slots:
            client = await Client.open(port)
            await client.join(who, device, host)
            return client

    note(f"  joining with {2 * people} devices ...")
    began_s, began_cpu_s = time.perf_counter(), cpu_s(pid)
    firsts = await asyncio.gather(*(enter(who, 0) for who in everyone))
    seconds_ = await asyncio.gather(*(enter(who, 1) for who in everyone))
    joined_s, joined_cpu_s = time.perf_counter() - began_s, cpu_s(pid) - began_cpu_s
    for client in firsts:
        await client.receive()  # that the second one came
    each_kb = (resident_kb(pid) - before_kb) / (2 * people)
    took: list[float] = []

    async def listen(client: Client) -> None:
        while True:
            word, *rest = await client.receive()
            if word == "from":
                took.append(time.perf_counter() - struct.unpack_from(">d", rest[2])[0])  # type: ignore[arg-type]

    listening = [asyncio.create_task(listen(client)) for client in seconds_]
    filler = bytes(MESSAGE_BYTES - 8)

    def say(client: Client) -> None:
        client.send("send", 0, struct.pack(">d", time.perf_counter()) + filler)

    note(f"  {per_s} messages a second for {seconds:.0f} s ...")
    end_s, number = time.perf_counter() + seconds, 0
    while time.perf_counter() < end_s:
        for _ in range(max(1, per_s // 200)):
            say(firsts[number % people])
            number += 1
        await asyncio.sleep(1 / 200)
    await asyncio.sleep(0.5)
    steady = sorted(took)
    took.clear()
    note("  as many as it takes ...")
    began_cpu_s, sent = cpu_s(pid), 0
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        for _ in range(100):
            say(firsts[sent % people])
            sent += 1
        await firsts[sent % people].writer.drain()
        await asyncio.sleep(0)
        while sent - len(took) > 2_000:  # noqa: ASYNC110  # no more under way than queues would hold
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.5)
    used_s = cpu_s(pid) - began_cpu_s
    for task in listening:
        task.cancel()
    return [
        Row("memory of a connected device", f"{each_kb:.1f} KB", "16 KB"),
        Row("joins a server CPU-second", f"{2 * people / max(joined_cpu_s, 0.01):,.0f} ({joined_s:.1f} s)", ""),
        Row(f"a relay at {per_s:,}/s, p50", f"{steady[len(steady) // 2] * 1e3:.2f} ms", ""),
        Row(f"a relay at {per_s:,}/s, p99", f"{steady[len(steady) * 99 // 100] * 1e3:.2f} ms", "10 ms"),
        Row("relayed messages a server CPU-second", f"{len(took) / max(used_s, 0.01):,.0f}", "50,000"),
    ]


def tracker(work: Path, *, people: int, seconds: float, per_s: int = 2_000) -> list[Row]:
    """Rows of one run of a real tracker process."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with a_tracker(work / f"tracker-{time.time_ns()}") as (pid, port):
        return asyncio.run(_load(pid, port, people=people, seconds=seconds, per_s=per_s))

"""The tracker under load: memory of a connected device, CPU of a relayed message, and how long a message takes."""

from __future__ import annotations

import asyncio
import json
import resource
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.ingest import SONGKEEP
from benchmarks.measure import Row, median, note, percentile
from benchmarks.trackers import (
    IN_FLIGHT,
    Relayed,
    a_bittorrent_tracker,
    an_opentracker,
    announce_datagram,
    cpu_s,
    datagrams_per_cpu_s,
    masked_head,
    open_socket,
    read_frame,
    relay_offers,
    resident_kb,
)
from node.crypto.keys import EpochKeys, MemberKeys, member_keys_from_random
from node.crypto.phrase import recovery_keys
from node.wire import codec, roomframes, stun
from node.wire.roster import Role, Roster, admit, found_library

MESSAGE_BYTES = 800
JOIN_AT_ONCE = 50
MOST_EACH = 120
"""Messages of one device at full speed: more would be over its rate."""


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
    """One device."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    own: int = 0
    others: list[int] = field(default_factory=list)

    @classmethod
    async def open(cls, port: int) -> Client:
        return cls(*await open_socket(port, "/v1/room"))

    def send(self, *fields: object) -> None:
        data = codec.pack(list(fields))
        self.writer.write(masked_head(0x82, len(data)) + data)

    async def receive(self) -> list[object]:
        while True:
            first, data = await read_frame(self.reader)
            if first == 0x82:
                return list(codec.unpack(data, max_bytes=1 << 20))
            if first == 0x89:
                self.writer.write(masked_head(0x8A, 0))

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


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run of our tracker."""

    relayed: Relayed
    joins_per_cpu_s: float
    took_s: list[float]
    """How long the steady messages were under way."""


@contextmanager
def a_tracker(home: Path) -> Iterator[tuple[int, int, int]]:
    """A tracker process: its process id, its port, its port for STUN."""
    process = subprocess.Popen(
        [
            *SONGKEEP, "--home", str(home), "tracker", "run",
            "--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--no-app", "--per-address", "100000",
            "--access-log", "off", "--json",
        ],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
        yield process.pid, int(told["port"]), int(told["stun_port"])
    finally:
        process.terminate()
        process.wait(20)


async def _load(pid: int, port: int, *, people: int, seconds: float, per_s: int) -> Figures:
    note(f"  making {people} libraries ...")
    everyone = [person(number) for number in range(people)]
    before_kb, host = resident_kb(pid), f"127.0.0.1:{port}"
    slots = asyncio.Semaphore(JOIN_AT_ONCE)

    took: list[float] = []

    async def listen(client: Client) -> None:
        while True:
            word, *rest = await client.receive()
            if word == "from":
                took.append(time.perf_counter() - struct.unpack_from(">d", rest[2])[0])  # type: ignore[arg-type]

    listening: list[asyncio.Task[None]] = []

    async def enter(who: Person, device: int) -> Client:
        async with slots:
            client = await Client.open(port)
            await client.join(who, device, host)
            # At once: who answers no ping is dropped.
            listening.append(asyncio.create_task(listen(client)))
            return client

    note(f"  joining with {2 * people} devices ...")
    began_cpu_s = cpu_s(pid)
    firsts = await asyncio.gather(*(enter(who, 0) for who in everyone))
    seconds_ = await asyncio.gather(*(enter(who, 1) for who in everyone))
    joined_cpu_s = cpu_s(pid) - began_cpu_s
    each_kb = (resident_kb(pid) - before_kb) / (2 * people)
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
    while time.perf_counter() < end_s and sent < people * MOST_EACH:
        for _ in range(100):
            say(firsts[sent % people])
            sent += 1
        await firsts[sent % people].writer.drain()
        await asyncio.sleep(0)
        while sent - len(took) > IN_FLIGHT:  # no more under way than queues would hold
            if time.perf_counter() > end_s + 10:
                raise RuntimeError("the tracker has closed connections")
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.5)
    used_s = cpu_s(pid) - began_cpu_s
    for task in listening:
        task.cancel()
    for client in (*firsts, *seconds_):
        client.writer.close()
    relayed = Relayed(each_kb, len(took) / max(used_s, 0.01))
    return Figures(relayed, 2 * people / max(joined_cpu_s, 0.01), steady)


def tracker(work: Path, *, people: int, seconds: float, rounds: int, per_s: int = 2_000) -> list[Row]:
    """A real tracker process beside npm's for what goes over WebSockets, beside Debian's for datagrams, in turn."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ours: list[Figures] = []
    theirs: list[Relayed] = []
    stuns: list[float] = []
    announces: list[float] = []
    for turn in range(rounds):
        note(f"  round {turn + 1} of {rounds} ...")
        with a_tracker(work / f"tracker-{time.time_ns()}") as (pid, port, stun_port):
            stuns.append(datagrams_per_cpu_s(pid, stun_port, _binding, seconds=seconds, wanted=32))
            ours.append(asyncio.run(_load(pid, port, people=people, seconds=seconds, per_s=per_s)))
        with a_bittorrent_tracker(work) as (pid, port):
            theirs.append(asyncio.run(relay_offers(pid, port, pairs=people, seconds=seconds)))
        with an_opentracker(work) as (pid, port):
            ask = partial(announce_datagram, port)
            announces.append(datagrams_per_cpu_s(pid, port, ask, seconds=seconds, wanted=20))
    memory_kb = median([each.relayed.each_kb for each in ours])
    per_cpu_s = median([each.relayed.per_cpu_s for each in ours])
    p50_ms, p99_ms = (median([percentile(each.took_s, part) * 1e3 for each in ours]) for part in (50, 99))
    npm_kb = median([each.each_kb for each in theirs])
    npm_per_cpu_s = median([each.per_cpu_s for each in theirs])
    return [
        Row(
            f"memory of a connected device, {2 * people:,} connected",
            f"{memory_kb:.1f} KB (bittorrent-tracker {npm_kb:.1f})",
            "16 KB",
            memory_kb <= 16,
        ),
        Row("joins a server CPU-second", f"{median([each.joins_per_cpu_s for each in ours]):,.0f}"),
        Row(f"a relay at {per_s:,} a second, p50 / p99", f"{p50_ms:.2f} / {p99_ms:.2f} ms", "p99 10 ms", p99_ms <= 10),
        Row(
            "relayed messages a server CPU-second",
            f"{per_cpu_s:,.0f} (bittorrent-tracker's offers {npm_per_cpu_s:,.0f})",
            "50,000",
            per_cpu_s >= 50_000,
        ),
        Row(
            "UDP answers a server CPU-second",
            f"{median(stuns):,.0f} of STUN (opentracker's to announces {median(announces):,.0f})",
        ),
    ]


def _binding() -> bytes:
    return stun.binding_request(bytes(12))

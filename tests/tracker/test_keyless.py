"""A tracker can't read what it forwards: nothing of a library is in its traffic, on its disk, or in its memory."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from node.crypto.phrase import phrase_from_entropy
from node.doors.index import Index
from node.doors.vault import Vault
from node.wire.dhtrecord import dht_secret
from node.wire.pairing import code_from_text
from node.wire.roster import read_roster
from tests.flows.hostile import HostileTracker
from tests.flows.machines import Machine, events, first_event, until
from tests.music import make_track
from tests.seed.test_keyless import found_in, memory_of

TITLES = ("Quince Orchard Rain", "The Lamplighter's Ledger")
ARTIST, ALBUM = "Wilhelmina Ostrander Quartet", "Barometric Studies"
DEVICES = ("Cupboard under stairs", "Travelling typewriter")


@contextlib.asynccontextmanager
async def a_tap() -> AsyncIterator[HostileTracker]:
    """Between the devices and the tracker: it only listens. WebSocket masks what clients say, so a plain tap hears
    less than the tracker does.
    """
    tap = HostileTracker()
    app = web.Application()
    app.router.add_get("/{path:.*}", tap.relay)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tap.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield tap
    finally:
        await runner.cleanup()


def live_together(pc: Machine, laptop: Machine, url: str, music: Path) -> str:
    """Two devices pair, meet, are renamed, exchange their catalog and play; gives the code that was typed."""
    pc.run("init")
    pc.up(str(music), "--tracker", url)
    until(lambda: pc.run("status")["counts"]["tracks"] == len(TITLES), "the PC has its music")
    pairing, code = pc.start("pair", "--json", "--role", "owner", "--anywhere"), ""
    joining = None
    for event in events(pairing):
        if event["event"] == "code":
            code = event["code"]
            joining = laptop.start("join", code, "--tracker", event["tracker"], "--name", DEVICES[1], "--json")
        elif event["event"] == "check":
            assert joining is not None
            assert pairing.stdin is not None
            pairing.stdin.write(first_event(joining)["digits"] + "\n")
            pairing.stdin.flush()
    assert joining is not None
    assert (pairing.wait(60), joining.wait(60)) == (0, 0)
    laptop.up()
    until(lambda: len(laptop.run("ls")) == len(TITLES), "the laptop has the catalog")
    pc.run("devices", "rename", next(each["id"] for each in pc.run("devices") if each["this"]), DEVICES[0])
    until(lambda: {each["name"] for each in laptop.run("devices")} == set(DEVICES), "both know both names")
    laptop.run("export", "--all", str(laptop.home.parent / "out"))
    return code


def secrets_of(pc: Machine, laptop: Machine, music: Path, code: str) -> dict[str, bytes]:
    """Everything that must stay among the devices, each under a name for the test's message."""
    secrets: dict[str, bytes] = {
        "artist": ARTIST.encode(),
        "album": ALBUM.encode(),
        "folder": str(music).encode(),
        "code as typed": code.encode(),
        "code": code_from_text(code),
        "a WebRTC offer": b"a=fingerprint",
        "a candidate": b"a=candidate",
    }
    secrets |= {f"title {title}": title.encode() for title in TITLES}
    secrets |= {f"name {name}": name.encode() for name in DEVICES}
    for machine in (pc, laptop):
        kept = Vault.open(machine.home / "vault").secrets
        whose = machine.home.name
        secrets[f"signing secret of {whose}"] = kept.device.sign_secret
        secrets[f"receiving secret of {whose}"] = kept.device.receive_secret
        secrets[f"secret for the DHT of {whose}"] = dht_secret(kept.device)
        for epoch in kept.epochs:
            for name in ("secret", "convergence", "identity", "room", "log", "volume", "seed_capability"):
                secrets[f"{name} of epoch {epoch.number}"] = getattr(epoch, name)
        if kept.phrase_entropy is not None:
            secrets["phrase's entropy"] = kept.phrase_entropy
            secrets["phrase"] = phrase_from_entropy(kept.phrase_entropy).encode()
    with Index.open(pc.home / "index.sqlite") as index:
        for root, _ in index.blobs.named(b"", 100):
            secrets[f"root of {root.hex()[:8]}"] = bytes(root)
    for path in music.rglob("*.flac"):
        data = path.read_bytes()
        secrets[f"sound of {path.name}"] = data[len(data) // 2 : len(data) // 2 + 64]
    return secrets


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another process's memory is read by /proc")
async def test_traffic_disk_and_memory_of_a_tracker_hold_nothing_readable(tmp_path: Path) -> None:
    music = tmp_path / "Barometric"
    music.mkdir()
    for number, title in enumerate(TITLES):
        make_track(music / f"{title}.flac", seed=number, seconds=2, title=title, artists=(ARTIST,), album=ALBUM)
    server, pc, laptop = (Machine(tmp_path / name) for name in ("server", "pc", "laptop"))
    async with a_tap() as tap:
        process = server.start(
            "tracker", "run", "--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--name", tap.url[5:], "--json"
        )  # fmt: skip
        try:
            told = await asyncio.to_thread(first_event, process)
            tap._upstream = f"http://127.0.0.1:{told['port']}"
            code = await asyncio.to_thread(live_together, pc, laptop, tap.url, music)
            memory = await asyncio.to_thread(lambda: b"".join(memory_of(process.pid)))
            await asyncio.to_thread(laptop.stop)
            await asyncio.to_thread(pc.stop)
        finally:
            for machine in (laptop, pc, server):
                await asyncio.to_thread(machine.stop)
    secrets = secrets_of(pc, laptop, music, code)
    traffic = b"".join(tap.heard)
    kept = Vault.open(pc.home / "vault").secrets
    # That the search finds anything at all is shown by what the tracker does have.
    known = {
        "library": read_roster(kept.roster).library,
        "PC's public key": kept.device.id,
        "laptop's": Vault.open(laptop.home / "vault").secrets.device.id,
        "last entry of the roster": kept.roster[-1],
    }
    files = [path for path in server.home.rglob("*") if path.is_file()]
    disk = b"".join(path.read_bytes() + str(path).encode() for path in files)
    assert len(tap.heard) > 20
    assert any(path.name == "tracker.sqlite" for path in files)
    for where, data in (("traffic", traffic), ("disk", disk), ("memory", memory)):
        assert found_in(data, secrets) == [], where
        assert sorted(found_in(data, known)) == sorted(known), where

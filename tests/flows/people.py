"""Devices of one library for tests of how they meet: real membership, rooms and channels, keys in memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.crypto.keys import EpochKeys, MemberKeys, member_keys_from_random
from node.crypto.phrase import recovery_keys
from node.doors.channel import Answer, Serve
from node.doors.vault import Secrets
from node.errors import NotFoundError
from node.flows.meet import Meeting
from node.flows.stay import Proofs
from node.ids import BlobRoot
from node.peers.directory import Directory, Presence
from node.peers.links import Giving, Links
from node.peers.membership import Membership
from node.wire.roster import Role, Roster, admit, found_library
from tracker.options import Options
from tracker.server import Running, running


@dataclass
class MemoryVault:
    """Keeps secrets as the real vault does, but not on a disk."""

    secrets: Secrets

    def save(self, secrets: Secrets) -> None:
        self.secrets = secrets


@dataclass
class Device:
    """One device that meets others."""

    name: str
    membership: Membership
    directory: Directory
    links: Links
    meeting: Meeting
    serve: Serve
    blobs: dict[BlobRoot, list[bytes]] = field(default_factory=dict)
    asleep: bool = False

    @property
    def id(self) -> bytes:
        return self.membership.keys.id


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_keys() -> MemberKeys:
    return member_keys_from_random(os.urandom(64))


def found() -> Secrets:
    """A new library's founder."""
    keys, epoch = new_keys(), EpochKeys(1, os.urandom(32))
    recovery = recovery_keys(os.urandom(32))
    roster = found_library(keys, recovery.public, epoch, time_ms=now_ms(), random_16=os.urandom(16))
    return Secrets(device=keys, epochs=(epoch,), roster=roster.entries)


def let_in(owner: Secrets, role: Role = Role.PLAYER) -> tuple[Secrets, Secrets]:
    """The owner's secrets after admitting a new device, and the new device's."""
    from node.wire.roster import read_roster

    keys = new_keys()
    roster = admit(
        read_roster(owner.roster), owner.device, keys.public, role=role, epochs=owner.epochs, time_ms=now_ms()
    )
    grown = Secrets(device=owner.device, epochs=owner.epochs, roster=roster.entries)
    return grown, of_member(keys, roster)


def of_member(keys: MemberKeys, roster: Roster) -> Secrets:
    epochs = roster.epochs_for(keys)
    return Secrets(device=keys, epochs=tuple(epochs[number] for number in sorted(epochs)), roster=roster.entries)


def make_device(
    name: str,
    secrets: Secrets,
    *trackers: str,
    answers: dict[str, Answer] | None = None,
    heads: Callable[[], dict[bytes, int]] = dict,
    snapshot: Callable[[], list[Any] | None] = lambda: None,
    catalog: Callable[[], bytes] = bytes,
    given: Callable[[BlobRoot, int], None] = lambda _root, _index: None,
    proofs: Proofs | None = None,
    lane: Callable[[], tuple[tuple[str, ...], bytes]] = lambda: ((), b""),
    **watching: Any,
) -> Device:
    """`given` is told of every chunk before it goes to another device; `lane`: what is told of a lane; `watching`: how
    it looks for other networks.
    """
    membership = Membership(MemoryVault(secrets), time_ms=now_ms, random=os.urandom)
    directory = Directory()
    blobs: dict[BlobRoot, list[bytes]] = {}

    async def serve(root: BlobRoot, first: int, count: int) -> AsyncIterator[bytes]:
        if root not in blobs:
            raise NotFoundError("not held")
        for index, chunk in enumerate(blobs[root][first : first + count], first):
            given(root, index)
            yield chunk

    links = Links(membership, Giving(serve_to=lambda _member: serve, answers={} if answers is None else answers))

    def presence() -> Presence:
        entries = len(membership.roster.entries)
        addresses, lane_print = lane()
        return Presence(
            name=device.name,
            role="node",
            roster=entries,
            heads=heads(),
            snapshot=snapshot(),
            addresses=addresses,
            lane=lane_print,
            catalog=catalog(),
            asleep=device.asleep,
            trackers=meeting.told_trackers,
        )

    meeting = Meeting(
        membership=membership,
        directory=directory,
        links=links,
        presence=presence,
        trackers=list(trackers),
        proofs=proofs,
        **watching,
    )
    device = Device(name, membership, directory, links, meeting, serve, blobs)
    return device


@contextlib.asynccontextmanager
async def meeting(*devices: Device) -> AsyncIterator[None]:
    """The devices are out and about while the context lasts."""
    tasks = [asyncio.create_task(device.meeting.run()) for device in devices]
    try:
        yield
    finally:
        for device in devices:
            await device.links.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def a_tracker(home: Path, **options: object) -> AsyncIterator[tuple[str, Running]]:
    """A tracker on loopback, and its base address."""
    chosen = Options(home=home, port=0, stun_host="0.0.0.0", stun_port=0, **options)  # type: ignore[arg-type]
    async with running(chosen) as tracker:
        yield f"ws://127.0.0.1:{tracker.port}", tracker


async def until(true: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
    """Waits for something that others bring about."""
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110  # what is waited for is many different things
            await asyncio.sleep(0.01)


async def both_here(one: Device, other: Device) -> None:
    """Waits until each knows that the other is present."""
    await until(lambda: one.directory.get(other.id).present and other.directory.get(one.id).present)

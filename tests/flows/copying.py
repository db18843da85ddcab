"""Whole devices of one library that keep copies for each other, in one process, for the tests of that."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.config import Settings
from node.crypto.blob import Purpose
from node.crypto.phrase import recovery_keys
from node.doors.vault import Secrets
from node.flows.copies import Copies, Rhythm
from node.flows.lan import LanMeeting
from node.flows.wanted import Wanted
from node.ids import BlobRoot, DeviceId
from node.network import Networking, build_network
from node.wire.roster import Role, found_library
from tests.flows.home import EPOCH, FOUNDER, Home, open_home
from tests.flows.people import MemoryVault, a_tracker, let_in, now_ms
from tests.music import make_track

GB = 1_000_000_000
BRISK = Rhythm(first_s=0.05, round_s=1.0, quiet_s=0.05, rest_s=0.5)


@dataclass
class Holder:
    """One running device."""

    id: DeviceId
    home: Home
    networking: Networking
    told: list[str]

    @property
    def copies(self) -> Copies:
        return self.networking.network.copies

    @property
    def wanted(self) -> Wanted:
        return self.networking.network.wanted

    def sealed(self, *purposes: Purpose) -> set[BlobRoot]:
        """What lies whole in the kept part of its store, by the files that are there."""
        wanted = purposes or tuple(Purpose)
        known = {each.root: each.purpose for each in self.home.index.copies.kept()}
        return {each.root for each in self.home.store.stored() if each.kept and known.get(each.root) in wanted}

    def named(self, *purposes: Purpose) -> set[BlobRoot]:
        """What the catalog names, as far as it has come here."""
        return {each.root for each in self.home.index.copies.weighed() if each.purpose in (purposes or tuple(Purpose))}

    async def shown(self) -> dict[str, Any]:
        return await self.networking.network.whereabouts.as_json()


def household(count: int) -> list[Secrets]:
    """The secrets of so many devices of a new library, all owners; the first founded it."""
    recovery = recovery_keys(os.urandom(32))
    roster = found_library(FOUNDER, recovery.public, EPOCH, time_ms=now_ms(), random_16=os.urandom(16))
    founder = Secrets(device=FOUNDER, epochs=(EPOCH,), roster=roster.entries)
    others: list[Secrets] = []
    for _ in range(count - 1):
        founder, newcomer = let_in(founder, Role.OWNER)
        others.append(newcomer)
    return [founder, *others]


@contextlib.asynccontextmanager
async def holder(
    path: Path, secrets: Secrets, url: str, *, budget_bytes: int = GB, renditions: bool = False, **chosen: Any
) -> AsyncIterator[Holder]:
    """A device in the room of the tracker at `url`; it leaves at the end. `chosen` are further settings."""
    told: list[str] = []
    async with open_home(path, keys=secrets.device, renditions=renditions) as home:
        networking = build_network(
            vault=MemoryVault(secrets),  # type: ignore[arg-type]
            library=home.library,
            store=home.store,
            settings=Settings(trackers=(url,), budget_bytes=budget_bytes, **chosen),
            make_mobile=None,
            tell=lambda _level, text: told.append(text),
        )
        networking.network.copies.rhythm = BRISK
        apart = [each for each in networking.services if not isinstance(getattr(each, "__self__", None), LanMeeting)]
        tasks = [asyncio.create_task(service()) for service in apart]
        try:
            yield Holder(secrets.device.id, home, networking, told)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await networking.close()


async def add_songs(device: Holder, folder: Path, numbers: Sequence[int], *, seconds: float = 0.5) -> None:
    """Songs of an album, from files of that device."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - tests may wait for the disk
    for number in numbers:
        make_track(folder / f"{number}.flac", seconds=seconds, seed=number, title=f"Song {number}", album="Prisms")
    await device.home.ingest.add([folder])


async def settled(true: Any, what: str, *, timeout_s: float = 90.0) -> None:
    """Waits for something that devices bring about by themselves."""
    try:
        async with asyncio.timeout(timeout_s):
            while not await asyncio.to_thread(true):  # noqa: ASYNC110 - what it looks at tells nobody
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


@contextlib.asynccontextmanager
async def a_home(tmp_path: Path, *, songs: int, others: int, **chosen: Any) -> AsyncIterator[list[Holder]]:
    """A PC with some songs and as many other devices as wanted, all full, all knowing of each other."""
    secrets = household(1 + others)
    async with contextlib.AsyncExitStack() as stack:
        url, _ = await stack.enter_async_context(a_tracker(tmp_path / "tracker"))
        pc = await stack.enter_async_context(holder(tmp_path / "pc", secrets[0], url, **chosen))
        await add_songs(pc, tmp_path / "music", range(songs))
        await pc.home.ingest.idle()
        for track in pc.home.library.tracks(0, 500)["items"]:  # so that every device wants every original
            pc.home.library.personal.star([track["id"]], starred=True)
        found = [pc]
        for number, each in enumerate(secrets[1:]):
            found.append(await stack.enter_async_context(holder(tmp_path / f"other{number}", each, url)))
        await settled(lambda: all(len(each.sealed()) == songs for each in found[1:]), "all hold all songs")
        await settled(lambda: all(knows_all(each, found) for each in found), "all know what the others hold")
        yield found


def knows_all(one: Holder, others: Iterable[Holder]) -> bool:
    said = {each.id: each for each in one.copies.census.devices()}
    return all(each.id in said and said[each.id].sealed == frozenset(each.sealed()) for each in others)

"""A device with a library and a seed beside it, for the tests of the flows between them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from node.crypto.phrase import recovery_keys
from node.doors.swarm import Swarm, SwarmSettings
from node.doors.vault import Secrets
from node.flows.seed_links import SeedLink
from node.flows.seed_streams import SeedFetch
from node.flows.seeds import Seeds
from node.flows.serve import Snapshots
from node.flows.share import Sharing
from node.peers.membership import Membership
from node.wire.roster import found_library
from tests.flows.home import EPOCH, FOUNDER, Home, open_home

PHRASE_ENTROPY = hashlib.sha256(b"the recovery phrase of the tests").digest()
PC_IP = "127.0.0.7"


class KeysInMemory:
    """A vault that forgets."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets

    def save(self, secrets: Secrets) -> None:
        self.secrets = secrets


@dataclass
class SeededHome:
    home: Home
    membership: Membership
    seeds: Seeds
    snapshots: Snapshots
    fetch: SeedFetch
    told: list[tuple[str, str]]
    """Sentences said to the person about seeds."""

    @property
    def link(self) -> SeedLink:
        """How things stand with the only seed."""
        [link] = self.seeds.links.values()
        return link

    async def until_filled(self, *, blobs: int = 1, timeout_s: float = 90) -> None:
        """Until every seed holds all of at least `blobs` blobs, and the newest catalog."""
        async with asyncio.timeout(timeout_s):
            while not self._filled(blobs):  # noqa: ASYNC110  nobody tells of it
                await asyncio.sleep(0.05)

    def _filled(self, blobs: int) -> bool:
        newest = self.snapshots.newest
        if newest is None or newest.sha256 != hashlib.sha256(self.home.library.snapshot()).digest():
            return False
        links = list(self.seeds.links.values())
        return bool(links) and all(
            link.state == "filled"
            and link.standing is not None
            and link.standing.held_blobs >= blobs
            and link.given_root == newest.root
            for link in links
        )


def founder_secrets() -> Secrets:
    """The first device of the library that `open_home` opens, with a recovery phrase of known bytes."""
    recovery = recovery_keys(PHRASE_ENTROPY)
    roster = found_library(FOUNDER, recovery.public, EPOCH, time_ms=1, random_16=bytes(16))
    return Secrets(device=FOUNDER, epochs=(EPOCH,), roster=roster.entries)


@contextlib.asynccontextmanager
async def seeded_home(
    path: Path, *, secrets: Secrets | None = None, renditions: bool = False, ip: str = PC_IP
) -> AsyncIterator[SeededHome]:
    told: list[tuple[str, str]] = []
    vault = KeysInMemory(secrets or founder_secrets())
    async with open_home(path, renditions=renditions, keys=vault.secrets.device) as home:
        membership = Membership(vault, time_ms=_now_ms, random=os.urandom)
        snapshots = Snapshots(home.library, lambda: membership.epoch.convergence)
        fetch = SeedFetch(membership, local_address=ip)
        seeds = Seeds(
            membership=membership,
            library=home.library,
            snapshots=snapshots,
            now_ms=_now_ms,
            random=os.urandom,
            tell=lambda level, text: told.append((level, text)),
            local_address=ip,
        )
        seeds.on_change.append(fetch.set_seeds)
        fetch.set_seeds(seeds.addresses)
        home.streams.use_fetches([fetch])
        arriving = path / "arriving"
        arriving.mkdir(exist_ok=True)
        async with Swarm.open(SwarmSettings(listen=f"{ip}:0", outgoing=ip)) as swarm:
            sharing = Sharing(
                library=home.library, store=home.store, holdings=home.holdings, swarm=swarm, arriving=arriving
            )
            tasks = [asyncio.create_task(snapshots.run()), asyncio.create_task(seeds.run(sharing))]
            try:
                yield SeededHome(home, membership, seeds, snapshots, fetch, told)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await fetch.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

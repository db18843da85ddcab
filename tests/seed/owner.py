"""An owner's side of a seed, by hand: keys, a roster, blobs that are noise, and lists of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from node.crypto.keys import EpochKeys, MemberKeys, member_keys_from_random
from node.crypto.phrase import recovery_keys
from node.doors.seeds import SeedClient
from node.doors.swarm import Endpoint, Swarm, SwarmSettings
from node.seed.options import SeedOptions
from node.seed.server import RunningSeed, running
from node.seed.trackers import TrustedTracker
from node.wire import seedapi
from node.wire.holdlist import ListedVolume, sign_hold_list
from node.wire.roster import Role, Roster, admit, found_library
from node.wire.volume import Volume
from tests.doors.swarm.blobs import Noise, all_held

SEED_IP = "127.0.0.5"
OWNER_IP = "127.0.0.6"
ROOM = 100_000_000


@dataclass
class Owner:
    keys: MemberKeys
    recovery: MemberKeys
    epoch: EpochKeys
    roster: Roster
    serial: int = 0
    volumes: dict[bytes, Volume] = field(default_factory=dict)

    def admit_seed(self, seed: RunningSeed) -> None:
        self.roster = admit(
            self.roster,
            self.keys,
            seed.keys.public,
            role=Role.SEED,
            epochs=[self.epoch],
            time_ms=2,
            addresses=[seed.url],
        )

    def list_of(
        self, volumes: Sequence[Volume], *, may_shrink: bool = False, signer: MemberKeys | None = None
    ) -> bytes:
        self.serial += 1
        return sign_hold_list(
            signer or self.keys,
            self.roster.library,
            serial=self.serial,
            time_ms=3,
            epoch=1,
            volumes=[ListedVolume(each.id, self.epoch.volume_tag(each.id)) for each in volumes],
            may_shrink=may_shrink,
        )


def make_owner() -> Owner:
    keys = member_keys_from_random(os.urandom(64))
    recovery = recovery_keys(os.urandom(32))
    epoch = EpochKeys(1, os.urandom(32))
    roster = found_library(keys, recovery.public, epoch, time_ms=1, random_16=os.urandom(16))
    return Owner(keys, recovery, epoch, roster)


@contextlib.asynccontextmanager
async def a_seed(
    home: Path,
    *,
    capacity_bytes: int = 10 * ROOM,
    ip: str = SEED_IP,
    port: int = 0,
    url: str = "",
    stun_port: int | None = None,
    trackers: tuple[bytes, ...] = (),
) -> AsyncIterator[RunningSeed]:
    options = SeedOptions(
        home=home,
        host=ip,
        port=port,
        url=url,
        capacity_bytes=capacity_bytes,
        stun_port=stun_port,
        trackers=tuple(TrustedTracker(each) for each in trackers),
    )
    async with running(options) as seed:
        yield seed


@contextlib.asynccontextmanager
async def client_of(seed: RunningSeed, keys: MemberKeys, *, ip: str = OWNER_IP) -> AsyncIterator[SeedClient]:
    """Signed in as a member."""
    async with SeedClient.open(seed.url, local_address=ip) as client:
        await client.sign_in(keys)
        yield client


async def give_library(seed: RunningSeed, owner: Owner, *, quota_bytes: int = ROOM) -> None:
    """Invite, admit, join: what `songkeep seeds add` does."""
    invite = seedapi.read_invite(await seed.invite(quota_bytes))
    owner.admit_seed(seed)
    async with SeedClient.open(invite.url, local_address=OWNER_IP) as client:
        invite.check_seed(await client.who())
        assert await client.join(owner.keys, invite, owner.roster.entries) == quota_bytes


@contextlib.asynccontextmanager
async def sharing(
    owner: Owner, client: SeedClient, volume: Volume, made: Sequence[Noise], directory: Path, *, ip: str = OWNER_IP
) -> AsyncIterator[Swarm]:
    """The owner's swarm with the volume in it, connected to the seed."""
    async with Swarm.open(SwarmSettings(listen=f"{ip}:0", outgoing=ip)) as swarm:
        seed_ip, seed_port = await client.present(swarm.port)
        await swarm.add(
            volume,
            owner.epoch.volume_tag(volume.id),
            held=all_held(made, directory),
            incoming=directory,
            peers=[Endpoint(seed_ip, seed_port)],
        )
        yield swarm

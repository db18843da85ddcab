"""A seed for the phone's tests: the home PC gives it everything that it holds, sealed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

from node.catalog.model import BlobRef
from node.catalog.values import blob_value
from node.doors.seeds import SeedClient
from node.ids import BlobRoot
from node.wire import roster, seedapi
from node.wire.heads import sign_heads
from node.wire.holdlist import ListedVolume, sign_hold_list
from node.wire.volume import VolumeBlob, make_volume
from tests.client.phone_home import Home
from tests.flows import people

QUOTA_BYTES = 100_000_000


async def enter(home: Home, code: str, dial: str = "") -> None:
    """Admit the seed that gave the code to the library, which it then has room for.

    `dial`: where the PC reaches it, if not under the address that the code names.
    """
    invite, membership = seedapi.read_invite(code), home.device.membership
    async with SeedClient.open(dial or invite.url) as client:
        public = await client.who()
        await membership.change(
            lambda known, keys, epochs: roster.admit(
                known, keys, public, role=roster.Role.SEED, epochs=epochs.values(), time_ms=people.now_ms(),
                addresses=[invite.url],
            )
        )  # fmt: skip
        await client.join(membership.keys, invite, membership.roster.entries)


async def give_all(home: Home, code: str, dial: str = "") -> None:
    """Enter the seed and push every blob of the home PC; a heads record names the catalog's, not the list."""
    await enter(home, code, dial)
    membership = home.device.membership
    blobs, newest = home.device.blobs, home.snapshot
    assert newest is not None
    volume = make_volume(
        VolumeBlob(root, sum(map(len, chunks))) for root, chunks in blobs.items() if root != newest.root
    )
    record = sign_hold_list(
        membership.keys, membership.library, serial=1, time_ms=people.now_ms(), epoch=1,
        volumes=[ListedVolume(volume.id, membership.epoch.volume_tag(volume.id))], may_shrink=False,
    )  # fmt: skip
    async with SeedClient.open(dial or seedapi.read_invite(code).url) as client:
        await client.sign_in(membership.keys)
        await client.put_list(record, [volume])
        for blob in volume.blobs:
            await client.push(blob.root, _sealed(home, blob.root))
        await _leave_catalog(home, client, newest)


async def tell_roster(home: Home, code: str) -> None:
    """What a PC does when somebody was let in: the seed hears of the newcomer."""
    async with SeedClient.open(seedapi.read_invite(code).url) as client:
        await client.sign_in(home.device.membership.keys)
        await client.put_roster(home.device.membership.roster.entries)


async def _leave_catalog(home: Home, client: SeedClient, newest: BlobRef) -> None:
    membership = home.device.membership
    size_bytes = sum(map(len, home.device.blobs[newest.root]))
    record = sign_heads(
        membership.keys, membership.epoch, membership.library, serial=1, time_ms=people.now_ms(),
        snapshot=VolumeBlob(newest.root, size_bytes), nonce_12=os.urandom(12),
        body={"snapshot": blob_value(newest), "heads": {log: head.seq for log, head in home.state.heads.items()}},
    )  # fmt: skip
    if await client.put_heads(record):
        await client.push(newest.root, _sealed(home, newest.root))


async def _sealed(home: Home, root: BlobRoot) -> AsyncIterator[bytes]:
    for chunk in home.device.blobs[root]:
        yield chunk

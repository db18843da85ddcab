"""What a seed is to keep: chosen from the catalog, signed, given; and when an owner is asked first."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from typing import Final, Literal

from node.crypto.blob import Purpose
from node.crypto.labels import CHUNK_BYTES
from node.doors.seeds import SeedClient, SeedStanding
from node.errors import RefusedError
from node.flows.seed_links import SeedLink, Shrinking
from node.flows.serve import Snapshots
from node.flows.share import Choice, choose
from node.ids import BlobRoot
from node.library import Library
from node.peers.membership import Membership
from node.wire.holdlist import ListedVolume, read_hold_list, shrinks_much, sign_hold_list
from node.wire.tiers import plan_volumes
from node.wire.volume import VolumeBlob

log = logging.getLogger(__name__)

RESERVE_SNAPSHOTS: Final = 4
"""Room kept free of songs: a new snapshot comes before the old one goes, on each of several devices."""
GIVEN_AT_ONCE: Final = 1_000
"""Volumes whose contents go with one request: under 25 MB."""
Tell = Callable[[Literal["info", "warning", "error"], str], None]
_Wanted = dict[BlobRoot, tuple[VolumeBlob, int]]


class SeedLists:
    """Learns the lists that seeds have, and gives them newer ones."""

    def __init__(
        self,
        *,
        membership: Membership,
        library: Library,
        snapshots: Snapshots,
        now_ms: Callable[[], int],
        tell: Tell,
    ) -> None:
        self._membership = membership
        self._library = library
        self._snapshots = snapshots
        self._now_ms = now_ms
        self._tell = tell

    async def learn(self, link: SeedLink, client: SeedClient) -> None:
        """The volumes that the seed is to keep, as an owner signed them."""
        record = await client.list_record()
        if record == link.list_record:
            return
        signed = (
            {each.id: each.tag for each in read_hold_list(record, self._membership.roster).volumes} if record else {}
        )
        link.volumes = [(volume, tag) async for volume, tag in client.volumes() if signed.get(volume.id) == tag]
        link.list_record = record

    async def give(self, link: SeedLink, client: SeedClient) -> None:
        """Have the seed keep what the catalog names now; what would drop much waits for an owner's word."""
        with contextlib.suppress(RefusedError):  # signed by a device that was revoked since: ours takes its place
            await self.learn(link, client)
        standing = await client.standing()
        room_bytes = max(0, standing.quota_bytes - self._reserve_bytes())
        epoch = self._membership.epoch
        state = (self._library.revision, room_bytes, epoch.number, link.list_record, link.may_drop_bytes)
        if link.planned_for == state:
            return
        choice = await asyncio.to_thread(choose, self._library, room_bytes=room_bytes, listed=link.listed)
        link.choice = choice
        wanted = await self._agreed(link, client, standing, choice, room_bytes)
        planned = plan_volumes((volume for volume, _ in link.volumes), wanted)
        listed = [ListedVolume(volume.id, epoch.volume_tag(volume.id)) for volume in planned]
        if {(volume.id, tag) for volume, tag in link.volumes} == {(each.id, each.tag) for each in listed}:
            link.planned_for = state
            return
        said_bytes = link.may_drop_bytes
        record = sign_hold_list(
            self._membership.keys,
            self._membership.library,
            serial=max(standing.serial, link.serial) + 1,
            time_ms=self._now_ms(),
            epoch=epoch.number,
            volumes=listed,
            may_shrink=said_bytes > 0,
        )
        missing = set(await client.put_list(record))
        if missing:
            given = [volume for volume in planned if volume.id in missing]
            await client.put_list(record, given[:GIVEN_AT_ONCE])
        if link.may_drop_bytes == said_bytes:  # a word said while this list was on its way is for the next one
            link.may_drop_bytes = 0
        link.list_record = record
        link.volumes = [(volume, each.tag) for volume, each in zip(planned, listed, strict=True)]
        log.info("list_given volumes=%d blobs=%d", len(planned), len(wanted))

    async def give_nothing(self, client: SeedClient) -> None:
        """Have the seed keep nothing more, by an owner's word."""
        standing = await client.standing()
        record = sign_hold_list(
            self._membership.keys,
            self._membership.library,
            serial=standing.serial + 1,
            time_ms=self._now_ms(),
            epoch=self._membership.epoch.number,
            volumes=[],
            may_shrink=True,
        )
        await client.put_list(record)

    def _reserve_bytes(self) -> int:
        snapshot_bytes = self._snapshots.newest.size_bytes if self._snapshots.newest is not None else 0
        return RESERVE_SNAPSHOTS * (snapshot_bytes + snapshot_bytes // 8 + CHUNK_BYTES)

    async def _agreed(
        self, link: SeedLink, client: SeedClient, standing: SeedStanding, choice: Choice, room_bytes: int
    ) -> _Wanted:
        """The choice; or, until an owner agrees to drop so much, what is listed, and what has room beside it."""
        dropped = link.listed - choice.blobs.keys()
        shrinking = await self._shrinking(link, client, standing, dropped)
        if shrinking is None or shrinking.dropped_bytes <= link.may_drop_bytes:
            link.shrinking = None
            return choice.blobs
        if link.shrinking != shrinking:
            self._tell("warning", _question(link, shrinking))
        link.shrinking, link.may_drop_bytes = shrinking, 0
        wanted: _Wanted = {}
        for volume, _tag in link.volumes:
            known = (choice.blobs[blob.root][1] for blob in volume.blobs if blob.root in choice.blobs)
            purpose = next(known, int(Purpose.ORIGINAL))
            wanted |= {blob.root: (blob, purpose) for blob in volume.blobs}
        left_bytes = room_bytes - sum(blob.sealed_bytes for blob, _ in wanted.values())
        for root, (blob, purpose) in choice.blobs.items():
            if root not in wanted and blob.sealed_bytes <= left_bytes:
                wanted[root] = blob, purpose
                left_bytes -= blob.sealed_bytes
        return wanted

    async def _shrinking(
        self, link: SeedLink, client: SeedClient, standing: SeedStanding, dropped: Collection[BlobRoot]
    ) -> Shrinking | None:
        """What of the dropped the seed holds, if that is much."""
        held_bytes = count = 0
        for volume, _tag in link.volumes:
            if any(blob.root in dropped for blob in volume.blobs):
                flags = await client.held_of(volume)
                going = [
                    blob.sealed_bytes
                    for blob, held in zip(volume.blobs, flags, strict=True)
                    if held and blob.root in dropped
                ]
                held_bytes += sum(going)
                count += len(going)
        much = shrinks_much(bytes_before=standing.held_bytes, bytes_dropped=held_bytes)
        return Shrinking(count, held_bytes, standing.held_bytes) if much else None


def _question(link: SeedLink, shrinking: Shrinking) -> str:
    return (
        f"Your library no longer names {shrinking.blobs:,} files ({shrinking.dropped_bytes / 1e9:,.2f} of "
        f"{shrinking.held_bytes / 1e9:,.2f} GB) that the seed {link.url} holds. They stay there until you say that "
        "this is meant: 'songkeep seeds shrink', or in the player under Seeds. If it is not meant, 'songkeep undo' "
        "brings removed songs back."
    )

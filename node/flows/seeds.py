"""The library's seeds: let them in, tell them what to keep, learn from them what other devices did, see them off."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

from node.catalog.values import blob_of, blob_value
from node.crypto.keys import EpochKeys
from node.crypto.labels import CHUNK_BYTES
from node.doors.seeds import SeedClient, SeedStanding
from node.errors import NotFoundError, RefusedError, SongkeepError, UserError
from node.flows.seed_streams import fetch_blob
from node.flows.serve import Snapshots
from node.flows.share import Choice, Sharing, choose
from node.ids import DeviceId, to_text
from node.library import Library
from node.peers.membership import Membership
from node.wire import seedapi
from node.wire.heads import open_heads, read_heads, sign_heads
from node.wire.holdlist import ListedVolume, read_hold_list, sign_hold_list
from node.wire.roster import Member, Role, Roster, admit, revoke
from node.wire.tiers import plan_volumes
from node.wire.volume import Volume, VolumeBlob

log = logging.getLogger(__name__)

ROUND_S: Final = 60.0
FIRST_WAIT_S: Final = 2.0
LONGEST_WAIT_S: Final = 120.0
MAX_SNAPSHOT_BYTES: Final = 256 << 20
RESERVE_SNAPSHOTS: Final = 4
"""Room kept free of songs: a new snapshot comes before the old one goes, on each of several devices."""
GIVEN_AT_ONCE: Final = 1_000
"""Volumes whose contents go with one request: under 25 MB."""


@dataclass(slots=True)
class SeedLink:
    """How things stand with one seed."""

    member: Member
    state: Literal["away", "connected", "filled"] = "away"
    trouble: str = ""
    standing: SeedStanding | None = None
    left_out: int = 0
    """Blobs that found no room."""
    seen: dict[DeviceId, int] = field(default_factory=dict)
    """The newest heads record of each device that was taken in."""
    given_root: bytes = b""
    list_record: bytes = b""
    volumes: list[tuple[Volume, bytes]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return self.member.addresses[0] if self.member.addresses else ""

    def as_json(self) -> dict[str, Any]:
        standing = self.standing
        return {
            "id": to_text(self.member.public.id),
            "url": self.url,
            "state": self.state,
            "trouble": self.trouble,
            "quota_bytes": standing.quota_bytes if standing else None,
            "held_bytes": standing.held_bytes if standing else None,
            "held": standing.held_blobs if standing else None,
            "missing": standing.missing_blobs if standing else None,
            "missing_bytes": standing.missing_bytes if standing else None,
            "left_out": self.left_out,
        }


class Seeds:
    """All seeds of the library, from this device. `run` must be running for anything to reach them."""

    def __init__(
        self,
        *,
        membership: Membership,
        library: Library,
        snapshots: Snapshots,
        now_ms: Callable[[], int],
        random: Callable[[int], bytes],
        local_address: str | None = None,
    ) -> None:
        self._membership = membership
        self._library = library
        self._snapshots = snapshots
        self._now_ms = now_ms
        self._random = random
        self._local_address = local_address
        self._sharing: Sharing | None = None
        self.on_change: list[Callable[[list[str]], None]] = []
        """Called with the seeds' addresses when there are more or fewer."""
        self.some = asyncio.Event()
        """Set once there is a seed."""
        self.links: dict[DeviceId, SeedLink] = {}
        self._tasks: dict[DeviceId, asyncio.Task[None]] = {}
        self._serial = 0
        self._group: asyncio.TaskGroup | None = None
        self._roster_changed(membership.roster, membership.roster)
        membership.on_change.append(self._roster_changed)

    # what a person does

    async def add(self, code: str) -> dict[str, Any]:
        """Redeem a seed's code: let it into the library, and have it keep the library.

        Raises UserError, RefusedError (not an owner, or not the seed that invited), NotFoundError (used), ...
        """
        invite = seedapi.read_invite(code)
        self._membership.require_owner()
        async with SeedClient.open(invite.url, local_address=self._local_address) as client:
            seed = await client.who()
            invite.check_seed(seed)
            await client.invitation(invite)
            known = self._membership.roster.members.get(seed.id)
            if known is not None and not known.active:
                raise UserError("this seed was removed from the library before; it needs new keys to come back")
            if known is None:
                await self._membership.change(
                    lambda roster, keys, epochs: admit(
                        roster,
                        keys,
                        seed,
                        role=Role.SEED,
                        epochs=epochs.values(),
                        time_ms=self._now_ms(),
                        addresses=[invite.url],
                    )
                )
            await client.join(self._membership.keys, invite, self._membership.roster.entries)
        self._wake()
        return self.links[seed.id].as_json()

    async def remove(self, seed: str) -> dict[str, Any]:
        """Put a seed out of the library: a new epoch begins, in which it has no part. Raises NotFoundError."""
        link = self._find(seed)
        self._membership.require_owner()
        secret = self._random(32)
        gone = link.member.public.id
        await self._membership.change(
            lambda roster, keys, _epochs: revoke(
                roster, keys, [gone], next_epoch=EpochKeys(roster.epoch + 1, secret), time_ms=self._now_ms()
            )
        )
        return link.as_json()

    def all(self) -> list[dict[str, Any]]:
        """Every active seed, the oldest first."""
        return [link.as_json() for link in self.links.values()]

    def _find(self, seed: str) -> SeedLink:
        wanted = seed.strip().lower()
        found = [
            link
            for link in self.links.values()
            if to_text(link.member.public.id).startswith(wanted) or link.url == seed.strip().rstrip("/")
        ]
        if len(found) != 1 or not wanted:
            raise NotFoundError(f"there is no seed {seed[:80]!r}, or more than one; 'songkeep seeds' lists them")
        return found[0]

    # the background

    async def run(self, sharing: Sharing | None) -> None:
        """Attends every seed until cancelled; one that is away is tried again, ever more rarely.

        Without `sharing` this device learns from seeds and gives them its heads, but feeds them nothing.
        """
        self._sharing = sharing
        loop = asyncio.get_running_loop()
        forget = self._library.on_change(lambda _revision: _threadsafe(loop, self._wake))
        self._snapshots.want()
        self._snapshots.on_new.append(self._snapshot_made)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for member_id in list(self.links):
                    self._attend(member_id)
                await loop.create_future()
        finally:
            self._group = None
            self._tasks.clear()
            self._snapshots.on_new.remove(self._snapshot_made)
            forget()

    async def _snapshot_made(self) -> None:
        self._wake()

    def _wake(self) -> None:
        for link in self.links.values():
            link.changed.set()

    def _roster_changed(self, _before: Roster, after: Roster) -> None:
        active = {member.public.id: member for member in after.active(Role.SEED) if member.addresses}
        for member_id in [each for each in self.links if each not in active]:
            del self.links[member_id]
            if (task := self._tasks.pop(member_id, None)) is not None:
                task.cancel()
        for member_id, member in active.items():
            if member_id not in self.links:
                self.links[member_id] = SeedLink(member)
                if self._group is not None:
                    self._attend(member_id)
        if self.links:
            self.some.set()
        for tell in self.on_change:
            tell(self.addresses)
        self._wake()

    @property
    def addresses(self) -> list[str]:
        """Where the seeds are, the oldest first."""
        return [link.url for link in self.links.values()]

    def _attend(self, member_id: DeviceId) -> None:
        assert self._group is not None
        self._tasks[member_id] = self._group.create_task(self._keep_attending(self.links[member_id]))

    async def _keep_attending(self, link: SeedLink) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async with SeedClient.open(link.url, local_address=self._local_address) as client:
                    await client.sign_in(self._membership.keys, self._membership.library)
                    while True:
                        link.changed.clear()
                        await self._round(link, client)
                        link.trouble, wait_s = "", FIRST_WAIT_S
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(link.changed.wait(), ROUND_S)
            except* SongkeepError as several:
                error = _first(several)
                if link.trouble != str(error):
                    log.info("seed_left reason=%s", type(error).__name__)
                link.state, link.trouble = "away", str(error)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _round(self, link: SeedLink, client: SeedClient) -> None:
        """One pass over everything that this device and the seed have to say to each other."""
        await self._exchange_rosters(client)
        await self._take_heads(link, client)
        await self._give_heads(link, client)
        if self._membership.me.role.rules:
            await self._give_list(link, client)
        else:
            await self._learn_list(link, client)
        link.state = "connected"
        if self._sharing is not None and link.volumes:
            whole = await self._sharing.feed(client, link.volumes, on_standing=partial(setattr, link, "standing"))
            link.state = "filled" if whole else "connected"
        else:
            link.standing = await client.standing()

    async def _exchange_rosters(self, client: SeedClient) -> None:
        theirs = await client.roster()
        ours = self._membership.roster.entries
        if len(theirs) > len(ours):
            await self._membership.learn(theirs)
        elif len(theirs) < len(ours):
            await client.put_roster(ours)

    async def _take_heads(self, link: SeedLink, client: SeedClient) -> None:
        """Take in what other devices did, from their newest snapshots."""
        own_is_there = False
        for record in await client.heads():
            try:
                heads = read_heads(record, self._membership.roster)
                if heads.device == self._membership.keys.id:
                    own_is_there = heads.snapshot.root == link.given_root
                    continue
                if heads.serial <= link.seen.get(heads.device, -1):
                    continue
                body = open_heads(heads, self._membership.epochs)
                if await asyncio.to_thread(self._is_news, body):
                    document = await fetch_blob(client, blob_of(body.get("snapshot")), max_bytes=MAX_SNAPSHOT_BYTES)
                    await asyncio.to_thread(self._library.load_snapshot, document)
                    log.info("catalog_taken device=%s", to_text(heads.device)[:8])
                link.seen[heads.device] = heads.serial
            except (RefusedError, NotFoundError) as error:
                log.info("heads_refused reason=%s", type(error).__name__)
        if not own_is_there:
            link.given_root = b""  # the seed lost it, or never had it whole: it is given again

    def _is_news(self, body: dict[str, Any]) -> bool:
        """Whether somebody saw more of some log than this device did."""
        theirs = body.get("heads")
        if not isinstance(theirs, dict):
            return True
        ours = {bytes(log_id): head.seq for log_id, head in self._library.index.log.heads().items()}
        return any(isinstance(seq, int) and seq > ours.get(log_id, 0) for log_id, seq in theirs.items())

    async def _give_heads(self, link: SeedLink, client: SeedClient) -> None:
        newest = self._snapshots.newest
        if newest is None or newest.root == link.given_root:
            return
        chunks = self._snapshots.chunks(newest.root)
        if chunks is None:
            return
        heads = await asyncio.to_thread(self._library.index.log.heads)
        self._serial = max(self._serial + 1, self._now_ms())
        record = sign_heads(
            self._membership.keys,
            self._membership.epoch,
            self._membership.library,
            serial=self._serial,
            time_ms=self._now_ms(),
            snapshot=VolumeBlob(newest.root, sum(map(len, chunks))),
            body={
                "snapshot": blob_value(newest),
                "heads": {bytes(log_id): head.seq for log_id, head in heads.items()},
            },
            nonce_12=self._random(12),
        )
        if await client.put_heads(record):
            await client.push(newest.root, _each(chunks))
        link.given_root = newest.root

    async def _learn_list(self, link: SeedLink, client: SeedClient) -> None:
        """The volumes that the seed is to keep, as an owner signed them."""
        record = await client.list_record()
        if record == link.list_record:
            return
        signed = (
            {each.id: each.tag for each in read_hold_list(record, self._membership.roster).volumes} if record else {}
        )
        link.volumes = [(volume, tag) async for volume, tag in client.volumes() if signed.get(volume.id) == tag]
        link.list_record = record

    async def _give_list(self, link: SeedLink, client: SeedClient) -> None:
        """Have the seed keep what the catalog names now."""
        with contextlib.suppress(RefusedError):  # signed by a device that was revoked since: ours takes its place
            await self._learn_list(link, client)
        standing = await client.standing()
        snapshot_bytes = self._snapshots.newest.size_bytes if self._snapshots.newest is not None else 0
        reserve = RESERVE_SNAPSHOTS * (snapshot_bytes + snapshot_bytes // 8 + CHUNK_BYTES)
        room_bytes = max(0, standing.quota_bytes - reserve)
        choice: Choice = await asyncio.to_thread(choose, self._library, room_bytes=room_bytes)
        link.left_out = sum(choice.left_out.values())
        planned = plan_volumes((volume for volume, _ in link.volumes), choice.blobs)
        epoch = self._membership.epoch
        listed = [ListedVolume(volume.id, epoch.volume_tag(volume.id)) for volume in planned]
        if {(volume.id, tag) for volume, tag in link.volumes} == {(each.id, each.tag) for each in listed}:
            return
        record = sign_hold_list(
            self._membership.keys,
            self._membership.library,
            serial=standing.serial + 1,
            time_ms=self._now_ms(),
            epoch=epoch.number,
            volumes=listed,
        )
        missing = set(await client.put_list(record))
        if missing:
            given = [volume for volume in planned if volume.id in missing]
            await client.put_list(record, given[:GIVEN_AT_ONCE])
        link.list_record = record
        link.volumes = [(volume, each.tag) for volume, each in zip(planned, listed, strict=True)]
        log.info("list_given volumes=%d blobs=%d", len(planned), len(choice.blobs))


async def _each(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _first(several: BaseExceptionGroup[SongkeepError]) -> BaseException:
    error: BaseException = several
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _threadsafe(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to be told
        loop.call_soon_threadsafe(call)

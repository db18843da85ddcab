"""What this device and one seed have to say to each other, again and again: rosters, heads, lists, songs, audits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

from node.catalog.values import blob_of, blob_value
from node.crypto.labels import CHUNK_BYTES
from node.doors.seeds import SeedClient, SeedStanding
from node.errors import DamagedError, NotFoundError, PeerError, RefusedError
from node.flows.audit import Audit, Audits
from node.flows.seed_grants import SeedGrants
from node.flows.seed_streams import fetch_blob
from node.flows.serve import Snapshots
from node.flows.share import Choice, Sharing, choose
from node.ids import DeviceId, to_text
from node.library import Library
from node.peers.membership import Membership
from node.wire.heads import open_heads, read_heads, sign_heads
from node.wire.holdlist import ListedVolume, read_hold_list, sign_hold_list
from node.wire.roster import Member
from node.wire.tiers import plan_volumes
from node.wire.volume import Volume, VolumeBlob

log = logging.getLogger(__name__)

SERIALS: Final = "seed_serials"
"""Setting: the newest list's serial that each seed was seen to have."""
MAX_SNAPSHOT_BYTES: Final = 256 << 20
RESERVE_SNAPSHOTS: Final = 4
"""Room kept free of songs: a new snapshot comes before the old one goes, on each of several devices."""
GIVEN_AT_ONCE: Final = 1_000
"""Volumes whose contents go with one request: under 25 MB."""
Tell = Callable[[Literal["info", "warning", "error"], str], None]


@dataclass(slots=True)
class SeedLink:
    """How things stand with one seed."""

    member: Member
    state: Literal["away", "connected", "filled"] = "away"
    trouble: str = ""
    standing: SeedStanding | None = None
    audit: Audit | None = None
    """The last one."""
    serial: int = 0
    """The newest list's, that this seed was seen to have."""
    planned_for: tuple[object, ...] | None = None
    """The state of things for which the list in force is right."""
    left_out: int = 0
    """Blobs that found no room."""
    seen: dict[DeviceId, int] = field(default_factory=dict)
    """The newest heads record of each device that was taken in."""
    given_root: bytes = b""
    roster_length: int = 0
    """Entries that the seed was seen to know."""
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
            "audit": self.audit.as_json() if self.audit else None,
        }


class SeedRounds:
    """One pass after the other with whichever seed it is given."""

    def __init__(
        self,
        *,
        membership: Membership,
        library: Library,
        snapshots: Snapshots,
        now_ms: Callable[[], int],
        random: Callable[[int], bytes],
        tell: Tell,
        grants: SeedGrants | None = None,
    ) -> None:
        self._membership = membership
        self._library = library
        self._snapshots = snapshots
        self._now_ms = now_ms
        self._random = random
        self._tell = tell
        self._grants = grants
        self._audits = Audits(
            library, now_ms=now_ms, random_below=lambda bound: int.from_bytes(random(8), "big") % bound
        )
        self._serial = 0

    async def round(self, link: SeedLink, client: SeedClient, sharing: Sharing | None) -> None:
        """One pass over everything that this device and the seed have to say to each other."""
        await self._exchange_rosters(link, client)
        if self._grants is not None:
            await self._grants.renew_if_due(link.member.public.id, client)
        await self._look_for_the_past(link, client)
        current = await self._take_heads(link, client)
        await self._give_heads(link, client)
        # Whoever doesn't know all that other devices did would have the seed forget what they added.
        if current and self._membership.me.role.rules:
            await self._give_list(link, client)
        else:
            await self._learn_list(link, client)
        link.state = "connected"
        if sharing is not None and link.volumes:
            whole = await sharing.feed(client, link.volumes, on_standing=partial(setattr, link, "standing"))
            link.state = "filled" if whole else "connected"
        else:
            link.standing = await client.standing()
        await self._audit(link, client)

    async def _audit(self, link: SeedLink, client: SeedClient) -> None:
        audit = await self._audits.if_due(link.member.public.id, client, link.volumes)
        if audit is None:
            return
        link.audit = audit
        if audit.failed:
            self._tell(
                "warning",
                f"The seed {link.url} could not give back {audit.failed} of {audit.passed + audit.failed} pieces "
                "that it says it holds. They are given to it again; if this goes on, use another seed.",
            )

    async def _exchange_rosters(self, link: SeedLink, client: SeedClient) -> None:
        theirs = await client.roster()
        if not self._membership.roster.known.keys() >= set(theirs):
            await self._membership.learn(theirs)
        elif len(theirs) < link.roster_length:
            self._tell(
                "warning",
                f"The seed {link.url} serves an older list of your devices than it had: that one is refused, "
                "and the newer one is given to it again. If this goes on, use another seed.",
            )
        ours = self._membership.roster.entries
        if len(ours) > len(theirs):
            await client.put_roster(ours)
        link.roster_length = len(ours)

    async def _look_for_the_past(self, link: SeedLink, client: SeedClient) -> None:
        """Notice a seed that was set back to an older state; what it lost is then given to it again."""
        serial = (await client.standing()).serial
        if serial < link.serial:
            log.warning("seed_set_back seed=%s", to_text(link.member.public.id)[:8])
            link.given_root, link.list_record, link.planned_for = b"", b"", None
            self._tell(
                "warning",
                f"The seed {link.url} was set back to an older state, perhaps from a backup. "
                "What it lost is given to it again.",
            )
        link.serial = serial
        await asyncio.to_thread(self._remember, link)

    def _remember(self, link: SeedLink) -> None:
        with self._library.index.transaction():
            kept: dict[str, int] = self._library.index.settings.get(SERIALS, {})
            name = to_text(link.member.public.id)
            if kept.get(name) != link.serial:
                self._library.index.settings.set(SERIALS, {**kept, name: link.serial})

    async def _take_heads(self, link: SeedLink, client: SeedClient) -> bool:
        """Take in what other devices did, from their newest snapshots. True if nothing of it is missing here."""
        own_is_there = False
        current = True
        for record in await client.heads():
            try:
                heads = read_heads(record, self._membership.roster)
                if heads.device == self._membership.keys.id:
                    own_is_there = heads.snapshot.root == link.given_root
                    # After a restore from a backup the seed may know more of this device than it does itself.
                    self._serial = max(self._serial, heads.serial)
                if heads.serial <= link.seen.get(heads.device, -1):
                    continue
                body = open_heads(heads, self._membership.epochs)
                if await asyncio.to_thread(self._is_news, body):
                    document = await fetch_blob(client, blob_of(body.get("snapshot")), max_bytes=MAX_SNAPSHOT_BYTES)
                    await asyncio.to_thread(self._library.load_snapshot, document)
                    log.info("catalog_taken device=%s", to_text(heads.device)[:8])
                link.seen[heads.device] = heads.serial
            except RefusedError as error:
                log.info("heads_refused reason=%s", type(error).__name__)
            except (NotFoundError, DamagedError, PeerError) as error:
                current = False
                log.info("heads_not_taken reason=%s", type(error).__name__)
        if not own_is_there:
            link.given_root = b""  # the seed lost it, or never had it whole: it is given again
        return current

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
        state = (self._library.revision, room_bytes, self._membership.epoch.number, link.list_record)
        if link.planned_for == state:
            return
        choice: Choice = await asyncio.to_thread(choose, self._library, room_bytes=room_bytes)
        link.left_out = sum(choice.left_out.values())
        planned = plan_volumes((volume for volume, _ in link.volumes), choice.blobs)
        epoch = self._membership.epoch
        listed = [ListedVolume(volume.id, epoch.volume_tag(volume.id)) for volume in planned]
        if {(volume.id, tag) for volume, tag in link.volumes} == {(each.id, each.tag) for each in listed}:
            link.planned_for = state
            return
        record = sign_hold_list(
            self._membership.keys,
            self._membership.library,
            serial=max(standing.serial, link.serial) + 1,
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

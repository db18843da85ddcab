"""What this device and one seed have to say to each other, again and again: rosters, heads, lists, songs, audits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, Final

from node.catalog.values import blob_of, blob_value
from node.doors.seeds import SeedClient
from node.errors import DamagedError, NotFoundError, PeerError, RefusedError
from node.flows.audit import Audits
from node.flows.seed_grants import SeedGrants
from node.flows.seed_links import SeedLink
from node.flows.seed_lists import SeedLists, Tell
from node.flows.seed_streams import fetch_blob
from node.flows.serve import Snapshots
from node.flows.share import Sharing
from node.flows.void import check_snapshot
from node.ids import to_text
from node.library import Library
from node.peers.membership import Membership
from node.wire.heads import open_heads, read_heads, sign_heads
from node.wire.volume import VolumeBlob

log = logging.getLogger(__name__)

SERIALS: Final = "seed_serials"
"""Setting: the newest list's serial that each seed was seen to have."""
MAX_SNAPSHOT_BYTES: Final = 256 << 20


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
        self.lists = SeedLists(membership=membership, library=library, snapshots=snapshots, now_ms=now_ms, tell=tell)
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
            await self.lists.give(link, client)
        else:
            await self.lists.learn(link, client)
        link.state = "connected"
        if sharing is not None and link.volumes:
            whole = await sharing.feed(
                client, link.volumes, seed=link.member.public.id, on_standing=partial(setattr, link, "standing")
            )
            link.state = "filled" if whole else "connected"
        else:
            link.standing = await client.standing()
        granted_bytes = await self._grants.room_on(link.member.public.id) if self._grants is not None else 0
        for warning in (link.ending_warning(), link.full_warning(), link.less_warning(granted_bytes)):
            if warning:
                self._tell("warning", warning)
        await self._audit(link, client)

    async def _audit(self, link: SeedLink, client: SeedClient) -> None:
        audit = await self._audits.if_due(link.member.public.id, client, link.volumes)
        kept = await asyncio.to_thread(self._audits.of, link.member.public.id)
        link.audit = kept[-1] if kept else None
        link.audits, link.audits_passed = len(kept), sum(not each.failed for each in kept)
        if audit is None:
            return
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
                    await asyncio.to_thread(check_snapshot, document, self._membership.roster)
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


async def _each(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk

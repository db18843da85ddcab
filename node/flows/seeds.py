"""The library's seeds: let them in, attend them, see them off."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from node.crypto.keys import EpochKeys, MemberPublic
from node.doors.pools import look_in_pool
from node.doors.seeds import SeedClient
from node.errors import NotFoundError, RefusedError, SongkeepError, UnavailableError, UserError
from node.flows.seed_grants import SeedGrants
from node.flows.seed_links import SeedLink, named
from node.flows.seed_lists import Tell
from node.flows.seed_rounds import SERIALS, SeedRounds
from node.flows.serve import Snapshots
from node.flows.share import Sharing
from node.ids import DeviceId, to_text
from node.library import Library
from node.peers.membership import Membership
from node.wire import seedapi
from node.wire.holdlist import read_hold_list
from node.wire.roster import Role, Roster, admit, revoke

log = logging.getLogger(__name__)

ROUND_S: Final = 60.0
FIRST_WAIT_S: Final = 2.0
LONGEST_WAIT_S: Final = 120.0
NOTE_EVERY_MS: Final = 600_000
HEARSAY_TIMEOUT_S: Final = 15.0
"""A seed of a pool that takes longer to say who it is, and what room it has, is passed over."""
REACHED: Final = "seeds_reached"
"""Setting: when each seed was last reached, to ten minutes."""


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
        tell: Tell = lambda level, text: None,
        grants: SeedGrants | None = None,
        local_address: str | None = None,
        hearsay_timeout_s: float = HEARSAY_TIMEOUT_S,
    ) -> None:
        self._hearsay_timeout_s = hearsay_timeout_s
        self._rounds = SeedRounds(
            membership=membership,
            library=library,
            snapshots=snapshots,
            now_ms=now_ms,
            random=random,
            tell=tell,
            grants=grants,
        )
        self._membership = membership
        self._tell = tell
        self._library = library
        self._snapshots = snapshots
        self._grants = grants
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
            await self._let_in(seed, invite.url)
            await client.join(self._membership.keys, invite, self._membership.roster.entries)
        self.wake()
        return self.links[seed.id].as_json()

    async def add_granted(self, url: str, size_bytes: int) -> dict[str, Any]:
        """Have a seed keep the library in room that a tracker grants. Raises as `add` does."""
        self._membership.require_owner()
        if self._grants is None:
            raise UserError("this device meets no tracker that could grant room on a seed")
        async with SeedClient.open(url, local_address=self._local_address) as client:
            seed = await client.who()
            let_in = partial(self._let_in, seed, client.url)
            await self._grants.take(seed.id, client, size_bytes, let_in=let_in)
        self.wake()
        return self.links[seed.id].as_json()

    async def add_from_pool(self, size_bytes: int) -> dict[str, Any]:
        """Have a seed of a tracker's pool keep so much of the library.

        Raises NotFoundError if there is none that has and gives it, and otherwise as `add_granted` does.
        """
        self._membership.require_owner()
        if self._grants is None or not self._grants.trackers:
            raise UserError("this device meets no tracker that could have a pool of seeds")
        worst: SongkeepError = NotFoundError("no seed of your tracker's pool has so much room; ask for less, or later")
        for tracker in self._grants.trackers:
            try:
                picks = (await look_in_pool(tracker, size_bytes)).picks
            except SongkeepError as error:
                worst = error
                continue
            for seed, url in picks:
                if seed in self._membership.roster.members:
                    continue
                try:
                    return await self._take_pick(tracker, seed, url, size_bytes)
                except SongkeepError as error:
                    log.info("pick_left reason=%s", type(error).__name__)
                    worst = error
        raise worst

    async def _take_pick(self, tracker: str, seed: DeviceId, url: str, size_bytes: int) -> dict[str, Any]:
        """Have one seed of a pool, of which all that the pool says is hearsay; if it refuses in the end, it is out."""
        assert self._grants is not None
        async with SeedClient.open(url, local_address=self._local_address) as client:
            try:
                async with asyncio.timeout(self._hearsay_timeout_s):
                    public = await client.who()
                    free_bytes = await client.free_bytes()
            except TimeoutError as error:
                raise UnavailableError("a seed of the tracker's pool does not answer in time") from error
            if public.id != seed:
                raise RefusedError("another machine answers where the tracker's pool says that a seed is")
            if free_bytes < size_bytes:
                raise RefusedError("that seed has less room than it told the tracker")
            let_in = partial(self._let_in, public, client.url)
            try:
                given_bytes = await self._grants.take(seed, client, size_bytes, trackers=[tracker], let_in=let_in)
                if given_bytes < size_bytes:
                    raise RefusedError("that seed gives less room than the tracker granted there")
            except SongkeepError:
                if seed in self.links:
                    await self.remove(to_text(seed))
                raise
        self.wake()
        return self.links[seed].as_json()

    async def _let_in(self, seed: MemberPublic, url: str) -> None:
        """Have the seed on the roster. Raises UserError if it was put out before."""
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
                    addresses=[url],
                )
            )

    async def remove(self, seed: str) -> dict[str, Any]:
        """Put a seed out of the library: a new epoch begins, in which it has no part. Raises NotFoundError."""
        link = self.find(seed)
        self._membership.require_owner()
        secret = self._random(32)
        gone = link.member.public.id
        await self._stop_attending(gone)  # or it would be given a list again while it is to drop everything
        try:
            await self._free(link)
            await self._membership.change(
                lambda roster, keys, _epochs: revoke(
                    roster, keys, [gone], next_epoch=EpochKeys(roster.next_epoch, secret), time_ms=self._now_ms()
                )
            )
        finally:
            if gone in self.links and self._group is not None:
                self._attend(gone)
        return link.as_json()

    async def _free(self, link: SeedLink) -> None:
        """Where a tracker granted the room: have the seed drop everything, into its trash, and the tracker know it."""
        if self._grants is None or not await self._grants.has(link.member.public.id):
            return
        try:
            async with SeedClient.open(link.url, local_address=self._local_address) as client:
                await client.sign_in(self._membership.keys, self._membership.library)
                give_nothing = partial(self._rounds.lists.give_nothing, client)
                await self._grants.give_up(link.member.public.id, client, give_nothing)
        except SongkeepError as error:
            log.info("seed_not_freed reason=%s", type(error).__name__)

    async def move(self, seed: str, url: str) -> dict[str, Any]:
        """Say that a seed is reached under another address from now on, on every device.

        Raises NotFoundError, UserError, RefusedError (another machine answers there), UnavailableError.
        """
        link = self.find(seed)
        self._membership.require_owner()
        async with SeedClient.open(url, local_address=self._local_address) as client:
            if (await client.who()).id != link.member.public.id:
                raise RefusedError("another machine than that seed answers at the new address")
            await client.sign_in(self._membership.keys, self._membership.library)
            clean = client.url
        await asyncio.to_thread(self._library.seed_addresses.move, link.member.public.id, clean)
        self._moved(link, clean)
        if self._group is not None:
            await self._stop_attending(link.member.public.id)
            self._attend(link.member.public.id)
        return link.as_json()

    def _moved(self, link: SeedLink, url: str) -> None:
        link.moved_to = url
        for tell in self.on_change:
            tell(self.addresses)

    def let_shrink(self, seed: str) -> dict[str, Any]:
        """An owner says that what a seed was asked to drop is meant to go. Raises NotFoundError, UserError."""
        link = self.find(seed)
        self._membership.require_owner()
        if link.shrinking is None:
            raise UserError(f"nothing waits to be dropped from the seed {link.url}")
        link.may_drop_bytes = link.shrinking.dropped_bytes
        link.changed.set()
        return link.as_json()

    def last_list_by(self, member: DeviceId) -> int | None:
        """The serial of the newest hold list that `member` signed, as far as this device has seen; None for none."""
        records = [link.list_record for link in self.links.values() if link.list_record]
        known = [read_hold_list(record, self._membership.roster) for record in records]
        return max((each.serial for each in known if each.signer == member), default=None)

    def all(self) -> list[dict[str, Any]]:
        """Every active seed, the oldest first."""
        return [link.as_json() for link in self.links.values()]

    def find(self, seed: str) -> SeedLink:
        """The seed that a person means: by number, or how address or identifier begins. Raises NotFoundError."""
        return named(self.links.values(), seed)

    # the background

    async def run(self, sharing: Sharing | None) -> None:
        """Attends every seed until cancelled; one that is away is tried again, ever more rarely.

        Without `sharing` this device learns from seeds and gives them its heads, but feeds them nothing.
        """
        self._sharing = sharing
        loop = asyncio.get_running_loop()
        forget = self._library.on_change(lambda _revision: _threadsafe(loop, self.wake))
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
        self.wake()

    def wake(self) -> None:
        """Have the next round with every seed begin now."""
        for link in self.links.values():
            link.changed.set()

    def _roster_changed(self, _before: Roster, after: Roster) -> None:
        active = {member.public.id: member for member in after.active(Role.SEED) if member.addresses}
        for member_id in [each for each in self.links if each not in active]:
            del self.links[member_id]
            if (task := self._tasks.pop(member_id, None)) is not None:
                task.cancel()
        ever = [each.public.id for each in after.members.values() if each.role is Role.SEED]
        for member_id, member in active.items():
            number = ever.index(member_id) + 1
            if member_id not in self.links:
                serials = self._library.index.settings.get(SERIALS, {})
                self.links[member_id] = SeedLink(member, number, serial=serials.get(to_text(member_id), 0))
                if self._group is not None:
                    self._attend(member_id)
            self.links[member_id].number = number
        if self.links:
            self.some.set()
        for tell in self.on_change:
            tell(self.addresses)
        self.wake()

    @property
    def addresses(self) -> list[str]:
        """Where the seeds are, the oldest first."""
        return [link.url for link in self.links.values()]

    def _attend(self, member_id: DeviceId) -> None:
        assert self._group is not None
        self._tasks[member_id] = self._group.create_task(self._keep_attending(self.links[member_id]))

    async def _stop_attending(self, member_id: DeviceId) -> None:
        """Nothing more is said to that seed by the rounds when this returns."""
        if (task := self._tasks.pop(member_id, None)) is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _keep_attending(self, link: SeedLink) -> None:
        wait_s, seed = FIRST_WAIT_S, link.member.public.id
        link.reached_ms = (await asyncio.to_thread(self._library.index.settings.get, REACHED, {})).get(to_text(seed), 0)
        while True:
            try:
                if url := await asyncio.to_thread(self._library.seed_addresses.of, seed):
                    self._moved(link, seedapi.clean_url(url))
                async with SeedClient.open(link.url, local_address=self._local_address) as client:
                    await client.sign_in(self._membership.keys, self._membership.library)
                    while True:
                        link.changed.clear()
                        await self._rounds.round(link, client, self._sharing)
                        link.trouble, wait_s = "", FIRST_WAIT_S
                        await self._note_reached(link)
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(link.changed.wait(), ROUND_S)
            except* SongkeepError as several:
                error = _first(several)
                if link.trouble != str(error):
                    log.info("seed_left reason=%s", type(error).__name__)
                link.state, link.trouble = "away", str(error)
                if warning := link.away_warning(self._now_ms()):
                    self._tell("warning", warning)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _note_reached(self, link: SeedLink) -> None:
        link.told_away = False
        if abs(self._now_ms() - link.reached_ms) < NOTE_EVERY_MS:
            return
        link.reached_ms = self._now_ms()
        name = to_text(link.member.public.id)

        def keep() -> None:
            with self._library.index.transaction():
                kept = self._library.index.settings.get(REACHED, {})
                self._library.index.settings.set(REACHED, {**kept, name: link.reached_ms})

        await asyncio.to_thread(keep)


def _first(several: BaseExceptionGroup[SongkeepError]) -> BaseException:
    error: BaseException = several
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _threadsafe(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to be told
        loop.call_soon_threadsafe(call)

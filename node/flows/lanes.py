"""Direct ways between nodes: this device's own lane, and those of the others, found before they are needed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from node.doors import lane
from node.doors.certificate import Identity
from node.doors.lane import Lane, LaneDoor
from node.errors import SongkeepError, UnavailableError
from node.ids import BlobRoot, DeviceId, to_text
from node.peers.directory import MAX_ADDRESSES, Directory
from node.peers.membership import Membership
from node.wire.lane import read_pass, sign_pass
from node.wire.roster import Role

log = logging.getLogger(__name__)

REACH_TIMEOUT_S: Final = 3.0
RETRY_S: Final = 60.0
"""A device that could not be reached is tried again after so long, or when it tells other addresses."""
CLOSED_WAIT_S: Final = 60.0
_ANY: Final = ("0.0.0.0", "::")


@dataclass(slots=True)
class _Way:
    """What is known of the way to one device's lane."""

    told: tuple[bytes, tuple[str, ...]]
    """Certificate and addresses that it was looked for with."""
    looking: asyncio.Task[Lane]
    since_s: float

    @property
    def found(self) -> Lane | None:
        done = self.looking.done() and not self.looking.cancelled() and self.looking.exception() is None
        return self.looking.result() if done else None


class Passes:
    """Members by the passes that they have shown: to check a signature costs more than to find it again."""

    def __init__(self, check: Callable[[str], DeviceId]) -> None:
        """`check` gives the member that a pass names. Raises PeerError, RefusedError."""
        self._check = check
        self._kept: dict[str, DeviceId] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def admit(self, text: str) -> DeviceId:
        """The member that shows this pass. Raises PeerError, RefusedError."""
        known = self._kept.get(text)
        if known is None:
            known = self._check(text)
            self._kept = {kept: owner for kept, owner in self._kept.items() if owner != known}
            self._kept[text] = known  # one a member, which can sign as many as it likes
        return known


class Lanes:
    """`run` must be running."""

    def __init__(
        self,
        membership: Membership,
        directory: Directory,
        serve_to: lane.ServeTo,
        *,
        size_of: lane.SizeOf,
        announce: Callable[[], Awaitable[None]],
        addresses: Callable[[], Sequence[str]],
        bind: Sequence[str] = _ANY,
        local_address: str | None = None,
    ) -> None:
        """`serve_to` gives a member sealed chunks, `size_of` a blob's bytes; `announce` tells others where it answers.

        `addresses` gives this machine's own; `bind` and `local_address`: addresses to answer at and to dial from.
        """
        self._membership = membership
        self._directory = directory
        self._serve_to = serve_to
        self._size_of = size_of
        self._announce = announce
        self._addresses = addresses
        self._bind = bind
        self._local_address = local_address
        self._door: LaneDoor | None = None
        self._ways: dict[DeviceId, _Way] = {}
        self._changed = asyncio.Event()
        self._port = 0
        self._print = b""
        self.on_looked: list[Callable[[DeviceId, bool], None]] = []
        """Called with a device and whether a lane to it was found."""
        directory.on_change.append(self._look_at)
        membership.on_change.append(lambda _before, _after: self._changed.set())

    @property
    def told(self) -> tuple[tuple[str, ...], bytes]:
        """Addresses and certificate, for this device's presence; nothing while its lane is closed."""
        if not self._port:
            return (), b""
        shown = [f"[{ip}]:{self._port}" if ":" in ip else f"{ip}:{self._port}" for ip in self._addresses()]
        return tuple(shown[:MAX_ADDRESSES]), self._print

    @property
    def port(self) -> int:
        """Where this device's own lane answers, on TCP; 0 while it is closed."""
        return self._port

    async def run(self) -> None:
        """Open while the library has another device that reads, until cancelled."""
        async with LaneDoor.open(local_address=self._local_address) as door:
            self._door = door
            try:
                for member, _ in self._directory.present():
                    self._look_at(member)
                while True:
                    self._changed.clear()
                    if len(self._membership.roster.active(Role.OWNER, Role.PLAYER)) > 1:
                        await self._be_open()
                    await self._changed.wait()
            finally:
                self._door = None
                await self._forget_ways()

    async def _be_open(self) -> None:
        identity = await asyncio.to_thread(Identity)

        def check(text: str) -> DeviceId:
            member = read_pass(text, holder=self._membership.keys.id, print_32=identity.print_32)
            self._membership.check(member)
            return member

        def allowed(member: DeviceId) -> None:
            self._membership.check(member)

        try:
            async with lane.serving(
                identity,
                self._serve_to,
                size_of=self._size_of,
                admit=Passes(check).admit,
                allowed=allowed,
                bind=self._bind,
            ) as server:
                self._port, self._print = server.port, server.print_32
                with contextlib.suppress(SongkeepError):
                    await self._announce()
                while len(self._membership.roster.active(Role.OWNER, Role.PLAYER)) > 1:
                    self._changed.clear()
                    await self._changed.wait()
        except UnavailableError as error:
            log.warning("lane_failed reason=%s", error)
            await asyncio.sleep(CLOSED_WAIT_S)
            self._changed.set()
        finally:
            self._port, self._print = 0, b""

    async def _forget_ways(self) -> None:
        ways, self._ways = [*self._ways.values()], {}
        for way in ways:
            way.looking.cancel()
        await asyncio.gather(*(way.looking for way in ways), return_exceptions=True)

    # the others' lanes

    def found(self, member: DeviceId) -> Lane | None:
        """The lane to a device, if it has answered."""
        way = self._ways.get(member)
        return way.found if way is not None else None

    async def to(self, member: DeviceId) -> Lane:
        """The lane to a device. Raises UnavailableError if there is none, RefusedError if it turns this one away."""
        self._look_at(member)
        way = self._ways.get(member)
        if way is None:
            raise UnavailableError("that device can't be reached directly")
        return await asyncio.shield(way.looking)

    async def chunks(self, member: DeviceId, root: BlobRoot, first: int, count: int) -> AsyncGenerator[bytes, None]:
        """Sealed bytes over the lane to `member`, as `Lane.chunks` gives them; a way that failed is looked for anew."""
        found = await self.to(member)
        try:
            async with contextlib.aclosing(found.chunks(root, first, count)) as parts:
                async for part in parts:
                    yield part
        except UnavailableError:
            self._lose(member, found)
            raise

    def _lose(self, member: DeviceId, found: Lane) -> None:
        way = self._ways.get(member)
        if way is not None and way.found is found:
            del self._ways[member]

    def _look_at(self, member: DeviceId) -> None:
        """Look for the way to a device's lane, if there is reason to."""
        presence = self._directory.get(member).presence
        known = self._membership.roster.members.get(member)
        if self._door is None or presence is None or not presence.lane or member == self._membership.keys.id:
            return
        if known is None or not known.active:
            return
        told, now_s = (presence.lane, presence.addresses), asyncio.get_running_loop().time()
        way = self._ways.get(member)
        if way is not None:
            if way.told == told and (not way.looking.done() or way.found or now_s - way.since_s < RETRY_S):
                return
            way.looking.cancel()
        looking = asyncio.create_task(self._reach(self._door, member, told))
        looking.add_done_callback(_note_end)
        self._ways[member] = _Way(told, looking, now_s)

    async def _reach(self, door: LaneDoor, member: DeviceId, told: tuple[bytes, tuple[str, ...]]) -> Lane:
        print_32, addresses = told
        pass_ = sign_pass(self._membership.keys, holder=member, print_32=print_32)
        try:
            async with asyncio.timeout(REACH_TIMEOUT_S):
                found = await door.reach(addresses, print_32=print_32, pass_=pass_)
        except (SongkeepError, TimeoutError) as error:
            log.info("lane_not_reached member=%s reason=%s", to_text(member)[:8], type(error).__name__)
            self._tell(member, False)
            if isinstance(error, TimeoutError):
                raise UnavailableError("that device can't be reached directly") from error
            raise
        log.info("lane_reached member=%s", to_text(member)[:8])
        self._tell(member, True)
        return found

    def _tell(self, member: DeviceId, reached: bool) -> None:
        for tell in self.on_looked:
            tell(member, reached)


def _note_end(looking: asyncio.Task[Lane]) -> None:
    """That a device isn't reached is told in other ways than by a task that nobody asked."""
    if not looking.cancelled():
        looking.exception()

"""Meeting from afar without any server: a room here, a record in the DHT that says where, and the rooms of others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from node.doors import lan_rooms
from node.doors.certificate import Identity
from node.doors.lan import all_addresses
from node.doors.lan_rooms import LanRooms, LinkDoor
from node.errors import SongkeepError
from node.flows.dht_keys import Kept, KeptSerials, KeyExchange, TellingKeyBook
from node.flows.lan import OwnShelf
from node.flows.meet import Meeting
from node.flows.search import Search
from node.ids import DeviceId
from node.peers.backoff import Backoff
from node.peers.directory import Directory
from node.peers.membership import Membership
from node.wire.dhtrecord import (
    DAY_S,
    MAX_ADDRESSES,
    MAX_SERIAL,
    DhtRecord,
    dht_public,
    dht_secret,
    join_address,
    place_of,
    seal_record,
)
from node.wire.roomframes import check_link_proof
from node.wire.roster import Role

if TYPE_CHECKING:
    from node.dht import Dht

log = logging.getLogger(__name__)

PUT_EVERY_S: Final = 3_000.0
"""Nodes of the table forget a record after two hours."""
PUT_GAP_S: Final = 5.0
FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 600.0
LOOK_AT_TABLE_S: Final = 5.0
AFTER_MIDNIGHT_S: Final = 300.0
OPEN_AGAIN_S: Final = 60.0
WHY: Final = (
    "Songkeep now takes part in a distributed hash table (UDP), so that your devices find each other without a "
    "tracker; your system may ask whether to allow it."
)
WHY_MAINLINE: Final = (
    "Songkeep now takes part in BitTorrent's public table (UDP): strangers see this address and that it takes part."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FarOptions:
    """What the person chose."""

    mode: Literal["off", "private", "mainline"] = "off"
    nodes: tuple[str, ...] = ()
    port: int = 0
    """UDP; the room server takes the next one on TCP. 0: any."""


class FarMeeting:
    """Open while it is chosen and there is another device. `run` must be running."""

    def __init__(
        self,
        membership: Membership,
        directory: Directory,
        meeting: Meeting,
        *,
        keys: TellingKeyBook,
        kept: Kept,
        heads: Callable[[], bytes],
        options: FarOptions,
        tell: Callable[[str], None],
        addresses: Callable[[], Sequence[str]] = all_addresses,
        bind: Sequence[str] = ("0.0.0.0", "::"),
        time_s: Callable[[], float] = time.time,
    ) -> None:
        """`heads` names what this device's catalog has; `tell` says to the person why a port is opened."""
        self._membership = membership
        self._meeting = meeting
        self.keys = KeyExchange(membership, directory, keys, heard=lambda: self._changed.set())
        self._serials = KeptSerials(kept)
        self._heads = heads
        self._tell = tell
        self._addresses = addresses
        self._bind = bind
        self._time_s = time_s
        self._changed = asyncio.Event()
        self._put_again = asyncio.Event()
        self._own_hosts: frozenset[str] = frozenset()
        self._told: set[str] = set()
        self.options = options
        self.search = Search(
            membership, directory, meeting, keys=keys, serials=self._serials, heads=heads, time_s=time_s
        )
        self.dht: Dht | None = None
        """While it is open."""
        self.room_port: int | None = None
        self.took = 0
        """How many nodes hold this device's record."""
        self.trouble = ""
        """A sentence, while no record of this device stands in the table."""
        membership.on_change.append(lambda _before, _after: self._look_again())
        meeting.on_network_change.append(self._network_changed)
        meeting.on_public_ip.append(self._put_again.set)

    @property
    def is_needed(self) -> bool:
        """Whether it is chosen, and anybody is there to be met."""
        return self.options.mode != "off" and self._has_others

    @property
    def _has_others(self) -> bool:
        return len(self._membership.roster.active(Role.OWNER, Role.PLAYER)) > 1

    def apply(self, options: FarOptions) -> None:
        """What the person chose has changed."""
        if options != self.options:
            self.options = options
            self._changed.set()

    async def run(self) -> None:
        """Opens and closes as there is need, until cancelled."""
        while True:
            self._changed.clear()
            if self._has_others:
                # Told also while it is off: the others must know it before they need it.
                await self.keys.tell()
                await self.keys.keep()
            if not self.is_needed:
                self.trouble = ""
                await self._changed.wait()
                continue
            try:
                await self._be_open(self.options)
            except SongkeepError as error:
                self.trouble = str(error)
                log.warning("dht_closed reason=%s", error)
                await _pause(OPEN_AGAIN_S, self._changed)

    async def _be_open(self, options: FarOptions) -> None:
        if options.mode not in self._told:
            self._told.add(options.mode)
            self._tell(WHY_MAINLINE if options.mode == "mainline" else WHY)
        from node.dht import Dht, DhtSettings  # libtorrent: only for who comes so far

        identity = await asyncio.to_thread(Identity)
        settings = DhtSettings(
            listen=",".join(join_address(ip, options.port) for ip in self._bind),
            bootstrap=options.nodes,
            mainline=options.mode == "mainline",
        )
        async with (
            lan_rooms.serving(
                OwnShelf(self._membership),
                bind=self._bind,
                port=options.port + 1 if options.port else 0,
                identity=identity,
                known_as=lambda host: host in self._own_hosts,
                links=LinkDoor(self._admit, self._meeting.links.run_over),
            ) as server,
            Dht.open(settings) as dht,
            asyncio.TaskGroup() as group,
        ):
            self.dht, self.room_port = dht, server.port
            work = [
                group.create_task(self._keep_putting(dht, server)),
                group.create_task(self.search.run(dht, server.own_url)),
                group.create_task(self._watch_table(dht)),
            ]
            try:
                while self.is_needed and self.options == options:
                    self._changed.clear()
                    await self.keys.keep()
                    await self._changed.wait()
            finally:
                self.dht, self.room_port, self.took = None, None, 0
                for task in work:
                    task.cancel()

    def _admit(self, member: DeviceId, signature: bytes, nonce: bytes, host: str) -> None:
        """Raises PeerError, RefusedError for who is no member, or didn't ask for a link to this device now."""
        self._membership.check(member)
        check_link_proof(member, signature, nonce=nonce, host=host, library=self._membership.library)

    async def _keep_putting(self, dht: Dht, server: LanRooms) -> None:
        backoff = Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        while True:
            self._put_again.clear()
            try:
                await dht.ready()
                self.took = await self._put(dht, server)
                self.trouble = ""
                pause_s = self._until_next_put_s()
                backoff.begin_anew()
            except SongkeepError as error:
                self.took, self.trouble = 0, str(error)
                pause_s = backoff.next_s(random.random())
            # What changes ten times a second is not put ten times a second.
            await asyncio.sleep(PUT_GAP_S)
            await _pause(pause_s, self._put_again)

    async def _watch_table(self, dht: Dht) -> None:
        """When the first other node comes, or comes back, nobody waits any longer."""
        known = 0
        while True:
            nodes = await dht.count()
            if nodes and not known:
                self._put_again.set()
                self.search.begin_anew()
            known = nodes
            await asyncio.sleep(LOOK_AT_TABLE_S)

    async def _put(self, dht: Dht, server: LanRooms) -> int:
        membership, me = self._membership, self._membership.keys.id
        assert server.pin is not None
        seen = [*dht.external_ips, *self._meeting.public_ips, *self._addresses()]
        ips = list(dict.fromkeys(seen))[:MAX_ADDRESSES]
        addresses = tuple(join_address(ip, server.port) for ip in ips)
        self._own_hosts = frozenset(addresses)
        now_s = self._time_s()
        serial = min(max(self._serials.of(me) + 1, int(now_s * 1_000)), MAX_SERIAL)
        record = DhtRecord(serial=serial, addresses=addresses, pin=server.pin, heads=self._heads())
        epoch, day = membership.epoch, int(now_s // DAY_S)
        sealed = seal_record(record, epoch, membership.library, me, day=day, nonce_12=os.urandom(12))
        await asyncio.to_thread(self._serials.keep, me, serial)
        took = await dht.put(dht_secret(membership.keys), dht_public(membership.keys), place_of(epoch, me, day), sealed)
        log.info("dht_record_put nodes=%d", took)
        return took

    def _until_next_put_s(self) -> float:
        """About an hour; earlier when the day changes before, and with it the place."""
        to_midnight_s = DAY_S - self._time_s() % DAY_S
        return min(random.uniform(PUT_EVERY_S / 2, PUT_EVERY_S), to_midnight_s + random.uniform(1, AFTER_MIDNIGHT_S))

    def _network_changed(self) -> None:
        self._put_again.set()
        self.search.begin_anew()

    def _look_again(self) -> None:
        self._changed.set()
        self._put_again.set()

    async def as_json(self) -> dict[str, Any]:
        """How it stands, for `status`."""
        return {
            "mode": self.options.mode,
            "port": self.dht.port if self.dht else None,
            "room_port": self.room_port,
            "nodes": await self.dht.count() if self.dht else 0,
            "stored_by": self.took,
            "sought": len(self.search.sought),
            "found": self.search.found,
            "trouble": self.trouble,
        }


async def _pause(wait_s: float, woken: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await woken.wait()

"""What may keep this device from its library's others, looked at one by one, each with what can be done."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from node.doors.lan import own_addresses
from node.doors.rooms import SUSPENDED
from node.doors.webrtc import StunServer, public_addresses
from node.errors import UnavailableError
from node.flows.far import FarMeeting
from node.flows.lan import LanMeeting
from node.flows.meet import Meeting
from node.flows.stay import Place
from node.flows.unasked import Unasked
from node.peers.membership import Membership

CLOCK_WRONG_MS: Final = 120_000
LITTLE_DISK_BYTES: Final = 1_000_000_000

State = Literal["good", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    about: str
    state: State
    text: str
    fix: str = ""


class Doctor:
    """Looks; changes nothing."""

    def __init__(
        self,
        membership: Membership,
        meeting: Meeting,
        nearby: LanMeeting,
        far: FarMeeting,
        home: Path,
        unasked: Unasked | None = None,
        *,
        lane_port: Callable[[], int] = lambda: 0,
    ) -> None:
        """`lane_port` gives the port where sealed bytes are given to other devices, 0 while it is closed."""
        self._membership = membership
        self._meeting = meeting
        self._nearby = nearby
        self._far = far
        self._home = home
        self._unasked = unasked
        self._lane_port = lane_port

    async def examine(self) -> list[dict[str, Any]]:
        """Everything, in the order in which it should be put right."""
        joined = [place for place in self._meeting.places.values() if place.joined and place.room is not None]
        findings = [
            self._member(),
            await asyncio.to_thread(self._disk),
            self._clock(joined),
            *(
                self._tracker(self._meeting.places[url])
                for url in self._meeting.trackers
                if url in self._meeting.places
            ),
            self._local(),
            await self._dht(),
            *await self._paths(joined),
            *self._trash(),
        ]
        if not self._meeting.trackers:
            findings.append(
                Finding(
                    "trackers", "note", "No tracker is set, so devices meet on the local network only.",
                    "songkeep config trackers wss://...",
                )
            )  # fmt: skip
        return [asdict(finding) for finding in findings]

    def _member(self) -> Finding:
        known = self._membership.roster.members[self._membership.keys.id]
        if known.active:
            return Finding("membership", "good", f"This device belongs to the library, as {known.role}.")
        return Finding(
            "membership", "bad", "This device was revoked: it gets nothing new.", "Pair it again, in a new home."
        )

    def _disk(self) -> Finding:
        free = shutil.disk_usage(self._home).free
        if free < LITTLE_DISK_BYTES:
            return Finding("disk", "bad", f"Only {free / 1e6:,.0f} MB are free where the library lives.", "Make room.")
        return Finding("disk", "good", f"{free / 1e9:,.0f} GB are free.")

    def _trash(self) -> list[Finding]:
        """Removed music that stays for want of anybody to ask."""
        unseen = self._unasked.unseen() if self._unasked is not None else []
        if self._unasked is None or not unseen:
            return []
        now_ms = time.time_ns() // 1_000_000
        names = " and ".join(
            f"{each.name} ("
            + ("never seen" if each.seen_ms is None else f"not seen for {spoken_duration_ms(now_ms - each.seen_ms)}")
            + ")"
            for each in unseen
        )
        return [
            Finding(
                "removed music",
                "note",
                f"{self._unasked.blobs:,} sealed files of music that was taken out of the library over 30 days ago "
                f"stay here: first {names} would have to be asked whether it was brought back.",
                "Switch that device on; if it is lost, songkeep devices revoke NAME; or let them go all the same: "
                "songkeep free --removed",
            )
        ]

    def _clock(self, joined: list[Place]) -> Finding:
        ahead = {urlsplit(place.url).netloc: place.room.clock_ahead_ms for place in joined if place.room is not None}
        wrong = [server for server, ms in ahead.items() if abs(ms) > CLOCK_WRONG_MS]
        if not ahead:
            return Finding("clock", "note", "No server is reached that this clock could be compared with.")
        if not wrong:
            return Finding("clock", "good", "The clock is right.")
        if len(wrong) < len(ahead):
            return Finding(
                "clock", "note", f"This clock agrees with some servers and not with {', '.join(wrong)}.",
                "Whoever runs those should set their clocks.",
            )  # fmt: skip
        worst = max(ahead.values(), key=abs)
        way = "ahead" if worst > 0 else "behind"
        return Finding(
            "clock", "bad", f"This clock is {spoken_duration_ms(abs(worst))} {way}.", "Set the clock by the network."
        )

    def _tracker(self, place: Place) -> Finding:
        name = urlsplit(place.url).netloc
        if place.joined and place.room is not None:
            return _joined(name, place, len(place.room.present))
        if place.trouble == SUSPENDED:
            return Finding(
                "tracker", "bad", f"{name}: {SUSPENDED}.",
                "Ask that person, or use another tracker. What seeds keep of your library they go on keeping.",
            )  # fmt: skip
        return Finding(
            "tracker", "bad", f"{name}: {place.trouble or 'not joined yet'}.",
            "Check the address, this machine's network, and that the tracker runs.",
        )  # fmt: skip

    def _local(self) -> Finding:
        if self._nearby.own_url is not None:
            port = urlsplit(self._nearby.own_url).port
            lane = self._lane_port()
            ports = f"TCP ports {port} and {lane}" if lane else f"TCP port {port}"
            return Finding("local network", "good", f"Open to this library's other devices at {ports}.")
        if self._nearby.is_needed:
            return Finding(
                "local network", "bad", "No port could be opened to the local network.",
                "Allow Songkeep in this machine's firewall (TCP, and mDNS on UDP port 5353).",
            )  # fmt: skip
        return Finding("local network", "good", "Closed: there is no other device to meet yet.")

    async def _dht(self) -> Finding:
        far = self._far
        if far.options.mode == "off":
            return Finding(
                "DHT", "note", "Off: without a tracker, devices that are apart can't find each other.",
                "songkeep config dht private; songkeep config dht_nodes HOST:PORT (see 'songkeep config --help').",
            )  # fmt: skip
        if not far.is_needed:
            return Finding("DHT", "good", "Closed: there is no other device to meet yet.")
        if far.dht is None:
            return Finding("DHT", "bad", f"{far.trouble or 'It is not open yet'}.", "Choose another dht_port.")
        nodes = await far.dht.count()
        if not nodes:
            return Finding(
                "DHT", "bad", f"No other node answers at UDP port {far.dht.port}.",
                "Allow Songkeep to use UDP, and look whether one of the dht_nodes runs.",
            )  # fmt: skip
        if not far.took:
            return Finding(
                "DHT", "bad", f"{far.trouble or 'This device has told it nothing yet'}.", "Try again in a minute."
            )
        unreached = far.search.unreached
        if unreached:
            return Finding(
                "DHT", "note", f"{unreached} of your devices told it where they are, and don't answer there.",
                "They are off or asleep; or their router must forward the port after dht_port (TCP) to them; here "
                f"that is {far.room_port}.",
            )  # fmt: skip
        return Finding("DHT", "good", f"{nodes} nodes answer, {far.took} hold where this device is.")

    async def _paths(self, joined: list[Place]) -> list[Finding]:
        """What kind of router stands between this device and the world."""
        servers: list[StunServer] = [place.room.stun for place in joined if place.room and place.room.stun]
        if not servers:
            return []
        try:
            seen = await public_addresses(servers)
        except UnavailableError as error:
            return [Finding("UDP", "bad", f"{error}.", "Allow Songkeep to use UDP.")]
        answered = [address for address in seen if address is not None]
        if not answered:
            return [
                Finding(
                    "UDP", "bad", "No STUN server answers over UDP, so direct ways through a router can't be found.",
                    "Allow outgoing UDP; whoever runs the tracker must open UDP port 3478.",
                )
            ]  # fmt: skip
        if {host for host, _ in answered} & set(own_addresses()):
            return [Finding("router", "good", "This machine is in reach without a router in between.")]
        if len(answered) > 1 and len(set(answered)) > 1:
            return [
                Finding(
                    "router", "note", "The router gives each connection another port: direct ways often fail.",
                    "A seed, or IPv6, or a forwarded port helps.",
                )
            ]  # fmt: skip
        kind = "lets direct ways through" if len(answered) > 1 else "seems to let direct ways through"
        return [Finding("router", "good", f"The router {kind}.")]


def spoken_duration_ms(duration_ms: int) -> str:
    """In the largest unit that fits."""
    for unit_ms, unit in ((86_400_000, "days"), (3_600_000, "hours")):
        if duration_ms >= 2 * unit_ms:
            return f"{duration_ms / unit_ms:,.0f} {unit}"
    return f"{duration_ms / 60_000:,.0f} minutes"


def _joined(name: str, place: Place, present: int) -> Finding:
    """How a tracker that is reached behaves."""
    misdeeds = place.suspicions.sentences()
    if misdeeds:
        return Finding(
            "tracker", "bad", f"{name} can't be trusted: {'; '.join(misdeeds)}. None of it was believed.",
            "Use another tracker, or ask whoever runs this one; somebody may also sit on the way to it.",
        )  # fmt: skip
    silent = place.suspicions.silent(time.monotonic())
    if silent:
        return Finding(
            "tracker", "note", f"{name} names {silent} connections from which nothing comes.",
            "Those devices hang or sleep; if they don't, the tracker keeps their messages to itself: use another.",
        )  # fmt: skip
    others = "1 other connection" if present == 1 else f"{present} other connections"
    return Finding("tracker", "good", f"{name} is joined; {others} there.")

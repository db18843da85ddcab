"""All of this device's part in the library's network, for those who show it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from node.flows.copies import Copies
from node.flows.devices import Devices
from node.flows.doctor import Doctor
from node.flows.far import FarMeeting
from node.flows.meet import Meeting
from node.flows.pairings import Pairings
from node.flows.phrases import Phrases
from node.flows.wanted import Wanted
from node.flows.whereabouts import Whereabouts
from node.peers.directory import Directory
from node.peers.links import Links
from node.peers.membership import Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Built once by the app."""

    membership: Membership
    directory: Directory
    links: Links
    meeting: Meeting
    far: FarMeeting
    pairings: Pairings
    devices: Devices
    phrases: Phrases
    doctor: Doctor
    copies: Copies
    wanted: Wanted
    whereabouts: Whereabouts

    async def as_json(self) -> dict[str, Any]:
        """How it stands, for `status`."""
        return {
            "rooms": [
                {
                    # Behind the # is what isn't for everybody's eyes: an invitation, a fingerprint.
                    "server": place.url.partition("#")[0],
                    "way": self.meeting.way_to(place.url),
                    "joined": place.joined,
                    "trouble": place.trouble,
                    "misdeeds": place.suspicions.sentences(),
                    "present": len(place.room.present) if place.room else 0,
                    "stun": place.stun is not None,
                    "account": None if place.account is None else asdict(place.account),
                }
                for place in self.meeting.places.values()
            ],
            "dht": await self.far.as_json(),
            "links": self.links.count,
        }

"""Who would have a song and is away: said in words, so that nobody waits before a wheel that turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from node.flows.sightings import Sightings
from node.ids import BlobRoot, DeviceId
from node.library.shapes import Elsewhere
from node.peers.directory import Directory
from node.peers.membership import Membership
from node.placement import Device
from node.wire.roster import Role

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Asked when a song can't be had."""

    membership: Membership
    directory: Directory
    sightings: Sightings
    name_of: Callable[[DeviceId], str]
    holders: Callable[[], Sequence[Device]]
    """What every device is known to hold."""
    now_ms: Callable[[], int]

    def why(self, root: BlobRoot) -> str:
        """A sentence without its full stop, for an error."""
        me = self.membership.keys.id
        holding = [each.id for each in self.holders() if each.has(root) and each.id != me]
        away = [member for member in holding if not self.directory.get(member).present]
        if away:
            which = "which has" if len(away) == 1 else "which have"
            return f"{self._all(away)}, {which} this song; it plays again when one is back"
        if holding:
            return f"{joined([self.name_of(member) for member in holding])} should have this song and didn't give it"
        others = [
            member.public.id for member in self.membership.roster.active(Role.OWNER, Role.PLAYER)
            if member.public.id != me and self.sightings.of(member.public.id).kind != "phone"
        ]  # fmt: skip
        away = [member for member in others if not self.directory.get(member).present]
        if away:
            return f"no device that is here has this song; {self._all(away)}"
        return "no other device of the library has this song" if others else "this song is on no device that is known"

    def elsewhere(self, roots: Mapping[str, Sequence[BlobRoot]]) -> dict[str, Elsewhere]:
        """Which of these tracks (their blobs by identifier) other devices have, by identifier. From any thread."""
        me, found = self.membership.keys.id, dict[str, Elsewhere]()
        others = [each for each in self.holders() if each.id != me]
        for track, blobs in roots.items():
            holding = [each for each in others if any(each.has(root) for root in blobs)]
            here = [self._called(each) for each in holding if each.present]
            if here:
                found[track] = Elsewhere(True, f"It plays from {here[0]}.")
            elif holding:
                which = "which has" if len(holding) == 1 else "which have"
                away = joined([self._called(each, away=True) for each in holding])
                found[track] = Elsewhere(False, f"{away}, {which} this song; it plays again when one is back.")
        return found

    def _called(self, holder: Device, *, away: bool = False) -> str:
        if holder.operator:  # a seed is not met, but asked
            return holder.operator.decode() + (" does not answer" if away else "")
        return self.where(holder.id) if away else self.name_of(holder.id)

    def _all(self, away: Sequence[DeviceId]) -> str:
        return joined([self.where(member) for member in away])

    def where(self, member: DeviceId) -> str:
        """Of a device that is away: "Home PC is asleep since 23:10"."""
        known = self.sightings.of(member)
        if known.seen_ms is None:
            return f"{self.name_of(member)} was not here yet"
        when = spoken_time(known.seen_ms, self.now_ms())
        return f"{self.name_of(member)} {'is asleep since' if known.asleep else 'was last here'} {when}"


def spoken_time(time_ms: int, now_ms: int) -> str:
    """A time of the past as people say it: "23:10", "yesterday 23:10", "3 May 23:10", by this machine's clock."""
    then, now = time.localtime(time_ms / 1_000), time.localtime(now_ms / 1_000)
    clock = f"{then.tm_hour:02}:{then.tm_min:02}"
    days = (time.mktime((*now[:3], 12, 0, 0, 0, 0, -1)) - time.mktime((*then[:3], 12, 0, 0, 0, 0, -1))) / 86_400
    if round(days) == 0:
        return clock
    if round(days) == 1:
        return f"yesterday {clock}"
    year = "" if then.tm_year == now.tm_year else f" {then.tm_year}"
    return f"{then.tm_mday} {_MONTHS[then.tm_mon - 1]}{year} {clock}"


def joined(parts: Sequence[str]) -> str:
    """ "Home PC", "Home PC and NAS", "Home PC, NAS and Laptop"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"

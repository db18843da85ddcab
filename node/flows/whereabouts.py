"""Where the music lives: the devices, how many copies each song has, what is at risk and why, and what moves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, Literal

from node.crypto.blob import Purpose
from node.doors.lane import Lane
from node.doors.webrtc import DataPipe
from node.flows.copies import Copies
from node.flows.moving import moving
from node.flows.sightings import Sighting
from node.flows.unasked import Unasked
from node.ids import BlobRoot, DeviceId, to_text
from node.library import Library
from node.peers.links import Links
from node.placement import Device
from node.placement.copying import copies_of

EXAMPLES: Final = 20
"""Songs at risk that are named."""


class Whereabouts:
    """Asked by those who show it; changes nothing."""

    def __init__(
        self,
        library: Library,
        copies: Copies,
        links: Links,
        unasked: Unasked,
        *,
        name_of: Callable[[DeviceId], str],
        lane_of: Callable[[DeviceId], Lane | None],
        last_seen: Callable[[DeviceId], Sighting],
    ) -> None:
        """`lane_of` gives the open lane to a device."""
        self._library = library
        self._copies = copies
        self._links = links
        self._unasked = unasked
        self._name_of = name_of
        self._lane_of = lane_of
        self._last_seen = last_seen
        self._counted: tuple[object, dict[str, Any]] = None, {}

    async def as_json(self) -> dict[str, Any]:
        """All of it, as GET /api/v1/copies gives it."""
        copies = self._copies
        await copies.look_to_show()
        devices = copies.census.devices()
        songs = dict(await self._songs(devices))
        seeds = {each.id: each.operator.decode() for each in devices if each.operator}

        def name_of(member: DeviceId) -> str:
            return seeds.get(member) or self._name_of(member)

        on_each = songs.pop("on_each")
        return {
            "copies": copies.limits.copies,
            "paused": copies.limits.paused,
            "budget_bytes": copies.limits.budget_bytes,
            "devices": [{**self._device(device), **on_each[device.id]} for device in devices],
            **songs,
            **await asyncio.to_thread(moving, copies, self._library, name_of),
            "wishes": [
                {"wish": wish, "kind": kind, "id": row_id}
                for wish, kind, row_id in await asyncio.to_thread(copies.wishes.all)
            ],
            "removed": {
                "blobs": self._unasked.blobs,
                "unseen": [{"name": each.name, "seen_ms": each.seen_ms} for each in self._unasked.unseen()],
            },
            "trouble": copies.last_error,
        }

    def _device(self, device: Device) -> dict[str, Any]:
        own = device.id == self._copies.census.me
        seen = self._last_seen(device.id)
        return {
            "id": to_text(device.id),
            "name": device.operator.decode() if device.operator else self._name_of(device.id),
            "kind": "seed" if device.operator else "device",
            "this": own,
            "present": own or device.present,
            "asleep": seen.asleep and not device.present,
            "seen_ms": None if own or device.present else seen.seen_ms,
            "reached": self._reached(device.id),
            "budget_bytes": device.budget_bytes,
            "used_bytes": device.used_bytes,
            "sealed": len(device.sealed),
            "sources": len(device.sources),
            "trusted": device.trusted,
        }

    def _reached(self, member: DeviceId) -> Literal["lan", "direct", "webrtc", "relay"] | None:
        """The way that is open to a device now."""
        lane = self._lane_of(member)
        if lane is not None:
            return "lan" if lane.is_private else "direct"
        channel = self._links.to(member)
        if channel is None or not isinstance(channel.pipe, DataPipe):
            return None
        return "webrtc" if channel.pipe.route == "direct" else channel.pipe.route

    async def _songs(self, devices: Sequence[Device]) -> dict[str, Any]:
        """Counted anew only if somebody holds other things, comes or goes."""
        said = [(each.id, each.sealed, each.sources, each.present, each.trusted) for each in devices]
        basis = (said, self._copies.limits.copies, self._copies.census.looks)
        if self._counted[0] != basis:
            self._counted = basis, await asyncio.to_thread(self._count, devices)
        return self._counted[1]

    def _count(self, devices: Sequence[Device]) -> dict[str, Any]:
        """How many songs have how many copies of their original, bit for bit, and what each device has. Blocks."""
        wanted = self._copies.limits.copies
        histogram: Counter[int] = Counter()
        on_each = {each.id: Counter({"originals": 0, "from_files": 0, "small": 0}) for each in devices}
        examples: list[dict[str, str]] = []
        reasons: Counter[str] = Counter()
        for song in self._each_song():
            count = max((copies_of(root, devices) for root in song.best), default=0)
            histogram[count] += 1
            for device in devices:
                if any(root in device.sealed for root in song.originals):
                    on_each[device.id]["originals"] += 1
                elif any(root in device.sources for root in song.originals):
                    on_each[device.id]["from_files"] += 1
                elif any(device.has(root) for root in song.small):
                    on_each[device.id]["small"] += 1
            if count < wanted:
                why = self._why(song, devices, wanted)
                reasons[why] += 1
                if len(examples) < EXAMPLES:
                    examples.append({"track": song.track, "title": song.title, "why": why})
        return {
            "on_each": on_each,
            "songs": [{"copies": count, "songs": songs} for count, songs in sorted(histogram.items())],
            "at_risk": {
                "songs": sum(reasons.values()),
                "reasons": [{"why": why, "songs": songs} for why, songs in reasons.most_common(EXAMPLES)],
                "examples": examples,
            },
        }

    def _each_song(self) -> Iterator[_Song]:
        """Every song that is shown, with its renditions."""
        for track, renditions in groupby(self._library.index.copies.songs(), key=lambda each: each.track):
            song = _Song(track)
            for each in renditions:
                song.title = each.title
                if each.root is not None:
                    (song.small if each.purpose is Purpose.MOBILE else song.originals).append(each.root)
            yield song

    def _why(self, song: _Song, devices: Sequence[Device], wanted: int) -> str:
        if not song.best:
            return "not sealed yet: only its file is there"
        holders = [device for device in devices if any(device.has(root) for root in song.best)]
        if not holders:
            return "no device that is known holds it"
        names = ", ".join(
            device.operator.decode() if device.operator else self._name_of(device.id) for device in holders
        )
        if not any(root in device.sealed for device in holders for root in song.best):
            why = f"only as safe as its file on {names}"
        elif any(root in self._copies.census.sight.damaged for root in song.best):
            why = f"damaged here, and otherwise only on {names}"
        else:
            why = f"only on {names}"
        of_small = max((copies_of(root, devices) for root in song.small), default=0)
        return f"{why}; the small one has its copies" if song.originals and of_small >= wanted else why


@dataclass(slots=True)
class _Song:
    """One song's renditions."""

    track: str
    title: str = ""
    originals: list[BlobRoot] = field(default_factory=list)
    small: list[BlobRoot] = field(default_factory=list)

    @property
    def best(self) -> list[BlobRoot]:
        """Of which there must be copies: the originals, or what there is."""
        return self.originals or self.small

"""A machine that slept, or whose clock was set, or whose link went away: it is back within seconds, once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from node.ids import BlobRoot
from tests.flows.people import a_tracker, found, let_in, make_device, meeting, now_ms, until

ROOT = BlobRoot(b"\xaa" * 32)


async def test_a_machine_that_slept_enters_its_rooms_anew_once_and_drops_what_hangs(tmp_path: Path) -> None:
    home, laptop = let_in(found())
    slept_s = 0.0
    async with a_tracker(tmp_path) as (url, running):
        pc = make_device("PC", home, url)
        pc.blobs[ROOT] = [b"x" * 16_384]
        other = make_device("Laptop", laptop, url, wall_s=lambda: now_ms() / 1_000 + slept_s, look_every_s=0.2)
        async with meeting(pc, other):
            await until(lambda: other.directory.get(pc.id).present and pc.directory.get(other.id).present)
            before = other.meeting.places[url].room
            channel = await other.meeting.connect(pc.id)
            slept_s = 3 * 86_400
            await until(lambda: other.meeting.places[url].room not in (None, before))
            await until(lambda: other.directory.get(pc.id).present and pc.directory.get(other.id).present)
            assert channel.ended
            again = await other.meeting.connect(pc.id)
            assert [chunk async for chunk in again.chunks(ROOT, 0, 1)] == pc.blobs[ROOT]
            room = other.meeting.places[url].room
            await asyncio.sleep(1.5)  # time enough for what must not happen
            assert other.meeting.places[url].room is room, "once"
            assert running.rooms.rooms.connections == 2

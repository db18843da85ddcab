"""Copies between whole devices: made by themselves, proved before anything is dropped, never fewer than wanted."""

from __future__ import annotations

from pathlib import Path

from node.crypto.blob import Purpose
from tests.flows.copying import add_songs, holder, household, settled
from tests.flows.people import a_tracker


async def test_a_new_device_fills_itself_and_every_song_comes_to_have_two_copies(tmp_path: Path) -> None:
    founder, newcomer = household(2)
    async with (
        a_tracker(tmp_path / "tracker") as (url, _),
        holder(tmp_path / "pc", founder, url, budget_bytes=0, renditions=True) as pc,
    ):
        await add_songs(pc, tmp_path / "music", range(4))
        await pc.home.ingest.idle()
        async with holder(tmp_path / "laptop", newcomer, url) as laptop:
            await settled(lambda: len(laptop.sealed()) == 8, "the laptop holds four songs in two renditions each")
            assert laptop.sealed() == pc.named()
            assert not pc.sealed(Purpose.ORIGINAL)  # their files are enough
            await settled(lambda: len(pc.copies.census.devices()) == 2, "the PC has heard of the laptop")
            shown = await laptop.shown()
            assert shown["songs"] == [{"copies": 2, "songs": 4}]
            assert shown["at_risk"]["songs"] == 0

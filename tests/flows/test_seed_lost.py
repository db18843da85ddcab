"""A seed that is set back, moved or destroyed: its library notices, and loses nothing."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from node.doors.seeds import SeedClient
from node.errors import RefusedError
from node.flows.seeds import REACHED
from node.flows.share import choose
from node.ids import to_text
from tests.flows.home import FOUNDER, until
from tests.flows.seeded import PC_IP, founder_secrets, seeded_home
from tests.music import make_track
from tests.ports import free_port
from tests.seed.owner import SEED_IP, a_seed
from tests.seed.test_keeping import until as until_standing


@pytest.fixture
def port() -> int:
    """For a seed that comes back to its address."""
    return free_port(SEED_IP)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(3):
        make_track(folder / f"{number}.flac", seed=number, title=f"T{number}")
    return folder


async def test_a_seed_restored_from_an_old_backup_is_noticed_and_filled_again(
    tmp_path: Path, music: Path, port: int
) -> None:
    async with a_seed(tmp_path / "seed", port=port) as seed, seeded_home(tmp_path / "pc") as pc:
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        await pc.seeds.add(await seed.invite(100_000_000))
        await pc.until_filled(blobs=3)
        secrets = replace(founder_secrets(), roster=pc.membership.roster.entries)
    await asyncio.to_thread(shutil.copytree, tmp_path / "seed", tmp_path / "backup")
    make_track(music / "3.flac", seed=9, title="T3")
    async with a_seed(tmp_path / "seed", port=port), seeded_home(tmp_path / "pc", secrets=secrets) as pc:
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        await pc.until_filled(blobs=4)
        assert pc.told == []
    async with a_seed(tmp_path / "backup", port=port), seeded_home(tmp_path / "pc", secrets=secrets) as pc:
        await until(lambda: any("set back" in text for _, text in pc.told))
        async with SeedClient.open(f"http://{SEED_IP}:{port}", local_address=PC_IP) as client:
            await client.sign_in(FOUNDER)
            await until_standing(client.standing, lambda each: (each.held_blobs, each.missing_blobs) == (4, 0))
        assert len([text for _, text in pc.told if "set back" in text]) == 1


async def test_a_seed_that_lost_all_its_blobs_is_filled_again_and_the_person_told(tmp_path: Path, music: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed, seeded_home(tmp_path / "pc") as pc:
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        await pc.seeds.add(await seed.invite(100_000_000))
        await pc.until_filled(blobs=3)
        await until(lambda: pc.link.audit is not None)  # or today's would be noted after "a day goes by"
        for path in [path for path in seed.options.home.rglob("*") if path.is_file() and len(path.name) == 52]:
            path.unlink()
        assert pc.link.audit is not None
        assert pc.link.audit.failed == 0
        pc.home.library.index.settings.set("seed_audits", {})  # a day goes by
        pc.seeds.wake()
        await until(lambda: any("could not give back" in text for _, text in pc.told))
        async with SeedClient.open(seed.url, local_address=PC_IP) as client:
            await client.sign_in(FOUNDER)
            pc.seeds.wake()
            await until_standing(client.standing, lambda each: (each.held_blobs, each.missing_blobs) == (3, 0))


async def test_with_the_seed_destroyed_everything_still_plays_at_home(tmp_path: Path, music: Path) -> None:
    async with seeded_home(tmp_path / "pc") as pc:
        async with a_seed(tmp_path / "seed") as seed:
            await pc.home.ingest.add([music])
            await pc.home.ingest.idle()
            await pc.seeds.add(await seed.invite(100_000_000))
            await pc.until_filled(blobs=3)
        await asyncio.to_thread(shutil.rmtree, tmp_path / "seed")
        for track in pc.home.library.tracks(0, 10)["items"]:
            path = Path(pc.home.library.files(track["id"]).sources[0].full_path)
            assert await pc.home.play(track["id"], "original") == await asyncio.to_thread(path.read_bytes)
        pc.seeds.wake()
        await until(lambda: pc.link.state == "away")
        assert "can't be reached" in pc.link.trouble


async def test_a_small_seed_gets_what_is_missed_most_and_the_rest_is_counted(tmp_path: Path, music: Path) -> None:
    async with seeded_home(tmp_path / "pc", renditions=True) as pc:
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        library = pc.home.library
        everything = choose(library, room_bytes=10**9)
        assert (len(everything.blobs), everything.left_out) == (6, {})
        mobile = [blob for blob, purpose in everything.blobs.values() if purpose == 2]
        assert len(mobile) == 3
        small = choose(library, room_bytes=sum(blob.sealed_bytes for blob in mobile))
        assert {blob for blob, _ in small.blobs.values()} == set(mobile)
        assert sum(small.left_out.values()) == 3


async def test_a_seed_that_moved_is_missed_within_a_day_and_found_again_where_the_person_says(
    tmp_path: Path, music: Path, port: int
) -> None:
    async with a_seed(tmp_path / "seed", port=port) as seed, seeded_home(tmp_path / "pc") as pc:
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        await pc.seeds.add(await seed.invite(100_000_000))
        await pc.until_filled(blobs=3)
        secrets = replace(founder_secrets(), roster=pc.membership.roster.entries)
        name = to_text(seed.keys.id)
        pc.home.library.index.settings.set(REACHED, {name: time.time_ns() // 1_000_000 - 86_400_000})
    async with (
        a_seed(tmp_path / "seed", ip="127.0.0.8", port=port) as moved,
        a_seed(tmp_path / "other", ip="127.0.0.9", port=port) as other,
        seeded_home(tmp_path / "pc", secrets=secrets) as pc,
    ):
        await until(lambda: any("has not been reached for a day" in text for _, text in pc.told))
        with pytest.raises(RefusedError, match="another machine"):
            await pc.seeds.move(name, other.url)
        await pc.seeds.move(f"http://{SEED_IP}:{port}", moved.url)
        await pc.until_filled(blobs=3)
        assert (pc.link.url, pc.link.trouble) == (moved.url, "")
    # It stays known there, on every device that has the catalog.
    async with (
        a_seed(tmp_path / "seed", ip="127.0.0.8", port=port) as moved,
        seeded_home(tmp_path / "pc", secrets=secrets) as pc,
    ):
        await until(lambda: pc.link.url == moved.url and pc.link.state == "filled")
        assert pc.told == []

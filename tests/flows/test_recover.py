"""Everything back from the phrase: the PC is gone, a seed that can read nothing is all that is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from node.crypto.keys import EpochKeys, member_keys_from_random
from node.doors.rooms import joined
from node.doors.seeds import SeedClient
from node.doors.vault import Secrets, Vault
from node.errors import NotFoundError, UnavailableError, UserError
from node.flows.recover import Recovered, recover
from node.seed.server import RunningSeed
from node.wire.holdlist import sign_hold_list
from node.wire.roster import Role, admit, read_roster, revoke
from tests.flows.home import FOUNDER, Home, tree
from tests.flows.people import a_tracker
from tests.flows.seeded import PHRASE_ENTROPY, founder_secrets, seeded_home
from tests.music import make_track
from tests.seed.owner import a_seed

NEW_IP = "127.0.0.8"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "album").mkdir(parents=True)
    make_track(folder / "album" / "1.flac", seed=1, title="Salt and Cedar", album="First", artists=("Anna Lisa Moe",))
    make_track(folder / "album" / "2.mp3", seed=2, title="Night Ferry", album="First", artists=("Anna Lisa Moe",))
    make_track(folder / "3.ogg", seed=3, title="Copper Bells", artists=("B",))
    return folder


async def fill(
    tmp_path: Path, music: Path, seed: RunningSeed, *, renditions: bool = False
) -> dict[str, tuple[bytes, int]]:
    """A PC that gives its whole library to the seed and is gone."""
    async with seeded_home(tmp_path / "pc", renditions=renditions) as pc:
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        await pc.seeds.add(await seed.invite(100_000_000))
        await pc.until_filled(blobs=6 if renditions else 3)
    return tree(music)


async def recovered(
    path: Path, url: str | None, *, tracker_url: str | None = None, entropy: bytes = PHRASE_ENTROPY
) -> Recovered:
    await asyncio.to_thread(path.mkdir, exist_ok=True)
    return await recover(
        vault_path=path / "vault",
        index_path=path / "index.sqlite",
        entropy=entropy,
        seed_url=url,
        tracker_url=tracker_url,
        now_ms=9,
        random=os.urandom,
        local_address=NEW_IP,
    )


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Home]:
    """The recovered home, with the seed to fetch from."""
    async with seeded_home(path, secrets=Vault.open(path / "vault").secrets, ip=NEW_IP) as device:
        yield device.home


async def test_every_file_comes_back_bit_for_bit_from_the_seed_alone(tmp_path: Path, music: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        before = await fill(tmp_path, music, seed)
        found = await recovered(tmp_path / "new", seed.url)
        assert found.tracks == 3
        assert [head.time_ms > 0 for head in found.heads] == [True]
        async with opened(tmp_path / "new") as home:
            assert sorted(home.titles()) == ["Copper Bells", "Night Ferry", "Salt and Cedar"]
            report = await home.export.run(None, tmp_path / "back")
            assert (report.written, report.failed) == (3, [])
        assert tree(tmp_path / "back") == before


async def test_songs_play_from_the_seed_before_anything_is_fetched(tmp_path: Path, music: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        await fill(tmp_path, music, seed, renditions=True)
        await recovered(tmp_path / "new", seed.url)
        async with opened(tmp_path / "new") as home:
            track = next(each for each in home.library.tracks(0, 10)["items"] if each["title"] == "Night Ferry")
            whole = (music / "album" / "2.mp3").read_bytes()
            assert await home.play(track["id"], "original") == whole
            assert await home.play(track["id"], "original", 1_000, 2_000) == whole[1_000:2_000]
            assert (await home.play(track["id"], "mobile")).startswith(b"\x1a\x45\xdf\xa3")


async def test_the_recovered_machine_is_an_owner_and_the_seed_knows_it(tmp_path: Path, music: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        await fill(tmp_path, music, seed)
        found = await recovered(tmp_path / "new", seed.url)
        entries = await seed.ledger.load(found.library)
        assert read_roster(entries or ()).member(found.device).role is Role.OWNER
        assert Vault.open(tmp_path / "new" / "vault").secrets.phrase_entropy is None


async def test_a_wrong_phrase_finds_nothing_and_leaves_nothing(tmp_path: Path, music: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        await fill(tmp_path, music, seed)
        with pytest.raises(NotFoundError):
            await recovered(tmp_path / "new", seed.url, entropy=bytes(32))
    assert list((tmp_path / "new").iterdir()) == []


async def test_a_seed_that_is_away_is_said_to_be_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        await recovered(tmp_path / "new", "http://127.0.0.9:9")
    assert list((tmp_path / "new").iterdir()) == []


async def test_a_tracker_that_knows_the_library_but_no_seed_of_it_says_what_to_do_instead(tmp_path: Path) -> None:
    secrets = founder_secrets()
    roster, room = read_roster(secrets.roster), secrets.epochs[0].room_name
    async with a_tracker(tmp_path / "tracker") as (url, _), aiohttp.ClientSession() as session:
        async with joined(session, url, keys=secrets.device, library=roster.library, room=room, roster=roster.entries):
            pass
        with pytest.raises(UnavailableError, match=r"knows the library, but no seed keeps it.*'songkeep pair' there"):
            await recovered(tmp_path / "new", None, tracker_url=url)
    assert list((tmp_path / "new").iterdir()) == []


async def test_a_home_with_a_library_in_it_is_left_alone(tmp_path: Path, music: Path) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        await fill(tmp_path, music, seed)
        await recovered(tmp_path / "new", seed.url)
        before = (tmp_path / "new" / "vault").read_bytes()
        with pytest.raises(UserError, match="already"):
            await recovered(tmp_path / "new", seed.url)
        assert (tmp_path / "new" / "vault").read_bytes() == before


async def test_what_the_recovered_machine_adds_reaches_the_old_one_through_the_seed(
    tmp_path: Path, music: Path
) -> None:
    async with a_seed(tmp_path / "seed") as seed:
        await fill(tmp_path, music, seed)
        await recovered(tmp_path / "new", seed.url)
        secrets = Vault.open(tmp_path / "new" / "vault").secrets
        async with seeded_home(tmp_path / "new", secrets=secrets, ip=NEW_IP) as new:
            [track] = [each for each in new.home.library.tracks(0, 10)["items"] if each["title"] == "Copper Bells"]
            new.home.library.edit_tags(track["id"], {"title": "Copper Bells (live)"})
            await new.until_filled(blobs=3)
        async with seeded_home(tmp_path / "pc", secrets=_pc_secrets(secrets)) as pc, asyncio.timeout(60):
            while "Copper Bells (live)" not in pc.home.titles():  # noqa: ASYNC110  nobody tells of it
                await asyncio.sleep(0.05)


def _pc_secrets(new: Secrets) -> Secrets:
    """The old PC's keys, with the roster as it knew it: the founding and the seed."""
    return replace(founder_secrets(), roster=new.roster[:2])


async def test_it_all_comes_back_after_a_device_was_revoked_and_everything_has_another_epoch(
    tmp_path: Path, music: Path
) -> None:
    thief = member_keys_from_random(os.urandom(64))
    async with a_seed(tmp_path / "seed") as seed:
        async with seeded_home(tmp_path / "pc") as pc:
            await pc.home.ingest.add([music])
            await pc.home.ingest.idle()
            await pc.seeds.add(await seed.invite(100_000_000))
            await pc.membership.change(
                lambda roster, keys, epochs: admit(
                    roster, keys, thief.public, role=Role.OWNER, epochs=epochs.values(), time_ms=5
                )
            )
            await pc.until_filled(blobs=3)
            before = {tag for _, tag in pc.link.volumes}
            await pc.membership.change(
                lambda roster, keys, _epochs: revoke(
                    roster, keys, [thief.id], next_epoch=EpochKeys(2, os.urandom(32)), time_ms=6
                )
            )
            async with asyncio.timeout(60):
                while before & {tag for _, tag in pc.link.volumes}:  # noqa: ASYNC110  nobody tells of it
                    await asyncio.sleep(0.05)
            make_track(music / "4.flac", seed=4, title="After the Rain")
            await pc.home.ingest.add([music])
            await pc.home.ingest.idle()
            await pc.until_filled(blobs=4)
        files = tree(music)
        found = await recovered(tmp_path / "new", seed.url)
        assert (found.tracks, [head.epoch for head in found.heads]) == (4, [2])
        async with opened(tmp_path / "new") as home:
            report = await home.export.run(None, tmp_path / "back")
            assert (report.written, report.failed) == (4, [])
        assert tree(tmp_path / "back") == files
        async with SeedClient.open(seed.url, local_address=NEW_IP) as client:
            with pytest.raises(NotFoundError):
                await client.sign_in(thief)


async def test_what_a_thief_had_the_seed_forget_is_back_as_soon_as_the_thief_is_out(
    tmp_path: Path, music: Path
) -> None:
    thief = member_keys_from_random(os.urandom(64))
    async with a_seed(tmp_path / "seed") as seed:
        async with seeded_home(tmp_path / "pc") as pc:
            await pc.home.ingest.add([music])
            await pc.home.ingest.idle()
            await pc.seeds.add(await seed.invite(100_000_000))
            await pc.membership.change(
                lambda roster, keys, epochs: admit(
                    roster, keys, thief.public, role=Role.OWNER, epochs=epochs.values(), time_ms=5
                )
            )
            await pc.until_filled(blobs=3)
            roster = pc.membership.roster
        async with SeedClient.open(seed.url, local_address=NEW_IP) as client:
            await client.sign_in(thief)
            serial = (await client.standing()).serial
            empty = sign_hold_list(
                thief, roster.library, serial=serial + 1, time_ms=7, epoch=1, volumes=[], may_shrink=True
            )
            await client.put_list(empty)
            assert (await client.standing()).held_blobs == 0
        out = revoke(roster, FOUNDER, [thief.id], next_epoch=EpochKeys(2, os.urandom(32)), time_ms=8)
        shutil.rmtree(music)  # so that nothing can be given again: what comes back comes from the seed's trash
        async with seeded_home(tmp_path / "pc", secrets=replace(founder_secrets(), roster=roster.entries)) as pc:
            await pc.membership.learn(out.entries)
            await pc.until_filled(blobs=3)
        async with SeedClient.open(seed.url, local_address=NEW_IP) as client:
            await client.sign_in(FOUNDER)
            standing = await client.standing()
            assert (standing.held_blobs, standing.missing_blobs) == (3, 0)

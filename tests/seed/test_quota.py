"""A quota holds to the byte, whoever pushes and however many at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from node.doors.seeds import SeedClient
from node.errors import RefusedError, SongkeepError
from node.ids import LibraryId
from node.seed.schema import State
from node.seed.server import RunningSeed
from node.wire.heads import sign_heads
from node.wire.volume import Volume, make_volume
from tests.doors.swarm.blobs import Noise, noise
from tests.seed.owner import Owner, a_seed, client_of, give_library, make_owner
from tests.seed.test_keeping import once
from tests.seed.test_scrub import blob_files

SIZE = 100_000


def library_of(number: int, songs: int) -> tuple[Volume, list[Noise]]:
    made = [noise(1_000 * number + song, SIZE) for song in range(songs)]
    return make_volume(each.listed for each in made), made


async def listed_bytes(seed: RunningSeed, library: LibraryId) -> int:
    return (await seed.ledger.usage(library)).listed_bytes


async def pushed(client: SeedClient, each: Noise, tries: int) -> None:
    """The same blob from several at once: one comes in, the others are told so."""

    async def push() -> bool:
        try:
            await client.push(each.root, once(each.data))
        except SongkeepError:
            return False
        return True

    assert any(await asyncio.gather(*(push() for _ in range(tries))))


async def test_many_libraries_pushing_at_once_stay_within_their_quotas_and_keep_whole_blobs(tmp_path: Path) -> None:
    owners = [make_owner() for _ in range(12)]
    async with a_seed(tmp_path / "seed") as seed:

        async def one(number: int, owner: Owner) -> None:
            volume, made = library_of(number, 3)
            await give_library(seed, owner, quota_bytes=3 * SIZE)
            async with client_of(seed, owner.keys) as client:
                await client.put_list(owner.list_of([volume]), [volume])
                await asyncio.gather(*(pushed(client, each, 3) for each in made))
                for each in made:
                    assert await client.chunks(each.root, 0, 100) == each.data

        await asyncio.gather(*(one(number, owner) for number, owner in enumerate(owners)))
        for owner in owners:
            usage = await seed.ledger.usage(owner.roster.library)
            assert usage.bytes_by_state == {State.HELD: 3 * SIZE}
        assert len(list(blob_files(seed.options.home))) == 36
        assert list((tmp_path / "seed").rglob("*.push")) == []


async def test_of_lists_that_race_one_wins_and_none_goes_over_the_quota(tmp_path: Path) -> None:
    owner = make_owner()
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner, quota_bytes=5 * SIZE)
        volumes = [library_of(number, songs)[0] for number, songs in enumerate((1, 2, 3, 4, 5, 6, 7, 8))]

        async def put(serial: int, volume: Volume) -> bool:
            record = owner.list_of([volume], may_shrink=True)
            async with client_of(seed, owner.keys) as client:
                try:
                    await client.put_list(record, [volume])
                except RefusedError:
                    return False
                return True

        won = await asyncio.gather(*(put(serial, volume) for serial, volume in enumerate(volumes, 1)))
        assert any(won)
        assert not any(won[5:])
        assert await listed_bytes(seed, owner.roster.library) <= 5 * SIZE


async def test_snapshots_count_too(tmp_path: Path) -> None:
    owner = make_owner()
    volume, _ = library_of(1, 3)
    snapshot = noise(77, SIZE)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner, quota_bytes=4 * SIZE - 1)

        def heads(serial: int) -> bytes:
            return sign_heads(
                owner.keys,
                owner.epoch,
                owner.roster.library,
                serial=serial,
                time_ms=1,
                snapshot=snapshot.listed,
                body={},
                nonce_12=bytes(12),
            )

        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            with pytest.raises(RefusedError, match="promised"):
                await client.put_heads(heads(1))
            less, _ = library_of(2, 2)
            await client.put_list(owner.list_of([less]), [less])
            assert await client.put_heads(heads(1))
            with pytest.raises(RefusedError, match="promised"):
                await client.put_list(owner.list_of([volume]), [volume])


async def test_promises_to_libraries_never_come_to_more_than_the_seed_has(tmp_path: Path) -> None:
    async with a_seed(tmp_path / "seed", capacity_bytes=10 * SIZE) as seed:

        async def invite() -> bool:
            try:
                await seed.invite(3 * SIZE)
            except RefusedError:
                return False
            return True

        assert sum(await asyncio.gather(*(invite() for _ in range(20)))) == 3
        assert await seed.ledger.promised_bytes() == 9 * SIZE


async def test_who_drops_and_lists_by_turns_does_not_fill_the_disk_with_trash(tmp_path: Path) -> None:
    owner = make_owner()
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner, quota_bytes=2 * SIZE)
        async with client_of(seed, owner.keys) as client:
            for turn in range(2):
                volume, made = library_of(turn, 2)
                await client.put_list(owner.list_of([volume], may_shrink=True), [volume])
                for each in made:
                    await client.push(each.root, once(each.data))
            third, _ = library_of(2, 2)
            with pytest.raises(RefusedError, match="trash"):
                await client.put_list(owner.list_of([third], may_shrink=True), [third])
            # What lies in the trash may always come back.
            first, _ = library_of(0, 2)
            second, _ = library_of(1, 2)
            await client.put_list(owner.list_of([first], may_shrink=True), [first])
            standing = await client.standing()
            assert (standing.held_blobs, standing.trash_bytes) == (2, 2 * SIZE)
            await client.put_list(owner.list_of([second], may_shrink=True), [second])
        assert sum(path.stat().st_size for path in blob_files(seed.options.home)) == 4 * SIZE

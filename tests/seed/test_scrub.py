"""What rots at a seed is found without keys, named and healed; what is deleted stays for thirty certain days."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.doors.seeds import SeedClient
from node.errors import NotFoundError
from node.ids import to_text
from node.seed import scrub as scrubbing
from node.seed.clock import now_ms
from node.seed.patience import DAY_MS, MAX_STEP_MS, Patience
from node.seed.scrub import Scrub
from node.seed.server import RunningSeed
from node.seed.shelves import Shelves
from node.wire.volume import Volume
from tests.doors.swarm.blobs import Noise, noises
from tests.seed.owner import Owner, a_seed, client_of, give_library, make_owner, sharing
from tests.seed.test_keeping import once, until


async def filled(seed: RunningSeed, owner: Owner, client: SeedClient, volume: Volume, made: list[Noise]) -> None:
    await client.put_list(owner.list_of([volume]), [volume])
    for each in made:
        await client.push(each.root, once(each.data))


def blob_files(home: Path) -> Iterator[Path]:
    yield from (path for path in sorted((home / "libraries").rglob("*")) if path.is_file() and len(path.name) == 52)


def scrub_later(seed: RunningSeed, *, days: float) -> Scrub:
    """The seed's housekeeping as it will be some days from now."""
    return Scrub(seed.ledger, Shelves(seed.options.home), seed.keeper, now_ms=lambda: now_ms() + int(days * DAY_MS))


async def test_one_flipped_bit_in_any_of_many_places_is_found_named_and_healed(tmp_path: Path) -> None:
    owner, chance = make_owner(), random.Random(5)
    volume, made = noises(1_040, 16_384, 65_536, 65_537, 400_000)
    by_name = {to_text(each.root): each for each in made}
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await filled(seed, owner, client, volume, made)
            days = 0.0
            for _ in range(40):
                days += 26
                path = chance.choice(list(blob_files(seed.options.home)))
                data = bytearray(path.read_bytes())
                at = chance.randrange(len(data) * 8)
                data[at // 8] ^= 1 << (at % 8)
                path.write_bytes(data)
                assert await scrub_later(seed, days=days).check_due() == (5, 1)
                standing = await client.standing()
                assert (standing.held_blobs, standing.missing_blobs) == (4, 1)
                with pytest.raises(NotFoundError):
                    await client.chunks(by_name[path.name].root, 0, 1)
                await client.push(by_name[path.name].root, once(by_name[path.name].data))
                assert path.read_bytes() == by_name[path.name].data


async def test_a_truncated_and_a_vanished_file_are_found_too(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(50_000, 60_000, 70_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await filled(seed, owner, client, volume, made)
            first, second, _ = blob_files(seed.options.home)
            first.write_bytes(first.read_bytes()[:-1])
            second.unlink()
            assert await scrub_later(seed, days=26).check_due() == (3, 2)
            assert (await client.standing()).missing_blobs == 2


async def test_a_damaged_blob_comes_back_through_the_swarm_while_a_device_is_there(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(300_000, 400_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            async with sharing(owner, client, volume, made, tmp_path / "pc"):
                await until(client.standing, lambda each: each.held_blobs == 2)
                path = next(blob_files(seed.options.home))
                path.write_bytes(bytes(len(path.read_bytes())))
                assert await scrub_later(seed, days=26).check_due() == (2, 1)
            # In its next round the device sees what is missing, and shares it anew.
            async with sharing(owner, client, volume, made, tmp_path / "pc"):
                await until(client.standing, lambda each: each.held_blobs == 2)
            for each in made:
                assert await client.chunks(each.root, 0, 100) == each.data


async def test_what_was_checked_lately_is_left_alone(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(50_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await filled(seed, owner, client, volume, made)
            assert await scrub_later(seed, days=24).check_due() == (0, 0)
            assert await scrub_later(seed, days=26).check_due() == (1, 0)
            assert await scrub_later(seed, days=27).check_due() == (0, 0)


async def test_what_is_listed_no_longer_stays_thirty_days_and_is_gone_then(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(50_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await filled(seed, owner, client, volume, made)
            await client.put_list(owner.list_of([], may_shrink=True))
            with pytest.raises(NotFoundError):
                await client.chunks(made[0].root, 0, 1)
            for day in range(1, 60):
                emptied = await scrub_later(seed, days=day / 2).empty_trash()
                assert emptied == 0
            assert len(list(blob_files(seed.options.home))) == 1
            assert await scrub_later(seed, days=30.2).empty_trash() == 1
            assert list(blob_files(seed.options.home)) == []


async def test_a_clock_that_jumps_deletes_nothing(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(50_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await filled(seed, owner, client, volume, made)
            await client.put_list(owner.list_of([], may_shrink=True))
            for days in (100.0, 0.0, 3_650.0, -50.0, 100_000.0, 31.0):
                assert await scrub_later(seed, days=days).empty_trash() == 0
            await client.put_list(owner.list_of([volume]), [volume])
            assert await client.chunks(made[0].root, 0, 10) == made[0].data


@given(st.lists(st.integers(-(10**12), 10**12), max_size=50))
def test_the_patient_clock_never_runs_ahead_of_the_time_that_passed_by_small_steps(steps: list[int]) -> None:
    clock, now, passed = Patience(0, 0), 0, 0
    for step in steps:
        now += step
        passed += step if 0 < step < MAX_STEP_MS else 0
        before, clock = clock, clock.after(now)
        assert 0 <= clock.patient_ms - before.patient_ms < MAX_STEP_MS
        assert clock.patient_ms == passed


async def test_a_snapshot_that_rots_is_forgotten_so_that_its_device_gives_it_anew(tmp_path: Path) -> None:
    from node.crypto.labels import NONCE_BYTES
    from node.wire.heads import sign_heads

    owner = make_owner()
    _, [snapshot] = noises(90_000)

    def record(serial: int) -> bytes:
        return sign_heads(
            owner.keys,
            owner.epoch,
            owner.roster.library,
            serial=serial,
            time_ms=serial,
            snapshot=snapshot.listed,
            body={},
            nonce_12=bytes(NONCE_BYTES),
        )

    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            assert await client.put_heads(record(1))
            assert await client.heads() == []
            await client.push(snapshot.root, once(snapshot.data))
            assert await client.heads() == [record(1)]
            [path] = blob_files(seed.options.home)
            path.write_bytes(path.read_bytes()[:-1] + b"?")
            assert await scrub_later(seed, days=26).check_due() == (1, 1)
            assert await client.heads() == []
            assert await client.put_heads(record(2))
            await client.push(snapshot.root, once(snapshot.data))
            assert await client.heads() == [record(2)]


def test_the_months_are_those_that_the_documents_promise() -> None:
    assert scrubbing.CHECK_AFTER_MS < 30 * DAY_MS
    assert scrubbing.TRASH_MS == 30 * DAY_MS

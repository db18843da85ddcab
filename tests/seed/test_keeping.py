"""A seed takes a signed list, fetches what it names, and gives it back to members only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from node.crypto.keys import EpochKeys, member_keys_from_random
from node.doors.seeds import SeedClient, SeedStanding
from node.errors import DamagedError, NotFoundError, RefusedError
from node.ids import to_text
from node.seed.server import RunningSeed
from node.wire import seedapi
from node.wire.roster import Role, admit, revoke
from node.wire.volume import make_volume
from tests.doors.swarm.blobs import noise, noises
from tests.seed.owner import OWNER_IP, Owner, a_seed, client_of, give_library, make_owner, sharing


async def until(
    ask: Callable[[], Awaitable[SeedStanding]], good: Callable[[SeedStanding], bool], *, timeout_s: float = 60
) -> SeedStanding:
    async with asyncio.timeout(timeout_s):
        while True:
            standing = await ask()
            if good(standing):
                return standing
            await asyncio.sleep(0.05)


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_a_seed_fetches_through_the_swarm_what_a_signed_list_names_and_gives_it_back(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(1_040, 65_536, 700_000, 4_000_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            record = owner.list_of([volume])
            assert await client.put_list(record) == [volume.id]
            assert await client.put_list(record, [volume]) == []
            async with sharing(owner, client, volume, made, tmp_path / "pc"):
                await until(client.standing, lambda each: each.held_blobs == 4)
            # The owner's swarm is gone: what comes now comes from the seed's own disk.
            for index, each in enumerate(made):
                assert await client.chunks(each.root, 0, 10_000) == each.data
                assert await client.chunks(each.root, 0, 1) == each.data[:16_384]
                assert (await client.held_of(volume))[index]
        async with client_of(seed, owner.recovery) as recovery:
            assert await recovery.list_record() == record
            assert [each async for each in recovery.volumes()] == [(volume, owner.epoch.volume_tag(volume.id))]
            assert await recovery.roster() == list(owner.roster.entries)


async def test_what_no_list_names_is_not_served_and_not_taken(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(100_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            with pytest.raises(NotFoundError):
                await client.chunks(made[0].root, 0, 1)
            with pytest.raises(NotFoundError):
                await client.push(made[0].root, once(made[0].data))
            assert await client.put_list(owner.list_of([volume]), [volume]) == []
            await client.push(made[0].root, once(made[0].data))
            assert await client.chunks(made[0].root, 0, 100) == made[0].data


async def test_a_pushed_blob_that_is_not_the_listed_one_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(100_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            data = made[0].data
            for wrong in (data[:-1], data + b"x", bytes(len(data)), data[:50_000] + b"\0" + data[50_001:]):
                with pytest.raises(DamagedError):
                    await client.push(made[0].root, once(wrong))
            assert (await client.standing()).held_blobs == 0
            left = [path for path in (tmp_path / "seed" / "libraries").rglob("*") if path.is_file()]
            assert left == []
            await client.push(made[0].root, once(data))
            assert (await client.standing()).held_bytes == len(data)


async def test_strangers_and_revoked_devices_get_nothing(tmp_path: Path) -> None:
    owner = make_owner()
    stranger, laptop = member_keys_from_random(b"s" * 64), member_keys_from_random(b"l" * 64)
    owner.roster = admit(owner.roster, owner.keys, laptop.public, role=Role.OWNER, epochs=[owner.epoch], time_ms=2)
    volume, _ = noises(100_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with SeedClient.open(seed.url, local_address=OWNER_IP) as client:
            with pytest.raises(NotFoundError):
                await client.sign_in(stranger)
            with pytest.raises(RefusedError):
                await client.sign_in(stranger, owner.roster.library)
            with pytest.raises(RefusedError):
                await client.standing()
        async with client_of(seed, owner.keys) as client, client_of(seed, laptop) as stolen:
            await client.put_list(owner.list_of([volume]), [volume])
            await stolen.standing()
            owner.roster = revoke(owner.roster, owner.keys, [laptop.id], next_epoch=EpochKeys(2, b"2" * 32), time_ms=9)
            await client.put_roster(owner.roster.entries)
            with pytest.raises(RefusedError, match="revoked"):
                await stolen.standing()
            with pytest.raises(RefusedError, match="revoked"):
                await stolen.put_list(owner.list_of([], may_shrink=True, signer=laptop))
            # Nor does the owner's own session carry a list that the revoked device signed.
            with pytest.raises(RefusedError, match="revoked"):
                await client.put_list(owner.list_of([], may_shrink=True, signer=laptop))


async def test_a_list_over_the_quota_is_refused_to_the_byte(tmp_path: Path) -> None:
    owner = make_owner()
    volume, _ = noises(100_000, 200_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner, quota_bytes=299_999)
        async with client_of(seed, owner.keys) as client:
            with pytest.raises(RefusedError, match="promised"):
                await client.put_list(owner.list_of([volume]), [volume])
            assert (await client.standing()).missing_blobs == 0
        await give_second_invitation(seed, owner, 1)
        async with client_of(seed, owner.keys) as client:
            assert await client.put_list(owner.list_of([volume]), [volume]) == []


async def give_second_invitation(seed: RunningSeed, owner: Owner, quota_bytes: int) -> None:
    invite = seedapi.read_invite(await seed.invite(quota_bytes))
    async with SeedClient.open(invite.url, local_address=OWNER_IP) as client:
        await client.join(owner.keys, invite, owner.roster.entries)


async def test_an_invitation_is_good_once_and_for_no_more_than_there_is(tmp_path: Path) -> None:
    owner, other = make_owner(), make_owner()
    async with a_seed(tmp_path / "seed", capacity_bytes=1_000) as seed:
        invite = seedapi.read_invite(await seed.invite(600))
        with pytest.raises(RefusedError):
            await seed.invite(401)
        owner.admit_seed(seed)
        other.admit_seed(seed)
        async with SeedClient.open(invite.url, local_address=OWNER_IP) as client:
            assert await client.invitation(invite) == 600
            await client.join(owner.keys, invite, owner.roster.entries)
            with pytest.raises(NotFoundError):
                await client.join(other.keys, invite, other.roster.entries)
        with pytest.raises(RefusedError):
            await seed.invite(401)
        await seed.invite(400)


async def test_an_older_list_and_one_that_drops_much_are_refused(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(100_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            old = owner.list_of([])
            assert await client.put_list(owner.list_of([volume]), [volume]) == []
            await client.push(made[0].root, once(made[0].data))
            with pytest.raises(RefusedError, match="as new"):
                await client.put_list(old)
            with pytest.raises(RefusedError, match="confirm"):
                await client.put_list(owner.list_of([]))
            assert (await client.standing()).held_blobs == 1
            await client.put_list(owner.list_of([], may_shrink=True))
            standing = await client.standing()
            assert (standing.held_blobs, standing.trash_bytes) == (0, 100_000)
            await client.put_list(owner.list_of([volume]), [volume])
            assert (await client.standing()).held_blobs == 1


async def test_a_phone_may_ask_from_a_page_of_another_origin(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(100_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client, aiohttp.ClientSession() as page:
            await client.put_list(owner.list_of([volume]), [volume])
            await client.push(made[0].root, once(made[0].data))
            url = f"{seed.url}/v1/blobs/{to_text(made[0].root)}"
            headers = {"Origin": "https://phone.example"}
            async with page.options(url, headers={**headers, "Access-Control-Request-Method": "GET"}) as preflight:
                assert preflight.headers["Access-Control-Allow-Origin"] == "*"
            query = {"cap": client._capability}
            async with page.get(url, params=query, headers={**headers, "Range": "bytes=70000-"}) as answer:
                assert answer.status == 206
                assert answer.headers["Content-Range"] == "bytes 70000-99999/100000"
                assert await answer.read() == made[0].data[70_000:]
            async with page.get(url, params=query, headers={"Range": "bytes=100000-"}) as answer:
                assert answer.status == 416
            async with page.get(url, headers=headers) as answer:
                assert answer.status == 401
                assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_seed_that_starts_again_gives_what_it_had(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(500_000, 2_000)
    async with a_seed(tmp_path / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            async with sharing(owner, client, volume, made, tmp_path / "pc"):
                await until(client.standing, lambda each: each.held_blobs == 2)
    async with a_seed(tmp_path / "seed") as seed, client_of(seed, owner.keys) as client:
        for each in made:
            assert await client.chunks(each.root, 0, 100) == each.data


async def test_only_what_a_present_device_may_want_is_in_the_swarm_and_a_start_looks_at_no_store(
    tmp_path: Path,
) -> None:
    owners = [make_owner() for _ in range(8)]
    async with a_seed(tmp_path / "seed") as seed:
        for number, owner in enumerate(owners):
            await give_library(seed, owner)
            async with client_of(seed, owner.keys) as client:
                made = [noise(100 * number + song, 20_000) for song in range(4)]
                lists = [make_volume([each.listed]) for each in made]
                await client.put_list(owner.list_of(lists), lists)
                for each in made:
                    await client.push(each.root, once(each.data))
        assert seed.keeper.shared_volumes == 0
    # A library's folder that nobody asks for isn't even opened: what lies in its place would be an error.
    for owner in owners[1:]:
        place = tmp_path / "seed" / "libraries" / to_text(owner.roster.library)
        place.rename(place.with_suffix(".away"))
        place.write_bytes(b"no folder")
    async with a_seed(tmp_path / "seed") as seed, client_of(seed, owners[0].keys) as client:
        assert seed.keeper.shared_volumes == 0
        await client.present(9_999)
        assert seed.keeper.shared_volumes == 4

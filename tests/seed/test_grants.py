"""Room by a tracker's leave: checked offline, to the byte, and never taken away by a tracker that is silent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from node.crypto.keys import MemberKeys, member_keys_from_random
from node.doors.seeds import SeedClient
from node.errors import RefusedError
from node.ids import LibraryId
from node.seed.clock import now_ms
from node.seed.server import RunningSeed
from node.wire.grants import Grant, sign_grant
from tests.doors.swarm.blobs import noises
from tests.seed.owner import OWNER_IP, Owner, a_seed, client_of, give_library, make_owner
from tests.seed.test_keeping import once

TRACKER = member_keys_from_random(os.urandom(64))
DAY_MS = 86_400_000


def granted(
    seed: RunningSeed,
    library: LibraryId,
    size_bytes: int,
    *,
    serial: int = 1,
    tracker: MemberKeys = TRACKER,
    expires_in_ms: int = 31 * DAY_MS,
) -> bytes:
    grant = Grant(
        tracker=tracker.id,
        library=library,
        seed=seed.keys.id,
        granted_bytes=size_bytes,
        serial=serial,
        issued_ms=now_ms(),
        expires_ms=now_ms() + expires_in_ms,
    )
    return sign_grant(tracker, grant)


async def join(seed: RunningSeed, owner: Owner, grant: bytes, *, keys: MemberKeys | None = None) -> int:
    if seed.keys.id not in owner.roster.members:
        owner.admit_seed(seed)
    async with SeedClient.open(seed.url, local_address=OWNER_IP) as client:
        return await client.join_granted(keys or owner.keys, grant, owner.roster.entries)


async def test_a_grant_of_a_trusted_tracker_opens_the_seed_and_bounds_what_it_keeps(tmp_path: Path) -> None:
    owner = make_owner()
    volume, _ = noises(60_000, 40_000)
    async with a_seed(tmp_path / "seed", trackers=(TRACKER.id,)) as seed:
        assert await join(seed, owner, granted(seed, owner.roster.library, 99_999)) == 99_999
        async with client_of(seed, owner.keys) as client:
            with pytest.raises(RefusedError, match="promised"):
                await client.put_list(owner.list_of([volume]), [volume])
            assert await join(seed, owner, granted(seed, owner.roster.library, 100_000, serial=2)) == 100_000
            assert await client.put_list(owner.list_of([volume]), [volume]) == []


async def test_grants_that_are_not_for_this_seed_and_library_or_not_by_a_trusted_tracker_are_refused(
    tmp_path: Path,
) -> None:
    owner, other = make_owner(), make_owner()
    stranger = member_keys_from_random(os.urandom(64))
    library = owner.roster.library
    async with a_seed(tmp_path / "seed", trackers=(TRACKER.id,)) as seed:
        wrong = (
            granted(seed, library, 1_000, tracker=stranger),
            granted(seed, other.roster.library, 1_000),
            granted(seed, library, 1_000, expires_in_ms=-1),
        )
        for grant in wrong:
            with pytest.raises(RefusedError):
                await join(seed, owner, grant)
        with pytest.raises(RefusedError):
            await join(seed, owner, granted(seed, library, 1_000), keys=stranger)
        assert await seed.ledger.libraries() == []


async def test_an_older_grant_does_not_undo_a_newer_one(tmp_path: Path) -> None:
    owner = make_owner()
    library = owner.roster.library
    async with a_seed(tmp_path / "seed", trackers=(TRACKER.id,)) as seed:
        large, small = granted(seed, library, 5_000, serial=1), granted(seed, library, 1_000, serial=2)
        assert await join(seed, owner, large) == 5_000
        assert await join(seed, owner, small) == 1_000
        with pytest.raises(RefusedError, match="newer"):
            await join(seed, owner, large)
        assert await join(seed, owner, small) == 1_000


async def test_grants_and_invitations_add_up_and_stay_within_the_capacity(tmp_path: Path) -> None:
    owner, other = make_owner(), make_owner()
    async with a_seed(tmp_path / "seed", capacity_bytes=10_000, trackers=(TRACKER.id,)) as seed:
        await give_library(seed, owner, quota_bytes=4_000)
        assert await join(seed, owner, granted(seed, owner.roster.library, 5_000)) == 9_000
        with pytest.raises(RefusedError, match="not promised"):
            await join(seed, other, granted(seed, other.roster.library, 1_001))
        assert await join(seed, other, granted(seed, other.roster.library, 1_000)) == 1_000
        with pytest.raises(RefusedError):
            await seed.invite(1)


async def test_a_grant_that_has_run_out_while_the_tracker_is_silent_takes_nothing_away(tmp_path: Path) -> None:
    owner = make_owner()
    volume, made = noises(50_000)
    async with a_seed(tmp_path / "seed", trackers=(TRACKER.id,)) as seed:
        await join(seed, owner, granted(seed, owner.roster.library, 60_000, expires_in_ms=1_500))
        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            await client.push(made[0].root, once(made[0].data))
    async with a_seed(tmp_path / "seed", trackers=(TRACKER.id,)) as seed, client_of(seed, owner.keys) as client:
        assert await client.chunks(made[0].root, 0, 10) == made[0].data
        assert (await client.standing()).quota_bytes == 60_000

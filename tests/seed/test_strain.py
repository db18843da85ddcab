"""A seed under strain: many libraries at once on a small machine, a full disk, an end at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from node.crypto.blob import BlobCipher, Purpose, blob_key
from node.crypto.keys import EpochKeys
from node.crypto.merkle import root_of_chunks
from node.doors.seeds import SeedClient
from node.errors import NotFoundError, SongkeepError, StorageError
from node.ids import to_text
from node.seed.identity import load_identity
from node.seed.ledger import Ledger
from node.seed.options import SeedOptions, recall
from node.seed.server import make_invitation
from node.wire import seedapi
from node.wire.roster import Role, admit
from node.wire.volume import VolumeBlob, make_volume
from tests.disks import resize, small_disk
from tests.doors.swarm.blobs import Noise, noise
from tests.seed.owner import OWNER_IP, Owner, a_seed, client_of, give_library, make_owner
from tests.seed.process import SeedProcess, seed_process
from tests.seed.test_keeping import once
from tests.seed.test_scrub import blob_files

SIZE = 60_000
SMALL_MACHINE_BYTES = 400_000_000
"""What is left for the seed on a machine with 512 MB."""
MOST_BYTES = 300_000_000
SEED_IP = "127.0.0.14"


def memory_of(pid: int, line_named: str) -> int:
    [line] = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith(line_named)]
    return int(line.split()[1]) * 1_024


@contextlib.asynccontextmanager
async def owned(seed: SeedProcess, owner: Owner, *, quota_bytes: int) -> AsyncIterator[SeedClient]:
    """The library is kept by the seed from now on; its owner, signed in."""
    options = recall(SeedOptions(home=seed.home / "seed"))
    keys = load_identity(options.home / "seed.keys")
    async with Ledger.open(options.home / "seed.sqlite") as ledger:
        code = await make_invitation(options, keys, ledger, quota_bytes=quota_bytes, url=seed.url)
    owner.roster = admit(
        owner.roster,
        owner.keys,
        keys.public,
        role=Role.SEED,
        epochs=[owner.epoch],
        time_ms=2,
        addresses=[seed.url],
    )
    async with SeedClient.open(seed.url, local_address=OWNER_IP) as client:
        await client.join(owner.keys, seedapi.read_invite(code), owner.roster.entries)
        await client.sign_in(owner.keys)
        yield client


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process by prlimit")
async def test_many_libraries_at_once_on_a_small_machine_and_a_greedy_one_holds_nobody_up(
    tmp_path: Path, exhaustive: bool
) -> None:
    import resource

    count = 200 if exhaustive else 40
    done: dict[int, float] = {}
    async with seed_process(tmp_path / "seed", ip=SEED_IP) as seed, contextlib.AsyncExitStack() as stack:
        limit = SMALL_MACHINE_BYTES
        resource.prlimit(seed.process.pid, resource.RLIMIT_DATA, (limit, limit))
        people = []
        for number in range(count):
            songs = 60 if number == 0 else 3
            owner, made = make_owner(), [noise(1_000 * number + song, SIZE) for song in range(songs)]
            client = await stack.enter_async_context(owned(seed, owner, quota_bytes=songs * SIZE))
            volume = make_volume(each.listed for each in made)
            await client.put_list(owner.list_of([volume]), [volume])
            people.append((number, client, made))

        async def push(number: int, client: SeedClient, made: list[Noise]) -> None:
            for each in made:
                await client.push(each.root, once(each.data))
            done[number] = time.monotonic()

        await asyncio.gather(*(push(*each) for each in people))
        assert done[0] == max(done.values()), "the greedy one was served before others"
        for _, client, made in people:
            standing = await client.standing()
            assert (standing.held_blobs, standing.missing_blobs) == (len(made), 0)
            each = made[-1]
            assert await client.chunks(each.root, 0, 10) == each.data
            with pytest.raises(SongkeepError):
                await client.push(noise(9, SIZE).root, once(noise(9, SIZE).data))
        most_bytes = memory_of(seed.process.pid, "VmHWM")
        print(f"\n{count} libraries: {most_bytes / 1e6:.0f} MB")
        assert most_bytes < MOST_BYTES
    assert len(list(blob_files(tmp_path / "seed" / "seed"))) == 60 + 3 * (count - 1)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Four megabytes."""
    with small_disk(tmp_path / "disk", size_bytes=4 << 20):
        yield tmp_path / "disk"


async def test_a_full_disk_takes_nothing_more_gives_what_it_has_and_goes_on_when_there_is_room(disk: Path) -> None:
    owner, made = make_owner(), [noise(number, 700_000) for number in range(8)]
    volume = make_volume(each.listed for each in made)
    async with a_seed(disk / "seed") as seed:
        await give_library(seed, owner)
        async with client_of(seed, owner.keys) as client:
            await client.put_list(owner.list_of([volume]), [volume])
            held: list[Noise] = []
            for each in made:
                try:
                    await client.push(each.root, once(each.data))
                except StorageError:
                    break
                held.append(each)
            assert 0 < len(held) < len(made)
            for each in held:
                assert await client.chunks(each.root, 0, 100) == each.data
            await asyncio.to_thread(resize, disk, size_bytes=40 << 20)
            for each in made[len(held) :]:
                await client.push(each.root, once(each.data))
            assert (await client.standing()).missing_blobs == 0


async def test_a_seed_that_is_killed_at_any_moment_has_whole_blobs_only_and_is_filled_on(
    tmp_path: Path, exhaustive: bool
) -> None:
    chance = random.Random(3)
    owner, made = make_owner(), [noise(number, 300_000) for number in range(30)]
    volume = make_volume(each.listed for each in made)
    home, port, first = tmp_path / "seed", 17_691, True

    async def fill(client: SeedClient) -> None:
        for each in made:
            with contextlib.suppress(NotFoundError):  # it is there already
                await client.push(each.root, once(each.data))

    for _ in range(40 if exhaustive else 4):
        async with seed_process(home, ip=SEED_IP, port=port) as seed, contextlib.AsyncExitStack() as stack:
            if first:
                client = await stack.enter_async_context(owned(seed, owner, quota_bytes=30 * 300_000))
                await client.put_list(owner.list_of([volume]), [volume])
                first = False
            else:
                client = await stack.enter_async_context(SeedClient.open(seed.url, local_address=OWNER_IP))
                await client.sign_in(owner.keys)
            filling = asyncio.create_task(fill(client))
            await asyncio.sleep(chance.uniform(0.0, 0.15))  # the moment is the point
            await asyncio.to_thread(seed.kill)
            await asyncio.gather(filling, return_exceptions=True)
    async with seed_process(home, ip=SEED_IP, port=port) as seed, SeedClient.open(seed.url) as client:
        await client.sign_in(owner.keys)
        for each, held in zip(volume.blobs, await client.held_of(volume), strict=True):
            if held:
                [whole] = [one.data for one in made if one.root == each.root]
                assert await client.chunks(each.root, 0, 100) == whole
        await fill(client)
        standing = await client.standing()
        assert (standing.held_blobs, standing.missing_blobs, standing.quota_bytes) == (30, 0, 9_000_000)
        assert list(home.rglob("*.push")) == []


async def test_two_libraries_with_the_same_song_share_no_byte_on_the_seed(tmp_path: Path) -> None:
    plain = random.Random(1).randbytes(200_000)
    async with a_seed(tmp_path / "seed") as seed:
        for epoch in (EpochKeys(1, b"a" * 32), EpochKeys(1, b"b" * 32)):
            key = blob_key(epoch.convergence, Purpose.ORIGINAL, size_bytes=len(plain), sha256=b"s" * 32)
            chunks = list(BlobCipher(key, len(plain)).seal_all(plain))
            root, _ = root_of_chunks(chunks)
            sealed = b"".join(chunks)
            owner, volume = make_owner(), make_volume([VolumeBlob(root, len(sealed))])
            await give_library(seed, owner)
            async with client_of(seed, owner.keys) as client:
                await client.put_list(owner.list_of([volume]), [volume])
                await client.push(root, once(sealed))
            assert (tmp_path / "seed" / "libraries" / to_text(owner.roster.library)).is_dir()
        first, second = (path.read_bytes() for path in blob_files(tmp_path / "seed"))
        assert len(first) == len(second) > len(plain)
        blocks = {first[at : at + 16] for at in range(len(first) - 16)}
        assert not any(second[at : at + 16] in blocks for at in range(0, len(second) - 16, 16))
        assert not any(plain[at : at + 16] in blocks for at in range(0, len(plain) - 16, 16))

"""What a seed counts for in placement: nothing until it was seen whole, and no more once something is missing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.crypto.blob import Purpose
from node.errors import NotFoundError, RefusedError
from node.flows.seed_holders import SeedHolders
from node.ids import BlobRoot
from node.placement import Blob, check_drop
from node.placement.copying import copies_of
from node.wire.volume import Volume, VolumeBlob
from tests.flows.home import open_home
from tests.flows.people import found
from tests.music import make_track


def link(**more: Any) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(
        **{"url": "https://seed.example:7666", "state": "connected", "standing": None, "volumes": [], **more}
    )


def holders(links: dict[Any, Any]) -> SeedHolders:
    async def nothing(_url: str, _root: BlobRoot, _first: int, _count: int) -> bytes:
        raise AssertionError("nothing is fetched to count")

    unused: Any = None
    return SeedHolders(links, unused, nothing, now_ms=lambda: 0, random_below=lambda _bound: 0)


def volume(*roots: BlobRoot) -> tuple[Volume, bytes]:
    return Volume(tuple(sorted(VolumeBlob(root, 20_000) for root in roots))), b"t" * 32


ONE, OTHER = (BlobRoot(os.urandom(32)) for _ in range(2))
SEED, SECOND = (found().device.id for _ in range(2))


def test_a_seed_counts_once_it_was_seen_whole_and_while_the_next_round_goes_on() -> None:
    links = {SEED: link(volumes=[volume(ONE)])}
    places = holders(links)
    assert copies_of(ONE, places.devices()) == 0
    links[SEED].state = "filled"
    assert copies_of(ONE, places.devices()) == 1
    links[SEED].state = "connected"
    assert copies_of(ONE, places.devices()) == 1
    links[SEED].volumes = [volume(ONE, OTHER)]  # a longer list, of which the new part is still missing
    links[SEED].standing = link(missing_blobs=1)
    assert [copies_of(root, places.devices()) for root in (ONE, OTHER)] == [1, 0]


def test_a_seed_that_lost_something_counts_for_nothing() -> None:
    links = {SEED: link(volumes=[volume(ONE)], state="filled")}
    places = holders(links)
    assert copies_of(ONE, places.devices()) == 1
    links[SEED].state, links[SEED].standing = "connected", link(missing_blobs=1)
    assert copies_of(ONE, places.devices()) == 0


def test_two_seeds_at_one_host_are_one_copy() -> None:
    links = {each: link(volumes=[volume(ONE)], state="filled") for each in (SEED, SECOND)}
    devices = holders(links).devices()
    assert copies_of(ONE, devices) == 1
    assert copies_of(ONE, [devices[0], replace(devices[1], operator=b"another.example")]) == 2


async def test_a_seed_proves_a_blob_by_leaves_that_open_and_is_doubted_for_others(tmp_path: Path) -> None:
    async with open_home(tmp_path / "home", keep_sealed=True) as home:
        make_track(tmp_path / "song.flac", seconds=0.4, title="Song")
        await home.ingest.add([tmp_path / "song.flac"])
        await home.ingest.idle()
        [stored] = home.store.stored()
        mischief = ""

        async def seed_gives(_url: str, root: BlobRoot, first: int, count: int) -> bytes:
            if mischief == "gone":
                raise NotFoundError("not held")
            with home.store.reader(root) as reader:
                sealed = reader.chunks(first, count)
            return sealed if not mischief else bytes(len(sealed))

        links = {SEED: link(volumes=[volume(stored.root)], state="filled")}
        seeds = SeedHolders(links, home.library, seed_gives, now_ms=lambda: 1_000, random_below=lambda bound: bound - 1)
        [receipt], lied = await seeds.prove(SEED, [stored.root, ONE])
        assert not lied
        members = {each.id: each for each in seeds.devices()}
        blob = Blob(root=stored.root, sealed_bytes=stored.size_bytes, purpose=Purpose.ORIGINAL)
        check_drop(SECOND, blob, [receipt], members, now_ms=2_000, copies=1)
        with pytest.raises(RefusedError):
            check_drop(SECOND, blob, [receipt], members, now_ms=2_000, copies=2)
        mischief = "wrong"
        assert await seeds.prove(SEED, [stored.root]) == ([], True)
        mischief = "gone"
        assert await seeds.prove(SEED, [stored.root]) == ([], False)

"""Planning volumes: everything wanted stands in exactly one, and little moves."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from node.ids import BlobRoot
from node.wire.tiers import MERGE_AT, MOST_BLOBS, plan_volumes
from node.wire.volume import Volume, VolumeBlob

Wanted = dict[BlobRoot, tuple[VolumeBlob, int]]


def wanted_of(numbers: dict[int, int]) -> Wanted:
    blobs = {BlobRoot(hashlib.sha256(number.to_bytes(4, "big")).digest()): kind for number, kind in numbers.items()}
    return {root: (VolumeBlob(root, 2_000_000 + kind), kind) for root, kind in blobs.items()}


libraries = st.lists(st.dictionaries(st.integers(0, 60), st.integers(1, 3), max_size=60), min_size=1, max_size=12)


def check(volumes: list[Volume], wanted: Wanted) -> None:
    standing = [blob for volume in volumes for blob in volume.blobs]
    assert sorted(standing) == sorted(blob for blob, _ in wanted.values())
    for volume in volumes:
        assert len({wanted[blob.root][1] for blob in volume.blobs}) == 1
        assert len(volume.blobs) <= MOST_BLOBS


@given(libraries)
def test_every_wanted_blob_stands_in_one_volume_of_its_kind_through_all_changes(steps: list[dict[int, int]]) -> None:
    volumes: list[Volume] = []
    for step in steps:
        wanted = wanted_of(step)
        volumes = plan_volumes(volumes, wanted)
        check(volumes, wanted)


@given(libraries)
def test_a_plan_that_fits_is_left_as_it_is(steps: list[dict[int, int]]) -> None:
    wanted = wanted_of(steps[-1])
    settled = plan_volumes([], wanted)
    assert set(plan_volumes(settled, wanted)) == set(settled)


def test_songs_that_come_one_by_one_make_few_volumes_and_seldom_move() -> None:
    volumes: list[Volume] = []
    moved = 0
    for count in range(1, 601):
        wanted = wanted_of(dict.fromkeys(range(count), 1))
        before = set(volumes)
        volumes = plan_volumes(volumes, wanted)
        moved += sum(len(volume.blobs) for volume in volumes if volume not in before)
    check(volumes, wanted)
    assert len(volumes) <= 4 * MERGE_AT
    assert moved <= 600 * 5


def test_one_song_less_changes_one_volume() -> None:
    everything = wanted_of(dict.fromkeys(range(2_000), 1))
    volumes = plan_volumes([], everything)
    less = dict(list(everything.items())[1:])
    assert len(set(plan_volumes(volumes, less)) - set(volumes)) == 1

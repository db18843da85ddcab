"""What a seed counts for in placement: nothing until it was seen whole, and no more once something is missing."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from node.flows.seed_places import SeedPlaces
from node.ids import BlobRoot
from node.placement.copying import copies_of
from node.wire.volume import Volume, VolumeBlob
from tests.flows.people import found


def link(**more: Any) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(
        **{"url": "https://seed.example:7666", "state": "connected", "standing": None, "volumes": [], **more}
    )


def volume(*roots: BlobRoot) -> tuple[Volume, bytes]:
    return Volume(tuple(sorted(VolumeBlob(root, 20_000) for root in roots))), b"t" * 32


ONE, OTHER = (BlobRoot(os.urandom(32)) for _ in range(2))
SEED, SECOND = (found().device.id for _ in range(2))


def test_a_seed_counts_once_it_was_seen_whole_and_while_the_next_round_goes_on() -> None:
    links = {SEED: link(volumes=[volume(ONE)])}
    places = SeedPlaces(links)
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
    places = SeedPlaces(links)
    assert copies_of(ONE, places.devices()) == 1
    links[SEED].state, links[SEED].standing = "connected", link(missing_blobs=1)
    assert copies_of(ONE, places.devices()) == 0


def test_two_seeds_at_one_host_are_one_copy() -> None:
    links = {each: link(volumes=[volume(ONE)], state="filled") for each in (SEED, SECOND)}
    devices = SeedPlaces(links).devices()
    assert copies_of(ONE, devices) == 1
    assert copies_of(ONE, [devices[0], replace(devices[1], operator=b"another.example")]) == 2

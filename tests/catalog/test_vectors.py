"""The released format: what the vectors say is what the code does."""

from __future__ import annotations

import json
import zlib
from itertools import permutations
from typing import Any

import pytest

from node.catalog.batch import GapError, decode_batch
from node.catalog.snapshot import snapshot_of
from node.catalog.state import State
from node.errors import SongkeepError
from tests.catalog.vectors import FILE, vectors

VECTORS = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_code_still_writes_the_format_of_the_vectors() -> None:
    assert vectors() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["merges"], ids=lambda vector: vector["guards_against"])
def test_batches_merge_as_the_vector_says_in_every_order(vector: dict[str, Any]) -> None:
    batches = [decode_batch(bytes.fromhex(signed)) for signed in vector["batches"]]
    ends = set()
    for order in permutations(batches):
        state = State()
        try:
            for batch in order:
                state.apply(batch)
        except GapError:
            continue  # not an order of arrival: a log is taken from its beginning
        shown = {key.field: register.shown for key, register in state.settled()}
        assert shown == vector["shown"]
        ends.add(zlib.decompress(snapshot_of(state)[1:]).hex())
    assert ends == {vector["snapshot_inflated"]}


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["guards_against"])
def test_what_the_vector_refuses_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(SongkeepError):
        decode_batch(bytes.fromhex(vector["batch"]))

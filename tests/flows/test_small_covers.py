"""Small covers for phones: what is asked for is checked, then made."""

from __future__ import annotations

import pytest

from node.errors import PeerError, UserError
from node.flows.small_covers import cover_answers
from node.ids import CoverId

COVER = "abcdefghijklmnopqrstuvwxyz"


async def test_a_phone_is_given_the_cover_at_the_size_that_it_asks_for() -> None:
    made: list[tuple[CoverId, int]] = []

    async def small(cover: CoverId, size_px: int) -> bytes:
        made.append((cover, size_px))
        return b"jpeg"

    assert await cover_answers(small)["cover"]({"cover": COVER, "size": 256}) == b"jpeg"
    assert made == [(COVER, 256)]
    for wrong in (
        None,
        {},
        {"cover": COVER},
        {"cover": COVER, "size": 257},
        {"cover": 1, "size": 256},
        {"cover": COVER, "size": True},
    ):
        with pytest.raises(PeerError):
            await cover_answers(small)["cover"](wrong)
    with pytest.raises(UserError):
        await cover_answers(small)["cover"]({"cover": "../../etc/passwd", "size": 256})
    assert len(made) == 1

"""Lyrics for phones: what is asked for is checked, and a song without words says so."""

from __future__ import annotations

import pytest

from node.errors import NotFoundError, PeerError, UserError
from node.flows.words import Line, word_answers
from node.wire import codec

TRACK = "abcdefghijklmnopqrstuvwxyz"


class Told:
    """Words that are the same for every track but one."""

    async def lines_of(self, track_id: str) -> list[Line]:
        if track_id != TRACK:
            raise NotFoundError("this track has no lyrics")
        return [Line(0, "one"), Line(None, "x" * 9_000)]


async def test_a_phone_is_told_the_lines_with_their_times_or_that_there_are_none() -> None:
    lyrics = word_answers(Told())["lyrics"]  # type: ignore[arg-type]
    lines = codec.unpack(await lyrics({"track": TRACK}), max_bytes=1 << 20)
    assert lines == [[0, "one"], [None, "x" * 2_000]]
    assert codec.unpack(await lyrics({"track": TRACK[::-1]}), max_bytes=100) is None
    for wrong in (None, {}, {"track": 1}, [TRACK]):
        with pytest.raises(PeerError):
            await lyrics(wrong)
    with pytest.raises(UserError):
        await lyrics({"track": "../x"})

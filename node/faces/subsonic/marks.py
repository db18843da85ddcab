"""Stars, ratings and plays, as apps tell them."""

from __future__ import annotations

import time

from node.faces.subsonic.asked import Asked
from node.faces.subsonic.protocol import GENERIC, MISSING_PARAMETER, Failure, Tree
from node.library.personal import Play


def star(asked: Asked) -> Tree:
    asked.parts.library.personal.star(_named(asked), starred=True)
    return {}


def unstar(asked: Asked) -> Tree:
    asked.parts.library.personal.star(_named(asked), starred=False)
    return {}


def set_rating(asked: Asked) -> Tree:
    """0 takes a rating back."""
    rating = asked.needed_number("rating", lowest=-1)
    if not 0 <= rating <= 5:
        raise Failure(GENERIC, "a rating is a number from 0 to 5")
    asked.parts.library.personal.rate(asked.text("id"), rating or None)
    return {}


def scrobble(asked: Asked) -> Tree:
    """A track was listened to (submission), or begins now. Only this counts plays: a stream may be a download."""
    tracks = asked.texts("id")
    if not tracks:
        raise Failure(MISSING_PARAMETER, "the parameter id is missing")
    if not asked.flag("submission", default=True):
        track = asked.parts.library.resolve(tracks[-1])
        asked.state.plays(track, user=asked.user, app=asked.app, player=asked.password_name)
        return {}
    now_ms = time.time_ns() // 1_000_000
    times = asked.numbers("time")
    # Apps that name no time for some have just played them.
    # None is of the future: a clock that goes wrong would stay the latest for ever.
    plays = [Play(track, min(times[at], now_ms) if at < len(times) else now_ms) for at, track in enumerate(tracks)]
    asked.parts.library.personal.play(plays)
    return {}


def _named(asked: Asked) -> list[str]:
    named = [*asked.texts("id"), *asked.texts("albumId"), *asked.texts("artistId")]
    if not named:
        raise Failure(MISSING_PARAMETER, "one of id, albumId and artistId is missing")
    return named

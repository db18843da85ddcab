"""What this server does not have: shares, podcasts, radio, a jukebox, chat, video, other users.

What asks for a list gets an empty one; what asks for a change hears that it may not; what asks for a thing hears that
there is none.
"""

from __future__ import annotations

from collections.abc import Callable

from node.faces.subsonic.asked import Asked
from node.faces.subsonic.protocol import NOT_ALLOWED, NOT_FOUND, Failure, Tree

Absent = Callable[[Asked], Tree]


def empty(name: str, member: str) -> Absent:
    """An answer that holds an empty list."""

    def answer(asked: Asked) -> Tree:
        return {name: {member: []}}

    return answer


def not_allowed(what: str) -> Absent:
    def answer(asked: Asked) -> Tree:
        raise Failure(NOT_ALLOWED, f"Songkeep has no {what}")

    return answer


def not_found(what: str) -> Absent:
    def answer(asked: Asked) -> Tree:
        raise Failure(NOT_FOUND, f"Songkeep has no {what}")

    return answer

"""The web application: every face's routes behind one gate."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

from aiohttp import web

from node.faces.answers import MAX_BODY_BYTES, errors_as_answers
from node.faces.counters import COUNTERS, Counters, count_requests
from node.faces.gate import add_headers, content_policy, gate
from node.faces.parts import PARTS, Parts
from node.faces.static import PLAYER, Player

FACES: Final = (
    "session",
    "overview",
    "phrase",
    "catalog",
    "personal",
    "playlists",
    "stream",
    "covers",
    "events",
    "work",
    "folders",
    "settings",
    "app_access",
    "network",
    "copies",
    "seeds",
    "counters",
    "subsonic",
    "static",
)
"""Modules of this package with a `routes(app)`; the player's files come last, since they answer to any path."""


def build_site(parts: Parts, *, port: Callable[[], int]) -> web.Application:
    """The application that answers for `parts`; `port` is where it listens."""

    def lan() -> bool:
        return parts.settings.current.lan

    def policy() -> str:
        return content_policy(parts.settings.current.trackers)

    app = web.Application(
        middlewares=[count_requests, errors_as_answers, gate(parts.sign_in, port=port, lan=lan)],
        client_max_size=MAX_BODY_BYTES,
        handler_args={"access_log": None},
    )
    app[PARTS] = parts
    app[COUNTERS] = Counters()
    app[PLAYER] = Player()
    app.on_response_prepare.append(add_headers(policy))
    for face in FACES:
        import_module(f"node.faces.{face}").routes(app)
    return app

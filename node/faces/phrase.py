"""The recovery phrase: shown until the person has typed three of its words back."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from typing import Final

from aiohttp import web

from node.crypto.phrase import PHRASE_WORDS, phrase_from_entropy
from node.errors import NotFoundError, UserError
from node.faces.answers import answer, body_of
from node.faces.parts import PARTS

log = logging.getLogger(__name__)

ASKED_WORDS: Final = 3
_ASKED = web.AppKey("asked_positions", list[int])


def routes(app: web.Application) -> None:
    # Drawn once for as long as the node runs, so that two open tabs ask the same.
    app[_ASKED] = sorted(secrets.SystemRandom().sample(range(1, PHRASE_WORDS + 1), ASKED_WORDS))
    app.router.add_get("/api/v1/phrase", show)
    app.router.add_get("/api/v1/phrase/challenge", challenge)
    app.router.add_post("/api/v1/phrase/confirm", confirm)


def _words(request: web.Request) -> list[str]:
    entropy = request.app[PARTS].vault.secrets.phrase_entropy
    if entropy is None:
        raise NotFoundError("the recovery phrase was confirmed; it is on your paper and nowhere else")
    return phrase_from_entropy(entropy).split()


async def show(request: web.Request) -> web.Response:
    return answer({"words": _words(request)})


async def challenge(request: web.Request) -> web.Response:
    _words(request)
    return answer({"positions": request.app[_ASKED]})


async def confirm(request: web.Request) -> web.Response:
    """{"words": {"3": "..."}} for exactly the positions that were asked. From then on the phrase is not kept."""
    words = _words(request)
    asked = request.app[_ASKED]
    given = (await body_of(request, fields=frozenset({"words"}))).get("words")
    if not isinstance(given, dict) or set(given) != {str(position) for position in asked}:
        raise UserError(f"type the words number {', '.join(map(str, asked))}")
    for position in asked:
        typed = given[str(position)]
        word = typed.strip().lower()[:40] if isinstance(typed, str) else ""
        if not hmac.compare_digest(word.encode("utf-8", "replace"), words[position - 1].encode()):
            raise UserError(f"word {position} is not the one that was shown")
    await asyncio.to_thread(request.app[PARTS].vault.forget_phrase)
    log.info("phrase_confirmed")
    return answer({"confirmed": True})

"""Recovery phrases: the first is shown until three of its words were typed back; further ones are made and removed.

Words are shown and typed on the computer itself only: over the network others could listen.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any, Final

from aiohttp import web

from node.crypto.phrase import PHRASE_WORDS, phrase_from_entropy
from node.errors import NotFoundError, UserError
from node.faces.answers import answer, body_of, text_field
from node.faces.parts import PARTS
from node.faces.session import only_here
from node.flows.phrases import ASKED_WORDS, check_words
from node.wire.roster import Role

log = logging.getLogger(__name__)

MAX_PHRASE_CHARS: Final = 1_000
_ASKED = web.AppKey("asked_positions", list[int])


def routes(app: web.Application) -> None:
    # Drawn once for as long as the node runs, so that two open tabs ask the same.
    app[_ASKED] = sorted(secrets.SystemRandom().sample(range(1, PHRASE_WORDS + 1), ASKED_WORDS))
    app.router.add_get("/api/v1/phrase", show)
    app.router.add_get("/api/v1/phrase/challenge", challenge)
    app.router.add_post("/api/v1/phrase/confirm", confirm)
    app.router.add_get("/api/v1/phrases", phrases)
    app.router.add_post("/api/v1/phrases", new)
    app.router.add_post("/api/v1/phrases/{id}/confirm", confirm_new)
    app.router.add_post("/api/v1/phrases/{id}/discard", discard)
    app.router.add_post("/api/v1/phrases/{id}/remove", remove)


def phrases_only_here(request: web.Request) -> None:
    """Let only those pass who sit at this computer. Raises RefusedError."""
    only_here(
        request,
        "recovery phrases are shown and typed on the computer itself only: over the network others could listen",
    )


def phrase_field(body: dict[str, Any]) -> str | None:
    """The words of a phrase in a request's body, if it has them. Raises UserError."""
    return text_field(body, "phrase", max_chars=MAX_PHRASE_CHARS) if body.get("phrase") is not None else None


def _words(request: web.Request) -> list[str]:
    phrases_only_here(request)
    entropy = request.app[PARTS].vault.secrets.phrase_entropy
    if entropy is None:
        raise NotFoundError("the recovery phrase was confirmed; it is on your paper and nowhere else")
    return phrase_from_entropy(entropy).split()


def _write_beside(request: web.Request) -> dict[str, list[str]]:
    """What else must stand on the paper: where the library is found by someone who has nothing but the words."""
    parts = request.app[PARTS]
    seeds = parts.network.membership.roster.active(Role.SEED)
    return {
        "trackers": [url.partition("#")[0] for url in parts.settings.current.trackers],
        "seeds": [address for seed in seeds for address in seed.addresses[:1]],
    }


async def show(request: web.Request) -> web.Response:
    return answer({"words": _words(request), **_write_beside(request)})


async def challenge(request: web.Request) -> web.Response:
    _words(request)
    return answer({"positions": request.app[_ASKED]})


async def confirm(request: web.Request) -> web.Response:
    """{"words": {"3": "..."}} for exactly the positions that were asked. From then on the phrase is not kept."""
    words = _words(request)
    asked = request.app[_ASKED]
    typed = await _typed(request)
    if set(typed) != set(asked):
        raise UserError(f"type the words number {', '.join(map(str, asked))}")
    check_words(tuple(words), typed)
    await asyncio.to_thread(request.app[PARTS].vault.forget_phrase)
    log.info("phrase_confirmed")
    return answer({"confirmed": True})


async def phrases(request: web.Request) -> web.Response:
    """Every phrase that opens the library, the most senior first."""
    return answer({"items": request.app[PARTS].network.phrases.all(), **_write_beside(request)})


async def new(request: web.Request) -> web.Response:
    """Words for a further phrase; it counts once they were confirmed."""
    phrases_only_here(request)
    await body_of(request, fields=frozenset())
    draft = request.app[PARTS].network.phrases.draft()
    told = {"id": draft.id, "words": list(draft.words), "positions": list(draft.positions), **_write_beside(request)}
    return answer(told, status=201)


async def confirm_new(request: web.Request) -> web.Response:
    phrases_only_here(request)
    found = request.app[PARTS].network.phrases
    return answer(await found.confirm(request.match_info["id"], await _typed(request)))


async def discard(request: web.Request) -> web.Response:
    request.app[PARTS].network.phrases.discard(request.match_info["id"])
    return answer({"discarded": True})


async def remove(request: web.Request) -> web.Response:
    """With {"phrase": words} in the name of that phrase, else in this device's."""
    body = await body_of(request, fields=frozenset({"phrase"}))
    words = phrase_field(body)
    if words is not None:
        phrases_only_here(request)
    return answer(await request.app[PARTS].network.phrases.remove(request.match_info["id"], words))


async def _typed(request: web.Request) -> dict[int, str]:
    """Words by their places."""
    given = (await body_of(request, fields=frozenset({"words"}))).get("words")
    if not isinstance(given, dict) or len(given) > PHRASE_WORDS:
        raise UserError("the request needs 'words': an object of words by their places")
    typed: dict[int, str] = {}
    for place, word in given.items():
        if place not in map(str, range(1, PHRASE_WORDS + 1)) or not isinstance(word, str):
            raise UserError(f"a phrase has the words number 1 to {PHRASE_WORDS}")
        typed[int(place)] = word
    return typed

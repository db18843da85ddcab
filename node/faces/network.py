"""Devices and pairing, and how this node stands with the rooms in which it meets them."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from node.doors.qr import modules
from node.errors import UserError
from node.faces.answers import answer, body_of, flag_field, text_field, whole_number
from node.faces.parts import PARTS
from node.faces.phrase import phrase_field
from node.faces.session import only_control, only_here
from node.wire.roster import Role

NEWS_TIMEOUT_S: Final = 25.0
MAX_EVENTS: Final = 10_000
_ONLY_HERE: Final = "devices are let in and put out on the computer itself only: over the network others could listen"


def routes(app: web.Application) -> None:
    app.router.add_get("/api/v1/network", network)
    app.router.add_get("/api/v1/doctor", doctor)
    app.router.add_get("/api/v1/devices", devices)
    app.router.add_patch("/api/v1/devices/{id}", rename)
    app.router.add_post("/api/v1/devices/{id}/revoke", revoke)
    app.router.add_post("/api/v1/pair", pair)
    app.router.add_get("/api/v1/pair/{id}/events", pair_events)
    app.router.add_post("/api/v1/pair/{id}/check", pair_check)
    app.router.add_delete("/api/v1/pair/{id}", pair_cancel)


async def network(request: web.Request) -> web.Response:
    return answer(await request.app[PARTS].network.as_json())


async def doctor(request: web.Request) -> web.Response:
    """What may keep this device from the others."""
    return answer({"findings": await request.app[PARTS].network.doctor.examine()})


async def devices(request: web.Request) -> web.Response:
    """Every device of the library, the most senior first."""
    return answer({"items": request.app[PARTS].network.devices.all()})


async def rename(request: web.Request) -> web.Response:
    body = await body_of(request, fields=frozenset({"name"}))
    found = request.app[PARTS].network.devices
    return answer(await found.rename(request.match_info["id"], text_field(body, "name", max_chars=200)))


async def revoke(request: web.Request) -> web.Response:
    """The device gets nothing new from now on; with {"phrase": words} in the name of that recovery phrase."""
    only_here(request, _ONLY_HERE)
    phrase = None
    if request.can_read_body:
        phrase = phrase_field(await body_of(request, fields=frozenset({"phrase"})))
    return answer(await request.app[PARTS].network.devices.revoke(request.match_info["id"], phrase))


async def pair(request: web.Request) -> web.Response:
    """Begin to let a device in; what happens comes by `events`."""
    only_here(request, _ONLY_HERE)
    body = await body_of(request, fields=frozenset({"role", "app", "anywhere"}))
    role = body.get("role", str(Role.PLAYER))
    if role not in (str(Role.OWNER), str(Role.PLAYER)):
        raise UserError("role is player or owner")
    if role == str(Role.OWNER):
        only_control(request)  # whoever got hold of one browser must not become an owner for good
    app_url = text_field(body, "app", max_chars=300) if body.get("app") else None
    anywhere = flag_field(body, "anywhere")
    started = request.app[PARTS].network.pairings.start(role=Role(role), app_url=app_url, anywhere=anywhere)
    return answer({"id": started.id, "tracker": started.tracker}, status=201)


async def pair_events(request: web.Request) -> web.Response:
    """Events from number `after` on; waits up to 25 s for one. The last event of a pairing is `end`."""
    found = request.app[PARTS].network.pairings.get(request.match_info["id"])
    after = whole_number(request, "after", 0, highest=MAX_EVENTS)
    events = await found.news_after(after, timeout_s=NEWS_TIMEOUT_S)
    shown = [{**event, "qr": modules(event["link"])} if event["event"] == "link" else event for event in events]
    return answer({"events": shown, "next": after + len(events)})


async def pair_check(request: web.Request) -> web.Response:
    """The six digits that the new device shows."""
    only_here(request, _ONLY_HERE)
    body = await body_of(request, fields=frozenset({"digits"}))
    found = request.app[PARTS].network.pairings.get(request.match_info["id"])
    found.type_digits(text_field(body, "digits", max_chars=40))
    return answer({"typed": True})


async def pair_cancel(request: web.Request) -> web.Response:
    request.app[PARTS].network.pairings.cancel(request.match_info["id"])
    return answer({"cancelled": True})

"""What a mock node keeps of its devices, and a pairing that goes as a test tells it."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from tests.client.mock_library import JSON


def device(name: str, role: str, **about: object) -> JSON:
    return {
        "id": f"id-{name}", "name": name, "role": role, "this": False, "active": True, "present": True, "linked": False,
        "seen_ms": time.time_ns() // 1_000_000, "budget_bytes": None, "held_bytes": None, "health": "", **about,
    }  # fmt: skip


class MockDevices:
    """Answers `devices`, `network`, `config` and `pair`; `tell` adds an event to the pairing that runs."""

    def __init__(self) -> None:
        away_ms = time.time_ns() // 1_000_000 - 40 * 86_400_000
        self.all = [
            device("Home PC", "owner", this=True, budget_bytes=0, held_bytes=31_000_000_000),
            device("Laptop in the den", "owner", present=False, seen_ms=away_ms, health="It was not seen for 40 days."),
            device("Pixel", "player", budget_bytes=1_000_000_000, held_bytes=640_000_000),
            device("Seed", "seed", held_bytes=52_000_000_000, budget_bytes=100_000_000_000),
            device("Old phone", "player", active=False, present=False, health="It was revoked."),
        ]
        self.app_address = ""
        self.asked: list[JSON] = []
        """Bodies of every pairing that was begun."""
        self.typed: list[str] = []
        self.cancelled = False
        self._events: list[JSON] = []
        self._news = asyncio.Event()

    def tell(self, event: str, **about: object) -> None:
        self._events.append({"event": event, **about})
        self._news.set()

    def add_to(self, app: web.Application) -> None:
        add = app.router.add_route
        add("GET", "/api/v1/devices", self._list)
        add("PATCH", "/api/v1/devices/{id}", self._rename)
        add("POST", "/api/v1/devices/{id}/revoke", self._revoke)
        add("GET", "/api/v1/network", self._network)
        add("GET", "/api/v1/config", self._config)
        add("POST", "/api/v1/pair", self._pair)
        add("GET", "/api/v1/pair/{id}/events", self._pair_events)
        add("POST", "/api/v1/pair/{id}/check", self._check)
        add("DELETE", "/api/v1/pair/{id}", self._cancel)

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": self.all})

    def _one(self, request: web.Request) -> JSON:
        return next(each for each in self.all if each["id"] == request.match_info["id"])

    async def _rename(self, request: web.Request) -> web.Response:
        found = self._one(request)
        found["name"] = (await request.json())["name"]
        return web.json_response(found)

    async def _revoke(self, request: web.Request) -> web.Response:
        found = self._one(request)
        found["active"] = False
        return web.json_response(found)

    async def _network(self, _request: web.Request) -> web.Response:
        rooms = [
            {"server": "wss://tracker.example.org", "joined": True, "trouble": ""},
            {"server": "wss://seed.example.net", "joined": False, "trouble": "It does not answer."},
        ]
        return web.json_response({"rooms": rooms, "links": 1})

    async def _config(self, _request: web.Request) -> web.Response:
        return web.json_response({"app": self.app_address})

    async def _pair(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        self._events = []
        return web.json_response({"id": "p1", "tracker": None}, status=201)

    async def _pair_events(self, request: web.Request) -> web.Response:
        after = int(request.query["after"])
        while len(self._events) <= after:
            self._news.clear()
            await self._news.wait()
        return web.json_response({"events": self._events[after:], "next": len(self._events)})

    async def _check(self, request: web.Request) -> web.Response:
        digits = (await request.json())["digits"]
        plain = "".join(digits.split())
        if len(plain) != 6 or not plain.isdigit():
            error = {"code": "invalid", "message": "a check code has 6 digits"}
            return web.json_response({"error": error}, status=422)
        self.typed.append(plain)
        return web.json_response({"typed": True})

    async def _cancel(self, _request: web.Request) -> web.Response:
        self.cancelled = True
        return web.json_response({"cancelled": True})

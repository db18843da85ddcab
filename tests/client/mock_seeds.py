"""Seeds that hold nothing, for the player to show."""

from __future__ import annotations

from aiohttp import web

from tests.client.mock_library import JSON


def seed(name: str, **changes: object) -> JSON:
    """A seed as the node's API tells it, half full and at peace but for the `changes`."""
    return {
        "id": name,
        "number": 1,
        "url": f"https://{name}.example.org",
        "state": "filled",
        "trouble": "",
        "reached_ms": 1_700_000_000_000,
        "quota_bytes": 40_000_000_000,
        "held_bytes": 21_300_000_000,
        "held": 9_120,
        "missing": 0,
        "missing_bytes": 0,
        "trash_bytes": 0,
        "days_left": None,
        "left_bytes": 18_700_000_000,
        "left_songs": 12_222,
        "left_out": 0,
        "left_out_bytes": 0,
        "left_out_of": {},
        "audit": {"time_ms": 1_700_000_000_000, "passed": 300, "failed": 0},
        "audits": {"passed": 31, "all": 31},
        "shrinking": None,
        **changes,
    }


def hosting(*libraries: JSON, **changes: object) -> JSON:
    """What a node that keeps up to 50 GB for others says of it."""
    disk = {"free_bytes": 400_000_000_000, "short_bytes": 0, "oldest_check_ms": None, "damaged_blobs": 0}
    seed = {
        "url": "http://192.0.2.7:7666",
        "started_ms": 1_700_000_000_000,
        "capacity_bytes": 50_000_000_000,
        "promised_bytes": 20_000_000_000 * len(libraries),
        "held_bytes": 7_000_000_000,
        "disk": {**disk, **changes},
        "pools": [],
        "libraries": list(libraries),
    }
    return {"host_bytes": 50_000_000_000, "trouble": "", "seed": seed}


class MockSeeds:
    """What the person's seeds say, and what the person told them."""

    def __init__(self) -> None:
        self.seeds: list[JSON] = []
        self.removals: list[JSON] = []
        self.hosting: JSON = {"host_bytes": 0, "trouble": "", "seed": None}
        self.wishes: list[JSON] = []
        """What seeds were asked for."""
        self.refusal: str | None = None
        """Why no seed is added; None: the next is."""

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/api/v1/seeds", self._seeds)
        app.router.add_post("/api/v1/seeds", self._add)
        app.router.add_post("/api/v1/seeds/{id}/shrink", self._shrink)
        app.router.add_get("/api/v1/hosting", self._hosting)
        app.router.add_get("/api/v1/removals", self._removals)
        app.router.add_post("/api/v1/undo", self._undo)

    async def _seeds(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": self.seeds})

    async def _add(self, request: web.Request) -> web.Response:
        self.wishes.append(await request.json())
        if self.refusal is not None:
            return web.json_response({"error": {"code": "not_found", "message": self.refusal}}, status=404)
        self.seeds.append(seed("pool"))
        return web.json_response(self.seeds[-1], status=201)

    async def _hosting(self, _request: web.Request) -> web.Response:
        return web.json_response(self.hosting)

    async def _shrink(self, request: web.Request) -> web.Response:
        [told] = [each for each in self.seeds if each["id"] == request.match_info["id"]]
        told["shrinking"] = None
        return web.json_response(told)

    async def _removals(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": self.removals})

    async def _undo(self, _request: web.Request) -> web.Response:
        return web.json_response({"restored": self.removals.pop(0)["tracks"]})

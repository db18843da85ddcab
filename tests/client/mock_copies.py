"""Invented whereabouts of the music: what the mock node says of devices and copies."""

from __future__ import annotations

from aiohttp import web

from tests.client.mock_library import JSON

GB = 1_000_000_000


def device(name: str, **more: object) -> JSON:
    return {
        "id": name, "name": name, "kind": "device", "this": False, "present": True, "asleep": False, "seen_ms": None,
        "reached": "lan", "budget_bytes": 50 * GB, "used_bytes": 31 * GB, "sealed": 2_400, "sources": 0,
        "originals": 1_190, "from_files": 0, "small": 0, "trusted": True, **more,
    }  # fmt: skip


def household() -> JSON:
    """A home PC with its files, a laptop, a NAS, a seed and a device that is away; copies are on their way."""
    return {
        "copies": 2,
        "paused": False,
        "budget_bytes": 0,
        "devices": [
            device("Home PC", this=True, reached=None, budget_bytes=0, used_bytes=0, originals=120, from_files=1_098),
            device("Ada’s laptop with a long name", originals=402, small=700, used_bytes=9 * GB),
            device("NAS in the attic", reached="direct", originals=1_002),
            device("Old desktop", present=False, asleep=True, reached=None, originals=210, seen_ms=1_750_000_000_000),
            device("seed.example", kind="seed", reached=None, originals=900),
        ],
        "songs": [{"copies": 1, "songs": 37}, {"copies": 2, "songs": 341}, {"copies": 3, "songs": 700},
                  {"copies": 4, "songs": 140}],
        "at_risk": {
            "songs": 37,
            "reasons": [
                {"why": "only as safe as its file on Home PC", "songs": 35},
                {"why": "only on Old desktop", "songs": 2},
            ],
            "examples": [{"track": "t1", "title": "Glass <b>1</b>", "why": "only on Old desktop"}],
        },
        "queue": {"blobs": 96, "bytes": 2_300_000_000, "left_s": 340, "from": [
            {"from": "NAS in the attic", "blobs": 90, "bytes": 2_200_000_000, "rate_bytes_per_s": 6_100_000,
             "left_s": 361},
            {"from": "Ada’s laptop with a long name", "blobs": 6, "bytes": 100_000_000, "rate_bytes_per_s": 0,
             "left_s": None},
        ]},
        "transfers": [
            {"from": "NAS in the attic", "kind": "original", "title": "Glass <b>7</b>", "done_bytes": 18_000_000,
             "total_bytes": 31_000_000, "rate_bytes_per_s": 640_000, "left_s": 20},
        ],
        "download": {"rate_bytes_per_s": 6_800_000, "limit_bytes_per_s": 0},
        "upload": {"rate_bytes_per_s": 310_000, "limit_bytes_per_s": 2_000_000, "total_bytes": 1_240_000_000, "to": [
            {"to": "seed.example", "rate_bytes_per_s": 0, "total_bytes": 1_200_000_000},
            {"to": "Ada’s laptop with a long name", "rate_bytes_per_s": 310_000, "total_bytes": 40_000_000},
        ]},
        "uploads": [
            {"to": "Ada’s laptop with a long name", "kind": "mobile", "title": "Glass <b>9</b>",
             "sent_bytes": 600_000, "total_bytes": 1_500_000, "rate_bytes_per_s": 310_000},
        ],
        "wishes": [],
        "removed": {"blobs": 12, "unseen": [{"name": "Old desktop", "seen_ms": 1_750_000_000_000}]},
        "trouble": "",
    }  # fmt: skip


class MockCopies:
    """Where the music lives, and what the person asked for."""

    def __init__(self) -> None:
        self.now = household()
        self.asked: list[tuple[str, JSON]] = []

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/api/v1/copies", self._show)
        app.router.add_post("/api/v1/copies/{what}", self._ask)
        app.router.add_patch("/api/v1/config", self._change)

    async def _show(self, _request: web.Request) -> web.Response:
        return web.json_response(self.now)

    async def _ask(self, request: web.Request) -> web.Response:
        self.asked.append((request.match_info["what"], await request.json()))
        kept = [{"reason": "only 1 of 2 other devices have proved to hold it sealed", "blobs": 3}]
        return web.json_response({"tracks": 12, "freed_blobs": 9, "freed_bytes": 300_000_000, "kept": kept})

    async def _change(self, request: web.Request) -> web.Response:
        wish = await request.json()
        self.asked.append(("config", wish))
        self.now["paused"] = wish.get("pause", self.now["paused"])
        self.now["budget_bytes"] = wish.get("budget_bytes", self.now["budget_bytes"])
        return web.json_response({})

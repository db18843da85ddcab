"""What a mock node keeps of stars, ratings, plays and playlists."""

from __future__ import annotations

import time
from collections.abc import Callable

from aiohttp import web

from tests.client.mock_library import JSON, MockLibrary


class MockPersonal:
    """Answers over one library; `changed` is called after every change."""

    def __init__(self, library: MockLibrary, changed: Callable[[], None]) -> None:
        self._library = library
        self._changed = changed
        self.playlists: dict[str, JSON] = {}
        """Id -> {name, comment, tracks: [ids]}."""
        self.plays: list[JSON] = []
        self.queue: JSON = {"tracks": [], "index": None, "position_ms": 0, "changed_ms": 0, "changed_by": ""}

    def add_to(self, app: web.Application) -> None:
        add = app.router.add_route
        for method in ("PUT", "DELETE"):
            add(method, "/api/v1/{kind:tracks|albums|artists}/{id}/{mark:star|rating}", self._mark)
        add("GET", "/api/v1/starred", self._starred)
        add("GET", "/api/v1/history", self._history)
        add("POST", "/api/v1/plays", self._play)
        add("GET", "/api/v1/queue", self._queue)
        add("PUT", "/api/v1/queue", self._save_queue)
        add("GET", "/api/v1/playlists", self._all)
        add("POST", "/api/v1/playlists", self._create)
        for method in ("GET", "PATCH", "DELETE"):
            add(method, "/api/v1/playlists/{id}", self._one)
        for method in ("PUT", "POST"):
            add(method, "/api/v1/playlists/{id}/tracks", self._tracks)

    def shown(self, playlist_id: str) -> JSON:
        kept = self.playlists[playlist_id]
        items = [self._library.tracks[track] for track in kept["tracks"]]
        return {
            "id": playlist_id, "name": kept["name"], "comment": kept["comment"], "tracks": len(items),
            "duration_ms": sum(track["duration_ms"] for track in items), "cover": items[0]["cover"] if items else None,
            "created_ms": 1, "changed_ms": 1, "items": items,
        }  # fmt: skip

    async def _mark(self, request: web.Request) -> web.Response:
        things: dict[str, JSON] = getattr(self._library, request.match_info["kind"])
        thing = things[request.match_info["id"]]
        putting = request.method == "PUT"
        if request.match_info["mark"] == "star":
            thing["starred_ms"] = time.time_ns() // 1_000_000 if putting else None
        else:
            thing["rating"] = (await request.json())["rating"] if putting else None
        self._changed()
        return web.json_response({})

    async def _starred(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                kind: [thing for thing in getattr(self._library, kind).values() if thing.get("starred_ms")]
                for kind in ("artists", "albums", "tracks")
            }
        )

    async def _history(self, request: web.Request) -> web.Response:
        limit = int(request.query["limit"])
        played = [track for track in self._library.tracks.values() if track.get("plays")]
        recent = sorted(played, key=lambda track: -int(track["played_ms"]))[:limit]
        most = sorted(played, key=lambda track: -int(track["plays"]))[:limit]
        return web.json_response({"recent": recent, "most": most})

    async def _play(self, request: web.Request) -> web.Response:
        told = await request.json()
        self.plays.append(told)
        track = self._library.tracks[told["track"]]
        track["plays"] = track.get("plays", 0) + 1
        track["played_ms"] = told["played_ms"]
        self._changed()
        return web.json_response({})

    async def _queue(self, _request: web.Request) -> web.Response:
        return web.json_response(self.queue)

    async def _save_queue(self, request: web.Request) -> web.Response:
        self.queue = {**await request.json(), "changed_ms": time.time_ns() // 1_000_000}
        return web.json_response(self.queue)

    async def _all(self, _request: web.Request) -> web.Response:
        rows = sorted((self.shown(each) for each in self.playlists), key=lambda row: str(row["name"]))
        return web.json_response({"items": [{**row, "items": None} for row in rows]})

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        made = f"playlist{time.time_ns()}"
        self.playlists[made] = {"comment": "", **body}
        self._changed()
        return web.json_response(self.shown(made), status=201)

    async def _one(self, request: web.Request) -> web.Response:
        named = request.match_info["id"]
        if named not in self.playlists:
            error = {"code": "not_found", "message": "There is no such playlist."}
            return web.json_response({"error": error}, status=404)
        if request.method == "DELETE":
            del self.playlists[named]
            self._changed()
            return web.json_response({"deleted": True})
        if request.method == "PATCH":
            body = await request.json()
            kept = self.playlists[named]
            kept["name"] = body.get("name", kept["name"])
            gone = body.get("remove", [])
            kept["tracks"] = [track for at, track in enumerate(kept["tracks"]) if at not in gone]
            self._changed()
        return web.json_response(self.shown(named))

    async def _tracks(self, request: web.Request) -> web.Response:
        kept = self.playlists[request.match_info["id"]]
        tracks = (await request.json())["tracks"]
        kept["tracks"] = tracks if request.method == "PUT" else kept["tracks"] + tracks
        self._changed()
        return web.json_response(self.shown(request.match_info["id"]))

"""A node without music: the HTTP API over an invented library, to try the player against.

Run `python -m tests.client.mock_node --tracks 50000` and open the address it prints.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from tests.client.mock_copies import MockCopies
from tests.client.mock_devices import MockDevices
from tests.client.mock_library import JSON, MockLibrary, large_library, small_library
from tests.client.mock_lists import MockLists, fail
from tests.client.mock_media import RATE_HZ, cover_svg, tone
from tests.client.mock_personal import MockPersonal
from tests.client.mock_seeds import MockSeeds

CLIENT = Path(__file__).parents[2] / "client"
CODE, TOKEN, MEDIA_KEY, PASSWORD = "code-1", "token-1", "media-1", "open sesame"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
WORDS = [f"word{number:02d}" for number in range(1, 25)]


Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MockNode:
    """Serves one library; tests change it and look at what was asked for."""

    def __init__(self, library: MockLibrary, *, phrase_confirmed: bool = True) -> None:
        self.library = library
        self.phrase_confirmed = phrase_confirmed
        self.asked: list[str] = []
        """Path and query of every API request, in order."""
        self.broken_streams: dict[str, int] = {}
        """Track id -> status that its stream answers with."""
        self.originals_at: float | None = None
        """Originals come so many times as fast as they play, from 16 seconds of them on; None: at once."""
        self.delay_s: Callable[[web.Request], float] = lambda _request: 0.0
        self.jobs: dict[str, JSON] = {}
        self.folders: list[JSON] = [
            {"id": "f1", "path": "/home/ada/Music", "state": "present", "tracks": len(library.tracks), "note": ""},
            {"id": "f2", "path": "/media/old-drive/Vinyl rips", "state": "away", "tracks": 0, "note": ""},
        ]
        self.lyrics: dict[str, JSON] = {}
        self.lists = MockLists(lambda: self.library, self.changed)
        self.personal = MockPersonal(library, self.changed)
        self.seeds = MockSeeds()
        self.copies = MockCopies()
        self.devices = MockDevices()
        self._listeners: set[asyncio.Queue[tuple[str, JSON] | None]] = set()

    def changed(self) -> None:
        """Tell every listener that the library is not what it was."""
        self.library.revision += 1
        self.tell("changed", {"revision": self.library.revision})

    def tell(self, event: str, data: JSON) -> None:
        for queue in self._listeners:
            queue.put_nowait((event, data))

    def hang_up(self) -> None:
        """End every event stream."""
        for queue in self._listeners:
            queue.put_nowait(None)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        routes: list[tuple[str, str, Endpoint]] = [
            ("POST", "session", self._session),
            ("DELETE", "session", self._no_content),
            ("GET", "library", self._library),
            ("GET", "phrase", self._phrase),
            ("GET", "phrase/challenge", self._challenge),
            ("POST", "phrase/confirm", self._confirm),
            ("GET", "tracks/{id}/stream", self._stream),
            ("GET", "tracks/{id}/lyrics", self._lyrics),
            ("GET", "covers/{id}", self._cover),
            ("GET", "events", self._events),
            ("GET", "status", self._status),
            ("GET", "app-passwords", self._app_passwords),
            ("POST", "folders", self._add_folder),
            ("DELETE", "folders/{id}", self._remove_folder),
            ("POST", "verify", self._verify),
        ]
        for method, path, answer in routes:
            app.router.add_route(method, f"/api/v1/{path}", answer)
        self.lists.add_to(app)
        self.personal.add_to(app)
        self.seeds.add_to(app)
        self.copies.add_to(app)
        self.devices.add_to(app)
        app.router.add_get("/{path:.*}", self._file)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Endpoint) -> web.StreamResponse:
        if request.path.startswith("/api/"):
            self.asked.append(request.path_qs)
            media = request.path.endswith("/stream") or "/covers/" in request.path
            signed_in = request.headers.get("Authorization") == f"Bearer {TOKEN}" or (
                media and request.query.get("key") == MEDIA_KEY
            )
            if not signed_in and request.path != "/api/v1/session":
                return fail(401, "unauthorized", "Sign in first.")
            await asyncio.sleep(self.delay_s(request))
        return await handler(request)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = (CLIENT / request.match_info["path"]).resolve()
        found = path if path.is_file() and path.is_relative_to(CLIENT) else CLIENT / "index.html"
        headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return web.FileResponse(found, headers=headers)

    async def _session(self, request: web.Request) -> web.Response:
        proof = await request.json()
        if proof.get("code") != CODE and proof.get("password") != PASSWORD:
            return fail(401, "unauthorized", "That code or password is not right.")
        return web.json_response(
            {"token": TOKEN, "media_key": MEDIA_KEY, "expires_ms": int(time.time() * 1000) + 10**9}
        )

    async def _no_content(self, _request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _library(self, _request: web.Request) -> web.Response:
        library = self.library
        return web.json_response(
            {
                "library": "lib-7f3a",
                "device": "home-pc",
                "version": "0.1.0",
                "revision": library.revision,
                "phrase_confirmed": self.phrase_confirmed,
                "counts": {
                    "tracks": len(library.tracks),
                    "albums": len(library.albums),
                    "artists": len(library.artists),
                    "genres": len(library.genre_counts()),
                },
                "duration_ms": sum(track["duration_ms"] for track in library.tracks.values()),
            }
        )

    async def _phrase(self, _request: web.Request) -> web.Response:
        return (
            fail(404, "not_found", "Confirmed already.")
            if self.phrase_confirmed
            else web.json_response(
                {"words": WORDS, "trackers": ["wss://post.example"], "seeds": ["https://seed.example"]}
            )
        )

    async def _challenge(self, _request: web.Request) -> web.Response:
        return web.json_response({"positions": [3, 11, 20]})

    async def _confirm(self, request: web.Request) -> web.Response:
        words = (await request.json())["words"]
        if words != {str(n): WORDS[n - 1] for n in (3, 11, 20)}:
            return fail(422, "invalid", "One of these words is not right. Look at your paper again.")
        self.phrase_confirmed = True
        return web.json_response({"confirmed": True})

    async def _lyrics(self, request: web.Request) -> web.Response:
        lyrics = self.lyrics.get(request.match_info["id"])
        return web.json_response(lyrics) if lyrics else fail(404, "not_found", "No lyrics.")

    async def _cover(self, request: web.Request) -> web.Response:
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return web.Response(text=cover_svg(request.match_info["id"]), content_type="image/svg+xml", headers=headers)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        track = self.library.tracks.get(request.match_info["id"])
        if track is None:
            return fail(404, "not_found", "This song is not in the library.")
        if track["id"] in self.broken_streams:
            return fail(self.broken_streams[track["id"]], "damaged", "This song is damaged.")
        data = tone(track["id"], track["duration_ms"])
        wanted = request.http_range
        headers = {"Accept-Ranges": "bytes", "Content-Type": "audio/wav"}
        if wanted.start is None and wanted.stop is None:
            return web.Response(body=data, headers=headers)
        part = data[wanted]
        start = wanted.start if wanted.start >= 0 else len(data) + wanted.start
        headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
        if self.originals_at is not None and request.query["rendition"] == "original":
            return await self._slowly(request, part, headers, self.originals_at)
        return web.Response(status=206, body=part, headers=headers)

    async def _slowly(
        self, request: web.Request, part: bytes, headers: dict[str, str], speed: float
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=206, headers={**headers, "Content-Length": str(len(part))})
        await response.prepare(request)
        a_second = 2 * RATE_HZ
        with contextlib.suppress(ConnectionError):
            await response.write(part[: 16 * a_second])
            for at in range(16 * a_second, len(part), a_second // 10):
                await asyncio.sleep(0.1 / speed)
                await response.write(part[at : at + a_second // 10])
        return response

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        queue: asyncio.Queue[tuple[str, JSON] | None] = asyncio.Queue()
        self._listeners.add(queue)
        queue.put_nowait(("changed", {"revision": self.library.revision}))
        try:
            while told := await queue.get():
                await response.write(f"event: {told[0]}\ndata: {json.dumps(told[1])}\n\n".encode())
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._listeners.discard(queue)
        return response

    async def _app_passwords(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": []})

    async def _status(self, _request: web.Request) -> web.Response:
        notices = [
            {"level": "warning", "text": f"{f['path']} is away. Nothing is lost."}
            for f in self.folders
            if f["state"] == "away"
        ]
        store = {
            "sealed": {"cache_bytes": 79_000_000_000, "pinned_bytes": 1_900_000_000, "damaged_blobs": 0},
            "left_to_seal": {"files": 812, "bytes": 7_400_000_000},
            "left_to_render": {"files": 0, "bytes": 0},
            "disk_free_bytes": 212_000_000_000,
        }
        return web.json_response(
            {"folders": self.folders, "jobs": list(self.jobs.values()), "store": store, "notices": notices}
        )

    async def _add_folder(self, request: web.Request) -> web.Response:
        asked = await request.json()
        path = asked["path"]
        if not path.startswith("/"):
            return fail(422, "invalid", f"{path} is not a folder on this computer.")
        if path == "/home/ana" and not asked.get("sure"):
            return fail(403, "unsure", f"{path} is your whole home folder.")
        folder = {"id": f"f{len(self.folders) + 1}", "path": path, "state": "present", "tracks": 0, "note": ""}
        self.folders.append(folder)
        return web.json_response(folder)

    async def _remove_folder(self, request: web.Request) -> web.Response:
        self.folders = [folder for folder in self.folders if folder["id"] != request.match_info["id"]]
        return web.Response(status=204)

    async def _verify(self, _request: web.Request) -> web.Response:
        job = mock_job("j-verify", kind="verify", phase="reading")
        self.jobs[job["id"]] = job
        self.tell("progress", {"job": job})
        return web.json_response({"job": job})


def mock_job(job_id: str, *, kind: str = "add", phase: str = "reading tags", state: str = "running") -> JSON:
    return {
        "id": job_id,
        "kind": kind,
        "state": state,
        "phase": phase,
        "files_done": 1_204,
        "files_total": 3_000,
        "bytes_done": 9_100_000_000,
        "bytes_total": 24_000_000_000,
        "rate_bytes_per_s": 148_000_000,
        "left_s": 101,
        "failed": [
            {"path": "/home/ada/Music/broken/track 03.mp3", "reason": "This is a picture, not a song."},
            {"path": "/home/ada/Music/empty.flac", "reason": "The file is empty."},
        ],
        "result": None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tracks", type=int, default=12)
    parser.add_argument("--port", type=int, default=7700)
    parser.add_argument("--first-run", action="store_true", help="the recovery phrase is not confirmed yet")
    options = parser.parse_args()
    library = small_library() if options.tracks <= 12 else large_library(options.tracks)
    node = MockNode(library, phrase_confirmed=not options.first_run)
    node.jobs["j1"] = mock_job("j1")
    for track in library.tracks.values():
        lines = [{"time_ms": second * 4_000, "text": f"Line {second + 1} of {track['title']}"} for second in range(40)]
        node.lyrics[track["id"]] = {"synced": True, "lines": lines}
    print(f"http://127.0.0.1:{options.port}/#signin={CODE}")
    web.run_app(node.app(), host="127.0.0.1", port=options.port, print=None)


if __name__ == "__main__":
    main()

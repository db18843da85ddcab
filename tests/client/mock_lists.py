"""What a mock node answers about tracks, albums, artists and genres: lists, pages of one, and searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from tests.client.mock_library import JSON, MockLibrary

PAGE_LIMIT = 500

SORTS: dict[str, Callable[[JSON], object]] = {
    "title": lambda t: t["title"].casefold(),
    "name": lambda t: t["name"].casefold(),
    "artist": lambda t: (", ".join(a["name"] for a in t["artists"]).casefold(), t["year"] or 0, t.get("track_no", 0)),
    "album": lambda t: (t["album"]["name"].casefold(), t["disc_no"], t["track_no"]),
    "added": lambda t: t["added_ms"],
    "year": lambda t: t["year"] or 0,
    "duration": lambda t: t["duration_ms"],
}


def fail(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


class MockLists:
    """Answers over the library that there is now; `changed` is called after a track was hidden."""

    def __init__(self, now: Callable[[], MockLibrary], changed: Callable[[], None]) -> None:
        self._now = now
        self._changed = changed
        self._sorted: dict[tuple[object, ...], list[JSON]] = {}

    @property
    def _library(self) -> MockLibrary:
        return self._now()

    def add_to(self, app: web.Application) -> None:
        get = app.router.add_get
        get("/api/v1/tracks", self._tracks)
        get("/api/v1/tracks/{id}", self._track)
        app.router.add_delete("/api/v1/tracks/{id}", self._hide)
        get("/api/v1/albums", self._albums)
        get("/api/v1/albums/{id}", self._album)
        get("/api/v1/artists", self._artists)
        get("/api/v1/artists/{id}", self._artist)
        get("/api/v1/genres", self._genres)
        get("/api/v1/search", self._search)

    def _page(self, request: web.Request, kind: str, things: Sequence[JSON]) -> web.Response:
        query = request.query
        sort = query.get("sort", "title" if kind == "tracks" else "name")
        wanted = query.get("artist"), query.get("genre"), query.get("album")
        key = (self._library.revision, kind, sort, query.get("order"), wanted)
        if key not in self._sorted:
            chosen = [t for t in things if self._matches(t, *wanted)]
            chosen.sort(key=lambda t: str(t["id"]))
            chosen.sort(key=SORTS[sort], reverse=query.get("order") == "desc")  # type: ignore[arg-type]
            self._sorted[key] = chosen
        offset, limit = int(query.get("offset", 0)), min(PAGE_LIMIT, int(query.get("limit", 100)))
        return web.json_response({"total": len(self._sorted[key]), "items": self._sorted[key][offset : offset + limit]})

    @staticmethod
    def _matches(thing: JSON, artist: str | None, genre: str | None, album: str | None) -> bool:
        return (
            (artist is None or any(a["id"] == artist for a in thing["artists"]))
            and (genre is None or genre in thing["genres"])
            and (album is None or thing["album"]["id"] == album)
        )

    async def _tracks(self, request: web.Request) -> web.Response:
        return self._page(request, "tracks", list(self._library.tracks.values()))

    async def _albums(self, request: web.Request) -> web.Response:
        return self._page(request, "albums", list(self._library.albums.values()))

    async def _artists(self, request: web.Request) -> web.Response:
        return self._page(request, "artists", list(self._library.artists.values()))

    async def _track(self, request: web.Request) -> web.Response:
        track = self._library.tracks.get(request.match_info["id"])
        if track is None:
            return fail(404, "not_found", "This song is not in the library.")
        path = f"{track['artists'][0]['name']}/{track['title']}.wav"
        return web.json_response(
            {
                **track,
                "sources": [{"path": path, "folder": "f1", "state": "present"}],
                "originals": [],
                "mobile": None,
                "tags": {},
            }
        )

    async def _hide(self, request: web.Request) -> web.Response:
        self._library.tracks.pop(request.match_info["id"], None)
        self._changed()
        return web.Response(status=204)

    async def _album(self, request: web.Request) -> web.Response:
        album = self._library.albums.get(request.match_info["id"])
        if album is None:
            return fail(404, "not_found", "This album is not in the library.")
        return web.json_response({**album, "tracks": self._library.tracks_of(album["id"])})

    async def _artist(self, request: web.Request) -> web.Response:
        artist = self._library.artists.get(request.match_info["id"])
        if artist is None:
            return fail(404, "not_found", "This artist is not in the library.")
        albums = [a for a in self._library.albums.values() if a["artists"][0]["id"] == artist["id"]]
        tracks = [t for album in albums for t in self._library.tracks_of(album["id"])]
        return web.json_response({**artist, "albums": albums, "appears_on": [], "tracks": tracks[:500]})

    async def _genres(self, _request: web.Request) -> web.Response:
        counts = self._library.genre_counts()
        return web.json_response({"total": len(counts), "items": counts})

    async def _search(self, request: web.Request) -> web.Response:
        words = request.query["q"].casefold().split()
        limit = int(request.query.get("limit", 20))

        def found(things: dict[str, JSON], name: str) -> list[JSON]:
            return [t for t in things.values() if all(word in t[name].casefold() for word in words)][:limit]

        library = self._library
        return web.json_response(
            {
                "artists": found(library.artists, "name"),
                "albums": found(library.albums, "name"),
                "tracks": found(library.tracks, "title"),
            }
        )

"""A seed's HTTP addresses (docs/PROTOCOL.md, "Seeds")."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from aiohttp import StreamReader, web

from node import __version__
from node.crypto.keys import MemberPublic
from node.crypto.labels import CHUNK_BYTES, PIECE_BYTES
from node.doors.swarm import Endpoint
from node.errors import (
    DamagedError,
    NotFoundError,
    PeerError,
    RefusedError,
    SongkeepError,
    StorageError,
    UnavailableError,
    UserError,
)
from node.ids import BlobRoot, LibraryId, from_text, to_text
from node.seed.clock import Now
from node.seed.keeper import Keeper
from node.seed.ledger import Ledger
from node.seed.schema import State
from node.seed.sessions import Sessions, is_owner
from node.wire import codec, seedapi
from node.wire.heads import MAX_HEADS_BYTES, read_heads
from node.wire.holdlist import MAX_LIST_BYTES, read_hold_list
from node.wire.roster import MAX_ENTRIES, Member, Roster, extend, read_roster
from node.wire.volume import MAX_PACKED_BYTES, read_volume

log = logging.getLogger(__name__)

MAX_LIST_REQUEST_BYTES: Final = 48 << 20
MAX_GIVEN_VOLUMES: Final = 4_096
MAX_VOLUMES_ASKED: Final = 64
READ_BYTES: Final = 16 * PIECE_BYTES
_RANGE: Final = re.compile(r"bytes=(\d{1,15})-(\d{0,15})\Z")
_STATUS: Final[tuple[tuple[type[SongkeepError], int, str], ...]] = (
    (seedapi.CapabilityError, 401, "sign_in"),
    (NotFoundError, 404, "not_found"),
    (UserError, 400, "bad_request"),
    (PeerError, 400, "malformed"),
    (RefusedError, 403, "refused"),
    (DamagedError, 409, "damaged"),
    (StorageError, 507, "no_room"),
    (UnavailableError, 503, "unavailable"),
)
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Range",
    "Access-Control-Allow-Methods": "GET, HEAD, PUT, POST",
    "Access-Control-Expose-Headers": "Content-Range, Accept-Ranges",
    "Access-Control-Max-Age": "86400",
}
"""Any page may ask: what opens a seed is the capability, and no browser sends that by itself."""

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def _parts(content: StreamReader) -> AsyncIterator[bytes]:
    async for part in content.iter_chunked(READ_BYTES):
        yield part


class SeedApi:
    """Everything under /v1 but the rooms."""

    def __init__(
        self,
        *,
        public: MemberPublic,
        ledger: Ledger,
        sessions: Sessions,
        keeper: Keeper,
        check: Callable[[LibraryId, BlobRoot], Awaitable[bool]],
        on_roster: Callable[[Roster], Awaitable[None]],
        dialled: Callable[[web.Request], str],
        client_address: Callable[[web.Request], str],
        now_ms: Now,
    ) -> None:
        """`check` reads a blob again, `on_roster` hears of one that grew, `dialled` names the host of a proof."""
        self._public = public
        self._ledger = ledger
        self._sessions = sessions
        self._keeper = keeper
        self._check_blob = check
        self._on_roster = on_roster
        self._dialled = dialled
        self._client_address = client_address
        self._now_ms = now_ms

    def add_to(self, app: web.Application) -> None:
        routes: tuple[tuple[str, str, Answer], ...] = (
            ("GET", "/v1/seed", self._seed),
            ("GET", "/v1/challenge", self._challenge),
            ("POST", "/v1/invitation", self._invitation),
            ("POST", "/v1/join", self._join),
            ("POST", "/v1/session", self._session),
            ("POST", "/v1/present", self._present),
            ("GET", "/v1/roster", self._roster),
            ("PUT", "/v1/roster", self._put_roster),
            ("GET", "/v1/heads", self._heads),
            ("PUT", "/v1/heads", self._put_heads),
            ("GET", "/v1/list", self._list),
            ("PUT", "/v1/list", self._put_list),
            ("GET", "/v1/volumes", self._volumes),
            ("GET", "/v1/held", self._held),
            ("POST", "/v1/check", self._check),
            ("GET", "/v1/blobs/{root}", self._blob),
        )
        for method, path, answer in routes:
            app.router.add_route(method, path, answer)
        app.router.add_put("/v1/blobs/{root}", self._put_blob, expect_handler=self._expect_blob)
        app.router.add_route("OPTIONS", "/v1/{rest:.*}", _preflight)

    # anybody

    async def _seed(self, _request: web.Request) -> web.Response:
        return _packed([self._public.sign, self._public.receive, {"version": __version__}])

    async def _challenge(self, _request: web.Request) -> web.Response:
        return _packed(self._sessions.challenge())

    async def _invitation(self, request: web.Request) -> web.Response:
        token = codec.fixed_bytes(await _body(request, 64), 32, "an invitation")
        found = await self._ledger.invitation(token)
        return _packed({"quota_bytes": found.quota_bytes})

    async def _join(self, request: web.Request) -> web.Response:
        asked = seedapi.read_join(await _body(request, seedapi.MAX_JOIN_BYTES), host=self._dialled(request))
        self._sessions.spend(asked.nonce)
        roster = read_roster(asked.entries[: MAX_ENTRIES + 1])
        if not is_owner(roster, asked.member):
            raise RefusedError("only an owner of a library can give it to a seed")
        roster.member(self._public.id)
        facts = await self._ledger.join(seedapi.invite_token(asked.secret), roster, now_ms=self._now_ms())
        log.info("library_joined number=%d quota_bytes=%d", facts.number, facts.quota_bytes)
        return _packed({"quota_bytes": facts.quota_bytes})

    async def _session(self, request: web.Request) -> web.Response:
        asked = seedapi.read_session(await _body(request, seedapi.SESSION_BYTES), host=self._dialled(request))
        opened = await self._sessions.open(asked)
        return _packed([[library, capability] for library, capability in opened])

    # members

    async def _member(self, request: web.Request) -> tuple[Roster, Member]:
        """Whoever shows a capability, in the header or the address."""
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("cap", "")
        return await self._sessions.check(shown)

    async def _owner(self, request: web.Request) -> Roster:
        roster, member = await self._member(request)
        if not member.role.rules:
            raise RefusedError("only an owner may change what the seed keeps")
        return roster

    async def _present(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        body = codec.unpack(await _body(request, 1_024), max_bytes=1_024)
        port = codec.natural(body.get("swarm_port") if isinstance(body, dict) else None, 65_535, "a port")
        if port:
            await self._keeper.present(roster.library, Endpoint(self._client_address(request), port))
        return _packed({"swarm_port": self._keeper.swarm_port})

    async def _roster(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        return _packed(list(roster.entries))

    async def _put_roster(self, request: web.Request) -> web.Response:
        known, _ = await self._member(request)
        entries = codec.unpack(await _body(request, seedapi.MAX_JOIN_BYTES), max_bytes=seedapi.MAX_JOIN_BYTES)
        if not isinstance(entries, list) or not all(isinstance(entry, bytes) for entry in entries):
            raise PeerError("a roster is not a list of entries")
        longer = extend(known, entries)
        await self._ledger.keep(longer)
        await self._on_roster(longer)
        return _packed(len(longer.entries))

    async def _heads(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        return _packed(await self._ledger.heads(roster.library))

    async def _put_heads(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        heads = read_heads(await _body(request, MAX_HEADS_BYTES), roster)
        return _packed({"wanted": await self._ledger.put_heads(heads)})

    async def _list(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        facts = await self._ledger.facts(roster.library)
        return _packed(facts.list_record)

    async def _put_list(self, request: web.Request) -> web.Response:
        roster = await self._owner(request)
        body = codec.unpack(await _body(request, MAX_LIST_REQUEST_BYTES), max_bytes=MAX_LIST_REQUEST_BYTES)
        record, packed = codec.array(body, 2, "a list's request")[:2]
        hold = read_hold_list(codec.bounded_bytes(record, MAX_LIST_BYTES, "a hold list"), roster)
        if not isinstance(packed, list) or len(packed) > MAX_GIVEN_VOLUMES:
            raise PeerError("a list's request gives too many volumes at once")
        given = [read_volume(codec.bounded_bytes(each, MAX_PACKED_BYTES, "a volume")) for each in packed]
        known = {volume.id for volume in given}
        missing = await self._ledger.missing_volumes(
            roster.library, [volume.id for volume in hold.volumes if volume.id not in known]
        )
        if missing:
            return _packed({"missing": missing})
        await self._ledger.take_list(hold, given, now_ms=self._now_ms())
        self._keeper.list_changed(roster.library)
        log.info("list_taken library=%s serial=%d", to_text(roster.library)[:8], hold.serial)
        return _packed({"missing": []})

    async def _volumes(self, request: web.Request) -> web.Response:
        """Contents of listed volumes: [[packed, tag], ...] from `after` on, a page at a time."""
        roster, _ = await self._member(request)
        after = _id_of(request.query["after"]) if "after" in request.query else b""
        listed = sorted(await self._ledger.volumes(roster.library), key=lambda each: each[0].id)
        page = [[volume.packed, tag] for volume, tag in listed if volume.id > after][:MAX_VOLUMES_ASKED]
        return _packed(page)

    async def _held(self, request: web.Request) -> web.Response:
        """How much of the list is here, and for one volume exactly which blobs, as a byte each."""
        roster, _ = await self._member(request)
        if "volume" in request.query:
            wanted = _id_of(request.query["volume"])
            for volume, _tag in await self._ledger.volumes(roster.library):
                if volume.id == wanted:
                    known = await self._ledger.blobs(roster.library, (blob.root for blob in volume.blobs))
                    return _packed(bytes(known[blob.root].state == State.HELD for blob in volume.blobs))
            raise NotFoundError("that volume is not listed")
        facts = await self._ledger.facts(roster.library)
        usage = await self._ledger.usage(roster.library)
        return _packed(
            {
                "serial": facts.list_serial,
                "quota_bytes": facts.quota_bytes,
                "bytes": {int(state): total for state, total in usage.bytes_by_state.items()},
                "blobs": {int(state): total for state, total in usage.blobs_by_state.items()},
            }
        )

    async def _check(self, request: web.Request) -> web.Response:
        """Read some blobs again now, since a device found them damaged."""
        roster, _ = await self._member(request)
        body = codec.unpack(await _body(request, 4_096), max_bytes=4_096)
        roots = codec.array(body, 0, "blobs to check")[: seedapi.MAX_CHECKED]
        whole = [
            await self._check_blob(roster.library, BlobRoot(codec.fixed_bytes(root, 32, "a blob's name")))
            for root in roots
        ]
        return _packed(whole)

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        """A held blob's sealed bytes, or one range of them."""
        roster, _ = await self._member(request)
        root = BlobRoot(_id_of(request.match_info["root"]))
        reader = await self._keeper.open_blob(roster.library, root)
        with reader:
            start, stop = _range(request, reader.size_bytes)
            headers = {**_CORS, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
            headers["Cache-Control"] = "private, max-age=31536000, immutable"
            headers["Content-Length"] = str(stop - start)
            if "Range" in request.headers:
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{reader.size_bytes}"
            response = web.StreamResponse(status=206 if "Range" in request.headers else 200, headers=headers)
            await response.prepare(request)
            await self._send(request, response, reader.chunks, start, stop)
        return response

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        chunks: Callable[[int, int], bytes],
        start: int,
        stop: int,
    ) -> None:
        if request.method == "HEAD":
            return
        at = start
        while at < stop:
            first = at // CHUNK_BYTES
            data = await asyncio.to_thread(chunks, first, READ_BYTES // CHUNK_BYTES)
            part = data[at - first * CHUNK_BYTES : stop - first * CHUNK_BYTES]
            if not part:
                raise DamagedError("a blob's file is shorter than it was")
            await response.write(part)
            at += len(part)

    async def _expect_blob(self, request: web.Request) -> web.Response | None:
        """Says no before a device has sent a whole blob for nothing (RFC 9110, 10.1.1)."""
        try:
            roster, _ = await self._member(request)
            await self._keeper.push(roster.library, BlobRoot(_id_of(request.match_info["root"])))
        except SongkeepError as error:
            return _refusal(error)
        if request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    async def _put_blob(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        push = await self._keeper.push(roster.library, BlobRoot(_id_of(request.match_info["root"])))
        await push.take(_parts(request.content))
        return _packed(True)


@web.middleware
async def answer_errors(request: web.Request, handler: Answer) -> web.StreamResponse:
    """Our errors as {"error": {code, message}}; CORS on every answer."""
    try:
        response = await handler(request)
    except SongkeepError as error:
        response = _refusal(error)
    if not response.prepared:
        response.headers.update(_CORS)
    return response


def _refusal(error: SongkeepError) -> web.Response:
    status, code = next((status, code) for kind, status, code in _STATUS if isinstance(error, kind))
    log.info("request_refused status=%d code=%s", status, code)
    return web.json_response({"error": {"code": code, "message": str(error)}}, status=status, headers=_CORS)


async def _preflight(_request: web.Request) -> web.Response:
    return web.Response(status=204)


def _packed(value: Any) -> web.Response:
    return web.Response(body=codec.pack(value), content_type="application/msgpack")


async def _body(request: web.Request, max_bytes: int) -> bytes:
    if (request.content_length or 0) > max_bytes:
        raise PeerError("a request is too long")
    body = bytearray()
    async for part in request.content.iter_chunked(1 << 16):
        body += part
        if len(body) > max_bytes:
            raise PeerError("a request is too long")
    return bytes(body)


def _id_of(text: str) -> bytes:
    raw = from_text(text)
    if len(raw) != 32:
        raise UserError("that is not a name of 32 bytes")
    return raw


def _range(request: web.Request, size: int) -> tuple[int, int]:
    """First byte and the one after the last. Raises 416."""
    asked = request.headers.get("Range")
    if asked is None:
        return 0, size
    found = _RANGE.match(asked)
    if found is None or int(found[1]) >= size or (found[2] and int(found[2]) < int(found[1])):
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return int(found[1]), min(int(found[2]) + 1 if found[2] else size, size)

"""A seed's HTTP addresses (docs/PROTOCOL.md, "Seeds")."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from node import __version__
from node.crypto.keys import MemberKeys
from node.crypto.labels import CHUNK_BYTES
from node.doors.swarm import Endpoint
from node.errors import (
    DamagedError,
    NotFoundError,
    PeerError,
    RefusedError,
    SongkeepError,
)
from node.ids import BlobRoot, LibraryId, to_text
from node.seed.answers import CORS, READ_BYTES, Answer, id_of, packed, parts_of, preflight, range_of, refusal
from node.seed.bodies import Bodies
from node.seed.clock import Now
from node.seed.keeper import Keeper
from node.seed.ledger import Ledger
from node.seed.schema import State
from node.seed.sessions import Sessions, is_owner
from node.seed.traffic import Tally, Traffic
from node.wire import codec, seedapi
from node.wire.grants import check_grant, read_grant
from node.wire.heads import MAX_HEADS_BYTES, read_heads
from node.wire.holdlist import MAX_LIST_BYTES, read_hold_list
from node.wire.roster import MAX_ENTRIES, Member, Roster, extend, read_roster
from node.wire.usage import sign_kept
from node.wire.volume import MAX_PACKED_BYTES, read_volume

log = logging.getLogger(__name__)

MAX_LIST_REQUEST_BYTES: Final = 48 << 20
MAX_GIVEN_VOLUMES: Final = 4_096
MAX_UNREAD_BYTES: Final = 64 << 20
"""Of large requests at once: so much of strangers' and as much of members', neither of whom wait for the others."""
MAX_VOLUMES_ASKED: Final = 64
FREE_FOR_MS: Final = 5_000
"""So long what is free is told again without being counted anew: anybody may ask."""


class SeedApi:
    """Everything under /v1 but the rooms."""

    def __init__(
        self,
        *,
        keys: MemberKeys,
        ledger: Ledger,
        sessions: Sessions,
        keeper: Keeper,
        check: Callable[[LibraryId, BlobRoot], Awaitable[bool]],
        on_roster: Callable[[Roster], Awaitable[None]],
        trackers: frozenset[bytes],
        traffic: Traffic,
        capacity_bytes: int,
        free_bytes: Callable[[], Awaitable[int]] | None,
        on_room: Callable[[], None],
        dialled: Callable[[web.Request], str],
        client_address: Callable[[web.Request], str],
        now_ms: Now,
    ) -> None:
        """`check` reads a blob again, `on_roster` hears of one that grew, `dialled` names the host of a proof.

        `free_bytes`: what may still be promised, if anybody may know it; `on_room` hears that what is kept by a grant
        changed.
        """
        self._keys = keys
        self._public = keys.public
        self._ledger = ledger
        self._sessions = sessions
        self._keeper = keeper
        self._check_blob = check
        self._on_roster = on_roster
        self._trackers = trackers
        self._traffic = traffic
        self._capacity_bytes = capacity_bytes
        self._free_bytes = free_bytes
        self._free_seen_bytes, self._free_seen_ms = 0, -FREE_FOR_MS
        self._on_room = on_room
        self._dialled = dialled
        self._client_address = client_address
        self._now_ms = now_ms
        self._strangers = Bodies(MAX_UNREAD_BYTES)
        self._members = Bodies(MAX_UNREAD_BYTES)

    def add_to(self, app: web.Application) -> None:
        routes: tuple[tuple[str, str, Answer], ...] = (
            ("GET", "/v1/seed", self._seed),
            ("GET", "/v1/challenge", self._challenge),
            ("POST", "/v1/invitation", self._invitation),
            ("POST", "/v1/join", self._join),
            ("POST", "/v1/grant", self._grant),
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
            ("GET", "/v1/usage", self._usage),
            ("POST", "/v1/check", self._check),
            ("GET", "/v1/blobs/{root}", self._blob),
        )
        for method, path, answer in routes:
            app.router.add_route(method, path, answer)
        app.router.add_put("/v1/blobs/{root}", self._put_blob, expect_handler=self._expect_blob)
        app.router.add_route("OPTIONS", "/v1/{rest:.*}", preflight)

    # anybody

    async def _seed(self, _request: web.Request) -> web.Response:
        about: dict[str, object] = {"version": __version__}
        if self._free_bytes is not None:
            if not 0 <= self._now_ms() - self._free_seen_ms < FREE_FOR_MS:
                self._free_seen_ms, self._free_seen_bytes = self._now_ms(), await self._free_bytes()
            about["free_bytes"] = self._free_seen_bytes
        return packed([self._public.sign, self._public.receive, about])

    async def _challenge(self, _request: web.Request) -> web.Response:
        return packed(self._sessions.challenge())

    async def _invitation(self, request: web.Request) -> web.Response:
        async with self._strangers.read(request, 64) as body:
            token = codec.fixed_bytes(bytes(body), 32, "an invitation")
        found = await self._ledger.invitation(token)
        return packed({"quota_bytes": found.quota_bytes})

    async def _join(self, request: web.Request) -> web.Response:
        async with self._strangers.read(request, seedapi.MAX_JOIN_BYTES) as body:
            asked = seedapi.read_join(body, host=self._dialled(request))
        self._sessions.spend(asked.nonce)
        token = seedapi.invite_token(asked.secret)
        await self._ledger.invitation(token)  # before a stranger's roster, of which each entry is work
        roster = read_roster(asked.entries[: MAX_ENTRIES + 1])
        if not is_owner(roster, asked.member):
            raise RefusedError("only an owner of a library can give it to a seed")
        roster.member(self._public.id)
        facts = await self._ledger.join(token, roster, now_ms=self._now_ms())
        log.info("library_joined number=%d quota_bytes=%d", facts.number, facts.quota_bytes)
        return packed({"quota_bytes": facts.quota_bytes})

    async def _grant(self, request: web.Request) -> web.Response:
        """Give a library the room that a tracker grants, which this seed trusts."""
        async with self._strangers.read(request, seedapi.MAX_JOIN_BYTES) as body:
            asked = seedapi.read_granted(body, host=self._dialled(request))
        self._sessions.spend(asked.nonce)
        grant = read_grant(asked.secret)
        if grant.tracker not in self._trackers:
            raise RefusedError("the grant is by a tracker that this seed does not trust")
        roster = read_roster(asked.entries[: MAX_ENTRIES + 1])
        if not is_owner(roster, asked.member):
            raise RefusedError("only an owner of a library can give it to a seed")
        roster.member(self._public.id)
        check_grant(grant, tracker=grant.tracker, library=roster.library, seed=self._public.id, now_ms=self._now_ms())
        facts = await self._ledger.take_grant(grant, roster, capacity_bytes=self._capacity_bytes, now_ms=self._now_ms())
        self._on_room()
        log.info("grant_taken number=%d quota_bytes=%d", facts.number, facts.quota_bytes)
        return packed({"quota_bytes": facts.quota_bytes})

    async def _session(self, request: web.Request) -> web.Response:
        async with self._strangers.read(request, seedapi.SESSION_BYTES) as body:
            asked = seedapi.read_session(body, host=self._dialled(request))
        opened = await self._sessions.open(asked)
        return packed([[library, capability] for library, capability in opened])

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
        async with self._members.read(request, 1_024) as body:
            told = codec.unpack(body, max_bytes=1_024)
        port = codec.natural(told.get("swarm_port") if isinstance(told, dict) else None, 65_535, "a port")
        if port:
            await self._keeper.present(roster.library, Endpoint(self._client_address(request), port))
        return packed({"swarm_port": self._keeper.swarm_port})

    async def _roster(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        return packed(list(roster.entries))

    async def _put_roster(self, request: web.Request) -> web.Response:
        known, _ = await self._member(request)
        async with self._members.read(request, seedapi.MAX_JOIN_BYTES) as body:
            entries = codec.unpack(body, max_bytes=seedapi.MAX_JOIN_BYTES, max_values=seedapi.MAX_REQUEST_VALUES)
        if not isinstance(entries, list) or not all(isinstance(entry, bytes) for entry in entries):
            raise PeerError("a roster is not a list of entries")
        longer = extend(known, entries)
        await self._ledger.keep(longer)
        await self._on_roster(longer)
        return packed(len(longer.entries))

    async def _heads(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        return packed(await self._ledger.heads(roster.library))

    async def _put_heads(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        async with self._members.read(request, MAX_HEADS_BYTES) as body:
            heads = read_heads(bytes(body), roster)
        return packed({"wanted": await self._ledger.put_heads(heads)})

    async def _list(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        facts = await self._ledger.facts(roster.library)
        return packed(facts.list_record)

    async def _put_list(self, request: web.Request) -> web.Response:
        roster = await self._owner(request)
        async with self._members.read(request, MAX_LIST_REQUEST_BYTES) as body:
            fields = codec.unpack(body, max_bytes=MAX_LIST_REQUEST_BYTES, max_values=seedapi.MAX_REQUEST_VALUES)
        record, contents = codec.array(fields, 2, "a list's request")[:2]
        hold = read_hold_list(codec.bounded_bytes(record, MAX_LIST_BYTES, "a hold list"), roster)
        if not isinstance(contents, list) or len(contents) > MAX_GIVEN_VOLUMES:
            raise PeerError("a list's request gives too many volumes at once")
        given = [read_volume(codec.bounded_bytes(each, MAX_PACKED_BYTES, "a volume")) for each in contents]
        known = {volume.id for volume in given}
        missing = await self._ledger.missing_volumes(
            roster.library, [volume.id for volume in hold.volumes if volume.id not in known]
        )
        if missing:
            return packed({"missing": missing})
        await self._ledger.take_list(hold, given, now_ms=self._now_ms())
        self._keeper.list_changed(roster.library)
        self._on_room()
        log.info("list_taken library=%s serial=%d", to_text(roster.library)[:8], hold.serial)
        return packed({"missing": []})

    async def _volumes(self, request: web.Request) -> web.Response:
        """Contents of listed volumes: [[packed, tag], ...] from `after` on, a page at a time."""
        roster, _ = await self._member(request)
        after = id_of(request.query["after"]) if "after" in request.query else b""
        listed = sorted(await self._ledger.volumes(roster.library), key=lambda each: each[0].id)
        page = [[volume.packed, tag] for volume, tag in listed if volume.id > after][:MAX_VOLUMES_ASKED]
        return packed(page)

    async def _held(self, request: web.Request) -> web.Response:
        """How much of the list is here, and for one volume exactly which blobs, as a byte each."""
        roster, _ = await self._member(request)
        if "volume" in request.query:
            wanted = id_of(request.query["volume"])
            for volume, _tag in await self._ledger.volumes(roster.library):
                if volume.id == wanted:
                    known = await self._ledger.blobs(roster.library, (blob.root for blob in volume.blobs))
                    held = {root for root, blob in known.items() if blob.state == State.HELD}
                    return packed(bytes(blob.root in held for blob in volume.blobs))
            raise NotFoundError("that volume is not listed")
        facts = await self._ledger.facts(roster.library)
        usage = await self._ledger.usage(roster.library)
        return packed(
            {
                "serial": facts.list_serial,
                "quota_bytes": facts.quota_bytes,
                "days_left": await self._ledger.days_left(roster.library, now_ms=self._now_ms()),
                "bytes": {int(state): total for state, total in usage.bytes_by_state.items()},
                "blobs": {int(state): total for state, total in usage.blobs_by_state.items()},
            }
        )

    async def _usage(self, request: web.Request) -> web.Response:
        """What is kept by a tracker's grants, signed: for the tracker, by way of the library's devices.

        Of a library that isn't kept here anybody may hear that nothing is.
        """
        tracker, library = id_of(request.query.get("tracker", "")), LibraryId(id_of(request.query.get("library", "")))
        if await self._ledger.keeps(library):
            roster, _ = await self._member(request)
            if roster.library != library:
                raise RefusedError("the capability is for another library")
        kept = await self._ledger.kept_by_grant(library, tracker)
        return packed(sign_kept(self._keys, library, tracker, kept, time_ms=self._now_ms()))

    async def _check(self, request: web.Request) -> web.Response:
        """Read some blobs again now, since a device found them damaged."""
        roster, _ = await self._member(request)
        async with self._members.read(request, 4_096) as body:
            roots = codec.array(codec.unpack(body, max_bytes=4_096), 0, "blobs to check")[: seedapi.MAX_CHECKED]
        whole = [
            await self._check_blob(roster.library, BlobRoot(codec.fixed_bytes(root, 32, "a blob's name")))
            for root in roots
        ]
        return packed(whole)

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        """A held blob's sealed bytes, or one range of them."""
        roster, _ = await self._member(request)
        root = BlobRoot(id_of(request.match_info["root"]))
        reader = await self._keeper.open_blob(roster.library, root)
        with reader:
            start, stop = range_of(request, reader.size_bytes)
            headers = {**CORS, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
            headers["Cache-Control"] = "private, max-age=31536000, immutable"
            headers["Content-Length"] = str(stop - start)
            if "Range" in request.headers:
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{reader.size_bytes}"
            response = web.StreamResponse(status=206 if "Range" in request.headers else 200, headers=headers)
            await response.prepare(request)
            await self._send(request, response, reader.chunks, (start, stop), self._traffic.of(roster.library))
        return response

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        chunks: Callable[[int, int], bytes],
        span: tuple[int, int],
        tally: Tally,
    ) -> None:
        if request.method == "HEAD":
            return
        at, stop = span
        tally.single_reads += stop - at <= CHUNK_BYTES
        while at < stop:
            first = at // CHUNK_BYTES
            data = await asyncio.to_thread(chunks, first, READ_BYTES // CHUNK_BYTES)
            part = data[at - first * CHUNK_BYTES : stop - first * CHUNK_BYTES]
            if not part:
                raise DamagedError("a blob's file is shorter than it was")
            await self._traffic.pace(len(part))
            await response.write(part)
            tally.sent_bytes += len(part)
            at += len(part)

    async def _expect_blob(self, request: web.Request) -> web.Response | None:
        """Says no before a device has sent a whole blob for nothing (RFC 9110, 10.1.1)."""
        try:
            roster, _ = await self._member(request)
            await self._keeper.push(roster.library, BlobRoot(id_of(request.match_info["root"])))
        except SongkeepError as error:
            return refusal(error)
        if request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    async def _put_blob(self, request: web.Request) -> web.Response:
        roster, _ = await self._member(request)
        push = await self._keeper.push(roster.library, BlobRoot(id_of(request.match_info["root"])))
        await push.take(parts_of(request.content))
        self._traffic.of(roster.library).received_bytes += push.sealed_bytes
        return packed(True)

"""The way to a seed: its HTTP addresses, as one member of one library uses them (docs/PROTOCOL.md, "Seeds")."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import aiohttp

from node.bounded import read_whole
from node.crypto.keys import MemberKeys, MemberPublic
from node.crypto.labels import CHUNK_BYTES
from node.errors import (
    DamagedError,
    NotFoundError,
    PeerError,
    RefusedError,
    SongkeepError,
    StorageError,
    UnavailableError,
)
from node.ids import BlobRoot, LibraryId, to_text
from node.wire import codec, seedapi
from node.wire.heads import MAX_HEADS_BYTES
from node.wire.holdlist import MAX_LIST_BYTES, MAX_LIST_VOLUMES
from node.wire.roster import MAX_ENTRIES, MAX_ENTRY_BYTES
from node.wire.usage import MAX_USAGE_BYTES
from node.wire.volume import MAX_PACKED_BYTES, Volume, VolumeId, read_volume

T = TypeVar("T")

CONNECT_TIMEOUT_S: Final = 10.0
SILENCE_TIMEOUT_S: Final = 30.0
MAX_ANSWER_BYTES: Final = 64 << 20
MAX_ERROR_BYTES: Final = 4_096
MAX_HEADS: Final = 1_000
_ERRORS: Final[Mapping[int, type[SongkeepError]]] = {
    400: PeerError,
    401: seedapi.CapabilityError,
    403: RefusedError,
    404: NotFoundError,
    409: DamagedError,
    416: NotFoundError,
    507: StorageError,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedStanding:
    """How a library stands with a seed, as the seed says."""

    serial: int
    quota_bytes: int
    held_bytes: int
    held_blobs: int
    missing_bytes: int
    """Listed, and not there yet or found damaged."""
    missing_blobs: int
    trash_bytes: int
    days_left: int | None = None
    """Until what is beyond the quota goes: the tracker or who runs the seed gives less room than before."""

    @property
    def listed_bytes(self) -> int:
        """What the quota is used for."""
        return self.held_bytes + self.missing_bytes


class SeedClient:
    """Requests to one seed. Answers are checked for form; what is signed in them is for the caller to check."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = seedapi.clean_url(url)
        self._capability = ""
        self._member: tuple[MemberKeys, LibraryId | None] | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, url: str, *, local_address: str | None = None) -> AsyncIterator[SeedClient]:
        """Connections that last as long as the context; from `local_address` if it is given."""
        connector = aiohttp.TCPConnector(local_addr=(local_address, 0) if local_address else None, limit_per_host=8)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield cls(session, url)

    # anybody

    async def who(self) -> MemberPublic:
        """The seed's own keys, unproved: compare them with an invitation or the roster."""
        answer = codec.array(await self._ask("GET", "/v1/seed"), 2, "a seed's answer")
        return MemberPublic(
            codec.fixed_bytes(answer[0], 32, "a seed's key"), codec.fixed_bytes(answer[1], 32, "a seed's key")
        )

    async def free_bytes(self) -> int:
        """What the seed says that it may still promise. Raises NotFoundError if it says nothing of that."""
        answer = codec.array(await self._ask("GET", "/v1/seed"), 3, "a seed's answer")
        if not isinstance(answer[2], dict) or "free_bytes" not in answer[2]:
            raise NotFoundError("that seed stands in no tracker's pool")
        return codec.natural(answer[2]["free_bytes"], 1 << 53, "an amount")

    async def invitation(self, invite: seedapi.SeedInvite) -> int:
        """Bytes of room that the invitation promises. Raises NotFoundError if it was used."""
        answer = await self._ask("POST", "/v1/invitation", body=seedapi.invite_token(invite.secret))
        return codec.natural(_field(answer, "quota_bytes"), 1 << 53, "a quota")

    async def join(self, keys: MemberKeys, invite: seedapi.SeedInvite, entries: Sequence[bytes]) -> int:
        """Spend an invitation for the library of that roster; returns its quota in bytes."""
        nonce = await self._challenge()
        body = seedapi.sign_join(
            keys, nonce=nonce, host=seedapi.host_of(self.url), secret=invite.secret, entries=list(entries)
        )
        answer = await self._ask("POST", "/v1/join", body=body)
        return codec.natural(_field(answer, "quota_bytes"), 1 << 53, "a quota")

    async def join_granted(self, keys: MemberKeys, grant: bytes, entries: Sequence[bytes]) -> int:
        """Have the room that a tracker grants, for the library of that roster; returns its quota in bytes."""
        nonce = await self._challenge()
        body = seedapi.sign_granted(
            keys, nonce=nonce, host=seedapi.host_of(self.url), grant=grant, entries=list(entries)
        )
        answer = await self._ask("POST", "/v1/grant", body=body)
        return codec.natural(_field(answer, "quota_bytes"), 1 << 53, "a quota")

    def sign_in_as(self, keys: MemberKeys, library: LibraryId) -> None:
        """Who to be at the first request that needs it."""
        self._member = keys, library

    async def sign_in(self, keys: MemberKeys, library: LibraryId | None = None) -> list[LibraryId]:
        """Prove membership; the capability for the first library found is used from now on. Returns all found.

        Raises RefusedError if the seed doesn't keep that library, or this member was revoked.
        """
        self._member, self._capability = (keys, library), ""
        nonce = await self._challenge()
        body = seedapi.sign_session(keys, nonce=nonce, host=seedapi.host_of(self.url), library=library or b"")
        answer = await self._ask("POST", "/v1/session", body=body)
        opened = [codec.array(each, 2, "a capability") for each in codec.array(answer, 0, "a seed's answer")]
        if not opened:
            raise NotFoundError("that seed keeps no library that these keys belong to")
        self._capability = codec.bounded_text(opened[0][1], seedapi.MAX_CAPABILITY_CHARS, "a capability")
        return [LibraryId(codec.fixed_bytes(each[0], 32, "a library")) for each in opened]

    # members

    async def present(self, swarm_port: int) -> tuple[str, int]:
        """Say that this device is there. Returns the seed's swarm: the address that was spoken to, and its port."""

        async def ask() -> tuple[str, Any]:
            async with self._request("POST", "/v1/present", body=codec.pack({"swarm_port": swarm_port})) as response:
                return _peer_ip(response), await _unpacked(response)

        ip, answer = await self._signed_in(ask)
        return ip or await _resolve(self.url), codec.natural(_field(answer, "swarm_port"), 65_535, "a port")

    async def roster(self) -> list[bytes]:
        answer = codec.array(await self._ask("GET", "/v1/roster"), 1, "a roster")[:MAX_ENTRIES]
        return [codec.bounded_bytes(entry, MAX_ENTRY_BYTES, "a roster entry") for entry in answer]

    async def put_roster(self, entries: Sequence[bytes]) -> None:
        await self._ask("PUT", "/v1/roster", body=codec.pack(list(entries)))

    async def heads(self) -> list[bytes]:
        """Every device's newest record, unchecked."""
        answer = codec.array(await self._ask("GET", "/v1/heads"), 0, "heads")[:MAX_HEADS]
        return [codec.bounded_bytes(record, MAX_HEADS_BYTES, "a heads record") for record in answer]

    async def put_heads(self, record: bytes) -> bool:
        """True if the seed wants the record's snapshot pushed; until then the record doesn't count.

        Raises RefusedError if the seed has a newer one of this device, or no room.
        """
        return _field(await self._ask("PUT", "/v1/heads", body=record), "wanted") is True

    async def list_record(self) -> bytes:
        """The hold list in force, unchecked; empty if there is none yet."""
        return codec.bounded_bytes(await self._ask("GET", "/v1/list"), MAX_LIST_BYTES, "a hold list")

    async def put_list(self, record: bytes, volumes: Iterable[Volume] = ()) -> list[VolumeId]:
        """Put a list in force. Returns the volumes whose contents the seed lacks: then the list is not in force yet."""
        body = codec.pack([record, [volume.packed for volume in volumes]])
        missing = _field(await self._ask("PUT", "/v1/list", body=body), "missing")
        listed = codec.array(missing, 0, "a seed's answer")[:MAX_LIST_VOLUMES]
        return [VolumeId(codec.fixed_bytes(each, 32, "a volume")) for each in listed]

    async def volumes(self) -> AsyncIterator[tuple[Volume, bytes]]:
        """Contents and tag of every listed volume, unchecked but for their form."""
        after: VolumeId | None = None
        while True:
            query = {"after": to_text(after)} if after else {}
            page = codec.array(await self._ask("GET", "/v1/volumes", query=query), 0, "volumes")
            for each in page:
                packed, tag = codec.array(each, 2, "a volume")[:2]
                volume = read_volume(codec.bounded_bytes(packed, MAX_PACKED_BYTES, "a volume"))
                if after is not None and volume.id <= after:
                    raise PeerError("a seed's volumes are not in order")
                after = volume.id
                yield volume, codec.fixed_bytes(tag, 32, "a volume's tag")
            if not page:
                return

    async def standing(self) -> SeedStanding:
        answer = await self._ask("GET", "/v1/held")
        sizes, counts = _field(answer, "bytes"), _field(answer, "blobs")
        if not isinstance(sizes, dict) or not isinstance(counts, dict):
            raise PeerError("a seed's answer is not in the form that was expected")
        return SeedStanding(
            serial=codec.natural(_field(answer, "serial"), 1 << 53, "a serial"),
            quota_bytes=codec.natural(_field(answer, "quota_bytes"), 1 << 53, "a quota"),
            held_bytes=_amount(sizes, 2),
            held_blobs=_amount(counts, 2),
            missing_bytes=_amount(sizes, 1) + _amount(sizes, 4),
            missing_blobs=_amount(counts, 1) + _amount(counts, 4),
            trash_bytes=_amount(sizes, 3),
            days_left=_days(answer.get("days_left")),
        )

    async def usage(self, tracker: bytes, library: LibraryId) -> bytes:
        """What the seed keeps of a library by that tracker's grants, signed by the seed, unchecked."""
        query = {"tracker": to_text(tracker), "library": to_text(library)}
        answer = await self._ask("GET", "/v1/usage", query=query)
        return codec.bounded_bytes(answer, MAX_USAGE_BYTES, "a usage")

    async def held_of(self, volume: Volume) -> list[bool]:
        """Which blobs of a listed volume the seed says are there, in the volume's order."""
        answer = await self._ask("GET", "/v1/held", query={"volume": to_text(volume.id)})
        return [bool(each) for each in codec.fixed_bytes(answer, len(volume.blobs), "a seed's answer")]

    async def check(self, roots: Sequence[BlobRoot]) -> None:
        """Have the seed read these blobs again now: they were not what they should be."""
        for at in range(0, len(roots), seedapi.MAX_CHECKED):
            await self._ask("POST", "/v1/check", body=codec.pack(list(roots[at : at + seedapi.MAX_CHECKED])))

    async def chunks(self, root: BlobRoot, first: int, count: int) -> bytes:
        """Sealed bytes of those chunks, unopened and unchecked; fewer at the blob's end."""
        start, stop = first * CHUNK_BYTES, (first + count) * CHUNK_BYTES
        headers = {"Range": f"bytes={start}-{stop - 1}"}

        async def ask() -> bytes:
            async with self._request("GET", f"/v1/blobs/{to_text(root)}", headers=headers) as response:
                return await read_whole(response, stop - start)

        return await self._signed_in(ask)

    async def push(self, root: BlobRoot, sealed: AsyncIterator[bytes]) -> None:
        """Give the seed a blob that its list names."""

        async def ask() -> None:
            # With 100-continue nothing is read from `sealed` before the seed has said that it wants it.
            async with self._request("PUT", f"/v1/blobs/{to_text(root)}", body=sealed, expect_100=True):
                pass

        await self._signed_in(ask)

    # private

    async def _challenge(self) -> bytes:
        return codec.fixed_bytes(await self._ask("GET", "/v1/challenge"), 32, "a challenge")

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | AsyncIterator[bytes] | None = None,
        query: dict[str, str] | None = None,
    ) -> Any:
        async def ask() -> Any:
            async with self._request(method, path, body=body, query=query) as response:
                return await _unpacked(response)

        return await self._signed_in(ask)

    async def _signed_in(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Do what `ask` does; once more with a new capability if the one at hand has run out."""
        try:
            return await ask()
        except seedapi.CapabilityError:
            if self._member is None:
                raise
            await self.sign_in(*self._member)
            return await ask()

    @contextlib.asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | AsyncIterator[bytes] | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        expect_100: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        shown = {"Authorization": f"Bearer {self._capability}"} if self._capability else {}
        try:
            async with self._session.request(
                method,
                self.url + path,
                data=body,
                params=query,
                headers={**shown, **(headers or {})},
                allow_redirects=False,
                expect100=expect_100,
            ) as response:
                if response.status not in (200, 206):
                    raise await _error(response)
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnavailableError(f"the seed at {urlsplit(self.url).netloc} can't be reached") from error


def _peer_ip(response: aiohttp.ClientResponse) -> str:
    """Who answered; empty if the connection was given back already."""
    transport = response.connection.transport if response.connection is not None else None
    peer = transport.get_extra_info("peername") if transport is not None else None
    return str(peer[0]) if peer else ""


async def _resolve(url: str) -> str:
    """The address of a seed whose connection has closed already."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, parts.port or 443)
    except OSError as error:
        raise UnavailableError(f"the seed's name {host} is not known") from error
    return str(found[0][4][0])


async def _unpacked(response: aiohttp.ClientResponse) -> Any:
    answer = await read_whole(response, MAX_ANSWER_BYTES)
    return codec.unpack(answer, max_bytes=MAX_ANSWER_BYTES, max_values=seedapi.MAX_REQUEST_VALUES)


async def _error(response: aiohttp.ClientResponse) -> SongkeepError:
    kind = _ERRORS.get(response.status, UnavailableError)
    text = ""
    with contextlib.suppress(PeerError, ValueError):
        told = json.loads(await read_whole(response, MAX_ERROR_BYTES))
        text = str(told["error"]["message"])[:300] if isinstance(told, dict) and "error" in told else ""
    return kind(text if text.isprintable() and text else f"the seed refused ({response.status})")


def _field(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict) or name not in answer:
        raise PeerError(f"a seed's answer has no {name}")
    return answer[name]


def _days(value: Any) -> int | None:
    return None if value is None else codec.natural(value, 1 << 16, "days")


def _amount(by_state: Mapping[Any, Any], state: int) -> int:
    return codec.natural(by_state.get(state, 0), 1 << 53, "an amount")

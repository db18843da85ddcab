"""Puts a seed together and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from node.appfiles import AppFiles
from node.crypto.keys import MemberKeys
from node.dht import Dht, DhtSettings
from node.doors.stun_port import stun_answers
from node.doors.swarm import Swarm, SwarmSettings
from node.errors import StorageError, UnavailableError
from node.ids import to_text
from node.porch import listening
from node.seed.answers import answer_errors
from node.seed.api import SeedApi
from node.seed.clock import now_ms
from node.seed.identity import load_identity
from node.seed.keeper import Keeper
from node.seed.ledger import Ledger
from node.seed.options import SeedOptions, remember
from node.seed.page import StatusPage, status_key
from node.seed.pools import Pools
from node.seed.rooms import SeedRooms
from node.seed.scrub import Scrub
from node.seed.sessions import Sessions
from node.seed.shelves import Shelves
from node.seed.standing import free_bytes, look
from node.seed.traffic import Traffic
from node.sockets import allow_many_sockets
from node.wire import seedapi
from node.wire.roster import Roster

log = logging.getLogger(__name__)

SHUTDOWN_S: Final = 3.0
ENTER_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class RunningSeed:
    """A seed that answers."""

    options: SeedOptions
    keys: MemberKeys
    port: int
    ledger: Ledger
    keeper: Keeper
    rooms: SeedRooms
    scrub: Scrub
    dht: Dht | None
    look: Callable[[], Awaitable[dict[str, Any]]]
    """How it is doing, as its status page shows it."""

    @property
    def url(self) -> str:
        return self.options.address(self.port)

    async def invite(self, quota_bytes: int) -> str:
        """A code for a library of up to that size. Raises RefusedError."""
        return await make_invitation(self.options, self.keys, self.ledger, quota_bytes=quota_bytes, url=self.url)


async def _enter(dht: Dht) -> None:
    """Find the other nodes of the table; again and again while it is the only one."""
    while True:
        with contextlib.suppress(UnavailableError):
            await dht.ready()
        await asyncio.sleep(ENTER_EVERY_S)


async def make_invitation(options: SeedOptions, keys: MemberKeys, ledger: Ledger, *, quota_bytes: int, url: str) -> str:
    """Promise room, and the code that redeems it once. Raises RefusedError if so much isn't free."""
    secret = os.urandom(seedapi.INVITE_SECRET_BYTES)
    await ledger.invite(
        seedapi.invite_token(secret),
        quota_bytes=quota_bytes,
        capacity_bytes=options.capacity_bytes,
        now_ms=now_ms(),
    )
    return seedapi.SeedInvite(url, secret, seedapi.fingerprint_of(keys.public)).as_text()


@contextlib.asynccontextmanager
async def running(options: SeedOptions) -> AsyncIterator[RunningSeed]:
    """A seed for as long as the context lasts. Raises StorageError, UnavailableError (a port is taken)."""
    async with contextlib.AsyncExitStack() as stack:
        prepare_home(options)
        keys = load_identity(options.home / "seed.keys")
        ledger = await stack.enter_async_context(Ledger.open(options.home / "seed.sqlite"))
        swarm = await stack.enter_async_context(
            Swarm.open(SwarmSettings(listen=options.swarm_interfaces, outgoing=options.swarm_outgoing))
        )
        swarm.limit(upload_bytes_per_s=options.rate_bytes_per_s, download_bytes_per_s=0)
        shelves = Shelves(options.home)
        traffic = Traffic(started_ms=now_ms(), rate_bytes_per_s=options.rate_bytes_per_s)
        keeper = await stack.enter_async_context(Keeper(ledger, shelves, swarm, traffic=traffic, now_ms=now_ms))
        sessions = Sessions(keys, ledger, now_ms=now_ms)
        stun_port = None
        if options.stun_port is not None:
            stun_port = await stack.enter_async_context(stun_answers(options.stun_host, options.stun_port))
        dht = None
        if options.dht_listen:
            table = DhtSettings(listen=options.dht_listen, bootstrap=options.dht_nodes)
            dht = await stack.enter_async_context(Dht.open(table))
            entering = asyncio.create_task(_enter(dht), name="seed-dht")
            stack.callback(entering.cancel)
        rooms = SeedRooms(
            keys=keys, ledger=ledger, keeper=keeper, sessions=sessions, traffic=traffic, stun_port=stun_port
        )
        stack.push_async_callback(rooms.close)

        scrub = Scrub(ledger, shelves, keeper, now_ms=now_ms)
        scrubbing = asyncio.create_task(scrub.run(), name="seed-scrub")
        stack.callback(scrubbing.cancel)

        async def roster_grew(roster: Roster) -> None:
            await sessions.roster(roster.library)
            await rooms.roster_grew(roster.library, roster.entries)

        port = options.port

        pools = Pools(
            options.trackers if options.is_in_pools else (),
            keys=keys,
            ledger=ledger,
            url=lambda: options.address(port),
            capacity_bytes=options.capacity_bytes,
            free_bytes=lambda: free_bytes(options, ledger),
            now_ms=now_ms,
        )

        async def status() -> dict[str, Any]:
            url = options.address(port)
            return await look(replace(options, url=url), ledger, traffic, pools.as_json())

        api = SeedApi(
            keys=keys,
            ledger=ledger,
            sessions=sessions,
            keeper=keeper,
            check=scrub.check,
            trackers=frozenset(each.key for each in options.trackers),
            traffic=traffic,
            capacity_bytes=options.capacity_bytes,
            free_bytes=(lambda: free_bytes(options, ledger)) if options.is_in_pools else None,
            on_room=pools.wake,
            on_roster=roster_grew,
            dialled=lambda request: _dialled(request, options),
            client_address=client_address,
            now_ms=now_ms,
        )
        app = web.Application(middlewares=[answer_errors])
        api.add_to(app)
        door = rooms.door(dialled=lambda request: _dialled(request, options), address=client_address)
        door.add_to(app)
        StatusPage(status_key(options.home, make=True), status).add_to(app)
        if options.app:
            AppFiles().add_to(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await stack.enter_async_context(door.open("the seed is going down"))
        port = await stack.enter_async_context(listening(runner, options.host, options.port))
        remember(options, port=port)
        telling = asyncio.create_task(pools.run(), name="seed-pools")
        stack.callback(telling.cancel)
        log.info("seed_started seed=%s port=%d swarm_port=%d", to_text(keys.id)[:8], port, swarm.port)
        yield RunningSeed(options, keys, port, ledger, keeper, rooms, scrub, dht, status)


def prepare_home(options: SeedOptions) -> None:
    """Make the seed's directory, private. Raises StorageError."""
    try:
        options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{options.home} can't be used as the seed's home: {error.strerror}") from error


def client_address(request: web.Request) -> str:
    """Where a client comes from; behind a proxy on this machine, what the proxy says."""
    remote = request.remote or ""
    forwarded = request.headers.get("X-Forwarded-For")
    if forwarded and remote in ("127.0.0.1", "::1"):
        return forwarded.rpartition(",")[2].strip()[:64]
    return remote


def _dialled(request: web.Request, options: SeedOptions) -> str:
    """The host that a proof must be made for. A name that isn't ours makes every proof fail, as it should."""
    host = request.host.lower()
    if options.url and host == seedapi.host_of(options.url):
        return host
    sockname = request.transport.get_extra_info("sockname") if request.transport is not None else None
    own = str(sockname[0]).removeprefix("::ffff:") if sockname else ""
    return host if urlsplit(f"//{host}").hostname == own else f"not {host}"


def run(options: SeedOptions, *, started: Callable[[RunningSeed], None]) -> None:
    """Runs until SIGINT or SIGTERM; `started` is told once it answers."""
    allow_many_sockets()
    try:
        import uvloop
    except ImportError:
        asyncio.run(_until_stopped(options, started))
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(options, started))


async def _until_stopped(options: SeedOptions, started: Callable[[RunningSeed], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        # Windows has no handlers in its loop; there KeyboardInterrupt ends the run.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, stop.set)
    async with running(options) as seed:
        started(seed)
        await stop.wait()

"""Puts the tracker together and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from node.appfiles import AppFiles
from node.crypto.keys import MemberKeys, member_keys_from_random
from node.errors import StorageError
from node.ids import to_text
from node.porch import listening
from node.roomdoor import RoomDoor
from node.sockets import allow_many_sockets
from node.wire.roomhost import RoomHost, Surroundings
from node.wire.roomstate import RoomServer
from tracker import stun
from tracker.access import LOGGER, AccessLog
from tracker.addresses import client_address, dialled
from tracker.database import Database
from tracker.ledger import Ledger, system_ms
from tracker.options import DATABASE_NAME, PLANS_NAME, Options
from tracker.pool import SeedPool
from tracker.pooldoor import PoolDoor
from tracker.quota import Plans, read_plans
from tracker.shelf import Shelf

log = logging.getLogger(__name__)

SHUTDOWN_S: Final = 3.0
LOOK_FOR_SUSPENDED_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """A tracker that answers."""

    host: str
    port: int
    stun_port: int | None
    key: str
    """By which seeds know it: 52 letters and digits."""
    rooms: RoomHost


def tracker_keys(database: Database) -> MemberKeys:
    """What this tracker signs grants with, drawn at its first start."""
    return member_keys_from_random(database.setting("keys", os.urandom(64)))


def load_plans(home: Path) -> Plans:
    """The plans of this tracker's home, or the usual ones. Raises UserError, StorageError."""
    path = home / PLANS_NAME
    try:
        return read_plans(path.read_text("utf-8"))
    except FileNotFoundError:
        return Plans()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} can't be read") from error


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[Running]:
    """A tracker for as long as the context lasts. Raises StorageError, UnavailableError (a port is taken)."""
    async with contextlib.AsyncExitStack() as stack:
        stun_port = None
        if options.stun_port is not None:
            stun_port = await stack.enter_async_context(stun.answering(options.stun_host, options.stun_port))
        try:
            options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{options.home} can't be used as the tracker's home: {error.strerror}") from error
        database = await stack.enter_async_context(Database.open(options.home / DATABASE_NAME))
        keys = tracker_keys(database)
        ledger = Ledger(database, keys, load_plans(options.home))
        around = Surroundings(time.monotonic, system_ms, os.urandom)
        server = RoomServer(options.limits, stun_port=stun_port, key=keys.id)
        shelf = Shelf(database)
        rooms = RoomHost(server, shelf, around, ledger=ledger)
        door = RoomDoor(rooms, address=client_address, dialled=lambda request: dialled(request, options.names))
        key = to_text(keys.id)
        pool = SeedPool(database, keys.id, now_ms=system_ms)
        app = _app(rooms, door, pool, key, options)
        PoolDoor(pool, ledger, client_address).add_to(app)
        runner = web.AppRunner(
            app,
            access_log=LOGGER,
            access_log_class=AccessLog,
            access_log_format=options.access_log,
            shutdown_timeout=SHUTDOWN_S,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await stack.enter_async_context(door.open("the tracker is going down"))
        port = await stack.enter_async_context(listening(runner, options.host, options.port))
        stack.callback(asyncio.create_task(_heed_suspensions(shelf, rooms)).cancel)
        log.info("tracker_started port=%d stun_port=%s", port, stun_port)
        yield Running(options.host, port, stun_port, key, rooms)


async def _heed_suspensions(shelf: Shelf, rooms: RoomHost) -> None:
    """Accounts are suspended by another process: their connections end within a second."""
    while True:
        await asyncio.sleep(LOOK_FOR_SUSPENDED_S)
        try:
            rooms.expel(await shelf.suspended())
        except StorageError as error:
            log.warning("suspensions_unread reason=%s", error)


def _app(rooms: RoomHost, door: RoomDoor, pool: SeedPool, key: str, options: Options) -> web.Application:
    app = web.Application(client_max_size=64 * 1024)
    door.add_to(app)

    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "key": key})

    async def metrics(_request: web.Request) -> web.Response:
        offered = await pool.look(0, lambda _seeds: None)
        counted = {
            "songkeep_tracker_connections": rooms.rooms.connections,
            "songkeep_tracker_rooms": rooms.rooms.rooms,
            "songkeep_tracker_frames_sent_total": rooms.relayed,
            "songkeep_tracker_pool_seeds": offered.seeds,
            "songkeep_tracker_pool_free_bytes": offered.free_bytes,
        }
        return web.Response(text="".join(f"{name} {value}\n" for name, value in counted.items()))

    app.router.add_get("/healthz", health)
    app.router.add_get("/metrics", metrics)
    if options.app:
        AppFiles().add_to(app)
    return app


def run(options: Options, *, started: Callable[[Running], None]) -> None:
    """Runs until SIGINT or SIGTERM; `started` is told once it answers."""
    allow_many_sockets()
    try:
        import uvloop
    except ImportError:
        asyncio.run(_until_stopped(options, started))
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(options, started))


async def _until_stopped(options: Options, started: Callable[[Running], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        # Windows has no handlers in its loop; there KeyboardInterrupt ends the run.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, stop.set)
    async with running(options) as tracker:
        started(tracker)
        await stop.wait()

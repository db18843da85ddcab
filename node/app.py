"""Builds everything once, runs it, and takes it down again. The only file that knows every class."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from node import __version__
from node.config import Settings
from node.doors.blobs import BlobStore
from node.doors.home import Home, RunningNode
from node.doors.index import Index
from node.doors.vault import Vault
from node.errors import StorageError
from node.faces.app_passwords import AppSignIn
from node.faces.listener import Listener
from node.faces.news import News, ProgressTeller
from node.faces.parts import Parts
from node.faces.sign_in import SignIn
from node.faces.site import build_site
from node.files import remove_drafts, reserve_private
from node.flows.direct import Direct
from node.flows.export import Export
from node.flows.folders import Folders
from node.flows.ingest import Ingest
from node.flows.jobs import ASKED_FOR, Jobs
from node.flows.pictures import Pictures
from node.flows.seed_holders import SeedHolders
from node.flows.settings import SettingsKeeper
from node.flows.small_covers import cover_answers
from node.flows.stream import Streams
from node.flows.transcode import Transcodes
from node.flows.verify import Verify
from node.flows.words import Words, word_answers
from node.flows.workers import Workers
from node.hosting import Hosting
from node.library import Library
from node.network import build_network
from node.seeding import build_seeding
from node.storing import Storing, agree_on_articles, follow_settings, ingest_settings, worker_count
from node.wire.roster import read_roster

log = logging.getLogger(__name__)

Service = Callable[[], Coroutine[object, object, None]]

QUESTION_THREADS: Final = 4
SWITCH_INTERVAL_S: Final = 0.001
"""How long a thread that decrypts may hold up the one that answers: a fifth of Python's own choice."""
COLLECT_AFTER_OBJECTS: Final = 20_000
"""New objects between two searches for cycles. Python's own 700 costs a fifth of a large merge, which has none."""
CATCH_UP_AFTER_S: Final = 1.0
RESTART_SERVICE_S: Final = 5.0
LINGER_S: Final = 1.5
"""How long a command's node stays after somebody else's last question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a node is to run."""

    kind: Literal["up", "command"]
    wanted_port: int | None
    """None: any free one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The node answers."""

    port: int
    token: str
    """For whoever started it."""


async def run_node(
    home: Home, vault: Vault, options: RunOptions, *, ready: Callable[[Ready], None], stop: asyncio.Event
) -> None:
    """Run a node in `home`, whose lock the caller holds, until `stop` is set. `ready` is called when it answers."""
    tune_interpreter()
    async with contextlib.AsyncExitStack() as lifetime:
        remove_drafts(home.path)
        settings = SettingsKeeper(home.settings)
        parts, services = await _build(home, vault, settings, lifetime, stays=options.kind == "up")
        listener: Listener | None = None
        site = build_site(parts, port=lambda: listener.port if listener is not None else 0)
        lan = settings.current.lan and options.kind == "up"
        listener = await Listener.open(site, wanted_port=options.wanted_port, lan=lan)
        lifetime.push_async_callback(listener.close)
        lifetime.callback(parts.news.close)
        if options.kind == "up":
            settings.on_change.append(_follow_lan(listener))
        _tell_running(home, parts, port=listener.port, kind=options.kind)
        lifetime.callback(home.forget_running)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_keep_going(service, parts.news)) for service in services]
            log.info("node_started kind=%s port=%d", options.kind, listener.port)
            ready(Ready(port=listener.port, token=parts.sign_in.own_token))
            await stop.wait()
            if options.kind == "command":
                await _see_guests_off(parts)
            for task in tasks:
                task.cancel()
    log.info("node_stopped")


def tune_interpreter() -> None:
    """Choose for a server what Python chooses for scripts."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(COLLECT_AFTER_OBJECTS, 20, 20)


def _tell_running(home: Home, parts: Parts, *, port: int, kind: str) -> None:
    """Let commands find this node. A full disk keeps nobody from listening."""
    node = RunningNode(port=port, token=parts.sign_in.published_token, pid=os.getpid(), kind=kind, version=__version__)
    try:
        home.tell_running(node)
    except StorageError as error:
        log.warning("running_not_told")
        home.forget_running()
        parts.news.notice("warning", f"Other songkeep commands can't find this player: {error}.")


async def _build(
    home: Home,
    vault: Vault,
    settings: SettingsKeeper,
    lifetime: contextlib.AsyncExitStack,
    *,
    stays: bool,
) -> tuple[Parts, list[Service]]:
    """Every part, from the bottom up; `lifetime` closes them from the top down.

    A node that `stays` also seals, watches the folders and meets other devices.
    """
    loop = asyncio.get_running_loop()
    secrets_kept = vault.secrets
    roster = read_roster(secrets_kept.roster)
    news = News(loop)
    reserve_private(home.index)  # SQLite gives the files beside it the same permissions
    index = lifetime.enter_context(Index.open(home.index))
    library = Library.open(index, secrets_kept.device, secrets_kept.epochs[0].identity)
    lifetime.callback(library.on_change(news.changed))
    store = await asyncio.to_thread(BlobStore.open, home.blobs, cache_bytes=settings.current.cache_bytes)
    readers = lifetime.enter_context(ThreadPoolExecutor(QUESTION_THREADS, thread_name_prefix="question"))
    workers = await lifetime.enter_async_context(Workers(processes=worker_count(settings.current)))
    jobs = Jobs(on_change=ProgressTeller(news))
    lifetime.push_async_callback(jobs.close)
    ingest = Ingest(
        library,
        store,
        workers,
        convergence=lambda: vault.secrets.epoch.convergence,
        settings=ingest_settings(settings.current),
        jobs=jobs,
        tell=news.notice,
    )
    settings.on_change.append(follow_settings(ingest, store, index))
    await asyncio.to_thread(agree_on_articles, index, settings.current)
    storing = Storing(ingest, lifetime)
    # Only a node that makes renditions anyway makes one on demand; a command's is gone before it is made.
    make_mobile = ingest.make_mobile if stays else None
    networking = build_network(
        vault=vault,
        library=library,
        store=store,
        settings=settings.current,
        make_mobile=make_mobile,
        tell=news.notice,
    )
    settings.on_change.append(networking.follow)
    lifetime.push_async_callback(networking.close)
    verify = Verify(library, store, ingest)
    holdings = networking.holdings
    holdings.on_changed = ingest.see_changed
    holdings.on_damaged = lambda root: loop.call_soon_threadsafe(verify.mend, root)
    streams = Streams(library, store, fetches=[networking.fetch], on_trouble=holdings.trouble, make_mobile=make_mobile)
    lifetime.callback(streams.close)
    transcodes = Transcodes()
    lifetime.callback(transcodes.close)
    direct = Direct(library)
    lifetime.callback(direct.close)
    folders = Folders(library, ingest)
    lifetime.push_async_callback(folders.close)
    seeding = build_seeding(
        membership=networking.network.membership,
        library=library,
        store=store,
        holdings=holdings,
        snapshots=networking.snapshots,
        arriving=home.path / "arriving",
        use_fetches=lambda fetches: streams.use_fetches([networking.fetch, *fetches]),
        tell=news.notice,
        meeting=networking.network.meeting,
        upload=networking.network.copies.upload,
        uploads=networking.network.copies.uploads,
    )
    lifetime.push_async_callback(seeding.close)
    hosting = Hosting(home.path / "seed", settings.current, tell=news.notice)
    settings.on_change.append(hosting.follow)
    networking.network.devices.last_list = seeding.seeds.last_list_by
    census = networking.network.copies.census
    census.seeds = SeedHolders(
        seeding.seeds.links, library, seeding.fetch.ask, now_ms=census.now_ms, random_below=secrets.randbelow
    )
    pictures = Pictures(index, streams, home.covers)
    words = Words(library)
    networking.answer_also({**cover_answers(pictures.small), **word_answers(words)})
    parts = Parts(
        home=home,
        library_id=roster.library,
        library=library,
        streams=streams,
        direct=direct,
        transcodes=transcodes,
        ingest=ingest,
        begin_storing=storing.begin,
        export=Export(library, streams),
        verify=verify,
        folders=folders,
        jobs=jobs,
        pictures=pictures,
        words=words,
        vault=vault,
        settings=settings,
        sign_in=SignIn(index.sessions, password_hash=lambda: settings.current.lan_password),
        app_sign_in=AppSignIn(index.app_passwords, secrets_kept.device),
        news=news,
        network=networking.network,
        seeds=seeding.seeds,
        hosting=hosting.standing,
        readers=readers,
    )
    services: list[Service] = []
    if stays:
        await storing.begin()
        services += [partial(_catch_up, folders, ingest), folders.watch]
        services += [*networking.services, seeding.service, hosting.run]
    return parts, services


async def _catch_up(folders: Folders, ingest: Ingest) -> None:
    """See once what happened in the folders while nothing ran, after a player had the time to open.

    What happens after that is told, so that nothing happens in between.
    """
    await asyncio.sleep(CATCH_UP_AFTER_S)
    await folders.listens()
    await ingest.rescan(again=True)


def _follow_lan(listener: Listener) -> Callable[[Settings, Settings], Awaitable[None]]:
    async def follow(before: Settings, after: Settings) -> None:
        if before.lan != after.lan:
            await listener.open_to(lan=after.lan)

    return follow


async def _keep_going(service: Service, news: News) -> None:
    """Run a service to its end, if it has one; if it fails, say so once and begin it again."""
    while True:
        try:
            return await service()
        except Exception:
            log.exception("service_failed")
            news.notice("warning", "A part of Songkeep failed and was started again; its log says which.")
        await asyncio.sleep(RESTART_SERVICE_S)


async def _see_guests_off(parts: Parts) -> None:
    """Other commands that found this node may finish before it goes."""

    def busy() -> bool:
        # What its own command asked for and did not wait for was interrupted.
        asked = any(job.kind in ASKED_FOR and not job.own for job in parts.jobs.running())
        return asked or parts.sign_in.guest_seen_within(LINGER_S)

    while busy():  # noqa: ASYNC110  # that nobody has asked for a while is no event to wait for
        await asyncio.sleep(LINGER_S / 10)

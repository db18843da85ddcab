"""What the faces show: the node's parts, put together once by the app."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from aiohttp import web

from node.doors.home import Home
from node.doors.vault import Vault
from node.faces.app_passwords import AppSignIn
from node.faces.news import News
from node.faces.sign_in import SignIn
from node.flows.direct import Direct
from node.flows.export import Export
from node.flows.folders import Folders
from node.flows.ingest import Ingest
from node.flows.jobs import Jobs
from node.flows.network import Network
from node.flows.pictures import Pictures
from node.flows.seeds import Seeds
from node.flows.settings import SettingsKeeper
from node.flows.stream import Streams
from node.flows.transcode import Transcodes
from node.flows.verify import Verify
from node.flows.words import Words
from node.ids import LibraryId
from node.library import Library

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything a request may need."""

    home: Home
    library_id: LibraryId
    library: Library
    streams: Streams
    direct: Direct
    transcodes: Transcodes
    ingest: Ingest
    begin_storing: Callable[[], Awaitable[None]]
    """Have what is added sealed too, from now on: a node that runs for one command does not by itself."""
    export: Export
    verify: Verify
    folders: Folders
    jobs: Jobs
    pictures: Pictures
    words: Words
    vault: Vault
    settings: SettingsKeeper
    sign_in: SignIn
    app_sign_in: AppSignIn
    news: News
    network: Network
    seeds: Seeds
    hosting: Callable[[], Awaitable[dict[str, Any]]]
    """What this node keeps for others, as JSON."""
    readers: ThreadPoolExecutor
    """For questions to the library, so that long work elsewhere never delays a page."""

    async def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The library's answer, without holding up the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.readers, functools.partial(question, *args, **kwargs))


PARTS = web.AppKey("parts", Parts)

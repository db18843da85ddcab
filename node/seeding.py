"""Builds the parts by which this device keeps its library on seeds. A part of the app, like node/app.py."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.doors.blobs import BlobStore
from node.errors import StorageError
from node.flows.holdings import Holdings
from node.flows.meet import Meeting
from node.flows.pace import Pace
from node.flows.reading import Fetch
from node.flows.seed_grants import SeedGrants
from node.flows.seed_lists import Tell
from node.flows.seed_streams import SeedFetch
from node.flows.seeds import Seeds
from node.flows.serve import Snapshots
from node.flows.uploads import Uploads
from node.library import Library
from node.peers.membership import Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeding:
    """The library's seeds, and what must run for them to be fed."""

    seeds: Seeds
    fetch: SeedFetch
    service: Callable[[], Coroutine[object, object, None]]
    close: Callable[[], Awaitable[None]]


def build_seeding(
    *,
    membership: Membership,
    library: Library,
    store: BlobStore,
    holdings: Holdings,
    snapshots: Snapshots,
    arriving: Path,
    use_fetches: Callable[[Sequence[Fetch]], None],
    tell: Tell,
    meeting: Meeting,
    upload: Pace,
    uploads: Uploads,
) -> Seeding:
    """Everything between the library and its seeds. Nothing is bound or dialled before the service runs.

    `upload` bounds what goes to seeds too, and `uploads` counts it.
    `use_fetches` is told by what ways songs can be had from seeds; none while there is no seed.
    """
    fetch = SeedFetch(membership)
    grants = SeedGrants(membership, library, trackers=lambda: meeting.trackers, meeting=meeting, now_ms=_now_ms)
    seeds = Seeds(
        membership=membership,
        library=library,
        snapshots=snapshots,
        now_ms=_now_ms,
        random=os.urandom,
        tell=tell,
        grants=grants,
    )

    def changed(addresses: list[str]) -> None:
        fetch.set_seeds(addresses)
        use_fetches([fetch] if addresses else [])

    seeds.on_change.append(changed)
    changed(seeds.addresses)

    async def service() -> None:
        await seeds.some.wait()  # whoever has no seed opens no port for one, nor loads libtorrent
        from node.doors.swarm import Swarm, SwarmSettings
        from node.flows.share import Sharing

        await asyncio.to_thread(_emptied, arriving)
        async with Swarm.open(SwarmSettings(upload_bytes_per_s=upload.limit_bytes_per_s)) as swarm:
            sharing = Sharing(
                library=library,
                store=store,
                holdings=holdings,
                swarm=swarm,
                arriving=arriving,
                pace=upload,
                uploads=uploads,
            )

            def follow(bytes_per_s: int) -> None:
                swarm.limit(upload_bytes_per_s=bytes_per_s, download_bytes_per_s=0)

            upload.on_limit.append(follow)
            try:
                await seeds.run(sharing)
            finally:
                upload.on_limit.remove(follow)

    return Seeding(seeds=seeds, fetch=fetch, service=service, close=fetch.close)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _emptied(directory: Path) -> None:
    """A directory with nothing left of an earlier run in it."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in directory.iterdir():
            with contextlib.suppress(OSError):
                left.unlink()
    except OSError as error:
        raise StorageError(f"{directory} can't be used: {error.strerror}") from error

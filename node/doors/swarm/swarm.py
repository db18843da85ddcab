"""The session: which volumes are shared now, with whom, on which port."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import libtorrent as lt

from node.doors.swarm.alerts import AlertPump
from node.doors.swarm.gateway import Gateway
from node.doors.swarm.settings import Endpoint, SwarmSettings, default_deny, session_settings
from node.doors.swarm.torrent import Held, SharedVolume
from node.errors import StorageError, UnavailableError
from node.ids import to_text
from node.wire.volume import Volume, VolumeId

log = logging.getLogger(__name__)

LISTEN_TIMEOUT_S: Final = 10.0
ADD_TIMEOUT_S: Final = 30.0
REMOVE_TIMEOUT_S: Final = 30.0


class Swarm:
    """`async with Swarm.open(settings) as swarm`. Everything runs in the event loop that opened it."""

    def __init__(self, session: Any, gateway: Gateway) -> None:
        self._session = session
        self._gateway = gateway
        self._volumes: dict[VolumeId, SharedVolume] = {}
        self._by_hash: dict[bytes, SharedVolume] = {}
        self._peers: dict[VolumeId, frozenset[Endpoint]] = {}
        self._admitted: frozenset[str] = frozenset()
        self._adding: dict[bytes, asyncio.Future[Any]] = {}
        self._removing: dict[bytes, asyncio.Future[None]] = {}
        self._listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: SwarmSettings) -> AsyncIterator[Swarm]:
        """A session that listens and admits nobody yet. Raises UnavailableError if no port can be had."""
        async with Gateway.open() as gateway:
            session = lt.session(session_settings(settings))
            session.set_ip_filter(default_deny(()))
            swarm = cls(session, gateway)
            pump = AlertPump(session, swarm._take)
            try:
                try:
                    await asyncio.wait_for(asyncio.shield(swarm._listening), LISTEN_TIMEOUT_S)
                except TimeoutError as error:
                    raise UnavailableError("no port for the swarm could be opened on this machine") from error
                yield swarm
            finally:
                for shared in swarm._volumes.values():
                    shared.close()
                pump.stop()
                # Saying goodbye blocks until the gateway, which runs on this loop, has answered.
                last = [session]
                del session, swarm._session, pump._session
                await asyncio.to_thread(last.clear)
                await asyncio.to_thread(pump.close)

    @property
    def port(self) -> int:
        """Where TCP and uTP are answered."""
        return self._listening.result()

    def volumes(self) -> Mapping[VolumeId, SharedVolume]:
        """What is shared now."""
        return self._volumes

    async def add(
        self,
        volume: Volume,
        tag: bytes,
        *,
        held: Mapping[int, Held],
        incoming: Path,
        peers: Iterable[Endpoint] = (),
        dial: bool = True,
    ) -> SharedVolume:
        """Share a volume. What is not in `held` may be fetched, into files named by their root in `incoming`.

        Of two devices one should `dial`, or their attempts may meet in mid-air and both be given up for seconds.
        """
        if volume.id in self._volumes:
            raise ValueError("this volume is shared already")

        def announce(peers: Iterable[Endpoint], dial: Iterable[Endpoint]) -> None:
            self._set_peers(volume.id, peers, dial)

        shared = SharedVolume(volume, tag, announce=announce)
        params = await asyncio.to_thread(
            shared.params, held, incoming=incoming, announce_url=self._gateway.url(volume.id)
        )
        # The filter stands before the torrent is there.
        self._peers[volume.id] = frozenset(peers)
        self._gateway.set_peers(volume.id, self._peers[volume.id] if dial else ())
        self._set_filter()
        key = shared.info_hash
        added: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._adding[key] = added
        self._by_hash[key] = shared
        self._volumes[volume.id] = shared
        try:
            self._session.async_add_torrent(params)
            async with asyncio.timeout(ADD_TIMEOUT_S):
                shared.added(await added)
                await shared.ready.wait()
        except BaseException:
            self._forget(shared)
            raise
        finally:
            self._adding.pop(key, None)
        log.info("volume_shared volume=%s blobs=%d held=%d", to_text(volume.id), len(volume.blobs), len(held))
        return shared

    async def remove(self, volume_id: VolumeId) -> None:
        """Share a volume no longer. No file is touched; half-fetched ones are the caller's to remove."""
        shared = self._volumes.get(volume_id)
        if shared is None:
            return
        removed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._removing[shared.info_hash] = removed
        self._session.remove_torrent(shared.handle)
        try:
            await asyncio.wait_for(removed, REMOVE_TIMEOUT_S)
        finally:
            self._removing.pop(shared.info_hash, None)
            self._forget(shared)
            shared.close()

    def limit(self, *, upload_bytes_per_s: int, download_bytes_per_s: int) -> None:
        """Bytes a second to and from other networks; 0: no limit."""
        self._session.apply_settings(
            {"upload_rate_limit": upload_bytes_per_s, "download_rate_limit": download_bytes_per_s}
        )

    # private

    def _forget(self, shared: SharedVolume) -> None:
        self._volumes.pop(shared.volume.id, None)
        self._by_hash.pop(shared.info_hash, None)
        self._peers.pop(shared.volume.id, None)
        self._gateway.forget(shared.volume.id)
        self._set_filter()

    def _set_peers(self, volume_id: VolumeId, peers: Iterable[Endpoint], dial: Iterable[Endpoint]) -> None:
        if volume_id not in self._volumes:
            return
        self._peers[volume_id] = frozenset(peers)
        self._set_filter()
        if self._gateway.set_peers(volume_id, dial):
            self._volumes[volume_id].reannounce()

    def _set_filter(self) -> None:
        admitted = frozenset(endpoint.ip for peers in self._peers.values() for endpoint in peers)
        if admitted != self._admitted:
            self._admitted = admitted
            self._session.set_ip_filter(default_deny(admitted))

    def _take(self, alert: Any) -> None:
        match alert:
            case lt.listen_succeeded_alert():
                if not self._listening.done():
                    self._listening.set_result(alert.port)
            case lt.listen_failed_alert():
                log.warning("swarm_listen_failed reason=%s", alert.error.value())
            case lt.add_torrent_alert():
                self._added(alert)
            case lt.torrent_removed_alert():
                removed = self._removing.get(_hash_of(alert.info_hashes))
                if removed is not None and not removed.done():
                    removed.set_result(None)
            case lt.alerts_dropped_alert():
                log.error("alerts_dropped")
            case lt.torrent_alert():
                shared = self._by_hash.get(_hash_of(alert.handle.info_hashes())) if alert.handle.is_valid() else None
                if shared is not None:
                    shared.take(alert)

    def _added(self, alert: Any) -> None:
        added = self._adding.get(_hash_of(alert.params.info_hashes))
        if added is None or added.done():
            return
        if alert.error.value():
            added.set_exception(StorageError("the swarm could not take a volume"))
        else:
            added.set_result(alert.handle)


def _hash_of(hashes: Any) -> bytes:
    return bytes(hashes.v2.to_bytes())

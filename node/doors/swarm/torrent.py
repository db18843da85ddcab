"""One volume in the session: which blobs of it lie here, what is being fetched, who it is shared with."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import libtorrent as lt

from node.crypto import labels
from node.doors.swarm.settings import Endpoint
from node.errors import DamagedError, StorageError, UnavailableError
from node.ids import BlobRoot, to_text
from node.wire.volume import Volume

log = logging.getLogger(__name__)

FLUSH_TIMEOUT_S: Final = 30.0
RENAME_TIMEOUT_S: Final = 30.0
_WANTED: Final = 1
"""Low, so that pieces with a deadline go before whole files."""
_URGENT: Final = 4
_UTP_SOCKET: Final = 1 << 17
"""peer_info::utp_socket, which libtorrent's Python bindings leave out."""


Announce = Callable[[Iterable[Endpoint], Iterable[Endpoint]], None]
"""Takes the peers to admit, and those among them to connect to."""


@dataclass(frozen=True, slots=True)
class Held:
    """A blob that lies here whole, and the layer that others need to check it."""

    path: Path
    layer: bytes


@dataclass(frozen=True, slots=True)
class PeerView:
    """One connection, as a person or a status page wants to see it."""

    endpoint: Endpoint
    how: str
    """tcp | utp"""
    down_bytes_per_s: int
    up_bytes_per_s: int
    total_down_bytes: int
    total_up_bytes: int


class SharedVolume:
    """Made by `Swarm.add`. All of it runs in the event loop; blobs are named by their index in the volume."""

    def __init__(self, volume: Volume, tag: bytes, *, announce: Announce) -> None:
        self.volume = volume
        self.tag = tag
        self.info_hash = volume.info_hash(tag)
        self._announce = announce
        self._handle: Any = None
        self._files = _file_places(volume)
        self._have = bytearray(volume.first_pieces[-1])
        self._left = [blob.pieces for blob in volume.blobs]
        self._wanted: set[int] = set()
        self._progress_s: dict[int, float] = {}
        self._last_progress_s = 0.0
        self._whole: dict[int, asyncio.Future[None]] = {}
        self._pieces: defaultdict[int, list[asyncio.Future[bytes]]] = defaultdict(list)
        self._ready = asyncio.Event()
        self._flushes: list[asyncio.Future[None]] = []
        self._renames: dict[int, asyncio.Future[None]] = {}
        self._places: dict[int, Path] = {}

    # asking

    def has(self, index: int) -> bool:
        """Whether every piece of the blob is here and checked."""
        return self._left[index] == 0

    def set_peers(self, peers: Iterable[Endpoint], *, dial: Iterable[Endpoint] | None = None) -> None:
        """The devices that have or want this volume. New ones among `dial` (default: all) are connected to at once."""
        admitted = frozenset(peers)
        self._announce(admitted, admitted if dial is None else dial)

    def reannounce(self) -> None:
        """Ask the gateway again, now."""
        self._handle.force_reannounce(0, -1, lt.reannounce_flags_t.ignore_min_interval)

    def peers(self) -> list[PeerView]:
        """Live connections. A round trip to libtorrent's thread: not for hot paths."""
        return [_peer_view(peer) for peer in self._handle.get_peer_info() if not peer.flags & peer.handshake]

    async def fetch(self, index: int, *, stall_timeout_s: float, urgent: bool = False) -> Path:
        """Have the whole blob come. Its bytes lie, written out but not yet synced, at the path returned.

        Raises UnavailableError if for `stall_timeout_s` no piece of it came.
        """
        loop = asyncio.get_running_loop()
        if not self.has(index):
            whole = self._whole_of(index)
            self._want(index, _URGENT if urgent else _WANTED)
            self._progress_s[index] = loop.time()
            while not whole.done():
                quiet_s = loop.time() - self._progress_s[index]
                if quiet_s >= stall_timeout_s:
                    raise UnavailableError("nobody who is there now has the rest of this song")
                await asyncio.wait([whole], timeout=stall_timeout_s - quiet_s)
            whole.result()
        await self._flush()
        return self._places[index]

    async def fetch_all(
        self, indexes: Iterable[int], *, stall_timeout_s: float
    ) -> AsyncGenerator[tuple[int, Path], None]:
        """Have these blobs come, one after the other as far as may be; each is told of as soon as it is whole.

        Ends when all are, or when for `stall_timeout_s` no piece of any came.
        """
        wanted = {index for index in indexes if not self.has(index)}
        came: asyncio.Queue[int] = asyncio.Queue()
        wholes = {index: self._whole_of(index) for index in wanted}
        numbers = {whole: index for index, whole in wholes.items()}
        for whole in numbers:
            whole.add_done_callback(lambda done: came.put_nowait(numbers[done]))
        self._handle.set_flags(lt.torrent_flags.sequential_download)
        self._want_all(wanted)
        loop = asyncio.get_running_loop()
        self._last_progress_s = loop.time()
        try:
            while wanted:
                quiet_s = loop.time() - self._last_progress_s
                if quiet_s >= stall_timeout_s:
                    return
                try:
                    index = await asyncio.wait_for(came.get(), stall_timeout_s - quiet_s)
                except TimeoutError:
                    continue
                wanted.discard(index)
                wholes[index].result()
                await self._flush()
                yield index, self._places[index]
        finally:
            self._leave_all(wanted)

    async def piece(self, index: int, piece: int, *, within_ms: int, timeout_s: float) -> bytes:
        """Piece `piece` of the blob, wanted `within_ms`. It is whole: libtorrent checked it by the merkle tree.

        Raises UnavailableError if it hasn't come after `timeout_s`.
        """
        at = self.volume.first_pieces[index] + piece
        if not self._have[at]:
            self._want(index, _WANTED)  # at priority 0 it would land in a file of scraps
        coming: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pieces[at].append(coming)
        self._handle.set_piece_deadline(at, within_ms, lt.torrent_handle.alert_when_available)
        try:
            return await asyncio.wait_for(coming, timeout_s)
        except TimeoutError as error:
            raise UnavailableError("nobody who is there now gave that part of the song in time") from error
        finally:
            waiting = self._pieces.get(at, [])
            if coming in waiting:
                waiting.remove(coming)
            if not waiting:
                self._pieces.pop(at, None)
                self._handle.reset_piece_deadline(at)

    # giving

    def offer(self, index: int) -> None:
        """Say that pieces of this blob will be given by `give`, whoever asks for them."""
        self._want(index, _WANTED)

    def give(self, index: int, piece: int, data: bytes) -> None:
        """A piece made here (sealed on demand): it is shared as soon as libtorrent has checked it."""
        at = self.volume.first_pieces[index] + piece
        padded = data if at == self.volume.first_pieces[-1] - 1 else data.ljust(labels.PIECE_BYTES, b"\0")
        self._handle.add_piece(at, padded, 0)

    async def moved(self, index: int, path: Path) -> None:
        """The blob's file lies at `path` now. Raises StorageError."""
        renamed = asyncio.get_running_loop().create_future()
        self._renames[self._files[index]] = renamed
        self._handle.rename_file(self._files[index], str(path))
        await asyncio.wait_for(renamed, RENAME_TIMEOUT_S)
        self._places[index] = path

    def leave(self, index: int) -> None:
        """Fetch no more of a blob that isn't whole."""
        if not self.has(index) and index in self._wanted:
            self._wanted.discard(index)
            self._handle.file_priority(self._files[index], 0)

    # what Swarm tells it

    def params(self, held: Mapping[int, Held], *, incoming: Path, announce_url: str) -> Any:
        """What libtorrent adds the torrent with: what is held is taken as it is, without reading it."""
        layers: dict[BlobRoot, bytes] = {self.volume.blobs[index].root: one.layer for index, one in held.items()}
        params = lt.load_torrent_buffer(self.volume.torrent(self.tag, layers))
        for index, blob in enumerate(self.volume.blobs):
            one = held.get(index)
            self._places[index] = one.path if one else incoming / to_text(blob.root)
            if one is not None:
                for piece in self.volume.pieces_of(index):
                    self._have[piece] = 1
                self._left[index] = 0
        params.save_path = str(incoming)
        params.renamed_files = {self._files[index]: str(path) for index, path in self._places.items()}
        params.have_pieces = [bool(have) for have in self._have]
        params.file_priorities = [0] * (self._files[-1] + 1)
        params.trackers = [announce_url]
        params.flags |= lt.torrent_flags.apply_ip_filter | lt.torrent_flags.disable_dht
        params.flags |= lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex
        params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
        return params

    def added(self, handle: Any) -> None:
        self._handle = handle

    @property
    def ready(self) -> asyncio.Event:
        """Set once libtorrent has taken note of what is held: pieces given before are lost without a word."""
        return self._ready

    @property
    def handle(self) -> Any:
        return self._handle

    def take(self, alert: Any) -> None:
        """One of this torrent's alerts."""
        match alert:
            case lt.torrent_checked_alert():
                self._ready.set()
            case lt.piece_finished_alert():
                self._piece_came(alert.piece_index)
            case lt.read_piece_alert():
                self._piece_read(alert)
            case lt.cache_flushed_alert():
                flushes, self._flushes = self._flushes, []
                _finish(flushes)
            case lt.file_renamed_alert():
                _finish([self._renames.pop(alert.index, None)])
            case lt.file_rename_failed_alert():
                _fail(self._renames.pop(alert.index, None), StorageError("a blob's file could not be put in its place"))
            case lt.hash_failed_alert():
                log.warning("piece_refused volume=%s piece=%d", to_text(self.volume.id), alert.piece_index)
            case lt.file_error_alert() | lt.torrent_error_alert():
                log.warning("volume_stopped volume=%s reason=%s", to_text(self.volume.id), alert.error.value())
                self._stopped(StorageError("the disk refused part of a song that was being shared"))

    def close(self) -> None:
        """Whoever waits is told."""
        self._stopped(UnavailableError("the volume was closed"))

    # private

    def _want(self, index: int, priority: int) -> None:
        if index not in self._wanted or priority != _WANTED:
            self._wanted.add(index)
            self._handle.file_priority(self._files[index], priority)

    def _want_all(self, indexes: Iterable[int]) -> None:
        self._wanted.update(indexes)
        self._handle.prioritize_files(self._priorities())

    def _leave_all(self, indexes: Iterable[int]) -> None:
        left = [index for index in indexes if not self.has(index)]
        if left and self._handle.is_valid():
            self._wanted.difference_update(left)
            self._handle.prioritize_files(self._priorities())

    def _priorities(self) -> list[int]:
        priorities = [0] * (self._files[-1] + 1)
        for index in self._wanted:
            priorities[self._files[index]] = _WANTED
        return priorities

    def _whole_of(self, index: int) -> asyncio.Future[None]:
        whole = self._whole.get(index)
        if whole is None:
            whole = self._whole[index] = asyncio.get_running_loop().create_future()
        return whole

    async def _flush(self) -> None:
        flushed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushes.append(flushed)
        self._handle.flush_cache()
        await asyncio.wait_for(flushed, FLUSH_TIMEOUT_S)

    def _piece_came(self, at: int) -> None:
        if self._have[at]:
            return
        self._have[at] = 1
        index, _ = self.volume.blob_at(at)
        self._left[index] -= 1
        self._progress_s[index] = self._last_progress_s = asyncio.get_running_loop().time()
        if self._left[index] == 0:
            _finish([self._whole.pop(index, None)])
            self._progress_s.pop(index, None)

    def _piece_read(self, alert: Any) -> None:
        failed = bool(alert.error.value())
        if failed and not self._have[alert.piece]:
            return  # an earlier wait was given up; whoever waits now still does
        waiting = self._pieces.pop(alert.piece, [])
        index, place = self.volume.blob_at(alert.piece)
        length = min(labels.PIECE_BYTES, self.volume.blobs[index].sealed_bytes - place * labels.PIECE_BYTES)
        if failed:
            for one in waiting:
                _fail(one, DamagedError("a part of a song that lies here can't be read"))
        else:
            data = bytes(alert.buffer[:length])
            for one in waiting:
                if not one.done():
                    one.set_result(data)

    def _stopped(self, error: Exception) -> None:
        for whole in self._whole.values():
            _fail(whole, error)
        for waiting in self._pieces.values():
            for one in waiting:
                _fail(one, error)
        for flush in self._flushes:
            _fail(flush, error)
        for rename in self._renames.values():
            _fail(rename, error)
        self._whole.clear()
        self._pieces.clear()
        self._flushes.clear()
        self._renames.clear()


def _file_places(volume: Volume) -> list[int]:
    """libtorrent's number of each blob's file: it counts a file of padding after each that doesn't fill its piece."""
    places, place = [], 0
    for blob in volume.blobs:
        places.append(place)
        place += 1 if blob.sealed_bytes % labels.PIECE_BYTES == 0 else 2
    return places


def _finish(futures: Iterable[asyncio.Future[None] | None]) -> None:
    for future in futures:
        if future is not None and not future.done():
            future.set_result(None)


def _fail(future: asyncio.Future[Any] | None, error: Exception) -> None:
    if future is not None and not future.done():
        future.set_exception(error)
        future.exception()  # whoever waits gets it; if nobody does, there is nothing to say about it


def _peer_view(peer: Any) -> PeerView:
    ip, port = peer.ip
    return PeerView(
        Endpoint(str(ipaddress.ip_address(ip)), port),
        "utp" if peer.flags & _UTP_SOCKET else "tcp",
        down_bytes_per_s=peer.payload_down_speed,
        up_bytes_per_s=peer.payload_up_speed,
        total_down_bytes=peer.total_download,
        total_up_bytes=peer.total_upload,
    )

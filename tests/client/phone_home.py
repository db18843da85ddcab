"""A home PC for tests of the phone: a tracker, a library of sealed songs in memory, and a device that gives them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from node.catalog import vocabulary
from node.catalog.batch import Head, decode_batch, log_id, make_batch
from node.catalog.hlc import next_stamp
from node.catalog.model import BlobRef, Rendition, Stream, Tags, cover_id
from node.catalog.snapshot import snapshot_of
from node.catalog.state import State
from node.catalog.values import blob_value, rendition_value
from node.crypto import merkle
from node.crypto.blob import BlobCipher, Purpose, blob_key
from node.crypto.keys import track_id
from node.doors import rooms
from node.doors.audio.mobile import encode_mobile
from node.errors import UnavailableError
from node.flows import pair
from node.ids import BlobRoot, TrackId
from node.wire import codec, pairing, roster
from tests.client.mock_media import cover_svg, tone
from tests.flows import people

SONG_S = 12


@dataclass
class Home:
    """The PC and what it holds."""

    device: people.Device
    tracker: str
    state: State = field(default_factory=State)
    snapshot: BlobRef | None = None
    lyrics: dict[str, list[list[object]]] = field(default_factory=dict)
    """Track -> [time in ms or None, text], ...."""
    served: list[tuple[bytes, int]] = field(default_factory=list)
    """Every chunk that was given away: blob and index."""
    mobiles: list[BlobRoot] = field(default_factory=list)
    """The songs' mobile renditions."""
    tracks: dict[str, TrackId] = field(default_factory=dict)
    """By title."""
    renders: bool = False
    """Whether it makes small copies in AAC when asked."""
    rendered: list[TrackId] = field(default_factory=list)
    _originals: dict[TrackId, bytes] = field(default_factory=dict)

    @classmethod
    def begin(cls, tracker: str) -> Home:
        state, served = State(), list[tuple[bytes, int]]()

        def snapshot() -> list[object] | None:
            return None if home.snapshot is None else blob_value(home.snapshot)

        async def changes(body: Any) -> bytes:
            for signed in body["batches"]:
                state.apply(decode_batch(signed))
            home.publish()
            await device.meeting.announce()
            return codec.pack({log: head.seq for log, head in state.heads.items()})

        async def lyrics(body: Any) -> bytes:
            return codec.pack(home.lyrics.get(body["track"]))

        async def render(body: Any) -> bytes:
            if not home.renders or body["codec"] != "aac":
                raise UnavailableError("no rendition can be made of that track")
            rendition = await asyncio.to_thread(home._in_aac, TrackId(body["track"]))
            home.write([vocabulary.set_mobile(TrackId(body["track"]), rendition)])
            home.publish()
            await device.meeting.announce()
            return codec.pack(rendition_value(rendition))

        device = people.make_device(
            "Home PC",
            people.found(),
            tracker,
            answers={"changes": changes, "lyrics": lyrics, "render": render},
            heads=lambda: {log: head.seq for log, head in state.heads.items()},
            snapshot=snapshot,
            given=lambda root, index: served.append((root, index)),
        )
        home = cls(device, tracker, state, served=served)
        return home

    def seal(self, plain: bytes, purpose: Purpose) -> BlobRef:
        """Hold `plain` as a blob."""
        digest = hashlib.sha256(plain).digest()
        epoch = self.device.membership.epochs[1]
        key = blob_key(epoch.convergence, purpose, size_bytes=len(plain), sha256=digest)
        cipher = BlobCipher(key, len(plain))
        chunks = list(cipher.seal_all(plain))
        root, _ = merkle.root_of_chunks(chunks)
        self.device.blobs[root] = chunks
        return BlobRef(root=root, key=key, commitment=cipher.commitment, size_bytes=len(plain), sha256=digest)

    def add_song(self, song: Song, mobile: bytes, original: bytes) -> TrackId:
        """Put one song into the catalog, with both renditions held here."""
        epoch = self.device.membership.epochs[1]
        track = track_id(epoch.identity, hashlib.sha256(song.title.encode()).digest())
        cover = self.seal(cover_svg(song.album).encode(), Purpose.COVER)
        small = Stream(
            codec="opus", mime="audio/webm; codecs=opus", duration_ms=SONG_S * 1000, sample_rate_hz=48_000, channels=1,
            bitrate_bps=64_000,
        )  # fmt: skip
        large = Stream(
            codec="pcm_s16le", mime="audio/wav", duration_ms=SONG_S * 1000, sample_rate_hz=8_000, channels=1,
            bitrate_bps=128_000,
        )  # fmt: skip
        phone = self.seal(mobile, Purpose.MOBILE)
        self.mobiles.append(phone.root)
        self.tracks[song.title] = track
        self._originals[track] = original
        tags = Tags(title=song.title, artists=(song.artist,), album=song.album, track_no=song.number, date="1999")
        ops = [
            vocabulary.set_added(track, 1_700_000_000_000 + song.number),
            vocabulary.set_tags(track, tags),
            vocabulary.set_stream(track, large),
            vocabulary.set_original(
                track,
                Rendition(kind="original", blob=self.seal(original, Purpose.ORIGINAL), stream=large, path=song.path),
            ),
            vocabulary.set_mobile(track, Rendition(kind="mobile", blob=phone, stream=small)),
            vocabulary.set_cover(track, cover_id(cover.sha256)),
            vocabulary.set_cover_blob(cover, "image/svg+xml"),
        ]
        self.write(ops)
        return track

    def _in_aac(self, track: TrackId) -> Rendition:
        self.rendered.append(track)
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder, "a.wav"), Path(folder, "a.m4a")
            source.write_bytes(self._originals[track])
            stream = encode_mobile(source, out, codec="aac")
            return Rendition(kind="mobile", blob=self.seal(out.read_bytes(), Purpose.MOBILE), stream=stream)

    def write(self, ops: list[vocabulary.Op]) -> None:
        """Operations of the PC itself; `publish` makes others see them."""
        head = self.state.heads.get(log_id(self.device.membership.keys.id, 1), Head())
        batch = make_batch(
            self.device.membership.keys, incarnation=1, head=head, stamp=next_stamp(people.now_ms(), self.state.newest),
            seen=dict(self.state.vector), ops=ops,
        )  # fmt: skip
        self.state.apply(batch)

    def publish(self) -> None:
        """Make a snapshot of the catalog as it stands."""
        self.snapshot = self.seal(snapshot_of(self.state), Purpose.SNAPSHOT)

    async def invite(self, code: bytes, typed: asyncio.Future[str]) -> asyncio.Task[pair.Newcomer]:
        """The PC's side of one pairing, waiting in its room; the person types what `typed` becomes."""
        waits = asyncio.Event()
        inviting = asyncio.create_task(self._invite(code, typed, waits))
        inviting.add_done_callback(lambda _: waits.set())
        await waits.wait()
        return inviting

    async def _invite(self, code: bytes, typed: asyncio.Future[str], waits: asyncio.Event) -> pair.Newcomer:
        membership = self.device.membership

        async def admit(newcomer: pair.Newcomer) -> roster.Roster:
            return await membership.change(
                lambda known, keys, epochs: roster.admit(
                    known,
                    keys,
                    newcomer.public,
                    role=roster.Role.PLAYER,
                    epochs=epochs.values(),
                    time_ms=people.now_ms(),
                )
            )

        async def typed_check(_name: str) -> str:
            return await typed

        async with (
            aiohttp.ClientSession() as session,
            rooms.pair_room(session, self.tracker, pairing.pair_room(code), waits=True) as pipe,
        ):
            waits.set()
            return await pair.invite(
                pipe, code, random=os.urandom, met=lambda: None, typed_check=typed_check, admit=admit,
                trackers=[self.tracker], me=membership.keys.id,
            )  # fmt: skip


@dataclass(frozen=True)
class Song:
    title: str
    artist: str
    album: str
    number: int

    @property
    def path(self) -> str:
        return f"{self.artist}/{self.album}/{self.number:02} {self.title}.wav"


def songs() -> Iterator[Song]:
    for number, title in enumerate(("First Light", "Second Wind", "Third Rail"), 1):
        yield Song(title, "The Testers", "Spine", number)


def render(title: str, folder: Path, seconds: int = SONG_S) -> tuple[bytes, bytes]:
    """A song's mobile rendition and its original."""
    original = tone(hashlib.sha256(title.encode()).hexdigest(), seconds * 1000)
    source, out = folder / f"{title}.wav", folder / f"{title}.webm"
    source.write_bytes(original)
    encode_mobile(source, out, bitrate_bps=64_000)
    return out.read_bytes(), original


def fill(home: Home, folder: Path) -> None:
    """Three songs."""
    for song in songs():
        home.add_song(song, *render(song.title, folder))
    home.publish()


def fill_many(home: Home, folder: Path, count: int, seconds: int) -> None:
    """Songs of that length, "Song 000" and on."""
    for number in range(count):
        song = Song(f"Song {number:03}", "The Testers", f"Volume {number // 10}", number % 10 + 1)
        home.add_song(song, *render(song.title, folder, seconds))
    home.publish()

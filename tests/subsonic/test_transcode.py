"""Making songs smaller while they play: what is made, when it is not, how many at once, and when it stops."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import time
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import av
import pytest

from node.catalog.model import Stream
from node.doors.audio import MIMES, Target, encode_mobile, transcode
from node.errors import DamagedError, UnavailableError, UserError
from node.flows.transcode import AHEAD_BYTES, Encoding, Transcodes, decide
from tests.music import make_track
from tests.subsonic.apps import App, content

FLAC = Stream(codec="flac", mime="", duration_ms=1, sample_rate_hz=44_100, channels=2, bitrate_bps=900_000)
MP3 = Stream(codec="mp3", mime="", duration_ms=1, sample_rate_hz=44_100, channels=2, bitrate_bps=320_000)
SMALL = Stream(codec="opus", mime="", duration_ms=1, sample_rate_hz=48_000, channels=2, bitrate_bps=50_000)


def test_what_fits_is_sent_as_it_is() -> None:
    for source in (FLAC, MP3):
        for wanted, limit_bps in (("", 0), ("raw", 0), ("raw", 64_000), ("", 1_000_000), (source.codec, 0)):
            assert decide(source, SMALL, wanted=wanted, limit_bps=limit_bps, start_s=0) == "original"
    assert decide(FLAC, SMALL, wanted="raw", limit_bps=0, start_s=30) == "original"
    assert decide(MP3, None, wanted="mp3", limit_bps=320_000, start_s=0) == "original"


def test_a_limit_below_the_source_makes_it_smaller_and_never_larger() -> None:
    assert decide(FLAC, None, wanted="", limit_bps=128_000, start_s=0) == Encoding("mp3", 128_000, 0)
    assert decide(FLAC, None, wanted="mp3", limit_bps=0, start_s=0) == Encoding("mp3", 192_000, 0)
    assert decide(MP3, None, wanted="opus", limit_bps=0, start_s=0) == Encoding("opus", 112_000, 0)
    low = Stream(codec="mp3", mime="", duration_ms=1, sample_rate_hz=44_100, channels=2, bitrate_bps=96_000)
    assert decide(low, None, wanted="aac", limit_bps=320_000, start_s=0) == Encoding("aac", 96_000, 0)
    assert decide(FLAC, None, wanted="flac", limit_bps=256_000, start_s=0) == Encoding("mp3", 256_000, 0)
    assert decide(FLAC, None, wanted="dsf", limit_bps=0, start_s=0) == Encoding("mp3", 192_000, 0)


def test_the_mobile_rendition_is_used_where_it_is_what_was_asked_for() -> None:
    assert decide(FLAC, SMALL, wanted="opus", limit_bps=64_000, start_s=0) == "mobile"
    assert decide(FLAC, SMALL, wanted="opus", limit_bps=96_000, start_s=0) == "mobile"
    assert decide(FLAC, SMALL, wanted="opus", limit_bps=160_000, start_s=0) == Encoding("opus", 160_000, 0)
    assert decide(FLAC, SMALL, wanted="opus", limit_bps=32_000, start_s=0) == Encoding("opus", 32_000, 0)
    assert decide(FLAC, SMALL, wanted="mp3", limit_bps=64_000, start_s=0) == Encoding("mp3", 64_000, 0)
    assert decide(None, SMALL, wanted="opus", limit_bps=160_000, start_s=0) == "mobile"
    assert decide(None, SMALL, wanted="", limit_bps=0, start_s=0) == "mobile"
    assert decide(None, SMALL, wanted="", limit_bps=32_000, start_s=0) == Encoding("mp3", 32_000, 0)


def test_a_start_in_the_middle_is_always_made() -> None:
    assert decide(MP3, SMALL, wanted="", limit_bps=0, start_s=61) == Encoding("mp3", 192_000, 61)
    assert decide(MP3, SMALL, wanted="opus", limit_bps=64_000, start_s=61) == Encoding("opus", 64_000, 61)


def seconds_of(sound: bytes) -> float:
    with av.open(io.BytesIO(sound)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def made(data: bytes, suffix: str, target: Target, start_s: float = 0.0) -> bytes:
    parts: list[bytes] = []
    transcode(
        io.BytesIO(data),
        size_bytes=len(data),
        suffix=suffix,
        target=target,
        bitrate_bps=96_000,
        start_s=start_s,
        take=parts.append,
        should_stop=lambda: False,
    )
    return b"".join(parts)


@pytest.mark.parametrize("ending", [".flac", ".mp3", ".m4a", ".opus", ".ogg", ".wav", ".wma", ".alac.m4a"])
@pytest.mark.parametrize("target", list(MIMES))
def test_every_kind_of_source_becomes_every_kind_of_target(tmp_path: Path, ending: str, target: Target) -> None:
    data = make_track(tmp_path / f"a{ending}", seconds=4, kind="music", title="x").read_bytes()
    assert seconds_of(made(data, ending, target)) == pytest.approx(4, abs=0.15)
    assert seconds_of(made(data, ending, target, start_s=2.5)) == pytest.approx(1.5, abs=0.2)
    assert made(data, ending, target, start_s=50) == b""


def test_a_mobile_rendition_can_be_made_into_something_else(tmp_path: Path) -> None:
    encode_mobile(make_track(tmp_path / "a.flac", seconds=4, kind="music"), tmp_path / "a.webm")
    assert seconds_of(made((tmp_path / "a.webm").read_bytes(), ".webm", "mp3")) == pytest.approx(4, abs=0.15)


def test_rates_and_channels_that_no_player_takes_are_brought_down(tmp_path: Path) -> None:
    data = make_track(tmp_path / "a.flac", seconds=2, rate_hz=96_000, channels=2).read_bytes()
    with av.open(io.BytesIO(made(data, ".flac", "mp3"))) as container:
        assert container.streams.audio[0].rate == 48_000
    mono = make_track(tmp_path / "b.flac", seconds=2, rate_hz=22_050, channels=1).read_bytes()
    with av.open(io.BytesIO(made(mono, ".flac", "aac"))) as container:
        assert container.streams.audio[0].channels == 1


def test_no_music_is_told_and_stopping_stops(tmp_path: Path) -> None:
    with pytest.raises((UserError, DamagedError)):
        made(b"no music at all" * 1_000, ".mp3", "mp3")
    data = make_track(tmp_path / "a.flac", seconds=4).read_bytes()
    with pytest.raises(UnavailableError):
        transcode(
            io.BytesIO(data), size_bytes=len(data), suffix=".flac", target="mp3", bitrate_bps=96_000, start_s=0,
            take=lambda part: None, should_stop=lambda: True,
        )  # fmt: skip


class Sound:
    """A file in memory, as the streams give it; counts what is read of it."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self.size_bytes = len(data)
        self.file_name = name
        self.reads = 0

    async def read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        self.reads += 1
        yield self._data[start:stop]


@pytest.fixture
def long_sound(tmp_path: Path) -> Sound:
    return Sound(make_track(tmp_path / "a.wav", seconds=120, kind="noise").read_bytes(), "a.wav")


async def test_what_is_made_comes_as_it_is_made_and_no_further_than_is_taken(long_sound: Sound) -> None:
    transcodes = Transcodes()
    parts = transcodes.read(long_sound, Encoding("flac", 0, 0))  # type: ignore[arg-type]
    async with contextlib.aclosing(parts):
        first = await anext(parts)
        assert len(first) < long_sound.size_bytes / 4
        reads = -1
        while reads != long_sound.reads:  # until it waits to be listened to
            reads = long_sound.reads
            await asyncio.sleep(0.5)
        assert reads < long_sound.size_bytes / (1 << 18) / 2
        assert transcodes.running == 1
        rest = b"".join([part async for part in parts])
    assert seconds_of(first + rest) == pytest.approx(120, abs=0.2)
    assert transcodes.running == 0
    assert long_sound.size_bytes / 4 > AHEAD_BYTES


async def test_it_stops_when_nobody_listens_any_more(long_sound: Sound) -> None:
    transcodes = Transcodes()
    parts = transcodes.read(long_sound, Encoding("mp3", 320_000, 0))  # type: ignore[arg-type]
    await anext(parts)
    await parts.aclose()
    assert transcodes.running == 0
    assert long_sound.reads < long_sound.size_bytes / (1 << 18) / 2


async def test_more_than_are_allowed_at_once_wait_and_then_are_refused(long_sound: Sound) -> None:
    transcodes = Transcodes(at_once=1, turn_timeout_s=0.2)
    first = transcodes.read(long_sound, Encoding("mp3", 128_000, 0))  # type: ignore[arg-type]
    await anext(first)
    second = transcodes.read(long_sound, Encoding("mp3", 128_000, 0))  # type: ignore[arg-type]
    with pytest.raises(UnavailableError):
        await anext(second)
    await first.aclose()
    third = transcodes.read(long_sound, Encoding("mp3", 128_000, 0))  # type: ignore[arg-type]
    assert await anext(third)
    await third.aclose()


async def test_making_songs_leaves_the_threads_that_read_them_free(long_sound: Sound) -> None:
    class OnDisk(Sound):
        async def read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
            yield await asyncio.to_thread(lambda: self._data[start:stop])

    sound = OnDisk(long_sound._data, "a.wav")
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    parts = Transcodes().read(sound, Encoding("mp3", 128_000, 0))  # type: ignore[arg-type]
    async with asyncio.timeout(60), contextlib.aclosing(parts):
        assert await anext(parts)


async def test_damage_is_told_instead_of_silence(tmp_path: Path) -> None:
    transcodes = Transcodes()
    broken = Sound(b"RIFF" + bytes(4_000), "a.wav")
    with pytest.raises((DamagedError, UserError)):
        await anext(transcodes.read(broken, Encoding("mp3", 128_000, 0)))  # type: ignore[arg-type]
    assert transcodes.running == 0


def stream(app: App, song: str, **parameters: Any) -> tuple[str, bytes]:
    answer = app.raw("stream", {"id": song, **parameters})
    assert answer.status == 200, answer.body
    return answer.headers["Content-Type"], answer.body


def test_an_app_gets_the_format_the_rate_and_the_start_that_it_asks_for(app: App) -> None:
    song = app.ask("search3", query="Side 1")["song"][0]
    assert song["bitRate"] > 300
    for parameters, mime, seconds in (
        ({"maxBitRate": 96}, "audio/mpeg", 3),
        ({"format": "opus", "maxBitRate": 128}, "audio/ogg", 3),
        ({"format": "aac"}, "audio/aac", 3),
        ({"format": "flac"}, "audio/flac", 3),
        ({"timeOffset": 2}, "audio/mpeg", 1),
        ({"timeOffset": 500}, "audio/mpeg", 0),
    ):
        told, sound = stream(app, song["id"], **parameters)
        assert told == mime, parameters
        assert (seconds_of(sound) if seconds else len(sound)) == pytest.approx(seconds, abs=0.2)
    for parameters in ({"maxBitRate": 500}, {"format": "mp3"}, {"format": "raw", "maxBitRate": 32}):
        told, sound = stream(app, song["id"], **parameters)
        assert (told, len(sound)) == ("audio/mpeg", song["size"])


@pytest.mark.parametrize(("form", "rate_kbps"), [("mp3", 96), ("mp3", 20), ("opus", 160), ("aac", 96)])
def test_a_length_that_was_asked_for_is_kept_to_the_byte(app: App, form: str, rate_kbps: int) -> None:
    song = app.ask("search3", query="Side 1")["song"][0]
    asked = {"id": song["id"], "format": form, "maxBitRate": rate_kbps, "estimateContentLength": True}
    answer = app.raw("stream", asked)
    told = int(answer.headers["Content-Length"])
    assert len(answer.body) == told
    assert seconds_of(answer.body) == pytest.approx(3, abs=0.2)
    assert int(app.raw("stream", asked, method="HEAD").headers["Content-Length"]) == told
    assert int(app.raw("stream", {**asked, "timeOffset": 2}).headers["Content-Length"]) < told
    assert "Content-Length" not in app.raw("stream", {**asked, "estimateContentLength": False}).headers
    assert "Content-Length" not in app.raw("stream", {**asked, "format": "flac", "maxBitRate": 0}).headers


@pytest.mark.parametrize("kind", ["music", "noise"])
@pytest.mark.parametrize("target", ["mp3", "aac", "opus"])
@pytest.mark.parametrize("bitrate_bps", [32_000, 105_000, 320_000])
def test_nothing_is_made_longer_than_the_length_that_is_told(
    tmp_path: Path, kind: Any, target: Target, bitrate_bps: int
) -> None:
    data = make_track(tmp_path / "a.flac", seconds=8, kind=kind).read_bytes()
    parts: list[bytes] = []
    transcode(
        io.BytesIO(data), size_bytes=len(data), suffix=".flac", target=target, bitrate_bps=bitrate_bps, start_s=0,
        take=parts.append, should_stop=lambda: False,
    )  # fmt: skip
    told = Encoding(target, bitrate_bps, 0).most_bytes(8_000)
    assert told is not None
    assert sum(map(len, parts)) <= told
    if target == "mp3":
        assert sum(map(len, parts)) <= bitrate_bps * 1.02


def test_the_mobile_rendition_is_sent_with_its_length_and_ranges(app: App) -> None:
    song = app.ask("search3", query="Glass 1")["song"][0]
    wait_for_mobile(app, song["id"])
    asked = {"id": song["id"], "format": "opus", "maxBitRate": 64}
    answer = app.raw("stream", asked)
    assert answer.headers["Content-Type"] == "audio/webm; codecs=opus"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert app.raw("stream", asked, headers={"Range": "bytes=0-9"}).body == answer.body[:10]


def wait_for_mobile(app: App, song: str) -> None:
    until_s = time.monotonic() + 60
    while app.node.get(f"tracks/{song}")["mobile"] is None:
        assert time.monotonic() < until_s, "the rendition is not made"
        time.sleep(0.1)


def test_an_app_that_hangs_up_frees_its_place(app: App) -> None:
    song = app.ask("search3", query="Side 2")["song"][0]["id"]
    for _ in range(40):
        with hung_up(app, {"id": song, "format": "flac"}):
            pass
    assert stream(app, song, format="flac")[1].startswith(b"fLaC")


@contextlib.contextmanager
def hung_up(app: App, parameters: dict[str, str]) -> Iterator[None]:
    connection = http.client.HTTPConnection("127.0.0.1", app.node.port, timeout=60)
    connection.request("GET", f"/rest/stream?{urlencode({**app.signs(), **parameters})}")
    yield
    connection.close()


def test_head_and_unknown_songs_make_nothing(app: App) -> None:
    song = app.ask("search3", query="Side 2")["song"][0]["id"]
    head = app.raw("stream", {"id": song, "format": "opus"}, method="HEAD")
    assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", "audio/ogg")
    assert content(app.raw("stream", {"id": "a" * 26, "format": "mp3", "f": "json"}))["error"]["code"] == 70

"""Makes the mobile rendition of a track: small, with its index in front; Opus, or AAC for what plays no Opus."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.audio.frame import AudioFrame

from node.catalog.model import Stream
from node.doors.audio.kinds import MobileCodec
from node.doors.audio.opening import opened
from node.errors import DamagedError, StorageError, UnavailableError, UserError

DEFAULT_BITRATE_BPS = 48_000
MIN_BITRATE_BPS, MAX_BITRATE_BPS = 32_000, 160_000

RATE_HZ = 48_000
_OPUS_FRAME_MS = 60
"""Three of Opus' own 20 ms frames in one packet: a third of the container's cost, and nothing lost to a seek."""
_CLUSTER_MS = 3_000
"""How finely a seek lands, 18 kB at 48 kbit/s; each cluster costs about 30 bytes."""

_AAC_COSTS = 2
"""So many times the bits of Opus AAC needs to sound like it."""

_MAX_HOURS = 100
_MIN_SOURCE_RATE_HZ, _MAX_SOURCE_RATE_HZ = 1_000, 768_000


@dataclass(frozen=True, slots=True)
class _Way:
    encoder: str
    container: str
    mime: str
    sample_format: str
    frame_samples: int
    container_options: dict[str, str]
    encoder_options: dict[str, str]


_WAYS: Final[dict[MobileCodec, _Way]] = {
    "opus": _Way(
        "libopus",
        "webm",
        "audio/webm; codecs=opus",
        "flt",
        RATE_HZ * _OPUS_FRAME_MS // 1000,
        {"cues_to_front": "1", "cluster_time_limit": str(_CLUSTER_MS)},
        {"vbr": "constrained", "application": "audio", "frame_duration": str(_OPUS_FRAME_MS)},
    ),
    "aac": _Way("aac", "mp4", 'audio/mp4; codecs="mp4a.40.2"', "fltp", 1_024, {"movflags": "+faststart"}, {}),
}


class StoppedError(UnavailableError):
    """It was to stop before it was done."""


def encode_mobile(
    source: Path,
    out: Path,
    *,
    codec: MobileCodec = "opus",
    bitrate_bps: int = DEFAULT_BITRATE_BPS,
    should_stop: Callable[[], bool] = lambda: False,
) -> Stream:
    """Write the music of `source` to `out` as Opus (constrained VBR) in WebM or AAC-LC in MP4; 48 kHz, mono or stereo.

    `bitrate_bps` is that of Opus; AAC gets twice as much. The same source gives the same bytes on the same machine.
    The index and the duration stand before the sound. A source that is cut short or damaged in places gives what can
    be heard of it. Memory: some frames, whatever the length. `should_stop` is asked about every frame; StoppedError
    is raised when it says so.
    Other errors: UserError (no music, or an impossible bit rate), DamagedError (no sound can be made of it),
    StorageError (`out` can't be written). After any error `out` is not there.
    """
    if not MIN_BITRATE_BPS <= bitrate_bps <= MAX_BITRATE_BPS:
        raise UserError(f"a mobile rendition has {MIN_BITRATE_BPS} to {MAX_BITRATE_BPS} bit/s, not {bitrate_bps}")
    try:
        with opened(source) as (container, track, _):
            frames = decoded(container, track, should_stop)
            first = next(frames, None)
            if first is None:
                raise DamagedError("no sound can be made of it: every part of it is damaged")
            channels = 1 if first.layout.nb_channels == 1 else 2
            layout = "mono" if channels == 1 else "stereo"
            way = _WAYS[codec]
            shaped = _reshaped(itertools.chain([first], frames), way.sample_format, layout)
            if codec == "aac":
                bitrate_bps *= _AAC_COSTS
            samples = _write(out, _equal_parts(shaped, way.frame_samples), way, layout=layout, bitrate_bps=bitrate_bps)
            if not samples:
                raise DamagedError("no sound can be made of it: it ends before it begins")
        size_bytes = out.stat().st_size
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(out)
        raise
    duration_ms = round(samples * 1000 / RATE_HZ)
    return Stream(
        codec=codec,
        mime=way.mime,
        duration_ms=duration_ms,
        sample_rate_hz=RATE_HZ,
        channels=channels,
        bitrate_bps=size_bytes * 8_000 // max(1, duration_ms),
    )


def decoded(container: Any, track: Any, should_stop: Callable[[], bool]) -> Iterator[AudioFrame]:
    """Every frame that can be made of the track; what is damaged is passed over."""
    heard_s = 0.0
    for packet in _and_flush(container.demux(track)):
        if should_stop():
            raise StoppedError("stopped before the rendition was done")
        try:
            frames = track.decode(packet)
        except (av.FFmpegError, EOFError):
            continue
        for frame in frames:
            if not _MIN_SOURCE_RATE_HZ <= frame.sample_rate <= _MAX_SOURCE_RATE_HZ:
                raise DamagedError(f"its header lies: no music has {frame.sample_rate} samples a second")
            heard_s += frame.samples / frame.sample_rate
            if heard_s > _MAX_HOURS * 3600:
                raise DamagedError(f"it claims to play for more than {_MAX_HOURS} hours")
            if frame.samples:
                yield frame


def _and_flush(packets: Iterator[Any]) -> Iterator[Any]:
    """The packets that hold anything, then None, which makes the decoder give out its last."""
    try:
        for packet in packets:
            if packet.size:
                yield packet
    except av.FFmpegError:
        # Demuxers get over most damage by themselves; behind what this one can't, nothing is to be had.
        pass
    yield None


def _reshaped(frames: Iterable[AudioFrame], sample_format: str, layout: str) -> Iterator[AudioFrame]:
    """The frames at 48 kHz in `sample_format` and `layout`, also where the source changes its shape midway."""
    shape: tuple[str, str, int] | None = None
    resampler = av.AudioResampler(format=sample_format, layout=layout, rate=RATE_HZ)
    for frame in frames:
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if now != shape:
            if shape is not None:
                yield from filter(None, resampler.resample(None))
            shape, resampler = now, av.AudioResampler(format=sample_format, layout=layout, rate=RATE_HZ)
        # A source's own times may jump or begin anywhere: what counts is one sample after the other.
        frame.pts = None
        try:
            yield from resampler.resample(frame)
        except (av.FFmpegError, ValueError) as error:
            raise DamagedError(f"its sound has a shape that nothing plays: {now[1]}") from error
    if shape is not None:
        yield from filter(None, resampler.resample(None))


def _equal_parts(frames: Iterable[AudioFrame], samples: int) -> Iterator[AudioFrame]:
    """The same sound as frames of so many samples; the last may be shorter."""
    fifo = av.AudioFifo()
    at = 0
    for frame in _and_none(frames):
        if frame is not None:
            frame.pts = None
            fifo.write(frame)
        while fifo.samples >= samples or (frame is None and fifo.samples):
            part = fifo.read(samples, partial=frame is None)
            assert part is not None
            part.pts, part.time_base = at, Fraction(1, RATE_HZ)
            at += part.samples
            yield part


def _and_none(frames: Iterable[AudioFrame]) -> Iterator[AudioFrame | None]:
    yield from frames
    yield None


def _write(out: Path, parts: Iterable[AudioFrame], way: _Way, *, layout: str, bitrate_bps: int) -> int:
    """Encode and write all parts; returns how many samples they were."""
    # No random identifiers and no date: the same sound gives the same bytes.
    options = {"fflags": "+bitexact", **way.container_options}
    samples = 0
    try:
        with av.open(str(out), "w", format=way.container, options=options) as container:
            stream: Any = container.add_stream(way.encoder, rate=RATE_HZ, options=dict(way.encoder_options))
            stream.layout = layout
            stream.format = way.sample_format
            stream.bit_rate = bitrate_bps
            for part in parts:
                samples += part.samples
                container.mux(stream.encode(part))
            container.mux(stream.encode(None))
    except (av.error.InvalidDataError, av.error.ArgumentError) as error:
        raise DamagedError("no sound can be made of it: what is in it makes no sense") from error
    except OSError as error:
        # The source's own were turned into ours before they came here.
        raise StorageError(f"the rendition can't be written ({error.strerror or 'I/O error'})") from error
    return samples

"""Encodes a track anew while it is listened to: sent as it is made, from any moment on."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import av
from av.audio.frame import AudioFrame

from node.doors.audio.mobile import decoded
from node.doors.audio.opening import Readable, opened_bytes
from node.errors import DamagedError, UnavailableError

Target = Literal["mp3", "opus", "aac", "flac"]

MIN_BITRATE_BPS: Final = 32_000
MAX_BITRATE_BPS: Final = 320_000
_OUT_BUFFER_BYTES: Final = 8_192
"""So early the first bytes leave: half a second of sound at 128 kbit/s."""
_ANY_FRAME_SAMPLES: Final = 4_096
_MP3_KBPS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
"""All that there are: the encoder would take the nearest, which may be above the limit."""
_RATES_HZ: Final = (48_000, 44_100, 32_000)
"""What every encoder here and every player takes, best first."""


@dataclass(frozen=True, slots=True)
class _Way:
    encoder: str
    container: str
    sample_format: str
    mime: str
    container_options: tuple[tuple[str, str], ...] = ()
    encoder_options: tuple[tuple[str, str], ...] = ()


_WAYS: Final[dict[Target, _Way]] = {
    # No Xing header: it would be filled in at the end, and there is no going back in a stream.
    "mp3": _Way(
        "libmp3lame",
        "mp3",
        "s16p",
        "audio/mpeg",
        (("write_xing", "0"), ("id3v2_version", "0")),
        # Twice as quick as LAME's own choice, which at streaming rates nobody hears.
        (("compression_level", "6"),),
    ),
    "opus": _Way("libopus", "ogg", "flt", "audio/ogg", (("page_duration", "200000"),)),
    "aac": _Way("aac", "adts", "fltp", "audio/aac"),
    "flac": _Way("flac", "flac", "s16", "audio/flac"),
}
MIMES: Final[dict[Target, str]] = {target: way.mime for target, way in _WAYS.items()}


class _Out(io.RawIOBase):
    """Where the muxer writes: passes everything on, and can't go back."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        super().__init__()
        self._take = take

    def write(self, data: Any, /) -> int:
        taken = bytes(data)
        self._take(taken)
        return len(taken)

    def writable(self) -> bool:
        """True."""
        return True


def transcode(
    file: Readable,
    *,
    size_bytes: int,
    suffix: str,
    target: Target,
    bitrate_bps: int,
    start_s: float,
    take: Callable[[bytes], None],
    should_stop: Callable[[], bool],
) -> None:
    """Encode what `file` holds from `start_s` on, and give it to `take` part by part. Blocks until the end.

    At most stereo. `take` may block, and may raise to end it. Raises UserError (no music), DamagedError,
    UnavailableError when `should_stop` says so.
    """
    way = _WAYS[target]
    with opened_bytes(file, size_bytes, suffix) as (container, track):
        if start_s > 0:
            if container.duration is not None and start_s * av.time_base >= container.duration:
                return  # beyond the end: nothing is left to hear
            _seek(container, start_s)
        frames = _from(decoded(container, track, should_stop), start_s)
        first = next(frames, None)
        if first is None:
            if start_s > 0:
                return
            raise DamagedError("no sound can be made of it: every part of it is damaged")
        rate_hz = 48_000 if target == "opus" else _rate(first.sample_rate)
        layout = "mono" if first.layout.nb_channels == 1 else "stereo"
        options = {"fflags": "+bitexact", **dict(way.container_options)}
        try:
            with av.open(_Out(take), "w", format=way.container, options=options, buffer_size=_OUT_BUFFER_BYTES) as out:
                stream: Any = out.add_stream(way.encoder, rate=rate_hz, options=dict(way.encoder_options))
                stream.layout, stream.format = layout, way.sample_format
                if target != "flac":
                    stream.bit_rate = _bitrate_bps(target, bitrate_bps)
                stream.codec_context.open()
                size = stream.codec_context.frame_size or _ANY_FRAME_SAMPLES
                for frame in _reshaped(_chained(first, frames), way.sample_format, layout, rate_hz, size):
                    out.mux(stream.encode(frame))
                out.mux(stream.encode(None))
        except (av.error.InvalidDataError, av.error.ArgumentError) as error:
            raise DamagedError("no sound can be made of it: what is in it makes no sense") from error


def _bitrate_bps(target: Target, wanted_bps: int) -> int:
    """The highest that is possible and not above what is wanted."""
    bounded_bps = min(max(wanted_bps, MIN_BITRATE_BPS), MAX_BITRATE_BPS)
    if target != "mp3":
        return bounded_bps
    return max(kbps for kbps in _MP3_KBPS if kbps * 1_000 <= bounded_bps) * 1_000


def _seek(container: Any, start_s: float) -> None:
    try:
        container.seek(int(start_s * av.time_base))
    except av.FFmpegError as error:
        raise UnavailableError("this track can't be begun in the middle") from error


def _from(frames: Iterator[AudioFrame], start_s: float) -> Iterator[AudioFrame]:
    """The frames that end after `start_s`: seeking lands before it."""
    for frame in frames:
        if frame.time is None or frame.time + frame.samples / frame.sample_rate > start_s:
            yield frame
            yield from frames


def _chained(first: AudioFrame, rest: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
    yield first
    yield from rest


def _rate(source_hz: int) -> int:
    """The rate to encode at: the source's own, or one that goes into it evenly, or 48 kHz."""
    return next(
        (rate for rate in _RATES_HZ if source_hz == rate or (source_hz > rate and source_hz % rate == 0)), 48_000
    )


def _reshaped(
    frames: Iterable[AudioFrame], sample_format: str, layout: str, rate_hz: int, frame_samples: int
) -> Iterator[AudioFrame]:
    """Frames as the encoder takes them, also where the source changes its shape midway."""
    shape: tuple[str, str, int] | None = None
    resampler = av.AudioResampler(sample_format, layout, rate_hz, frame_size=frame_samples)
    at = 0
    for frame in frames:
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        ready: list[AudioFrame] = []
        if now != shape:
            if shape is not None:
                ready += resampler.resample(None)
            shape = now
            resampler = av.AudioResampler(sample_format, layout, rate_hz, frame_size=frame_samples)
        frame.pts = None
        try:
            ready += resampler.resample(frame)
        except (av.FFmpegError, ValueError) as error:
            raise DamagedError(f"its sound has a shape that nothing plays: {now[1]}") from error
        for part in ready:
            part.pts = at
            at += part.samples
            yield part
    if shape is not None:
        for part in filter(None, resampler.resample(None)):
            part.pts = at
            at += part.samples
            yield part

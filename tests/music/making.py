"""Makes small, valid music files of every format, for the tests of all rooms.

Nothing here is read by the program. The tags are written by their formats' own rules (Picard's names),
apart from the code that reads them, so that a test of reading is a real one.
"""

from __future__ import annotations

import contextlib
import functools
import os
import struct
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from numpy.typing import NDArray

from node.catalog.model import Tags
from tests.music.tagging import write_tags

Kind = Literal["tone", "noise", "music"]

FORMATS = (".mp3", ".flac", ".m4a", ".alac.m4a", ".ogg", ".opus", ".wav", ".aiff", ".wma")
"""A file name that ends so gets that format."""

_ENCODERS: dict[str, tuple[str, str, str]] = {
    ".mp3": ("libmp3lame", "mp3", "s16p"),
    ".flac": ("flac", "flac", "s16"),
    ".alac.m4a": ("alac", "ipod", "s16p"),
    ".m4a": ("aac", "ipod", "fltp"),
    ".ogg": ("vorbis", "ogg", "fltp"),
    ".oga": ("flac", "ogg", "s16"),
    ".opus": ("libopus", "opus", "flt"),
    ".wav": ("pcm_s16le", "wav", "s16"),
    ".aiff": ("pcm_s16be", "aiff", "s16"),
    ".wma": ("wmav2", "asf", "fltp"),
    ".aac": ("aac", "adts", "fltp"),
    ".wv": ("wavpack", "wv", "s16p"),
}


def make_track(
    path: Path,
    *,
    seconds: float = 1.0,
    kind: Kind = "tone",
    seed: int = 0,
    rate_hz: int = 44_100,
    channels: int = 2,
    bitrate_bps: int | None = None,
    cover: bytes | None = None,
    lyrics: str = "",
    encoder: str | None = None,
    **tags: Any,
) -> Path:
    """Write a valid music file; its name's ending (FORMATS) says which kind. Same arguments, same bytes.

    `tags` are fields of `Tags`: make_track(p, title="So What", artists=("Miles Davis",)). Any name that the
    system takes will do, also one that is no UTF-8. Returns `path`.
    """
    ending = next(e for e in sorted(_ENCODERS, key=len, reverse=True) if path.name.lower().endswith(e))
    codec, container, sample_format = _ENCODERS[ending]
    draft = path.with_name(f"draft-{uuid.uuid4().hex}{ending}")
    rate = 48_000 if ending == ".opus" else rate_hz
    pcm = sound(kind, seconds=seconds, seed=seed, rate_hz=rate, channels=channels)
    _encode(
        draft,
        pcm,
        codec=encoder or codec,
        container=container,
        sample_format=sample_format,
        rate_hz=rate,
        bitrate_bps=bitrate_bps,
    )
    if tags or cover or lyrics:
        write_tags(draft, Tags(**tags), cover=cover, lyrics=lyrics)
    os.replace(draft, path)
    return path


_LOOP_S = 20.0
"""Longer sounds repeat themselves: encoders remember far less."""


@functools.lru_cache(maxsize=16)
def sound(
    kind: Kind, *, seconds: float, seed: int = 0, rate_hz: int = 44_100, channels: int = 2
) -> NDArray[np.float32]:
    """Samples in [-1, 1], shaped (channels, samples).

    tone: two slow sines. noise: bursts of shaped noise with pauses, like speech. music: chords of many partials,
    a bass, drums and hiss, like a dense mix.
    """
    if seconds > _LOOP_S:
        loop = sound(kind, seconds=_LOOP_S, seed=seed, rate_hz=rate_hz, channels=channels)
        return np.tile(loop, int(seconds // _LOOP_S) + 1)[:, : round(seconds * rate_hz)]
    count = round(seconds * rate_hz)
    random = np.random.default_rng(seed)
    time_s = np.arange(count) / rate_hz
    rows = []
    for channel in range(channels):
        if kind == "tone":
            pitch_hz = 220.0 * 2 ** ((seed % 24) / 12)
            row = 0.4 * np.sin(2 * np.pi * pitch_hz * time_s) + 0.2 * np.sin(
                2 * np.pi * (pitch_hz * 1.5 + channel) * time_s
            )
        elif kind == "noise":
            white = random.standard_normal(count)
            shaped = np.convolve(white, np.hanning(24) / 6, mode="same")
            syllables = np.clip(np.sin(2 * np.pi * 3.1 * time_s + seed), 0, 1)
            phrases = (np.sin(2 * np.pi * 0.23 * time_s) > -0.4).astype(np.float64)
            row = 0.3 * shaped * syllables * phrases
        else:
            row = _dense(time_s, random, channel)
        rows.append(np.clip(row, -1, 1).astype(np.float32))
    return np.stack(rows)


def _dense(time_s: NDArray[np.float64], random: np.random.Generator, channel: int) -> NDArray[np.float64]:
    row = np.zeros_like(time_s)
    beat = time_s % 0.5
    chord = np.array([0, 5, 7, 3])[(time_s // 2).astype(int) % 4]
    for semitones in (0, 4, 7, 12, 16):
        base_hz = 130.8 * 2 ** ((semitones + chord) / 12) * (1 + 0.001 * channel)
        phase = 2 * np.pi * np.cumsum(base_hz) * (time_s[1] - time_s[0] if len(time_s) > 1 else 0)
        for partial in (1, 2, 3, 5, 8):
            row += np.sin(partial * phase) * 0.09 / partial
    row += 0.25 * np.sin(2 * np.pi * 55 * time_s) * np.exp(-4 * beat)
    row += 0.25 * random.standard_normal(len(time_s)) * np.exp(-30 * ((time_s + 0.25) % 0.5))
    row += 0.02 * random.standard_normal(len(time_s))
    return row


def _encode(
    path: Path,
    pcm: NDArray[np.float32],
    *,
    codec: str,
    container: str,
    sample_format: str,
    rate_hz: int,
    bitrate_bps: int | None,
) -> None:
    channels = pcm.shape[0]
    layout = {1: "mono", 2: "stereo", 6: "5.1"}.get(channels, f"{channels} channels")
    if codec.startswith("pcm_"):
        sample_format = {"16": "s16", "24": "s32", "32": "flt" if "_f" in codec else "s32"}.get(codec[5:7], "u8")
    with av.open(str(path), "w", format=container, options={"fflags": "+bitexact"}) as out:
        stream: Any = out.add_stream(codec, rate=rate_hz)
        stream.layout = layout
        stream.format = sample_format
        stream.codec_context.options = {"strict": "experimental", "flags": "+bitexact"}
        if bitrate_bps or codec == "wmav2":
            stream.bit_rate = bitrate_bps or 128_000
        stream.codec_context.open()
        frame_size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(sample_format, layout, rate_hz, frame_size=frame_size)
        for frame in _frames(pcm, layout, rate_hz):
            for ready in resampler.resample(frame):
                out.mux(stream.encode(ready))
        for ready in resampler.resample(None):
            out.mux(stream.encode(ready))
        out.mux(stream.encode(None))


def _frames(pcm: NDArray[np.float32], layout: str, rate_hz: int) -> Iterator[Any]:
    for start in range(0, pcm.shape[1], 65_536):
        part = np.ascontiguousarray(pcm[:, start : start + 65_536])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate = rate_hz
        frame.pts = start
        yield frame


def make_picture(size_px: int = 64, *, seed: int = 0) -> bytes:
    """A small valid PNG, square, of one gradient."""
    tint = seed * 37 % 256
    rows = b"".join(
        b"\0" + bytes(v for x in range(size_px) for v in (x * 255 // size_px, y * 255 // size_px, tint))
        for y in range(size_px)
    )
    return png(size_px, size_px, zlib.compress(rows))


def png(width_px: int, height_px: int, pixels: bytes) -> bytes:
    """A PNG file of 8-bit RGB whose header says so, whatever the deflated `pixels` hold."""

    def part(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")


@contextlib.contextmanager
def kept_mtime(path: Path) -> Iterator[None]:
    """Give the file its times back after the block, as some tag editors do."""
    before = path.stat()
    yield
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

"""Writes sound that the program made itself as a music file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

import av
from av.audio.frame import AudioFrame

from node.errors import StorageError

WritableKind = Literal["flac", "mp3", "m4a", "opus", "wav"]

# (encoder, container, sample format, bits per second, encoder's options: quick ones, which at these rates nobody hears)
_WAYS: Final[dict[WritableKind, tuple[str, str, str, int | None, dict[str, str]]]] = {
    "flac": ("flac", "flac", "s16", None, {}),
    "mp3": ("libmp3lame", "mp3", "s16p", 192_000, {"compression_level": "7"}),
    "m4a": ("aac", "ipod", "fltp", 160_000, {"aac_coder": "fast"}),
    "opus": ("libopus", "opus", "flt", 112_000, {"compression_level": "5"}),
    "wav": ("pcm_s16le", "wav", "s16", None, {}),
}
_RATE_HZ = 48_000
_FRAME_SAMPLES = 4_096
_STEREO_S16_BYTES = 4


def write_music(path: Path, pcm: bytes, *, kind: WritableKind) -> None:
    """Encode `pcm` (48 kHz, stereo, interleaved signed 16 bit in this machine's byte order) to `path`.

    The same sound gives the same bytes on the same machine. Raises StorageError.
    """
    encoder, container_name, sample_format, bitrate_bps, quick = _WAYS[kind]
    try:
        with av.open(str(path), "w", format=container_name, options={"fflags": "+bitexact"}) as container:
            stream: Any = container.add_stream(encoder, rate=_RATE_HZ, options={"flags": "+bitexact", **quick})
            stream.layout, stream.format = "stereo", sample_format
            if bitrate_bps:
                stream.bit_rate = bitrate_bps
            stream.codec_context.open()
            resampler = av.AudioResampler(
                sample_format, "stereo", _RATE_HZ, frame_size=stream.codec_context.frame_size or _FRAME_SAMPLES
            )
            step = _FRAME_SAMPLES * 16 * _STEREO_S16_BYTES
            for start in range(0, len(pcm), step):
                part = pcm[start : start + step]
                frame = AudioFrame(format="s16", layout="stereo", samples=len(part) // _STEREO_S16_BYTES, align=1)
                frame.planes[0].update(part)
                frame.sample_rate, frame.time_base = _RATE_HZ, Fraction(1, _RATE_HZ)
                frame.pts = start // _STEREO_S16_BYTES
                for ready in resampler.resample(frame):
                    container.mux(stream.encode(ready))
            for ready in resampler.resample(None):
                container.mux(stream.encode(ready))
            container.mux(stream.encode(None))
    except OSError as error:
        raise StorageError(f"the music can't be written ({error.strerror or 'I/O error'})") from error

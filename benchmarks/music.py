"""Music for benchmarks: many distinct, valid files, made quickly.

MP3 frames without a bit reservoir stand alone, so a file is a shuffle of encoded frames: no two files share a run
that a chunking backup program could find, and each is demuxed like any other.
"""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from mutagen.id3 import ID3, TALB, TCON, TDRC, TIT2, TPE1, TRCK

RATE_HZ = 44_100
FRAME_SAMPLES = 1_152
_POOL_FRAMES = 6_000


def _frame_pool(seed: int) -> list[bytes]:
    """Encoded MP3 frames of music-like noise, 320 kbit/s, each decodable alone."""
    noise = np.random.default_rng(seed)
    codec = av.CodecContext.create("libmp3lame", "w")
    codec.sample_rate = RATE_HZ
    codec.layout = "stereo"
    codec.format = "s16p"
    codec.bit_rate = 320_000
    codec.options = {"reservoir": "0"}
    codec.time_base = Fraction(1, RATE_HZ)
    frames: list[bytes] = []
    for index in range(_POOL_FRAMES):
        samples = (noise.standard_normal((2, FRAME_SAMPLES)) * 6_000).clip(-32_768, 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16p", layout="stereo")
        frame.sample_rate = RATE_HZ
        frame.pts = index * FRAME_SAMPLES
        frames += [bytes(packet) for packet in codec.encode(frame)]
    return frames


def make_library(directory: Path, *, files: int, bytes_each: int, seed: int = 1) -> int:
    """Fill `directory` with `files` MP3s in albums of ten; gives the total size. Files already there stay."""
    directory.mkdir(parents=True, exist_ok=True)
    shuffle = random.Random(seed)
    pool: list[bytes] | None = None
    total = 0
    for number in range(files):
        artist, album = number // 50, number // 10
        path = directory / f"Artist {artist:03}" / f"Album {album:04}" / f"{number % 10 + 1:02} Song {number:05}.mp3"
        if not path.exists():
            pool = pool or _frame_pool(seed)
            path.parent.mkdir(parents=True, exist_ok=True)
            count = max(2, bytes_each // len(pool[100]))
            with path.open("wb") as out:
                out.write(b"".join(shuffle.choices(pool[100:], k=count)))
            tags = ID3()
            for frame in (TIT2, TPE1, TALB, TCON, TDRC, TRCK):
                text = {
                    TIT2: f"Song {number:05}", TPE1: f"Artist {artist:03}", TALB: f"Album {album:04}",
                    TCON: f"Genre {artist % 12}", TDRC: str(1970 + album % 50), TRCK: str(number % 10 + 1),
                }[frame]  # fmt: skip
                tags.add(frame(encoding=3, text=[text]))
            tags.save(path)
        total += path.stat().st_size
    return total

"""Sound and pictures for an invented library: tones as WAV, covers as SVG."""

from __future__ import annotations

import hashlib
import math
import struct
from functools import lru_cache

RATE_HZ = 8_000


@lru_cache(maxsize=32)
def tone(track_id: str, duration_ms: int) -> bytes:
    """A WAV file, 16 bits mono, whose pitch tells its track."""
    frequency = 220 + int(track_id[:4], 16) % 440
    count = RATE_HZ * duration_ms // 1000
    cycle = RATE_HZ
    turn = 2 * math.pi * frequency / RATE_HZ
    samples = struct.pack(f"<{cycle}h", *(int(9_000 * math.sin(turn * i)) for i in range(cycle)))
    data = (samples * (count // cycle + 1))[: count * 2]
    form = struct.pack("<HHIIHH", 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16)
    sizes = 36 + len(data), len(form), len(data)
    return (
        struct.pack("<4sI8sI", b"RIFF", sizes[0], b"WAVEfmt ", sizes[1])
        + form
        + struct.pack("<4sI", b"data", sizes[2])
        + data
    )


def cover_svg(cover_id: str) -> str:
    """A picture of a few shapes in two colours, the same for the same id."""
    seed = hashlib.sha256(cover_id.encode()).digest()
    hue, second = seed[0] * 360 // 256, (seed[0] * 360 // 256 + 20 + seed[2] * 140 // 256) % 360
    dark, middle, light = f"hsl({hue} 55% 22%)", f"hsl({hue} 60% 42%)", f"hsl({second} 70% 62%)"
    shapes = (_rings, _hills, _bars, _shards)[seed[3] % 4](seed[4:], dark=dark, middle=middle, light=light)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512" width="512" height="512">'
        f'<defs><linearGradient id="g" gradientTransform="rotate({seed[1] * 90 // 256})">'
        f'<stop stop-color="{middle}"/><stop offset="1" stop-color="{dark}"/></linearGradient></defs>'
        f'<rect width="512" height="512" fill="url(#g)"/>{shapes}</svg>'
    )


def _rings(seed: bytes, *, light: str, **_colours: str) -> str:
    ring = f'<circle cx="256" cy="{230 + seed[0] % 60}" fill="none" stroke="{light}" stroke-width="{3 + seed[1] % 9}"'
    return "".join(f'{ring} r="{30 + i * 34}" opacity="{1 - i * 0.11:.2f}"/>' for i in range(8))


def _hills(seed: bytes, *, dark: str, middle: str, light: str) -> str:
    sun = f'<circle cx="{180 + seed[0] % 160}" cy="{150 + seed[1] % 100}" r="{70 + seed[2] % 60}" fill="{light}"/>'
    hills = (
        f'<path d="M0 {top + seed[3 + i] % 40} Q128 {top - 50 + seed[7 + i] % 60} 256 {top + 10} T512 {top - 10}'
        f' V512 H0z" fill="{dark if i % 2 else middle}" opacity=".9"/>'
        for i, top in enumerate(range(300, 500, 50))
    )
    return sun + "".join(hills)


def _bars(seed: bytes, *, light: str, **_colours: str) -> str:
    bars = (
        f'<rect x="{40 + i * 62}" y="{80 + seed[i] % 220}" width="36" height="{120 + seed[8 + i] % 200}" rx="18"'
        f' fill="{light}" opacity="{0.45 + 0.07 * i:.2f}"/>'
        for i in range(7)
    )
    return "".join(bars)


def _shards(seed: bytes, *, middle: str, light: str, **_colours: str) -> str:
    shards = (
        f'<path d="M{seed[i] * 2} 0 L512 {seed[4 + i] * 2} L{seed[8 + i] * 2} 512z"'
        f' fill="{light if i % 2 else middle}" opacity=".35"/>'
        for i in range(4)
    )
    return "".join(shards)

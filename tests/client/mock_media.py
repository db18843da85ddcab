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
    samples = struct.pack(f"<{cycle}h", *(int(9_000 * math.sin(2 * math.pi * frequency * i / RATE_HZ)) for i in range(cycle)))
    data = (samples * (count // cycle + 1))[: count * 2]
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16, b"data", len(data))
    return head + data


def cover_svg(cover_id: str) -> str:
    """A picture of a few shapes in two colours, the same for the same id."""
    seed = hashlib.sha256(cover_id.encode()).digest()
    hue, turn = seed[0] * 360 // 256, seed[1] * 360 // 256
    second = (hue + 20 + seed[2] * 140 // 256) % 360
    dark, light = f"hsl({hue} 55% 22%)", f"hsl({second} 70% 62%)"
    middle = f"hsl({hue} 60% 42%)"
    kind = seed[3] % 4
    if kind == 0:
        shapes = "".join(
            f'<circle cx="256" cy="{230 + seed[4] % 60}" r="{30 + i * 34}" fill="none" stroke="{light}" stroke-width="{3 + seed[5] % 9}" opacity="{1 - i * 0.11:.2f}"/>'
            for i in range(8)
        )
    elif kind == 1:
        shapes = f'<circle cx="{180 + seed[4] % 160}" cy="{150 + seed[5] % 100}" r="{70 + seed[6] % 60}" fill="{light}"/>' + "".join(
            f'<path d="M0 {300 + i * 50 + seed[7 + i] % 40} Q128 {250 + i * 50 + seed[11 + i] % 60} 256 {310 + i * 50} T512 {290 + i * 50} V512 H0z" fill="{dark if i % 2 else middle}" opacity=".9"/>'
            for i in range(4)
        )
    elif kind == 2:
        shapes = "".join(
            f'<rect x="{40 + i * 62}" y="{80 + seed[4 + i] % 220}" width="36" height="{120 + seed[12 + i] % 200}" rx="18" fill="{light}" opacity="{0.45 + 0.07 * i:.2f}"/>'
            for i in range(7)
        )
    else:
        shapes = "".join(
            f'<path d="M{seed[4 + i] * 2} 0 L512 {seed[8 + i] * 2} L{seed[12 + i] * 2} 512z" fill="{light if i % 2 else middle}" opacity=".35"/>' for i in range(4)
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512" width="512" height="512"><defs><linearGradient id="g" gradientTransform="rotate({turn % 90})">'
        f'<stop stop-color="{middle}"/><stop offset="1" stop-color="{dark}"/></linearGradient></defs><rect width="512" height="512" fill="url(#g)"/>{shapes}</svg>'
    )

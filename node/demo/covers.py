"""Draws the demo's covers."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SIZE_PX = 640
Picture = NDArray[np.float64]
"""(height, width, red-green-blue), 0 to 1."""


def cover_png(name: str) -> bytes:
    """The cover of that name as a PNG of 640 by 640 pixels; always the same."""
    pixels = (np.clip(_DRAWINGS[name](), 0, 1) * 255).round().astype(np.uint8)
    rows = np.concatenate([np.zeros((_SIZE_PX, 1), np.uint8), pixels.reshape(_SIZE_PX, -1)], axis=1)
    header = struct.pack(">IIBBBBB", _SIZE_PX, _SIZE_PX, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    framed = (struct.pack(">I", len(b)) + a + b + struct.pack(">I", zlib.crc32(a + b)) for a, b in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def _plane() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of every pixel, from 0 at the left and top to 1."""
    side = (np.arange(_SIZE_PX) + 0.5) / _SIZE_PX
    across, down = np.meshgrid(side, side)
    return across, down


def _blend(low: tuple[float, ...], high: tuple[float, ...], amount: NDArray[np.float64]) -> Picture:
    part = np.clip(amount, 0, 1)[..., None]
    return np.asarray(low) * (1 - part) + np.asarray(high) * part


def _over(picture: Picture, colour: tuple[float, ...], amount: NDArray[np.float64]) -> Picture:
    part = np.clip(amount, 0, 1)[..., None]
    return picture * (1 - part) + np.asarray(colour) * part


def _edge(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 inside (negative distance), 0 outside, a pixel's softness between."""
    return np.clip(0.5 - distance * _SIZE_PX, 0, 1)


def _lanterns() -> Picture:
    x, y = _plane()
    random = np.random.default_rng(5)
    picture = _blend((0.03, 0.05, 0.16), (0.16, 0.12, 0.30), y)
    water = 0.72
    for _ in range(26):
        across, height, size = random.uniform(0.05, 0.95), random.uniform(0.12, 0.66), random.uniform(0.012, 0.034)
        warm = (1.0, random.uniform(0.55, 0.8), random.uniform(0.2, 0.4))
        for down, dim in ((height, 1.0), (2 * water - height, 0.28)):
            away = np.hypot(x - across, (y - down) * 0.8)
            picture = picture + np.exp(-((away / (size * 3)) ** 2))[..., None] * np.asarray(warm) * 0.35 * dim
            picture = _over(picture, warm, _edge(away - size) * dim)
    ripple = 0.06 * np.sin(y * 420 + 3 * np.sin(x * 9)) * (y > water)
    picture = picture * (1 + ripple)[..., None]
    return _over(picture, (0.02, 0.03, 0.08), _edge(np.abs(y - water) - 0.0015))


def _sunset() -> Picture:
    x, y = _plane()
    horizon = 0.62
    picture = _blend((0.10, 0.03, 0.25), (0.98, 0.42, 0.48), y / horizon)
    sun = np.hypot(x - 0.5, y - 0.42) - 0.24
    slits = np.maximum(0, np.sin((y - 0.2) * 95) - (1.25 - (y - 0.3) * 3.4))
    colour = _blend((1.0, 0.86, 0.35), (0.98, 0.25, 0.55), (y - 0.18) / 0.46)
    shown = _edge(sun) * (slits <= 0) * (y < horizon)
    picture = picture * (1 - shown[..., None]) + colour * shown[..., None]
    ground = y > horizon
    picture = np.where(ground[..., None], _blend((0.16, 0.02, 0.30), (0.03, 0.01, 0.10), (y - horizon) * 3), picture)
    depth = 1 / np.maximum(y - horizon, 1e-3)
    lines = np.minimum(np.abs((depth * 0.6 + 0.3) % 1 - 0.5), np.abs(((x - 0.5) * depth * 1.1 + 0.5) % 1 - 0.5))
    glow = np.exp(-lines * 26) * ground * np.clip((y - horizon) * 14, 0, 1)
    return _over(picture, (0.25, 0.95, 0.98), glow)


def _waves() -> Picture:
    x, y = _plane()
    picture = np.ones((_SIZE_PX, _SIZE_PX, 3)) * np.asarray((0.96, 0.92, 0.84))
    colours = ((0.85, 0.45, 0.33), (0.93, 0.70, 0.36), (0.36, 0.55, 0.55), (0.20, 0.30, 0.42))
    picture = _over(picture, (0.95, 0.62, 0.30), _edge(np.hypot(x - 0.74, y - 0.22) - 0.11))
    for number in range(8):
        middle = 0.30 + number * 0.092
        swing = 0.03 * np.sin(2 * np.pi * (x * (1.1 + number * 0.17) + number * 0.37))
        shade = 1 - 0.05 * number
        layer = tuple(part * shade for part in colours[number % 4])
        picture = picture * (1 - 0.25 * np.exp(-np.abs(middle + swing - y) * 40) * (y < middle + swing))[..., None]
        picture = _over(picture, layer, _edge(middle + swing - y))
    return picture


def _tiles() -> Picture:
    x, y = _plane()
    random = np.random.default_rng(8)
    many = 8
    turned = random.integers(0, 2, (many, many)).astype(bool)
    column, row = (x * many).astype(int), (y * many).astype(int)
    inside_x, inside_y = x * many - column, y * many - row
    inside_x = np.where(turned[row, column], 1 - inside_x, inside_x)
    near = np.minimum(np.hypot(inside_x, inside_y), np.hypot(1 - inside_x, 1 - inside_y))
    picture = _blend((0.08, 0.22, 0.30), (0.12, 0.42, 0.44), (x + y) / 2)
    picture = _over(picture, (0.97, 0.80, 0.45), _edge((np.abs(near - 0.5) - 0.17) / many))
    return _over(picture, (0.90, 0.38, 0.30), _edge((np.abs(near - 0.5) - 0.06) / many))


_DRAWINGS: Final[dict[str, Callable[[], Picture]]] = {
    "lanterns": _lanterns,
    "sunset": _sunset,
    "waves": _waves,
    "tiles": _tiles,
}

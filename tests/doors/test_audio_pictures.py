"""Covers become small JPEGs, and what is no honest picture is refused before it is unpacked."""

from __future__ import annotations

import random
import zlib
from fractions import Fraction
from typing import Any

import av
import pytest

from node.catalog.sniff import picture_mime
from node.doors.audio import resize_cover
from node.doors.audio.pictures import picture_size
from node.errors import DamagedError, UserError
from tests.music import make_picture, png


def encoded(codec: str, pix_fmt: str, width: int, height: int) -> bytes:
    """A picture in another format: grey on the left, red on the right."""
    frame = av.VideoFrame(width, height, "rgb24")
    row = b"\x80\x80\x80" * (width // 2) + b"\xff\x00\x00" * (width - width // 2)
    plane = frame.planes[0]
    plane.update(b"".join(row.ljust(plane.line_size, b"\0") for _ in range(height)))
    context: Any = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    context.time_base = Fraction(1, 25)
    context.options = {"strict": "unofficial"}
    ready = frame.reformat(format=pix_fmt)
    return b"".join(bytes(packet) for step in (ready, None) for packet in context.encode(step))


def pixels(jpeg: bytes) -> tuple[int, int, bytes]:
    """(width, height, RGB bytes)."""
    context: Any = av.CodecContext.create("mjpeg", "r")
    [frame] = [f for step in (av.Packet(jpeg), None) for f in context.decode(step)]
    rgb = frame.reformat(format="rgb24")
    plane = rgb.planes[0]
    raw = bytes(plane)
    rows = (raw[y * plane.line_size :][: rgb.width * 3] for y in range(rgb.height))
    return rgb.width, rgb.height, b"".join(rows)


SAMPLES = {
    "jpeg": encoded("mjpeg", "yuvj444p", 300, 200),
    "png": encoded("png", "rgb24", 300, 200),
    "webp": encoded("libwebp", "yuv420p", 300, 200),
    "bmp": encoded("bmp", "bgr24", 300, 200),
}


@pytest.mark.parametrize("kind", list(SAMPLES))
def test_a_picture_of_each_kind_keeps_its_shape_and_colours(kind: str) -> None:
    data = SAMPLES[kind]
    assert picture_size(data) == (300, 200)

    small = resize_cover(data, 96)

    assert picture_mime(small) == "image/jpeg"
    width, height, rgb = pixels(small)
    assert (width, height) == (96, 64)
    middle = 32 * width * 3
    for at, colour in ((10, (128, 128, 128)), (85, (255, 0, 0))):
        found = rgb[middle + at * 3 :][:3]
        assert all(abs(a - b) < 24 for a, b in zip(found, colour, strict=True)), (kind, at, tuple(found))


def test_a_small_picture_is_not_blown_up() -> None:
    assert picture_size(resize_cover(make_picture(40), 512)) == (40, 40)
    assert picture_size(resize_cover(png(1, 1, zlib.compress(b"\0abc")), 96)) == (1, 1)


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert resize_cover(SAMPLES["png"], 256) == resize_cover(SAMPLES["png"], 256)


def test_see_through_parts_become_black_and_not_noise() -> None:
    frame = av.VideoFrame(64, 64, "rgba")
    frame.planes[0].update(b"\xff\xff\xff\x00" * (frame.planes[0].buffer_size // 4))
    context: Any = av.CodecContext.create("png", "w")
    context.width = context.height = 64
    context.pix_fmt, context.time_base = "rgba", Fraction(1, 25)
    data = b"".join(bytes(packet) for step in (frame, None) for packet in context.encode(step))
    assert max(pixels(resize_cover(data, 32))[2]) < 16


def test_too_many_pixels_are_refused_before_they_are_unpacked() -> None:
    for width, height in ((8_001, 8_000), (2**31 - 1, 2**31 - 1), (70_000, 70_000)):
        with pytest.raises(DamagedError, match="too large"):
            resize_cover(png(width, height, zlib.compress(bytes(10_000))), 96)


def test_a_picture_that_unpacks_to_more_than_it_says_stays_small() -> None:
    bomb = png(20, 20, zlib.compress(bytes(200_000_000), 9))
    assert picture_size(resize_cover(bomb, 96)) == (20, 20)


def test_what_is_no_picture_or_a_broken_one_is_refused() -> None:
    for data in (b"", b"<svg/>", b"ID3" + bytes(100)):
        with pytest.raises(UserError):
            resize_cover(data, 96)
    for name, data in SAMPLES.items():
        for size in (3, 12, 20, 40):
            with pytest.raises((DamagedError, UserError)):
                resize_cover(data[:size], 96)
        flipping = random.Random(name)
        for _ in range(60):
            flipped = bytearray(data)
            flipped[flipping.randrange(len(data))] ^= 1 << flipping.randrange(8)
            try:
                resize_cover(bytes(flipped), 96)
            except (DamagedError, UserError):
                continue


@pytest.mark.parametrize("size_px", [0, -1, 15, 2_049])
def test_sizes_beyond_reason_are_refused(size_px: int) -> None:
    with pytest.raises(UserError):
        resize_cover(SAMPLES["png"], size_px)

"""Makes small pictures of large ones."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import av
from av.filter import Graph

from node.catalog.sniff import picture_mime
from node.errors import DamagedError, UserError

MAX_PIXELS = 64_000_000
"""A scan at 600 dpi of a CD's booklet is 8 million."""
MAX_PICTURE_BYTES = 16 * 1024 * 1024
MIN_SIZE_PX, MAX_SIZE_PX = 16, 2_048
_QUALITY = 4
"""mjpeg's quantiser scale: about what others call 85 %."""

_DECODERS: Final[dict[str, str]] = {
    "image/jpeg": "mjpeg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/bmp": "bmp",
}
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers SOF0 to SOF15 (ITU-T T.81, table B.1)."""


def resize_cover(data: bytes, size_px: int) -> bytes:
    """A JPEG of the picture `data`, at most `size_px` wide and high; never larger than the picture itself.

    Reads JPEG, PNG, GIF (first frame), WebP and BMP; what is see-through becomes black. Raises UserError for
    other things and for a `size_px` outside 16 to 2,048; DamagedError for a broken picture, and for one of more
    than MAX_PIXELS or MAX_PICTURE_BYTES, before anything of it is unpacked.
    """
    if not MIN_SIZE_PX <= size_px <= MAX_SIZE_PX:
        raise UserError(f"a cover can be {MIN_SIZE_PX} to {MAX_SIZE_PX} pixels wide, not {size_px}")
    mime = picture_mime(data)
    if mime is None:
        raise UserError("this is no JPEG, PNG, GIF, WebP or BMP picture")
    width, height = picture_size(data)
    if width * height > MAX_PIXELS or len(data) > MAX_PICTURE_BYTES:
        raise DamagedError(f"the picture is too large to show: {width} x {height} pixels")
    try:
        frame = _decoded(data, _DECODERS[mime])
        if frame.width * frame.height > MAX_PIXELS:
            raise DamagedError("the picture is larger than it says")
        return _jpeg(_scaled(frame, size_px))
    except (av.FFmpegError, ValueError, EOFError) as error:
        raise DamagedError("the picture is damaged") from error


def picture_size(data: bytes) -> tuple[int, int]:
    """(width, height) in pixels, from the picture's header alone. Raises DamagedError if it has none."""
    size = (0, 0)
    if data[:4] == b"\x89PNG":
        size = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    elif data[:3] == b"GIF":
        size = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    elif data[:2] == b"BM":
        height = int.from_bytes(data[22:26], "little", signed=True)
        size = abs(int.from_bytes(data[18:22], "little", signed=True)), abs(height)
    elif data[8:12] == b"WEBP":
        size = _webp_size(data)
    elif data[:2] == b"\xff\xd8":
        size = _jpeg_size(data)
    if min(size) == 0:
        raise DamagedError("the picture is damaged: it doesn't say how large it is")
    return size


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_SIZES:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        # Fill bytes and markers without a body are one or two bytes; all others tell their length.
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(data) >= 30:
        width, height = (int.from_bytes(data[a : a + 2], "little") & 0x3FFF for a in (26, 28))
        return width, height
    return 0, 0


def _decoded(data: bytes, decoder: str) -> Any:
    context: Any = av.CodecContext.create(decoder, "r")
    context.options = {"max_pixels": str(MAX_PIXELS)}
    for packet in (av.Packet(data), None):
        for frame in context.decode(packet):
            return frame
    raise DamagedError("the picture is damaged")


def _scaled(frame: Any, size_px: int) -> Any:
    shrink = min(1.0, size_px / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * shrink)), max(1, round(frame.height * shrink))
    graph = Graph()
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    steps: list[Any] = [
        graph.add_buffer(width=frame.width, height=frame.height, format=frame.format.name, time_base=Fraction(1, 25))
    ]
    if "a" in frame.format.name and not frame.format.name.startswith("gray"):
        steps += [graph.add("format", "gbrap"), graph.add("premultiply", "inplace=1")]
    # Averaging over the area first, as bicubic alone looks at too few pixels of a large scan.
    steps.append(graph.add("scale", f"{width}:{height}:flags=area:out_range=pc"))
    steps.append(graph.add("format", "yuvj420p"))
    steps.append(graph.add("buffersink"))
    graph.link_nodes(*steps).configure()
    graph.push(frame)
    return graph.pull()


def _jpeg(frame: Any) -> bytes:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.color_range = 2
    encoder.options = {"flags": "+qscale+bitexact", "global_quality": str(_QUALITY * 118), "strict": "unofficial"}
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return b"".join(bytes(packet) for step in (frame, None) for packet in encoder.encode(step))

"""Which recording a file holds, whatever its tags say; and how long it plays, by counting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from node.catalog.model import Stream
from node.catalog.sniff import MIMES
from node.doors.audio.opening import opened
from node.errors import DamagedError

_DOMAIN = b"songkeep recording 1\0"
_OPUS_GAIN = slice(16, 18)
"""The output gain in an OpusHead (RFC 7845, section 5.1): loudness tools rewrite it."""


def recording_digest(path: Path) -> bytes:
    """32 bytes that two files share if they hold the same encoded sound, however they are tagged or named.

    SHA-256 over, in this order:
    - the 21 bytes b"songkeep recording 1\\0";
    - ffmpeg's name of the codec, in ASCII, and a zero byte;
    - the length of the codec's set-up as 4 bytes (big-endian), then the set-up: ffmpeg's extradata, but of Opus
      with the output gain zeroed, and of Vorbis the first and third header packet without the second, which is
      the comments; of PCM the sample rate (4 bytes, big-endian) and the channels (2 bytes); of MPEG audio and
      bare AAC nothing;
    - the data of every packet of the file's first sound track, one after the other and nothing in between.

    Not part of it: tags and pictures of any format and place, paddings, page and chunk boundaries, MP4's atoms
    and edit lists, and the Xing/LAME/VBRI frame of an mp3. Memory: one packet. A file that was cut short has
    another digest than the whole one. Raises UserError or DamagedError if there is no sound in it.
    """
    with opened(path, {"ignore_editlist": "1"}) as (container, track, _):
        codec = track.codec_context.codec.canonical_name
        setup = _setup(codec, track)
        sha = hashlib.sha256(_DOMAIN + codec.encode("ascii", "replace") + b"\0")
        sha.update(len(setup).to_bytes(4, "big") + setup)
        size_bytes = 0
        for packet in _packets(container, track):
            sha.update(packet)
            size_bytes += packet.size
    if size_bytes == 0:
        raise DamagedError("no sound was found in it")
    return sha.digest()


def read_stream(path: Path) -> Stream:
    """The sound track of the file at `path`, its length counted packet by packet.

    Slower than reading headers (a disk's speed), and right where they lie. Raises as `recording_digest`.
    """
    with opened(path) as (container, track, kind):
        context = track.codec_context
        base = float(track.time_base or 0)
        size_bytes = ticks = 0
        for packet in _packets(container, track):
            size_bytes += packet.size
            ticks += packet.duration or 0
        if size_bytes == 0:
            raise DamagedError("no sound was found in it")
        duration_ms = round(ticks * base * 1000)
        mime, codec = MIMES[kind], context.codec.canonical_name
        return Stream(
            codec=codec,
            mime=f"{mime}; codecs=alac" if kind == "mp4" and codec == "alac" else mime,
            duration_ms=duration_ms,
            sample_rate_hz=context.sample_rate or 0,
            channels=context.channels,
            bitrate_bps=size_bytes * 8_000 // duration_ms if duration_ms else 0,
        )


def _packets(container: InputContainer, track: AudioStream) -> Iterator[Any]:
    """The packets of `track` that hold anything; damage ends them early, as the end of the file does."""
    try:
        for packet in container.demux(track):
            if packet.size:
                yield packet
    except av.FFmpegError:
        return


def _setup(codec: str, track: AudioStream) -> bytes:
    context = track.codec_context
    extra = bytes(context.extradata or b"")
    if codec.startswith("pcm_"):
        return (context.sample_rate or 0).to_bytes(4, "big") + context.channels.to_bytes(2, "big")
    if codec.startswith("mp") or (codec == "aac" and not extra):
        return b""
    if codec == "opus":
        return extra[: _OPUS_GAIN.start] + b"\0\0" + extra[_OPUS_GAIN.stop :]
    if codec == "vorbis":
        return _without_comments(extra)
    return extra


def _without_comments(extra: bytes) -> bytes:
    """Vorbis' first and third header, of all three laced together (a 2, two sizes in 255s, the packets)."""
    if extra[:1] != b"\x02":
        return b""
    at, sizes = 1, []
    for _ in range(2):
        size = 0
        while extra[at : at + 1] == b"\xff":
            size, at = size + 255, at + 1
        size, at = size + (extra[at] if at < len(extra) else 0), at + 1
        sizes.append(size)
    return extra[at : at + sizes[0]] + extra[at + sum(sizes) :]

"""Sound and pictures, taken apart and made anew. The only room that knows PyAV.

PyAV costs a process 18 MB and each command a twentieth of a second, so it is loaded with the first of these that is
asked for, by name of this package: `audio.encode_mobile`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from node.doors.audio.kinds import MobileCodec

if TYPE_CHECKING:
    from node.doors.audio.mobile import (
        DEFAULT_BITRATE_BPS,
        MAX_BITRATE_BPS,
        MIN_BITRATE_BPS,
        StoppedError,
        encode_mobile,
    )
    from node.doors.audio.pictures import resize_cover
    from node.doors.audio.recording import read_stream, recording_digest
    from node.doors.audio.transcoding import MIMES, Target, transcode
    from node.doors.audio.writing import WritableKind, write_music
else:
    _ROOMS = {
        "mobile": (
            "DEFAULT_BITRATE_BPS",
            "MAX_BITRATE_BPS",
            "MIN_BITRATE_BPS",
            "StoppedError",
            "encode_mobile",
        ),
        "pictures": ("resize_cover",),
        "recording": ("read_stream", "recording_digest"),
        "transcoding": ("MIMES", "Target", "transcode"),
        "writing": ("WritableKind", "write_music"),
    }

    def __getattr__(name: str) -> object:
        for room, names in _ROOMS.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{room}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "DEFAULT_BITRATE_BPS",
    "MAX_BITRATE_BPS",
    "MIMES",
    "MIN_BITRATE_BPS",
    "MobileCodec",
    "StoppedError",
    "Target",
    "WritableKind",
    "encode_mobile",
    "read_stream",
    "recording_digest",
    "resize_cover",
    "transcode",
    "write_music",
]

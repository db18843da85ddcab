"""Sound and pictures, taken apart and made anew. The only room that knows PyAV."""

from node.doors.audio.mobile import DEFAULT_BITRATE_BPS, MAX_BITRATE_BPS, MIN_BITRATE_BPS, MOBILE_MIME, encode_mobile
from node.doors.audio.pictures import resize_cover
from node.doors.audio.recording import read_stream, recording_digest
from node.doors.audio.transcode import MIMES, Target, transcode
from node.doors.audio.writing import WritableKind, write_music

__all__ = [
    "DEFAULT_BITRATE_BPS",
    "MAX_BITRATE_BPS",
    "MIMES",
    "MIN_BITRATE_BPS",
    "MOBILE_MIME",
    "Target",
    "WritableKind",
    "encode_mobile",
    "read_stream",
    "recording_digest",
    "resize_cover",
    "transcode",
    "write_music",
]

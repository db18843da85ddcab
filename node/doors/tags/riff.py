"""WAV and AIFF: chunks one after the other, the sound in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

from mutagen.aiff import AIFF
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

from node.doors.tags.finding import Finding, MusicFile, missing_part, stream_of
from node.doors.tags.id3 import refuse_bombs, take_apev2, take_id3
from node.errors import DamagedError

_MAX_CHUNKS = 1_000
_MAX_INFO_BYTES = 1024 * 1024
_UNKNOWN_SIZE = 0xFFFFFFFF
"""What a program writes that doesn't know the size yet, or whose file is over 4 GiB (RF64)."""
_EXTENSIBLE = 0xFFFE

_INFO: Final[dict[bytes, str]] = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"IGNR": "genre",
    b"ICRD": "date",
    b"ITRK": "track",
    b"IPRT": "track",
    b"ICMT": "comment",
    b"IMUS": "composer",
}
_WAV_CODECS: Final[dict[int, str]] = {
    0x02: "adpcm_ms",
    0x06: "pcm_alaw",
    0x07: "pcm_mulaw",
    0x11: "adpcm_ima_wav",
    0x55: "mp3",
}
_AIFC_CODECS: Final[dict[bytes, str]] = {
    b"sowt": "pcm_s16le",
    b"fl32": "pcm_f32be",
    b"FL32": "pcm_f32be",
    b"fl64": "pcm_f64be",
    b"ulaw": "pcm_mulaw",
    b"alaw": "pcm_alaw",
}


def read_wav(file: MusicFile) -> Finding:
    """RIFF or RF64 WAVE, with an ID3 chunk, a LIST INFO chunk, or both."""
    fmt, info_list, sound = b"", b"", (0, 0)
    for name, at, size in _chunks(file, "little"):
        if name == b"fmt ":
            fmt = file.piece(at, min(size, 64))
        elif name == b"data":
            sound = (at, size)
        elif name == b"LIST" and size <= _MAX_INFO_BYTES:
            info_list = info_list or file.piece(at, size)
        elif name.lower() == b"id3 ":
            refuse_bombs(file, at)
    if len(fmt) < 16 or not sound[0]:
        raise DamagedError("it has no sound in it, only a WAV header")
    code = int.from_bytes(fmt[:2], "little")
    if code == _EXTENSIBLE and len(fmt) >= 26:
        code = int.from_bytes(fmt[24:26], "little")
    channels, rate_hz, byte_rate = (int.from_bytes(fmt[a:b], "little") for a, b in ((2, 4), (4, 8), (8, 12)))
    depth = int.from_bytes(fmt[14:16], "little")
    there, claimed = _sound_bytes(file, sound)
    finding = Finding(
        stream=stream_of(
            codec=_wav_codec(code, depth),
            mime="audio/wav",
            seconds=there / byte_rate if byte_rate else 0,
            sample_rate_hz=rate_hz,
            channels=channels,
            size_bytes=there,
            bitrate_bps=byte_rate * 8,
            bit_depth=depth,
        ),
        damage=missing_part(there, claimed) if there < claimed else "",
    )
    file.seek(0)
    tags: Any = WAVE(file).tags
    if tags is not None:
        take_id3(tags, finding)
    _take_info(info_list, finding)
    return finding


def read_aiff(file: MusicFile) -> Finding:
    """AIFF or AIFC, with an ID3 chunk if it has tags."""
    common, sound = b"", (0, 0)
    for name, at, size in _chunks(file, "big"):
        if name == b"COMM":
            common = file.piece(at, min(size, 64))
        elif name == b"SSND":
            sound = (at, size)
        elif name == b"ID3 ":
            refuse_bombs(file, at)
    if len(common) < 18 or not sound[0]:
        raise DamagedError("it has no sound in it, only an AIFF header")
    file.seek(0)
    aiff: Any = AIFF(file)
    info = aiff.info
    depth = int.from_bytes(common[6:8], "big")
    there, claimed = _sound_bytes(file, sound)
    finding = Finding(
        stream=stream_of(
            codec=_AIFC_CODECS.get(common[18:22], f"pcm_s{depth}be" if depth > 8 else "pcm_s8"),
            mime="audio/aiff",
            seconds=info.length * there / claimed if claimed else 0,
            sample_rate_hz=info.sample_rate,
            channels=info.channels,
            size_bytes=there,
            bitrate_bps=info.bitrate,
            bit_depth=depth,
        ),
        damage=missing_part(there, claimed) if there < claimed else "",
    )
    if aiff.tags is not None:
        take_id3(aiff.tags, finding)
    return finding


def read_wavpack(file: MusicFile) -> Finding:
    """WavPack with APEv2."""
    file.seek(0)
    wavpack: Any = WavPack(file)
    info = wavpack.info
    finding = Finding(
        stream=stream_of(
            codec="wavpack",
            mime="audio/x-wavpack",
            seconds=info.length,
            sample_rate_hz=info.sample_rate,
            channels=info.channels,
            size_bytes=file.size_bytes,
            bit_depth=info.bits_per_sample,
        )
    )
    if wavpack.tags is not None:
        finding.pictures.extend(take_apev2(wavpack.tags, finding.fields))
    return finding


def _chunks(file: MusicFile, order: Literal["little", "big"]) -> Iterator[tuple[bytes, int, int]]:
    """(name, offset of the body, claimed size) of each chunk at the top."""
    at = 12
    for _ in range(_MAX_CHUNKS):
        header = file.piece(at, 8)
        if len(header) < 8:
            return
        size = int.from_bytes(header[4:], order)
        yield header[:4], at + 8, size
        at += 8 + size + (size & 1)


def _sound_bytes(file: MusicFile, sound: tuple[int, int]) -> tuple[int, int]:
    """(bytes of sound there, bytes claimed): never more than the file has, whatever its header says."""
    at, claimed = sound
    possible = max(0, file.size_bytes - at)
    if claimed in (0, _UNKNOWN_SIZE):
        return possible, possible
    return min(claimed, possible), claimed


def _wav_codec(code: int, depth: int) -> str:
    if code == 1:
        return "pcm_u8" if depth <= 8 else f"pcm_s{depth}le"
    if code == 3:
        return f"pcm_f{depth}le"
    return _WAV_CODECS.get(code, f"wav_{code:#06x}")


def _take_info(chunk: bytes, finding: Finding) -> None:
    if chunk[:4] != b"INFO":
        return
    at = 4
    while at + 8 <= len(chunk):
        name, size = chunk[at : at + 4], int.from_bytes(chunk[at + 4 : at + 8], "little")
        field = _INFO.get(name)
        if field and not finding.fields.first(field):
            raw = chunk[at + 8 : at + 8 + size].split(b"\0")[0]
            try:
                words = raw.decode("utf-8")
            except UnicodeDecodeError:
                words = raw.decode("cp1252", "replace")
            finding.fields.add(field, [words])
        at += 8 + size + (size & 1)

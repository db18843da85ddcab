"""Mobile renditions are small, whole and seekable."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from node.doors.audio import encode_mobile
from node.errors import NotFoundError, SongkeepError, StorageError, UnavailableError, UserError
from tests.music import FORMATS, Kind, make_track
from tests.needs import require

ALL_FORMATS = (*FORMATS, ".oga", ".aac", ".wv")
BUDGET_BYTES = 2 * 10**9
SONGS = 1_280


def elements(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(EBML id, start of the body, end) of each element (RFC 8794, sections 4 to 7)."""
    at = start
    while at < end:
        width = 9 - data[at].bit_length()
        name = int.from_bytes(data[at : at + width], "big")
        at += width
        width = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
        assert size != (1 << 7 * width) - 1, "an element of unknown size can't be skipped"
        at += width
        yield name, at, at + size
        at += size


SEGMENT, CUES, CLUSTER, INFO, DURATION = 0x18538067, 0x1C53BB6B, 0x1F43B675, 0x1549A966, 0x4489
CUE_POINT, CUE_TIME, CUE_POSITIONS, CUE_CLUSTER, TIMESTAMP, DATE, SEGMENT_UID = (
    *(0xBB, 0xB3, 0xB7, 0xF1),
    *(0xE7, 0x4461, 0x73A4),
)


def number(data: bytes, at: int, end: int) -> int:
    return int.from_bytes(data[at:end], "big")


def test_the_index_stands_in_front_and_points_at_every_cluster(tmp_path: Path) -> None:
    out = tmp_path / "out.webm"
    encode_mobile(make_track(tmp_path / "a.wav", seconds=30, kind="music"), out)
    data = out.read_bytes()

    top = {name: (a, b) for name, a, b in elements(data, 0, len(data))}
    base, end = top[SEGMENT]
    inside = list(elements(data, base, end))
    order = [name for name, _, _ in inside]
    assert order.index(CUES) < order.index(CLUSTER)
    assert len(data) == end

    clusters = {}
    for name, a, b in inside:
        if name == CLUSTER:
            stamp = next(number(data, x, y) for kind, x, y in elements(data, a, b) if kind == TIMESTAMP)
            header = data.rindex(b"\x1f\x43\xb6\x75", 0, a)
            clusters[header - base] = stamp
    cues = {}
    for name, a, b in inside:
        if name == CUES:
            for _, c, d in elements(data, a, b):
                point = {kind: (x, y) for kind, x, y in elements(data, c, d)}
                spot = {kind: number(data, x, y) for kind, x, y in elements(data, *point[CUE_POSITIONS])}
                cues[spot[CUE_CLUSTER]] = number(data, *point[CUE_TIME])
    assert cues == clusters
    stamps = sorted(clusters.values())
    assert stamps[0] == 0
    assert max(b - a for a, b in itertools.pairwise(stamps)) <= 5_000

    info = {name: (a, b) for name, a, b in elements(data, *next((a, b) for n, a, b in inside if n == INFO))}
    assert DURATION in info
    assert DATE not in info
    assert SEGMENT_UID not in info


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    source = make_track(tmp_path / "a.flac", seconds=5, kind="music")
    first, second = tmp_path / "1.webm", tmp_path / "2.webm"
    encode_mobile(source, first)
    encode_mobile(source, second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("kind", ["tone", "noise", "music"])
def test_1280_songs_of_four_minutes_fit_two_billion_bytes(tmp_path: Path, kind: Kind) -> None:
    source = make_track(tmp_path / "a.wav", seconds=240, kind=kind, rate_hz=48_000)
    out = tmp_path / "out.webm"
    encode_mobile(source, out)
    assert sealed_bytes(out.stat().st_size) * SONGS <= BUDGET_BYTES


def sealed_bytes(size: int) -> int:
    """Size after Padmé and a 16-byte tag for each 16,368 bytes (docs/FORMAT.md, "Blobs"), counted here anew."""
    exponent = size.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    padded = -(-size // step) * step
    return padded + -(-padded // 16_368) * 16


def decoded(path: Path) -> Any:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=1)


@pytest.mark.parametrize("ending", ALL_FORMATS)
def test_every_format_has_a_rendition_as_long_as_itself(tmp_path: Path, ending: str) -> None:
    source = make_track(tmp_path / f"a{ending}", seconds=5, kind="music")
    out = tmp_path / "out.webm"

    stream = encode_mobile(source, out)

    assert (stream.codec, stream.mime, stream.sample_rate_hz) == ("opus", "audio/webm; codecs=opus", 48_000)
    assert stream.channels == 2
    assert abs(stream.duration_ms - 5_000) < 60
    heard = decoded(out)
    assert abs(heard.shape[1] - stream.duration_ms * 48) <= 48
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(np.sqrt(np.mean(decoded_as_float(source) ** 2)), rel=0.1)


def decoded_as_float(path: Path) -> Any:
    resampler = av.AudioResampler("fltp", "stereo", 48_000)
    parts = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            frame.pts = None
            parts += [f.to_ndarray() for f in resampler.resample(frame) if f]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize(
    ("channels", "rate_hz", "encoder"),
    [(1, 8_000, None), (6, 48_000, None), (2, 96_000, "pcm_s24le"), (2, 192_000, "pcm_f32le"), (3, 11_025, "pcm_u8")],
)
def test_any_shape_of_sound_has_a_rendition(tmp_path: Path, channels: int, rate_hz: int, encoder: str | None) -> None:
    source = make_track(tmp_path / "a.wav", seconds=2, channels=channels, rate_hz=rate_hz, encoder=encoder)
    out = tmp_path / "out.webm"
    stream = encode_mobile(source, out)
    assert stream.channels == (1 if channels == 1 else 2)
    assert abs(stream.duration_ms - 2_000) < 30
    assert np.abs(decoded(out)).max() > 0.1


def test_loudness_stays_so_that_replaygain_still_fits(tmp_path: Path) -> None:
    source = make_track(tmp_path / "a.wav", seconds=4, kind="tone", rate_hz=48_000)
    out = tmp_path / "out.webm"
    encode_mobile(source, out, bitrate_bps=160_000)
    loudness = [float(np.sqrt(np.mean(decoded_as_float(path) ** 2))) for path in (source, out)]
    assert abs(20 * np.log10(loudness[1] / loudness[0])) < 0.1


def test_a_file_that_was_cut_short_gives_what_is_there(tmp_path: Path) -> None:
    for ending in (".mp3", ".flac", ".wav", ".ogg", ".opus"):
        source = make_track(tmp_path / f"a{ending}", seconds=10, kind="noise")
        whole = source.read_bytes()
        source.write_bytes(whole[: len(whole) // 2])
        stream = encode_mobile(source, tmp_path / "out.webm")
        assert 3_000 < stream.duration_ms < 7_000, ending


def test_damage_in_the_middle_costs_only_its_place(tmp_path: Path) -> None:
    for ending in (".mp3", ".flac", ".ogg"):
        source = make_track(tmp_path / f"a{ending}", seconds=10, kind="noise")
        data = bytearray(source.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 3_000] = b"\x55" * 3_000
        source.write_bytes(data)
        stream = encode_mobile(source, tmp_path / "out.webm")
        assert stream.duration_ms > 7_000, ending


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell how much memory was needed at most")
def test_a_long_mix_takes_no_more_memory_than_a_song(tmp_path: Path) -> None:
    import resource

    def peak_after(seconds: int) -> int:
        source = make_track(tmp_path / f"{seconds}.mp3", seconds=10, bitrate_bps=32_000, rate_hz=22_050, channels=1)
        source.write_bytes(source.read_bytes() * (seconds // 10))
        encode_mobile(source, tmp_path / "out.webm", bitrate_bps=32_000)
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    assert peak_after(900) - peak_after(60) < 20_000


def test_a_stopped_rendition_leaves_nothing(tmp_path: Path) -> None:
    source = make_track(tmp_path / "a.wav", seconds=5)
    asked = iter([False] * 20 + [True] * 9)
    with pytest.raises(UnavailableError):
        encode_mobile(source, tmp_path / "out.webm", should_stop=lambda: next(asked))
    assert not (tmp_path / "out.webm").exists()


def test_errors_name_the_side_that_failed(tmp_path: Path) -> None:
    source = make_track(tmp_path / "a.wav")
    with pytest.raises(StorageError):
        encode_mobile(source, tmp_path / "absent" / "out.webm")
    with pytest.raises(NotFoundError):
        encode_mobile(tmp_path / "gone.wav", tmp_path / "out.webm")
    for bitrate_bps in (31_999, 160_001):
        with pytest.raises(UserError):
            encode_mobile(source, tmp_path / "out.webm", bitrate_bps=bitrate_bps)


def test_a_sample_rate_that_no_music_has_is_refused(tmp_path: Path) -> None:
    source = make_track(tmp_path / "a.wav", seconds=1)
    data = bytearray(source.read_bytes())
    data[24:28] = (2).to_bytes(4, "little")
    source.write_bytes(data)
    with pytest.raises(SongkeepError):
        encode_mobile(source, tmp_path / "out.webm")


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    require("/dev/full", os.path.exists("/dev/full"))
    source = make_track(tmp_path / "a.wav", seconds=5)
    out = tmp_path / "out.webm"
    out.symlink_to("/dev/full")
    with pytest.raises(StorageError):
        encode_mobile(source, out)
    assert not out.is_symlink()


def boxes(data: bytes) -> list[bytes]:
    """The names of an MP4's outermost boxes, in order (ISO/IEC 14496-12, section 4.2)."""
    names, at = [], 0
    while at < len(data):
        names.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    assert at == len(data)
    return names


def test_in_aac_it_is_as_long_and_loud_and_its_index_stands_in_front(tmp_path: Path) -> None:
    source = make_track(tmp_path / "a.wav", seconds=10, kind="tone", rate_hz=44_100)
    out = tmp_path / "out.m4a"
    stream = encode_mobile(source, out, codec="aac")
    names = boxes(out.read_bytes())
    assert names.index(b"moov") < names.index(b"mdat")
    assert (stream.codec, stream.mime) == ("aac", 'audio/mp4; codecs="mp4a.40.2"')
    assert stream.duration_ms == 10_000
    assert abs(decoded(out).shape[1] - 480_000) < 1_024
    loudness = [float(np.sqrt(np.mean(decoded_as_float(path) ** 2))) for path in (source, out)]
    assert abs(20 * np.log10(loudness[1] / loudness[0])) < 0.2


def test_in_aac_too_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    source = make_track(tmp_path / "a.flac", seconds=5, kind="music")
    first, second = tmp_path / "1.m4a", tmp_path / "2.m4a"
    encode_mobile(source, first, codec="aac")
    encode_mobile(source, second, codec="aac")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("bitrate_bps", [32_000, 48_000, 160_000])
@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 8_000), (6, 48_000), (2, 96_000)])
def test_in_aac_it_takes_about_twice_the_bits_of_opus(
    tmp_path: Path, bitrate_bps: int, channels: int, rate_hz: int
) -> None:
    source = make_track(tmp_path / "a.wav", seconds=10, kind="music", channels=channels, rate_hz=rate_hz)
    stream = encode_mobile(source, tmp_path / "out.m4a", codec="aac", bitrate_bps=bitrate_bps)
    assert stream.channels == (1 if channels == 1 else 2)
    assert stream.bitrate_bps < 2.3 * bitrate_bps

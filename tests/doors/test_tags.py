"""What music files say of themselves, read from real files of every format."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC
from mutagen.id3 import APIC, ID3, RVA2, SYLT, TCON, TPE1, TRCK, TXXX
from mutagen.mp4 import MP4
from mutagen.oggopus import OggOpus

from node.catalog.model import Tags
from node.doors.audio import read_stream
from node.doors.tags import MAX_COVER_BYTES, folder_cover, is_music_name, lrc_beside, read_tags
from node.errors import DamagedError, UserError
from tests.music import FORMATS, make_picture, make_track, odd_files, png

FULL = Tags(
    title="Ænima – 愛 🎵",
    artists=("AC/DC", "Björk"),
    album="The Album",
    album_artists=("Various Artists",),
    genres=("Folk/Rock", "Jazz"),
    composers=("J. S. Bach",),
    track_no=3,
    track_total=12,
    disc_no=1,
    disc_total=2,
    disc_subtitle="Side One",
    date="1997-06-16",
    original_date="1969",
    compilation=True,
    title_sort="Aenima",
    artist_sort="ACDC",
    album_sort="Album, The",
    album_artist_sort="Various",
    bpm=128,
    isrc="GBAYE6900001",
    moods=("Calm",),
    comment="Two\nlines",
    musicbrainz=(
        ("album_artist", "89ad4ac3-39f7-470e-963a-56509c546377"),
        ("artist", "66c662b6-6e2f-4930-8610-912e24c63ed1"),
        ("artist", "87c5dedd-371d-4a53-9f7f-80522fb7f3cb"),
        ("recording", "f87ebd3b-c0fb-44b7-8b1c-a9b5b0ee9e9c"),
        ("release", "9f7a4c28-8fa2-3113-929c-c47a9f7982c3"),
        ("release_group", "1b022e01-4da6-387b-8658-8678046e4cef"),
        ("track", "1f8dbf5f-0e5b-3c06-8c2f-21e5a3d2b1f0"),
    ),
    track_gain_db=-6.54,
    track_peak=0.98,
    album_gain_db=1.25,
    album_peak=1.0,
    release_types=("album", "live"),
    explicit=True,
)
PICTURE = make_picture()
CODECS = {
    ".mp3": ("mp3", "audio/mpeg"),
    ".flac": ("flac", "audio/flac"),
    ".m4a": ("aac", "audio/mp4; codecs=mp4a.40.2"),
    ".alac.m4a": ("alac", "audio/mp4; codecs=alac"),
    ".ogg": ("vorbis", "audio/ogg; codecs=vorbis"),
    ".oga": ("flac", "audio/ogg; codecs=flac"),
    ".opus": ("opus", "audio/ogg; codecs=opus"),
    ".wav": ("pcm_s16le", "audio/wav"),
    ".aiff": ("pcm_s16be", "audio/aiff"),
    ".wma": ("wmav2", "audio/x-ms-wma"),
    ".aac": ("aac", "audio/aac"),
    ".wv": ("wavpack", "audio/x-wavpack"),
}


def fields(tags: Tags) -> dict[str, Any]:
    return {name: getattr(tags, name) for name in Tags.__slots__}


@pytest.mark.parametrize("ending", [*FORMATS, ".oga"])
def test_every_format_gives_back_all_that_was_written_into_it(tmp_path: Path, ending: str) -> None:
    path = make_track(tmp_path / f"a{ending}", cover=PICTURE, lyrics="One\nTwo", **fields(FULL))

    facts = read_tags(path)

    assert fields(facts.tags) == fields(FULL)
    assert facts.cover is not None
    assert (facts.cover.mime, facts.cover.data) == ("image/png", PICTURE)
    assert facts.lyrics == "One\nTwo"
    assert facts.damage == ""


@pytest.mark.parametrize("ending", list(CODECS))
def test_every_format_tells_its_stream(tmp_path: Path, ending: str) -> None:
    path = make_track(tmp_path / f"a{ending}", seconds=3)

    facts = read_tags(path)

    stream = facts.stream
    assert (stream.codec, stream.mime) == CODECS[ending]
    assert abs(stream.duration_ms - 3000) < 80
    assert stream.sample_rate_hz == (48_000 if ending == ".opus" else 44_100)
    assert stream.channels == 2
    assert stream.bitrate_bps == pytest.approx(path.stat().st_size * 8 / 3, rel=0.3)
    assert facts.tags == Tags()
    assert facts.cover is None


def test_each_odd_file_is_read_or_refused_for_its_own_reason(tmp_path: Path) -> None:
    zoo = odd_files(tmp_path)
    assert len(zoo) > 25

    for odd in zoo:
        context = f"{odd.path.name!r}: {odd}"
        if odd.outcome in ("fine", "cut"):
            facts = read_tags(odd.path)
            assert bool(facts.damage) == (odd.outcome == "cut"), context
            assert odd.says in facts.damage, context
            assert not odd.title or facts.tags.title == odd.title, context
            assert facts.stream.duration_ms < 5_000, context
        else:
            kind = DamagedError if odd.outcome == "damaged" else UserError
            with pytest.raises(kind, match=re.escape(odd.says)) as caught:
                read_tags(odd.path)
            assert odd.path.name not in str(caught.value), context


def test_a_huge_title_is_cut_to_size(tmp_path: Path) -> None:
    [huge] = [odd for odd in odd_files(tmp_path) if odd.path.name == "huge-title.mp3"]
    title = read_tags(huge.path).tags.title
    assert len(title) == 1_000
    assert title.startswith("Long  x")


def test_every_cut_of_a_file_either_reads_or_says_why(tmp_path: Path) -> None:
    for ending in FORMATS:
        whole = make_track(tmp_path / f"whole{ending}", title="T", cover=PICTURE).read_bytes()
        part = tmp_path / f"part{ending}"
        for size in {*range(0, 400, 7), *range(400, len(whole), len(whole) // 40)}:
            part.write_bytes(whole[:size])
            try:
                facts = read_tags(part)
            except (DamagedError, UserError):
                continue
            assert facts.stream.duration_ms <= 1_100


def test_flipped_bytes_never_raise_anything_but_our_errors(tmp_path: Path) -> None:
    for ending in FORMATS:
        whole = make_track(tmp_path / f"whole{ending}", cover=PICTURE, **fields(FULL)).read_bytes()
        part = tmp_path / f"flipped{ending}"
        for position in range(0, min(len(whole), 6_000), 11):
            flipped = bytearray(whole)
            flipped[position] ^= 0xFF
            part.write_bytes(flipped)
            try:
                read_tags(part)
            except (DamagedError, UserError):
                continue


def test_id3_lists_of_artists_are_split_only_where_it_is_safe(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.mp3")
    tags: Any = ID3()
    tags.add(TPE1(encoding=3, text=["AC/DC; Earth, Wind & Fire / Sly & Robbie"]))
    tags.add(TCON(encoding=3, text=["(17)", "32", "Trip-Hop"]))
    tags.add(TRCK(encoding=3, text=["03/00"]))
    tags.save(path)

    read = read_tags(path).tags

    assert read.artists == ("AC/DC", "Earth, Wind & Fire", "Sly & Robbie")
    assert read.genres == ("Rock", "Classical", "Trip-Hop")
    assert (read.track_no, read.track_total) == (3, None)


def test_an_artists_tag_beats_guessing(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.mp3")
    tags: Any = ID3()
    tags.add(TPE1(encoding=3, text=["Tyler; The Creator feat. A / B"]))
    tags.add(TXXX(encoding=3, desc="ARTISTS", text=["Tyler; The Creator", "A / B"]))
    tags.save(path)

    assert read_tags(path).tags.artists == ("Tyler; The Creator", "A / B")


def test_the_front_cover_is_preferred_and_a_false_picture_passed_over(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.mp3")
    back, front = make_picture(seed=1), make_picture(seed=2)
    tags: Any = ID3()
    tags.add(APIC(encoding=3, mime="image/png", type=4, desc="back", data=back))
    tags.add(APIC(encoding=3, mime="image/jpeg", type=3, desc="front", data=front))
    tags.save(path)
    cover = read_tags(path).cover
    assert cover is not None
    assert (cover.mime, cover.data) == ("image/png", front)

    tags.add(APIC(encoding=3, mime="image/png", type=3, desc="front", data=b"<svg/>"))
    tags.save(path)
    cover = read_tags(path).cover
    assert cover is not None
    assert cover.data == back


def test_a_cover_beyond_the_bound_is_left_out(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.mp3", title="T")
    tags: Any = ID3(path)
    tags.add(APIC(encoding=3, mime="image/png", type=3, desc="", data=png(9, 9, bytes(MAX_COVER_BYTES))))
    tags.save(path)

    facts = read_tags(path)

    assert facts.cover is None
    assert facts.tags.title == "T"


def test_synced_lyrics_become_lrc(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.mp3")
    tags: Any = ID3()
    lines = [("First line", 1_000), ("Second line", 62_340)]
    tags.add(SYLT(encoding=3, lang="eng", format=2, type=1, desc="", text=lines))
    tags.save(path)
    assert read_tags(path).lyrics == "[00:01.00]First line\n[01:02.34]Second line"

    syllables = [("Hel", 0), ("lo", 400), ("\nthere", 1_000)]
    tags.setall("SYLT", [SYLT(encoding=3, lang="eng", format=2, type=1, desc="", text=syllables)])
    tags.save(path)
    assert read_tags(path).lyrics == "[00:00.00]Hello\n[00:01.00]there"


def test_r128_gains_count_from_replaygains_reference(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.opus")
    opus: Any = OggOpus(path)
    opus["R128_TRACK_GAIN"], opus["R128_ALBUM_GAIN"] = "-1280", "256"
    opus.save()
    tags = read_tags(path).tags
    assert (tags.track_gain_db, tags.album_gain_db) == (0.0, 6.0)

    opus["REPLAYGAIN_TRACK_GAIN"] = "-3.00 dB"
    opus["REPLAYGAIN_ALBUM_GAIN"] = "loud"
    opus.save()
    tags = read_tags(path).tags
    assert (tags.track_gain_db, tags.album_gain_db) == (-3.0, 6.0)


def test_mp3gains_ape_tag_adds_what_id3_lacks(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.mp3", title="From ID3")
    ape: Any = APEv2()
    ape["Title"], ape["REPLAYGAIN_TRACK_GAIN"] = "From APE", "-2.5 dB"
    ape.save(path)

    tags = read_tags(path).tags

    assert tags.title == "From ID3"
    assert tags.track_gain_db == -2.5


def test_rva2_is_a_gain(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.mp3")
    tags: Any = ID3()
    tags.add(RVA2(desc="track", channel=1, gain=-4.5, peak=0.5))
    tags.save(path)

    read = read_tags(path).tags

    assert read.track_gain_db == pytest.approx(-4.5, abs=0.01)
    assert read.track_peak == pytest.approx(0.5, abs=0.01)


def test_a_clean_song_is_told_from_one_of_unknown_words(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.m4a", explicit=False)
    assert read_tags(path).tags.explicit is False
    mp4: Any = MP4(path)
    mp4["rtng"] = [0]
    mp4.save()
    assert read_tags(path).tags.explicit is None


def test_text_is_composed_and_free_of_control_characters(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.flac")
    flac: Any = FLAC(path)
    flac["TITLE"] = "  Bjo\u0308rk\x1b[31m\u0000 "
    flac.save()
    assert read_tags(path).tags.title == "Björk [31m"


def test_a_lying_length_is_counted_by_the_probe(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.m4a", seconds=2)
    data = bytearray(path.read_bytes())
    at = data.index(b"mdhd") + 4 + 4 + 8
    data[at + 4 : at + 8] = (0x7FFFFFFF).to_bytes(4, "big")
    path.write_bytes(data)

    alone = read_tags(path)
    assert alone.stream.duration_ms == 0
    assert "lies" in alone.damage

    probed = read_tags(path, probe=read_stream)
    assert abs(probed.stream.duration_ms - 2000) < 80


def test_a_three_hour_mix_tells_its_length(tmp_path: Path) -> None:
    second = make_track(tmp_path / "a.mp3", seconds=10, bitrate_bps=32_000).read_bytes()
    mix = tmp_path / "mix.mp3"
    frames = second[second.index(b"Info") + 400 :]
    frames = frames[frames.index(second[second.index(b"\xff\xfb") : second.index(b"\xff\xfb") + 2]) :]
    mix.write_bytes(frames * 1_080)
    assert read_tags(mix).stream.duration_ms == pytest.approx(3 * 3600 * 1000, rel=0.02)


def test_only_music_is_known_by_name() -> None:
    for name in ("a.mp3", "B.FLAC", "x.y.Opus", "é.m4a", os.fsdecode(b"\xff.ogg")):
        assert is_music_name(name)
    for name in ("a.jpg", "mp3", ".mp3", "a.mp3.part", "a.txt", "._a.mp3", "a.", ""):
        assert not is_music_name(name)


def test_a_folders_cover_is_found_in_any_case_and_order(tmp_path: Path) -> None:
    assert folder_cover(tmp_path) is None
    assert folder_cover(tmp_path / "absent") is None
    (tmp_path / "Front.PNG").write_bytes(make_picture(seed=1))
    (tmp_path / "FOLDER.jpg").write_bytes(b"not a picture")
    cover = folder_cover(tmp_path)
    assert cover is not None
    assert cover.data == make_picture(seed=1)
    (tmp_path / "cover.webp").write_bytes(make_picture(seed=2))
    cover = folder_cover(tmp_path)
    assert cover is not None
    assert (cover.mime, cover.data) == ("image/png", make_picture(seed=2))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_lyrics_beside_the_song_are_read_in_the_usual_encodings(tmp_path: Path, encoding: str) -> None:
    song = tmp_path / "a.b.mp3"
    assert lrc_beside(song) == ""
    (tmp_path / "a.b.lrc").write_bytes("[00:01.00]Für Elise\r\n[00:02.00]Ende\r\n".encode(encoding))
    assert lrc_beside(song) == "[00:01.00]Für Elise\n[00:02.00]Ende"


def test_two_thousand_files_could_be_scanned_in_three_seconds(tmp_path: Path) -> None:
    paths = [
        make_track(tmp_path / f"{n}{ending}", cover=PICTURE, **fields(replace(FULL, track_no=n + 1)))
        for n, ending in enumerate((".mp3", ".flac", ".m4a", ".ogg"))
    ]
    began = time.process_time()
    for _ in range(50):
        for path in paths:
            read_tags(path)
    each_ms = (time.process_time() - began) * 1000 / 200
    # 1.5 ms a file is all there is for everything together; the margin is for slow and busy machines.
    assert each_ms < 3

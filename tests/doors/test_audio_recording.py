"""Recordings are known by their packets, whatever is written around them."""

from __future__ import annotations

import contextlib
import errno
import io
import random
from pathlib import Path
from typing import Any

import av
import pytest
from mutagen import File
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.ogg import OggPage
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from node.catalog.model import Tags
from node.doors.audio import encode_mobile, read_stream, recording_digest
from node.doors.audio.opening import Window
from node.errors import DamagedError, UserError
from tests.music import FORMATS, make_picture, make_track, odd_files
from tests.music.tagging import write_apev2, write_tags
from tests.music.zoo import id3v1

ALL_FORMATS = (*FORMATS, ".oga", ".aac", ".wv")


def retagged(path: Path) -> None:
    """Edit the tags as an editor does that makes them much larger, so that all behind them moves."""
    if path.suffix == ".wv":
        write_apev2(path, Tags(title="Other " * 900))
        return
    if path.suffix not in (".mp3", ".aac"):
        # An editor deletes what was there; mutagen leaves the padding.
        file: Any = File(path)
        file.delete()
    write_tags(path, Tags(title="Other " * 900, artists=("Someone",)), cover=make_picture(200), lyrics="la\n" * 999)


@pytest.mark.parametrize("ending", ALL_FORMATS)
def test_a_retagged_and_renamed_copy_is_the_same_recording(tmp_path: Path, ending: str) -> None:
    path = make_track(tmp_path / f"a{ending}", seconds=3, kind="noise", title="First")
    before, digest = path.read_bytes(), recording_digest(path)

    retagged(path)
    renamed = path.rename(tmp_path / f"été 2 {ending}")

    assert renamed.read_bytes() != before
    assert recording_digest(renamed) == digest
    renamed.write_bytes(before)
    assert recording_digest(renamed) == digest


@pytest.mark.parametrize("ending", ALL_FORMATS)
def test_a_file_without_any_tags_is_the_same_recording(tmp_path: Path, ending: str) -> None:
    bare = make_track(tmp_path / f"bare{ending}", seconds=2, kind="noise")
    tagged = make_track(tmp_path / f"tagged{ending}", seconds=2, kind="noise", title="T", artists=("A",))
    assert bare.read_bytes() != tagged.read_bytes()
    assert recording_digest(bare) == recording_digest(tagged)


@pytest.mark.parametrize("ending", ALL_FORMATS)
def test_other_sound_is_another_recording(tmp_path: Path, ending: str) -> None:
    digests = {
        recording_digest(make_track(tmp_path / f"{kind}{seed}{ending}", seconds=1, kind=kind, seed=seed, title="Same"))
        for kind in ("noise", "music")
        for seed in (1, 2)
    }
    assert len(digests) == 4


def test_tags_of_every_sort_behind_an_mp3_are_not_its_sound(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.mp3", kind="noise")
    sound, digest = path.read_bytes(), recording_digest(path)
    lyrics3 = b"LYRICSBEGININD0000210" + b"LYR00005hello"
    lyrics3 += b"%06dLYRICS200" % len(lyrics3)

    write_apev2(path, Tags(title="T" * 500, comment="\xff\xfb\x90" * 50))
    ape = path.read_bytes()[len(sound) :]
    assert ape
    for tail in (ape, id3v1("T"), ape + id3v1("T"), lyrics3 + id3v1("T"), ape + lyrics3 + id3v1("T")):
        path.write_bytes(sound + tail)
        assert recording_digest(path) == digest

    tags: Any = ID3()
    tags.save(path, v1=2)
    assert recording_digest(path) == digest


def test_flac_padding_and_pictures_are_not_its_sound(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.flac", kind="noise")
    digest = recording_digest(path)
    for padding in (0, 1_000_000, 17):
        flac: Any = FLAC(path)
        flac.save(padding=lambda _, size=padding: size)
        assert recording_digest(path) == digest


def test_opus_gain_in_the_header_is_not_its_sound(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.opus", kind="noise")
    digest = recording_digest(path)
    opus: Any = OggOpus(path)
    opus["TITLE"] = "T" * 70_000
    opus.save()
    assert recording_digest(path) == digest
    data = path.read_bytes()
    with av.open(str(path)) as container:
        head = bytes(container.streams.audio[0].codec_context.extradata or b"")
    assert head in data
    assert recording_digest(_with_gain(path, head)) == digest


def test_the_name_of_vorbis_encoder_is_not_its_sound(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.ogg", kind="noise")
    digest = recording_digest(path)
    vorbis: Any = OggVorbis(path)
    vorbis.tags.vendor = "another editor wrote this"
    vorbis.save()
    assert recording_digest(path) == digest


def _with_gain(path: Path, head: bytes) -> Path:
    with path.open("r+b") as file:
        page: Any = OggPage(file)
        page.packets = [head[:16] + b"\x00\x03" + head[18:]]
        file.seek(0)
        file.write(page.write())
    return path


def test_one_changed_byte_of_sound_is_another_recording(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.wav")
    digest = recording_digest(path)
    data = bytearray(path.read_bytes())
    data[-1_000] ^= 1
    path.write_bytes(data)
    assert recording_digest(path) != digest


def test_what_is_no_music_has_no_digest_and_no_rendition(tmp_path: Path) -> None:
    out = tmp_path / "out.webm"
    for odd in odd_files(tmp_path / "zoo"):
        if odd.outcome in ("fine", "cut"):
            assert len(recording_digest(odd.path)) == 32, odd
            assert encode_mobile(odd.path, out).duration_ms > 0, odd
        elif odd.outcome == "refused" and "locked" not in odd.says:
            with pytest.raises(UserError):
                recording_digest(odd.path)
            with pytest.raises(UserError):
                encode_mobile(odd.path, out)
            assert not out.exists()
        out.unlink(missing_ok=True)


def test_a_playlist_in_disguise_opens_nothing(tmp_path: Path) -> None:
    secret = make_track(tmp_path / "secret.ts.mp3")
    for name, text in (
        ("a.mp3", f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{secret}\n#EXT-X-ENDLIST\n"),
        ("b.mp3", f"ffconcat version 1.0\nfile '{secret}'\n"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(UserError):
            recording_digest(tmp_path / name)


@pytest.mark.parametrize("ending", ALL_FORMATS)
def test_the_length_is_counted_in_every_format(tmp_path: Path, ending: str) -> None:
    stream = read_stream(make_track(tmp_path / f"a{ending}", seconds=3))
    assert abs(stream.duration_ms - 3000) < 80
    assert stream.channels == 2


@pytest.mark.parametrize("ending", ALL_FORMATS)
def test_random_damage_never_raises_anything_but_our_errors(tmp_path: Path, ending: str) -> None:
    whole = make_track(tmp_path / f"whole{ending}", seconds=0.5, kind="noise", title="T").read_bytes()
    path, out = tmp_path / f"a{ending}", tmp_path / "out.webm"
    flipping = random.Random(ending)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(flipping.choice((1, 3, 20))):
            reach = flipping.choice((200, 2_000, len(data)))
            data[flipping.randrange(min(reach, len(data)))] = flipping.randrange(256)
        path.write_bytes(data)
        for look in (recording_digest, read_stream, lambda source: encode_mobile(source, out)):
            with contextlib.suppress(DamagedError, UserError):
                look(path)


def test_a_disk_that_fails_while_reading_is_told(tmp_path: Path) -> None:
    path = make_track(tmp_path / "a.flac", seconds=5, kind="noise")

    class FailingFile(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 60_000:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    window = Window(io.BufferedReader(io.BytesIO(path.read_bytes())), 0, path.stat().st_size)
    assert window.read(4) == b"fLaC"
    failing: Any = FailingFile(path.read_bytes())
    window = Window(failing, 0, path.stat().st_size)
    window.seek(60_001)
    with pytest.raises(DamagedError, match="disk"):
        window.read(10)

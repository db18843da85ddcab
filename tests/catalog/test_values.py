"""Tags, streams, blobs and renditions as values: there and back, open to what is newer, strict about types."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.catalog.model import BlobRef, Rendition, Stream, Tags
from node.catalog.register import Key
from node.catalog.values import (
    blob_of,
    blob_value,
    path_bytes,
    path_text,
    rendition_of,
    rendition_value,
    stream_of,
    stream_value,
    tag_value,
    tags_of,
    tags_value,
)
from node.catalog.vocabulary import MOBILE, TAGS, original_field, read_track, set_mobile
from node.errors import PeerError
from node.ids import BlobRoot, TrackId
from node.wire.codec import pack, unpack

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
lists = st.lists(texts, max_size=3).map(tuple)
numbers = st.none() | st.integers(0, 10_000)
gains = st.none() | st.floats(-60, 60)
tags = st.builds(
    Tags, title=texts, artists=lists, album=texts, album_artists=lists, genres=lists, composers=lists, track_no=numbers,
    track_total=numbers, disc_no=numbers, disc_total=numbers, disc_subtitle=texts, date=texts, original_date=texts,
    compilation=st.booleans(), title_sort=texts, artist_sort=texts, album_sort=texts, album_artist_sort=texts,
    bpm=numbers, isrc=texts, moods=lists, comment=texts,
    musicbrainz=st.lists(st.tuples(texts, texts), max_size=3).map(lambda pairs: tuple(sorted(pairs))),
    track_gain_db=gains, track_peak=gains, album_gain_db=gains, album_peak=gains, release_types=lists,
    explicit=st.none() | st.booleans(),
)  # fmt: skip

STREAM = Stream(
    codec="flac", mime="audio/flac", duration_ms=1, sample_rate_hz=44_100, channels=2, bitrate_bps=9, bit_depth=16
)
BLOB = BlobRef(root=BlobRoot(b"r" * 32), key=b"k" * 32, commitment=b"c" * 32, size_bytes=5, sha256=b"s" * 32)


def through(value: object) -> object:
    return unpack(pack(value), max_bytes=1 << 20)


@given(tags)
def test_tags_come_back_as_they_were(written: Tags) -> None:
    assert tags_of(through(tags_value(written))) == written


def test_every_field_of_tags_has_a_number() -> None:
    odd = Tags(**{f.name: _other(f.name, f.default) for f in fields(Tags)})  # type: ignore[arg-type]
    assert len(tags_value(odd)) == len(fields(Tags))
    assert tags_of(through(tags_value(odd))) == odd


def _other(name: str, default: object) -> object:
    if name == "musicbrainz":
        return (("track", "x"),)
    if name in ("compilation", "explicit"):
        return True
    if name.endswith(("_db", "_peak")):
        return 0.5
    return {str: "x", tuple: ("x",)}.get(type(default), 7)


def test_absent_tags_take_no_room() -> None:
    assert tags_value(Tags()) == {}
    assert len(pack(tags_value(Tags(title="Hyperballad", artists=("Björk",), track_no=3)))) < 40


def test_fields_of_a_newer_version_are_kept() -> None:
    newer = {**tags_value(Tags(title="a", album="gone")), 200: "future"}
    assert tags_of(newer) == Tags(title="a", album="gone")
    assert tags_value(Tags(title="b"), newer) == {1: "b", 200: "future"}
    assert stream_of([*stream_value(STREAM), "future"]) == STREAM


def test_half_a_surrogate_pair_in_a_tag_does_no_harm() -> None:
    assert tags_of(through(tags_value(Tags(title="a\ud83d")))).title == "a?"


@pytest.mark.parametrize(
    "value",
    ["x", [1], {1: 5}, {1: b"x"}, {2: "x"}, {2: ["x"] * 65}, {2: [5]}, {7: "3"}, {7: -1}, {7: True}, {14: 1}, {24: "x"},
     {24: True}, {23: ["x"]}, {23: [["x"]]}, {29: 0}, {1: "x" * 5_000}],
)  # fmt: skip
def test_tags_of_a_wrong_type_are_refused(value: object) -> None:
    with pytest.raises(PeerError):
        tags_of(value)


@pytest.mark.parametrize(("name", "content"), [("title", 5), ("artists", "x"), ("track_no", "x"), ("nothing", "x")])
def test_an_edit_that_is_no_tag_is_refused(name: str, content: object) -> None:
    with pytest.raises(PeerError):
        tag_value(name, content)


@pytest.mark.parametrize("path", ["a/b.flac", "夜/\udcff\udc80.mp3", "x" * 255, ""])
def test_an_original_comes_back_with_its_path_to_the_byte(path: str) -> None:
    original = Rendition(kind="original", blob=BLOB, stream=STREAM, path=path, mtime_ns=-5)
    assert rendition_of("original", through(rendition_value(original))) == original
    assert path_text(path_bytes(path)) == path


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".", "a\0b"])
def test_a_path_that_leads_outside_is_refused(path: str) -> None:
    value = rendition_value(Rendition(kind="original", blob=BLOB, stream=STREAM, path=path))
    with pytest.raises(PeerError):
        rendition_of("original", value)


def test_a_mobile_rendition_comes_back_as_it_was() -> None:
    mobile = Rendition(kind="mobile", blob=BLOB, stream=replace(STREAM, bit_depth=None))
    assert rendition_of("mobile", through(rendition_value(mobile))) == mobile
    assert blob_of(through(blob_value(BLOB))) == BLOB


@pytest.mark.parametrize("at", range(5))
def test_a_blob_of_a_wrong_type_is_refused(at: int) -> None:
    value = blob_value(BLOB)
    value[at] = "x"
    with pytest.raises(PeerError):
        blob_of(value)


def test_a_key_is_not_in_what_a_blob_prints() -> None:
    assert "kkk" not in repr(BLOB)


IN_AAC = Rendition(kind="mobile", blob=BLOB, stream=replace(STREAM, codec="aac"))


def test_a_small_copy_in_aac_stands_beside_the_one_in_opus() -> None:
    track = TrackId("t")
    assert set_mobile(track, IN_AAC).key == Key("track", "t", "mobile:aac")
    assert set_mobile(track, replace(IN_AAC, stream=replace(STREAM, codec="opus"))).key == Key("track", "t", "mobile")


def test_a_track_is_read_around_what_is_malformed() -> None:
    value = rendition_value(Rendition(kind="original", blob=BLOB, stream=STREAM, path="a"))
    facts = read_track({
        TAGS: tags_value(Tags(title="file", album="file")), "tag:title": "person", "tag:album": 5,
        "tag:nonsense": "x", "tag:__class__": 5,
        original_field(b"1" * 32): value, original_field(b"2" * 32): ["broken"], MOBILE: "broken",
        "mobile:aac": rendition_value(IN_AAC),
        "future": 1,
    })  # fmt: skip
    assert facts.tags == Tags(title="person", album="file")
    assert [original.path for original in facts.originals] == ["a"]
    assert facts.mobile is None
    assert facts.mobiles == (IN_AAC,)
    assert facts.stream == STREAM

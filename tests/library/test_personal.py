"""Stars, ratings, plays, playlists, bookmarks and the queue: on one device, and merged with another's."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.catalog.batch import decode_batch
from node.catalog.model import BlobRef, Fingerprint, Stream, Tags
from node.catalog.personal import Item
from node.crypto.blob import Purpose
from node.crypto.keys import member_keys_from_random
from node.doors.index import Index, SealedBlob, SourceRead
from node.errors import NotFoundError, UserError
from node.ids import BlobRoot, TrackId, to_text
from node.library import Library, SealedSource
from node.library.personal import Play
from node.library.playlists import _rewritten, positions

STREAM = Stream(codec="mp3", mime="audio/mpeg", duration_ms=1_000, sample_rate_hz=44_100, channels=2, bitrate_bps=1)
START_MS = 1_700_000_000_000


class Device:
    """A library of its own, in which time passes a second at each question."""

    def __init__(self, index: Index, number: int) -> None:
        ticks = itertools.count(START_MS, 1_000)
        self.index = index
        self.library = Library.open(
            index, member_keys_from_random(bytes([number]) * 64), bytes(32), now_ms=lambda: next(ticks)
        )
        self._folder = index.folders.add("/music", 0).id

    def add(self, title: str, *, album: str = "Album", artist: str = "Artist") -> str:
        """List a file; gives its provisional name."""
        read = SourceRead(
            path=f"{title}.mp3",
            fingerprint=_fingerprint(title, album, artist),
            tags=Tags(title=title, album=album, artists=(artist,), album_artists=(artist,), genres=("Rock",)),
            stream=STREAM,
        )
        result = self.library.record_scan(self._folder, [read])
        track = self.index.sources.get(result.ids[0]).track_id
        assert track is not None
        return track

    def seal(self) -> None:
        """Seal all that waits."""
        for source in self.index.sources.next_to_seal(100):
            digest = hashlib.sha256(source.path.encode()).digest()
            ref = BlobRef(
                root=BlobRoot(hashlib.sha256(digest + repr(source.fingerprint).encode()).digest()), key=bytes(32),
                commitment=bytes(32), size_bytes=10, sha256=hashlib.sha256(repr(source.fingerprint).encode()).digest(),
            )  # fmt: skip
            blob = SealedBlob(ref=ref, purpose=Purpose.ORIGINAL, sealed_bytes=10, layer=bytes(32), stored="none")
            self.library.record_sealed([
                SealedSource(source_id=source.id, fingerprint=source.fingerprint, recording_digest=digest, blob=blob)
            ])  # fmt: skip

    def added(self, *titles: str) -> list[str]:
        """Files listed and sealed; their lasting names."""
        provisional = [self.add(title) for title in titles]
        self.seal()
        return [self.library.resolve(track) for track in provisional]

    def hears(self, other: Device) -> None:
        """Take in all that another device wrote."""
        batches = [
            decode_batch(signed)
            for log in other.index.log.heads()
            for signed in other.index.log.batches(log, 0, 10_000)
        ]
        self.library.apply(batches)

    def titles(self, playlist: str) -> list[str]:
        return [song.shown["title"] for song in self.library.browse.playlist(playlist)[1]]


def _fingerprint(*facts: str) -> Fingerprint:
    number = int.from_bytes(hashlib.sha256("".join(facts).encode()).digest()[:4], "big")
    return Fingerprint(10, number, number, number)


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[Callable[[], Device]]:
    with ExitStack() as open_ones:
        numbers = itertools.count(1)

        def make() -> Device:
            number = next(numbers)
            return Device(open_ones.enter_context(Index.open(tmp_path / f"{number}.db")), number)

        yield make


@pytest.fixture
def device(devices: Callable[[], Device]) -> Device:
    return devices()


def test_stars_and_ratings_stand_until_they_are_taken_back(device: Device) -> None:
    track = device.added("One")[0]
    album = device.library.albums()["items"][0]["id"]
    artist = device.library.artists()["items"][0]["id"]
    personal = device.library.personal
    personal.star([track, album, artist], starred=True)
    personal.rate(track, 4)
    first = personal.mark(track).starred_ms
    personal.star([track], starred=True)
    assert (personal.mark(track).starred_ms, personal.mark(track).rating) == (first, 4)
    found = device.library.browse.starred()
    assert ([one.id for one in found.artists], [one.id for one in found.albums]) == ([artist], [album])
    assert found.songs[0].rating == 4
    personal.star([track, album, artist], starred=False)
    personal.rate(track, None)
    assert personal.mark(track) == personal.mark(album) == type(personal.mark(track))()
    assert device.library.browse.starred().songs == []


def test_one_unknown_name_among_many_changes_nothing(device: Device) -> None:
    track = device.added("One")[0]
    with pytest.raises(NotFoundError):
        device.library.personal.star([track, "a" * 26], starred=True)
    assert device.library.personal.mark(track).starred_ms is None
    with pytest.raises(UserError):
        device.library.personal.rate(track, 6)


def test_plays_add_up_over_devices_and_one_told_twice_counts_once(devices: Callable[[], Device]) -> None:
    home, phone = devices(), devices()
    track = home.added("One")[0]
    phone.hears(home)
    home.library.personal.play([Play(track, START_MS + 5), Play(track, START_MS + 9)])
    home.library.personal.play([Play(track, START_MS + 9)])
    phone.library.personal.play([Play(track, START_MS + 7)])
    home.hears(phone)
    phone.hears(home)
    for device in (home, phone):
        mark = device.library.personal.mark(track)
        assert (mark.plays, mark.played_ms) == (3, START_MS + 9)


def test_what_two_devices_add_to_a_playlist_at_once_is_all_in_it(devices: Callable[[], Device]) -> None:
    home, phone = devices(), devices()
    one, two, three = home.added("One", "Two", "Three")
    playlist = home.library.playlists.create("Mix", [one])
    phone.hears(home)
    home.library.playlists.edit(playlist, add=[two])
    phone.library.playlists.edit(playlist, add=[three], name="Mix 2")
    home.hears(phone)
    phone.hears(home)
    assert sorted(home.titles(playlist)) == ["One", "Three", "Two"]
    assert home.titles(playlist) == phone.titles(playlist)
    assert home.library.playlists.get(playlist).name == "Mix 2"


def test_a_deleted_playlist_is_gone_everywhere(devices: Callable[[], Device]) -> None:
    home, phone = devices(), devices()
    playlist = home.library.playlists.create("Mix", home.added("One"))
    phone.hears(home)
    phone.library.playlists.delete(playlist)
    home.hears(phone)
    assert home.library.playlists.all() == []
    with pytest.raises(NotFoundError):
        home.library.playlists.get(playlist)


def test_entries_are_taken_out_by_the_places_that_are_shown(device: Device) -> None:
    one, two, three = device.added("One", "Two", "Three")
    playlist = device.library.playlists.create("Mix", [one, two, three, one])
    device.library.hide(two)
    device.library.playlists.edit(playlist, remove=[1, -1, 99])
    assert device.titles(playlist) == ["One", "One"]
    row = device.library.playlists.get(playlist)
    assert (row.tracks, row.duration_ms) == (2, 2_000)


def test_a_playlist_takes_the_order_it_is_given(device: Device) -> None:
    tracks = device.added("One", "Two", "Three", "Four")
    playlist = device.library.playlists.create("Mix", tracks)
    order = [tracks[3], tracks[0], tracks[0], tracks[2]]
    device.library.playlists.replace(playlist, order)
    assert device.titles(playlist) == ["Four", "One", "One", "Three"]


def test_a_bookmark_keeps_its_first_time_and_goes_when_it_is_removed(device: Device) -> None:
    track = device.added("One")[0]
    device.library.personal.set_bookmark(track, 500, "here")
    first = device.library.personal.bookmarks()[0][1]
    device.library.personal.set_bookmark(track, 900)
    again = device.library.personal.bookmarks()[0][1]
    assert (again.position_ms, again.created_ms) == (900, first.created_ms)
    assert again.changed_ms > first.changed_ms
    assert device.library.browse.song(track).bookmark_ms == 900
    device.library.personal.remove_bookmark(track)
    assert device.library.personal.bookmarks() == []


def test_the_saved_queue_is_found_on_another_device(devices: Callable[[], Device]) -> None:
    home, phone = devices(), devices()
    one, two = home.added("One", "Two")
    home.library.personal.save_queue([one, two, one], index=2, position_ms=1_234, changed_by="PC")
    phone.hears(home)
    queue = phone.library.personal.queue()
    assert (queue.tracks, queue.index, queue.position_ms, queue.changed_by) == ((one, two, one), 2, 1_234, "PC")
    before = len(home.index.log.batches(next(iter(home.index.log.heads())), 0, 100)[-1])
    home.library.personal.save_queue([one, two, one], index=1)
    after = len(home.index.log.batches(next(iter(home.index.log.heads())), 0, 100)[-1])
    assert after < before, "moving on must not write the whole list again"
    with pytest.raises(UserError):
        home.library.personal.save_queue([one], index=1)


def test_what_was_done_with_a_track_before_it_was_sealed_stays(devices: Callable[[], Device]) -> None:
    home, phone = devices(), devices()
    track = home.add("One")
    personal = home.library.personal
    personal.star([track], starred=True)
    personal.rate(track, 3)
    personal.play([Play(track, START_MS)])
    personal.set_bookmark(track, 70)
    playlist = home.library.playlists.create("Mix", [track])
    home.seal()
    lasting = home.library.resolve(track)
    assert lasting != track
    phone.hears(home)
    for device in (home, phone):
        mark = device.library.personal.mark(lasting)
        assert mark.starred_ms is not None
        assert (mark.rating, mark.plays) == (3, 1)
        assert device.library.browse.song(lasting).bookmark_ms == 70
        assert device.titles(playlist) == ["One"]


def test_an_album_is_found_by_its_former_name_and_keeps_its_star(device: Device) -> None:
    track = device.added("One")[0]
    before = device.library.albums()["items"][0]["id"]
    device.library.personal.star([before], starred=True)
    device.library.edit_tags(track, {"album": "Renamed", "artists": ("Another",)})
    after = device.library.albums()["items"][0]["id"]
    assert after != before
    album, songs = device.library.browse.album(before)
    assert (album.id, album.name, songs[0].id) == (after, "Renamed", track)
    assert [one.id for one in device.library.browse.starred().albums] == [after]
    with pytest.raises(NotFoundError):
        device.library.browse.album("a" * 26)


def test_what_a_revoked_device_did_is_undone(devices: Callable[[], Device]) -> None:
    home, phone = devices(), devices()
    track = home.added("One")[0]
    phone.hears(home)
    phone.library.personal.star([track], starred=True)
    playlist = phone.library.playlists.create("Theirs", [track])
    home.hears(phone)
    home.library.personal.rate(track, 2)
    assert home.library.playlists.get(playlist).tracks == 1
    home.library.void_after(phone.library.changes.log, 0)
    assert home.library.playlists.all() == []
    mark = home.library.personal.mark(track)
    assert (mark.starred_ms, mark.rating) == (None, 2)


def test_rows_made_from_a_snapshot_are_those_of_the_log(devices: Callable[[], Device]) -> None:
    home, phone = devices(), devices()
    one, two = home.added("One", "Two")
    home.library.personal.star([one], starred=True)
    playlist = home.library.playlists.create("Mix", [two, one])
    phone.library.load_snapshot(home.library.snapshot())
    assert phone.titles(playlist) == ["Two", "One"]
    assert phone.library.personal.mark(one) == home.library.personal.mark(one)


@given(
    before=st.lists(st.integers(0, 5), max_size=12),
    after=st.lists(st.integers(0, 5), max_size=12),
    gap=st.integers(1, 64),
)
def test_rewriting_gives_any_list_from_any_other(before: list[int], after: list[int], gap: int) -> None:
    def track(number: int) -> TrackId:
        return TrackId(to_text(bytes([number]) * 16))

    entries = [(f"e{at}", Item(track(number), at * gap)) for at, number in enumerate(before)]
    kept = dict(entries)
    for op in _rewritten("p", entries, [track(number) for number in after]):
        name = op.key.field.removeprefix("item:")
        if op.value is None:
            kept.pop(name)
        else:
            kept[name] = Item(TrackId(to_text(op.value[0])), op.value[1])
    shown = [item.track for _, item in sorted(kept.items(), key=lambda pair: (pair[1].position, pair[0]))]
    assert shown == [track(number) for number in after]
    assert len({item.position for item in kept.values()}) == len(kept)


@given(low=st.none() | st.integers(-100, 100), gap=st.integers(1, 100), count=st.integers(0, 60))
def test_places_between_neighbours_rise_and_stay_between(low: int | None, gap: int, count: int) -> None:
    high = None if low is None else low + gap
    places = positions(low, high, count)
    if places is None:
        assert gap <= count
        return
    edges = [*([] if low is None else [low]), *places, *([] if high is None else [high])]
    assert edges == sorted(set(edges))
    assert len(places) == count

"""From files in folders to tracks in the catalog, and what is left when files change, move and go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.catalog.model import Fingerprint, cover_id
from node.crypto.blob import Purpose
from node.errors import NotFoundError
from node.library import Library
from tests.library.music import STREAM, blob, broken, file, opened, seal_all, sealing, sha, titles


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with opened(tmp_path / "index.db") as library:
        yield library


@pytest.fixture
def folder(library: Library) -> int:
    return library.index.folders.add("/music", 1).id


def only(library: Library) -> dict:
    [track] = library.tracks()["items"]
    return library.track(track["id"])


def test_a_file_is_listed_and_playable_before_it_is_sealed(library: Library, folder: int) -> None:
    result = library.record_scan(folder, [file("a/x.flac", artists=("A",), album="X")])
    track = only(library)
    assert result.added == 1
    assert track["title"] == "x"
    assert track["state"] == {"playable": True, "source": "present", "sealed": False, "mobile": False, "note": ""}
    assert library.files(track["id"]).sources[0].full_path == "/music/a/x.flac"
    assert library.index.log.heads() == {}


def test_the_name_from_before_sealing_still_finds_the_track(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("x.flac")])
    before = only(library)["id"]
    [after] = seal_all(library)
    assert before != after == only(library)["id"] == library.resolve(before)
    assert library.track(before)["id"] == after
    assert only(library)["state"]["sealed"]
    with pytest.raises(NotFoundError):
        library.resolve("a" * 26)


def test_sealing_names_the_original_in_the_catalog_for_export(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a/\udcff.flac", at=77)])
    [track] = seal_all(library)
    assert track is not None
    [held] = library.files(track).originals
    assert (held.rendition.path, held.rendition.mtime_ns, held.stored) == ("a/\udcff.flac", 77, "none")
    assert library.blob_ref(held.rendition.blob.root) == held.rendition.blob
    assert library.index.sources.with_root(held.rendition.blob.root)[0].path == "a/\udcff.flac"
    assert library.index.sources.next_to_seal(9) == []


def test_a_retagged_copy_is_the_same_track_with_two_originals(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac", title="First"), file("b.flac", title="Second")])
    one, two = library.index.sources.next_to_seal(9)
    library.record_sealed([sealing(one, recording=b"same"), sealing(two, recording=b"same")])
    track = only(library)
    assert track["title"] == "First"
    assert len(track["originals"]) == len(track["sources"]) == 2


def test_the_same_file_twice_is_one_original(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac"), file("b.flac")])
    for source in library.index.sources.next_to_seal(9):
        library.record_sealed([sealing(source, content=b"same")])
    assert len(only(library)["originals"]) == 1
    assert len(only(library)["sources"]) == 2


def test_a_file_that_changed_while_it_was_sealed_is_thrown_away_and_comes_again(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac", at=1), file("b.flac")])
    stale, other = library.index.sources.next_to_seal(9)
    library.record_scan(folder, [file("a.flac", at=2)])
    assert library.record_sealed([sealing(stale), sealing(other)])[0] is None
    assert [source.path for source in library.index.sources.next_to_seal(9)] == ["a.flac"]
    assert library.index.blobs.get(blob(b"a.flac").ref.root) is None


def test_a_retagged_file_keeps_its_track_and_shows_its_new_tags(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac", at=1, title="Old")])
    [track] = seal_all(library)
    library.record_scan(folder, [file("a.flac", at=2, title="New")])
    assert only(library)["id"] == track
    assert only(library)["state"]["source"] == "changed"
    assert library.index.sources.with_root(blob(b"a.flac").ref.root) == []
    [changed] = library.index.sources.next_to_seal(9)
    assert library.record_sealed([sealing(changed, content=b"new bytes", recording=b"a.flac")]) == [track]
    assert only(library)["title"] == "New"
    assert len(only(library)["originals"]) == 2


def test_a_file_replaced_by_other_music_leaves_the_old_track(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac", at=1, title="Old")])
    [old] = seal_all(library)
    assert old is not None
    library.record_scan(folder, [file("a.flac", at=2, title="New")])
    [changed] = library.index.sources.next_to_seal(9)
    library.record_sealed([sealing(changed, content=b"other")])
    assert titles(library) == ["New", "Old"]
    state = library.track(old)["state"]
    assert (state["source"], state["playable"]) == ("missing", False)
    assert "no copy" in state["note"]


def test_a_missing_file_keeps_its_track_and_says_what_is_left(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac"), file("b.flac")])
    one, two = library.index.sources.next_to_seal(9)
    kept, bare = library.record_sealed([sealing(one, stored="pinned"), sealing(two)])
    assert kept is not None
    assert bare is not None
    library.record_scan(folder, missing=[one.id, two.id])
    assert library.track(kept)["state"]["playable"]
    assert "sealed copy" in library.track(kept)["state"]["note"]
    assert not library.track(bare)["state"]["playable"]
    library.index.blobs.set_damaged(blob(b"a.flac").ref.root)
    assert not library.track(kept)["state"]["playable"]
    library.record_scan(folder, returned=[one.id, two.id])
    assert library.track(bare)["state"]["source"] == "present"
    assert library.index.sources.next_to_seal(9) == []


def test_an_unsealed_file_that_goes_leaves_nothing(library: Library, folder: int) -> None:
    [source] = library.record_scan(folder, [file("a.flac", artists=("A",), album="X", genres=("G",))]).ids
    library.record_scan(folder, missing=[source])
    assert library.summary()["counts"] == {"tracks": 0, "albums": 0, "artists": 0, "genres": 0}
    assert library.search("a")["tracks"] == []
    assert library.index.sources.known(folder) == {}


def test_a_renamed_file_stays_what_it_was(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac"), file("b.flac")])
    seal_all(library)
    known = library.index.sources.known(folder)
    gone = known["a.flac"]
    before = library.index.log.heads()
    library.record_scan(folder, renamed=[(gone.id, "b.flac", replace(gone.fingerprint, ctime_ns=9))])
    assert set(library.index.sources.known(folder)) == {"b.flac"}
    [source] = library.index.sources.with_root(blob(b"a.flac").ref.root)
    assert (source.path, source.state) == ("b.flac", "present")
    assert library.index.log.heads() == before


def test_an_away_folder_writes_nothing_to_the_catalog_and_its_files_are_no_holdings(
    library: Library, folder: int
) -> None:
    library.record_scan(folder, [file("a.flac"), file("b.flac")])
    library.record_sealed([sealing(library.index.sources.next_to_seal(1)[0])])
    heads = library.index.log.heads()
    library.index.folders.set_state(folder, "away")
    assert {track["state"]["source"] for track in library.tracks()["items"]} == {"away"}
    assert library.index.sources.with_root(blob(b"a.flac").ref.root) == []
    assert library.index.sources.next_to_seal(9) == library.next_to_render(9) == []
    library.index.folders.set_state(folder, "present")
    assert len(library.index.sources.next_to_seal(9)) == len(library.next_to_render(9)) == 1
    assert library.index.log.heads() == heads


def test_a_removed_folder_leaves_its_sealed_tracks(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac"), file("b.flac")])
    library.record_sealed([sealing(library.index.sources.next_to_seal(1)[0], stored="cache")])
    library.remove_folder(folder)
    assert titles(library) == ["a"]
    assert only(library)["state"]["playable"]
    with pytest.raises(NotFoundError):
        library.remove_folder(folder)


def test_an_unreadable_file_is_told_with_its_reason_and_not_listed(library: Library, folder: int) -> None:
    result = library.record_scan(folder, [broken("bad.mp3"), file("good.mp3")])
    assert result.added == 1
    assert titles(library) == ["good"]
    [bad] = library.index.sources.failed(9)
    assert (bad.full_path, bad.error) == ("/music/bad.mp3", "it is a picture")
    library.record_scan(folder, [file("bad.mp3", at=5)])
    assert library.index.sources.failed(9) == []
    assert titles(library) == ["bad", "good"]


def test_a_file_that_can_not_be_sealed_is_not_tried_again_until_it_changes(library: Library, folder: int) -> None:
    [source] = library.record_scan(folder, [file("a.flac")]).ids
    library.index.sources.set_error(source, "it ends in the middle")
    assert library.index.sources.next_to_seal(9) == []
    assert library.index.sources.to_seal().files == 0
    library.record_scan(folder, [file("a.flac", at=2)])
    assert len(library.index.sources.next_to_seal(9)) == 1


def test_what_is_asked_for_is_sealed_and_rendered_first(library: Library, folder: int) -> None:
    library.record_scan(folder, [file(f"{name}.flac", size=10) for name in "abcd"])
    ids = {track["title"]: track["id"] for track in library.tracks()["items"]}
    library.index.sources.ask(ids["c"])
    library.index.sources.ask(ids["d"])
    assert [source.path[0] for source in library.index.sources.next_to_seal(9)] == ["d", "c", "a", "b"]
    in_hand = [source.id for source in library.index.sources.next_to_seal(1)]
    assert [source.path[0] for source in library.index.sources.next_to_seal(2, in_hand)] == ["c", "a"]
    assert (library.index.sources.to_seal().files, library.index.sources.to_seal().bytes) == (4, 40)
    seal_all(library)
    assert [library.track(each.track_id)["title"] for each in library.next_to_render(2)] == ["d", "c"]


def test_a_rendition_is_listed_until_it_is_made_or_refused(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac"), file("b.flac")])
    one, two = seal_all(library)
    assert one is not None
    assert two is not None
    assert library.to_render().files == 2
    assert {each.sources[0].path for each in library.next_to_render(9)} == {"a.flac", "b.flac"}
    library.record_rendered(one, blob(b"small", Purpose.MOBILE, stored="pinned"), STREAM)
    library.render_failed(two, "it has no sound")
    assert library.next_to_render(9) == []
    assert library.to_render().files == 0
    assert library.track(one)["state"]["mobile"]
    mobile = library.files(one).mobile
    assert mobile is not None
    assert mobile.stored == "pinned"


def test_a_hidden_track_stays_hidden_although_its_file_stays(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac", artists=("A",), album="X")])
    [track] = seal_all(library)
    assert track is not None
    library.hide(track)
    library.record_scan(folder, [file("a.flac", at=2)])
    assert library.tracks()["total"] == library.albums()["total"] == library.artists()["total"] == 0
    assert library.search("a") == {"artists": [], "albums": [], "tracks": []}
    assert library.index.sources.next_to_seal(9) == []
    library.unhide(track)
    assert titles(library) == ["a"]
    assert library.albums()["total"] == 1


def test_a_track_hidden_before_it_is_identified_stays_hidden_after(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac")])
    library.hide(only(library)["id"])
    assert titles(library) == []
    seal_all(library)
    assert titles(library) == []
    assert library.next_to_render(9) == []


def test_a_person_s_edit_stands_over_the_file_until_it_is_taken_back(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac", title="File", artists=("A",))])
    [track] = seal_all(library)
    assert track is not None
    library.edit_tags(track, {"title": "Mine", "artists": ("B", "C")})
    library.record_scan(folder, [file("a.flac", at=2, title="File 2", artists=("A",))])
    [changed] = library.index.sources.next_to_seal(9)
    library.record_sealed([sealing(changed, recording=b"a.flac", content=b"2")])
    assert only(library)["title"] == "Mine"
    assert [artist["name"] for artist in only(library)["artists"]] == ["B", "C"]
    library.edit_tags(track, {"title": None})
    assert only(library)["title"] == "File 2"


def test_a_cover_is_found_in_its_files_then_in_its_blob(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a/1.flac", cover=b"png", album="X"), file("a/2.flac", album="X")])
    name = cover_id(sha(b"png"))
    assert {track["cover"] for track in library.tracks()["items"]} == {name}
    place = library.index.covers.place(name)
    assert (place.mime, place.ref, [source.path for source, _ in place.sources]) == ("image/png", None, ["a/1.flac"])
    library.record_sealed([sealing(source, cover=b"png") for source in library.index.sources.next_to_seal(9)])
    place = library.index.covers.place(name)
    assert place.ref == blob(b"png").ref
    assert library.blob_ref(place.ref.root) == place.ref
    assert library.albums()["items"][0]["cover"] == name
    with pytest.raises(NotFoundError):
        library.index.covers.place("a" * 26)


def test_withdrawing_a_source_makes_it_wait_for_sealing(library: Library, folder: int) -> None:
    library.record_scan(folder, [file("a.flac")])
    seal_all(library)
    [source] = library.index.sources.with_root(blob(b"a.flac").ref.root)
    library.index.sources.withdraw([source.id])
    assert library.index.sources.with_root(blob(b"a.flac").ref.root) == []
    assert [waiting.id for waiting in library.index.sources.next_to_seal(9)] == [source.id]


def test_inodes_longer_than_sqlite_has_are_still_compared(library: Library, folder: int) -> None:
    long = Fingerprint(1, 2, 3, (1 << 127) + 5)
    library.record_scan(folder, [replace(file("a.flac"), fingerprint=long)])
    assert library.index.sources.known(folder)["a.flac"].fingerprint == long

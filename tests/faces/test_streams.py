"""Sound and pictures over HTTP, against a real process and its files."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faces.test_api import by_title
from tests.living import Living


@pytest.fixture(scope="module")
def glass(node: Living) -> tuple[str, bytes]:
    """The path of a track's stream, and the file that it must equal."""
    track = node.get(f"tracks/{by_title(node, 'Glass 1')['id']}")
    source = track["sources"][0]
    path = Path(source["path"])
    file = path if path.is_absolute() else Path(source["folder"]) / path
    return f"/api/v1/tracks/{track['id']}/stream?rendition=original", file.read_bytes()


def test_the_whole_track_is_its_file(node: Living, glass: tuple[str, bytes]) -> None:
    path, data = glass
    answer = node.ask("GET", path)
    assert answer.status == 200
    assert answer.body == data
    assert answer.headers["Content-Type"] == "audio/flac"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert int(answer.headers["Content-Length"]) == len(data)


def test_any_range_is_that_part_of_the_file(node: Living, glass: tuple[str, bytes]) -> None:
    path, data = glass
    chance = random.Random(7)
    cuts = [(0, 0), (0, len(data) - 1), (16_367, 16_368), (65_471, 65_472)]
    cuts += [sorted((chance.randrange(len(data)), chance.randrange(len(data)))) for _ in range(20)]  # type: ignore[misc]
    for first, last in cuts:
        answer = node.ask("GET", path, headers={"Range": f"bytes={first}-{last}"})
        assert answer.status == 206
        assert answer.body == data[first : last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(data)}"


def test_head_tells_the_same_without_the_sound(node: Living, glass: tuple[str, bytes]) -> None:
    path, data = glass
    head = node.ask("HEAD", path)
    assert (head.status, head.body, int(head.headers["Content-Length"])) == (200, b"", len(data))
    part = node.ask("HEAD", path, headers={"Range": "bytes=0-9"})
    assert (part.status, part.headers["Content-Length"]) == (206, "10")


def test_a_range_beyond_the_end_is_416_with_the_size(node: Living, glass: tuple[str, bytes]) -> None:
    path, data = glass
    answer = node.ask("GET", path, headers={"Range": f"bytes={len(data)}-"})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(data)}"


def test_a_range_of_an_older_version_gives_the_whole_newer_one(node: Living, glass: tuple[str, bytes]) -> None:
    path, data = glass
    etag = node.ask("HEAD", path).headers["ETag"]
    same = node.ask("GET", path, headers={"Range": "bytes=0-9", "If-Range": etag})
    assert (same.status, same.body) == (206, data[:10])
    other = node.ask("GET", path, headers={"Range": "bytes=0-9", "If-Range": '"older"'})
    assert (other.status, other.body) == (200, data)
    assert node.ask("GET", path, headers={"If-None-Match": etag}).status == 304


def test_a_download_has_the_files_name(node: Living) -> None:
    track = by_title(node, "Ярус 1")
    answer = node.ask("GET", f"/api/v1/tracks/{track['id']}/stream?rendition=original&download=1")
    assert "filename*=UTF-8''%D0%AF%D1%80%D1%83%D1%81%201.mp3" in answer.headers["Content-Disposition"]


def test_the_media_key_opens_streams_and_covers_and_nothing_else(node: Living, glass: tuple[str, bytes]) -> None:
    path, data = glass
    key = f"key={node.media_key}"
    assert node.ask("GET", f"{path}&{key}", token=None).body == data
    cover = by_title(node, "Glass 1")["cover"]
    assert node.ask("GET", f"/api/v1/covers/{cover}?{key}", token=None).status == 200
    assert node.ask("GET", f"/api/v1/tracks?{key}", token=None).status == 401
    assert node.ask("GET", f"{path}&key=wrong", token=None).status == 401


@pytest.mark.parametrize("size", [96, 256, 512, 1024])
def test_covers_come_in_sizes_and_may_be_kept_for_ever(node: Living, size: int) -> None:
    cover = by_title(node, "Glass 2")["cover"]
    answer = node.ask("GET", f"/api/v1/covers/{cover}?size={size}")
    assert answer.status == 200
    assert answer.body.startswith(b"\xff\xd8")
    assert "immutable" in answer.headers["Cache-Control"]
    again = node.ask("GET", f"/api/v1/covers/{cover}?size={size}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")

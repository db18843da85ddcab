"""A small copy in AAC, for what plays no Opus: made when it is asked for, and then kept like any other."""

# ruff: noqa: ASYNC240 - tests may wait for the disk

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from node.catalog.values import rendition_of
from node.crypto.blob import Purpose
from node.errors import PeerError, UnavailableError
from node.flows.serve import Serving, Snapshots
from node.wire.codec import unpack
from tests.flows.home import EPOCH, Home, open_home
from tests.music import make_track


@pytest.fixture
def song(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return make_track(folder / "song.flac", seconds=5, kind="music", title="Song")


def asked(home: Home) -> Any:
    """The node's answer to a device's question for a rendition."""
    snapshots = Snapshots(home.library, lambda: EPOCH.convergence)
    return Serving(home.library, home.holdings, snapshots, make_mobile=home.ingest.make_mobile).answers["render"]


async def test_it_is_made_once_when_devices_ask_for_it_and_named_in_the_catalog(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        track, render = home.only_track(), asked(home)
        written = home.operations()
        answers = await asyncio.gather(*(render({"track": track, "codec": "aac"}) for _ in range(4)))
        assert len(set(answers)) == 1
        assert home.operations() == written + 1
        rendition = rendition_of("mobile", unpack(answers[0], max_bytes=4_096))
        assert rendition.stream.codec == "aac"
        files = home.library.files(track)
        assert files.mobile is None
        assert files.mobile_aac is not None
        assert files.mobile_aac.rendition == rendition
        assert files.mobile_aac.stored == "pinned"
        named = home.library.index.tracks.named_by(rendition.blob.root)
        assert named == [(track, Purpose.MOBILE)], "it is copied to other devices as small copies are"
        assert home.library.blob_ref(rendition.blob.root) == rendition.blob
        assert dict(home.library.index.copies.sizes())[rendition.blob.root] == rendition.blob.size_bytes


async def test_beside_it_opus_is_what_who_asks_for_nothing_else_gets(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        track, render = home.only_track(), asked(home)
        in_aac = await home.play(track, "aac")
        assert in_aac[4:8] == b"ftyp"
        for body in ({"track": track}, {"track": track, "codec": "opus"}, {"track": track, "codec": 5}):
            answer = rendition_of("mobile", unpack(await render(body), max_bytes=4_096))
            assert answer.stream.codec == "opus"
        assert (await home.play(track, "mobile"))[:4] == b"\x1aE\xdf\xa3"
        assert await home.play(track, "aac") == in_aac
        async with await home.streams.open(track, "aac") as audio:
            assert (audio.file_name, audio.kind) == ("Song.m4a", "mobile")


async def test_a_damaged_one_is_made_again_in_aac(tmp_path: Path, song: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        before = await home.play(home.only_track(), "aac")
        held = home.library.files(home.only_track()).mobile_aac
        assert held is not None
        path = home.store.path_of(held.rendition.blob.root)
        assert path is not None
        path.write_bytes(path.read_bytes()[:-1])
        assert await home.verify.repair(held.rendition.blob.root)
        assert home.library.files(home.only_track()).mobile_aac == held
        assert home.library.files(home.only_track()).mobile is None
        assert await home.play(home.only_track(), "aac") == before


async def test_what_it_cant_be_made_of_is_said_and_still_tried_as_opus(tmp_path: Path, song: Path) -> None:
    song.unlink()
    odd = make_track(song.parent / "odd.wav", seconds=1)
    data = bytearray(odd.read_bytes())
    data[24:28] = (2).to_bytes(4, "little")  # samples a second
    odd.write_bytes(data)
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([song.parent])
        waiting = home.library.to_render()
        assert waiting.files == 1
        render = asked(home)
        with pytest.raises(UnavailableError, match="no rendition can be made"):
            await render({"track": home.only_track(), "codec": "aac"})
        with pytest.raises(PeerError):
            await render({"codec": "aac"})
        assert home.library.to_render() == waiting

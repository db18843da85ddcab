"""A mistake of ours over one file costs that file, and no other."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from node.errors import DamagedError, StorageError
from node.flows.stumbling import StumbledError, blamed_on_its_file
from node.flows.workers import WorkerDiedError, Workers
from tests.flows.home import open_home
from tests.music import make_track

P = ParamSpec("P")
R = TypeVar("R")


@blamed_on_its_file
def read(path: str, error: Exception) -> None:
    """Fails as it is told."""
    raise error


def test_an_unexpected_error_names_its_place_and_not_its_text() -> None:
    with pytest.raises(StumbledError) as raised:
        read("/music/secret.mp3", IndexError("secret.mp3 has no byte 7"))
    assert "IndexError at test_stumbling.py:" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert isinstance(raised.value, DamagedError), "it is told with the file, as damage is"
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value), "it comes over from a worker"


def test_our_own_errors_pass_as_they_are() -> None:
    with pytest.raises(DamagedError, match=r"^cut short$"):
        read("", DamagedError("cut short"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.EIO])
def test_a_system_that_refuses_is_no_fault_of_the_file(number: int) -> None:
    with pytest.raises(StorageError):
        read("", OSError(number, "refused"))


def test_other_system_errors_are() -> None:
    with pytest.raises(StumbledError):
        read("", FileNotFoundError(errno.ENOENT, "gone"))


def test_a_guarded_function_still_goes_to_a_worker() -> None:
    assert pickle.loads(pickle.dumps(read)) is read


class Mortal(Workers):
    """Workers that die of whatever they are given, while the machine is ill."""

    ill = True

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self.ill:
            raise WorkerDiedError("out of memory")
        return await super().run(work, *args, **kwargs)


async def test_what_could_not_be_read_is_tried_again_when_a_person_adds_it_again(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    make_track(music / "a.mp3", title="A")
    workers = Mortal(processes=0)
    async with open_home(tmp_path / "home", workers=workers) as home:
        assert [failure.reason for failure in (await home.ingest.add([music])).failed] == ["out of memory"]
        workers.ill = False
        await home.ingest.rescan()
        assert home.titles() == [], "by itself it is not tried for ever"
        again = await home.ingest.add([music])
        assert (again.added, again.failed) == (1, [])
        assert home.titles() == ["A"]


async def test_a_sound_that_ends_before_it_begins_holds_up_no_other_rendition(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    sliver = make_track(music / "a.wav", title="Sliver").read_bytes()
    at = sliver.index(b"data") + 4
    (music / "a.wav").write_bytes(sliver[:at] + b"\0\0\0\xf0" + sliver[at + 4 : at + 14])
    make_track(music / "b.flac", title="Whole")
    async with open_home(tmp_path / "home", renditions=True) as home:
        await home.ingest.add([music])
        await home.ingest.idle()
        [whole] = [track for track in home.library.tracks(0, 9)["items"] if track["title"] == "Whole"]
        assert whole["state"]["mobile"]
        assert home.told == []

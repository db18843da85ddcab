"""An add that is stopped: what is sealed stays, the rest leaves the library, and nothing brings it back by itself."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.errors import NotFoundError, UserError
from node.flows.jobs import Job
from node.flows.sealing import seal_file
from node.flows.workers import Workers
from tests.flows.home import Home, open_home, until
from tests.music import make_track


class HeldWorkers(Workers):
    """Never done with sealing one file."""

    def __init__(self, held: str) -> None:
        super().__init__(processes=0)
        self.held = held

    async def run(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if work is seal_file and str(arguments[0].path).endswith(self.held):
            await asyncio.Event().wait()
        return await super().run(work, *arguments, **named)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "album").mkdir(parents=True)
    for number, name in enumerate(("album/1.flac", "album/2.flac", "3.flac")):
        make_track(folder / name, seed=number, title=name)
    (folder / "empty.mp3").touch()
    return folder


def adding(home: Home, *paths: Path) -> Job:
    async def work(job: Job) -> dict[str, Any]:
        return dataclasses.asdict(await home.ingest.add(paths, job=job))

    return home.jobs.start("add", work)


async def test_what_is_sealed_stays_and_the_rest_is_no_longer_the_librarys(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home", workers=HeldWorkers("3.flac")) as home:
        job = adding(home, music)
        await until(lambda: job.phase == "sealing" and home.index.sources.to_seal().files == 1)
        assert home.jobs.stop(job.id).stopped
        await until(lambda: job.state != "running")
        assert (job.state, job.error is not None and job.error.exit_code) == ("failed", 6)
        assert sorted(home.titles()) == ["album/1.flac", "album/2.flac"]
        assert all(track["state"]["sealed"] for track in home.library.tracks(0, 9)["items"])
        await home.ingest.rescan()  # as the watch does
        [view] = await home.folders.list()
        assert (view.whole, view.files, view.failed, len(home.titles())) == (False, 2, 0, 2)
        assert home.jobs.stop(job.id) is job, "what has ended has ended"
    async with open_home(tmp_path / "home") as home:
        report = await home.ingest.add([music])
        assert (report.added, report.known, len(report.failed)) == (1, 2, 1)
        [view] = await home.folders.list()
        assert (view.whole, view.tracks) == (True, 3)


async def test_a_folder_of_which_nothing_was_sealed_leaves_nothing_behind(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        home.ingest.sealing.pause()
        job = adding(home, music)
        await until(lambda: job.phase == "sealing")
        watched = asyncio.create_task(home.ingest.rescan())
        home.jobs.stop(job.id)
        await watched
        await until(lambda: job.state != "running")
        assert (home.titles(), home.index.folders.all(), home.operations()) == ([], [], 0)


async def test_what_was_there_before_stays_as_it_was(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        await home.ingest.add([music / "album" / "1.flac"])
        home.ingest.sealing.pause()
        job = adding(home, music)
        await until(lambda: job.phase == "sealing")
        home.jobs.stop(job.id)
        await until(lambda: job.state != "running")
        [view] = await home.folders.list()
        assert (view.path, view.whole, home.titles()) == (str(music / "album"), False, ["album/1.flac"])


async def test_a_node_that_is_closed_goes_on_at_the_next_start(tmp_path: Path, music: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        home.ingest.sealing.pause()
        job = adding(home, music)
        await until(lambda: job.phase == "sealing")
        await home.jobs.close()
        assert (job.state, len(home.titles())) == ("failed", 3)
        [view] = await home.folders.list()
        assert view.whole


async def test_only_what_was_asked_for_can_be_stopped(tmp_path: Path) -> None:
    async with open_home(tmp_path / "home") as home:
        with pytest.raises(NotFoundError):
            home.jobs.stop("none")
        with pytest.raises(UserError, match="by itself"):
            home.jobs.stop(home.jobs.show("seal").id)

"""Plays, draws, encodes and tags the demo's records."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from node.catalog.model import Tags
from node.demo.covers import cover_png
from node.demo.records import RECORDS, Record, Tune
from node.demo.styles import STYLES
from node.demo.synth import Mix
from node.doors.audio import resize_cover, write_music
from node.doors.tags import write_tags
from node.errors import StorageError

_COVER_PX = 640
_RINGING_S = 4.0
"""What still sounds after the last bar."""
_FIRST_WORDS_BAR = 8
_THREADS = 2
"""Arrays and encoders let go of the interpreter; each tune takes some 100 MB while it is made."""


def make_demo(folder: Path) -> list[Path]:
    """Write the demo's music (twelve tracks, under 40 MB) below `folder`; returns all its files, old and new.

    A file that is already there is left as it is. The same version makes the same music. Raises StorageError.
    """
    try:
        jobs = [job for record in RECORDS for job in _jobs(record, folder)]
        for job in jobs:
            job.paths[0].parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the demo can't be written ({error.strerror or 'I/O error'})") from error
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(_do, jobs))
    return [path for job in jobs for path in job.paths]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One tune and the one or two tracks that it becomes."""

    tune: Tune
    paths: tuple[Path, ...]
    tags: tuple[Tags, ...]
    cover: str


def _jobs(record: Record, folder: Path) -> Iterator[_Job]:
    total = sum(1 + bool(tune.runs_on) for tune in record.tunes)
    numbers = itertools.count(1)
    for tune in record.tunes:
        titles = (tune.title, tune.runs_on) if tune.runs_on else (tune.title,)
        tags = tuple(
            Tags(
                title=title,
                artists=tune.artists,
                album=record.name,
                album_artists=(record.artist,),
                genres=record.genres,
                date=record.date,
                track_no=next(numbers),
                track_total=total,
                compilation=record.compilation,
                comment="Made by Songkeep itself",
            )
            for title in titles
        )
        paths = tuple(
            folder
            / _file_name(record.artist)
            / _file_name(record.name)
            / f"{tag.track_no:02} {_file_name(tag.title)}.{tune.kind}"
            for tag in tags
        )
        yield _Job(tune=tune, paths=paths, tags=tags, cover=record.cover)


def _file_name(words: str) -> str:
    """`words` without what some file system refuses."""
    return "".join(c for c in words if c not in '<>:"/\\|?*').rstrip(" .")


def _do(job: _Job) -> None:
    if all(path.exists() for path in job.paths):
        return
    sound = _played(job.tune)
    cut = round(job.tune.score.bars // 2 * job.tune.score.bar_s * 48_000) if job.tune.runs_on else len(sound)
    parts = (sound[:cut], sound[cut:])
    cover = resize_cover(cover_png(job.cover), _COVER_PX)
    for path, tags, part in zip(job.paths, job.tags, parts, strict=False):
        if path.exists():
            continue
        # Under another name until it is whole, so that nobody finds half a song.
        draft = path.with_name(path.name + ".part")
        try:
            write_music(draft, part.tobytes(), kind=job.tune.kind)
            write_tags(draft, tags, cover=cover, lyrics=_lyrics(job.tune))
            os.replace(draft, path)
        except OSError as error:
            raise StorageError(f"the demo can't be written ({error.strerror or 'I/O error'})") from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()


def _played(tune: Tune) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    mix = Mix(tune.score.seconds + _RINGING_S)
    STYLES[tune.style](tune.score, mix, np.random.default_rng(tune.seed))
    return mix.finished(echo_s=tune.score.beat_s * 0.75, seed=tune.seed)


def _lyrics(tune: Tune) -> str:
    """The tune's words as LRC."""
    lines = []
    for number, words in enumerate(tune.words):
        seconds = (_FIRST_WORDS_BAR + 2 * number) * tune.score.bar_s
        lines.append(f"[{int(seconds // 60):02}:{seconds % 60:05.2f}]{words}")
    return "\n".join(lines)

"""The demo's music is real music, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from node.demo import make_demo
from node.demo.covers import cover_png
from node.demo.making import _do, _jobs
from node.demo.records import RECORDS
from node.demo.score import MAJOR, Score, melody
from node.doors.audio import recording_digest, resize_cover
from node.doors.tags import FileFacts, is_music_name, read_tags


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def facts(demo: list[Path]) -> dict[str, FileFacts]:
    return {path.name: read_tags(path) for path in demo}


def sound(path: Path) -> Any:
    resampler = av.AudioResampler("fltp", "stereo", 48_000)
    with av.open(str(path)) as container:
        parts = [f.to_ndarray() for frame in container.decode(audio=0) for f in resampler.resample(frame) if f]
    return np.concatenate(parts, axis=1)


def test_a_dozen_tunes_show_the_program_from_all_sides(demo: list[Path], facts: dict[str, FileFacts]) -> None:
    assert len(demo) == len(set(demo)) == 12
    assert sum(path.stat().st_size for path in demo) < 40_000_000
    tags = [fact.tags for fact in facts.values()]
    assert {path.suffix for path in demo} == {".flac", ".mp3", ".m4a", ".opus", ".wav"}
    assert len({tag.album for tag in tags}) == 4
    assert len({tag.artists for tag in tags}) >= 6
    assert len({tag.date for tag in tags}) == 4
    assert len({genre for tag in tags for genre in tag.genres}) >= 5
    assert sum(tag.compilation for tag in tags) == 3
    assert len({fact.cover.data for fact in facts.values() if fact.cover}) == 4
    assert len({recording_digest(path) for path in demo}) == 12
    for path, fact in zip(demo, facts.values(), strict=True):
        assert is_music_name(path.name)
        assert fact.damage == ""
        assert fact.cover is not None
        assert fact.cover.mime == "image/jpeg"
        assert 40_000 <= fact.stream.duration_ms <= 120_000, path.name
        assert fact.tags.title
        assert fact.tags.album_artists
        assert f"{fact.tags.track_no:02} " == path.name[:3]


def test_the_words_of_one_song_have_their_times(facts: dict[str, FileFacts]) -> None:
    [song] = [fact for fact in facts.values() if fact.lyrics]
    lines = song.lyrics.split("\n")
    assert len(lines) == 8
    times = [int(line[1:3]) * 60 + float(line[4:9]) for line in lines]
    assert times == sorted(times)
    assert times[-1] * 1000 < song.stream.duration_ms
    assert lines[0].endswith("]Count the lights along the shore")


def test_it_can_be_heard_and_hurts_no_ear(demo: list[Path]) -> None:
    for path in demo:
        heard = sound(path)
        loudness_db = 20 * np.log10(np.sqrt(np.mean(heard**2)))
        assert -21 < loudness_db < -15, path.name
        assert np.abs(heard).max() < 0.99, path.name
        assert abs(float(heard.mean())) < 0.005, path.name
        # Stereo, and both sides alive; no second of silence before the end.
        assert np.corrcoef(heard)[0, 1] < 0.99, path.name
        seconds = heard[:, : heard.shape[1] // 48_000 * 48_000].reshape(2, -1, 48_000)[:, :-4]
        assert np.sqrt(np.mean(seconds**2, axis=2)).min() > 0.002, path.name


def test_the_harbours_two_parts_join_without_a_gap(demo: list[Path]) -> None:
    first, second = (sound(path) for path in demo if "Harbour" in path.name)
    step = np.abs(second[:, 0] - first[:, -1])
    usual = np.abs(np.diff(first[:, -4_800:], axis=1)).max()
    assert (step <= usual * 1.5 + 1e-4).all()
    assert np.sqrt(np.mean(first[:, -2_400:] ** 2)) > 0.01
    assert np.sqrt(np.mean(second[:, :2_400] ** 2)) > 0.01


def test_a_file_that_is_there_is_left_alone(demo: list[Path]) -> None:
    root = demo[0].parents[2]
    kept, lost = demo[0], demo[7]
    kept_bytes, lost_bytes = kept.read_bytes(), lost.read_bytes()
    kept.write_bytes(b"somebody's own")
    lost.unlink()
    try:
        assert make_demo(root) == demo
        assert kept.read_bytes() == b"somebody's own"
        # Made anew, and the same as before: the music comes from a seed.
        assert lost.read_bytes() == lost_bytes
    finally:
        kept.write_bytes(kept_bytes)
    assert not list(root.rglob("*.part"))


def test_one_half_of_a_pair_can_be_made_again(tmp_path: Path, demo: list[Path]) -> None:
    [job] = [job for job in _jobs(RECORDS[0], tmp_path) if job.tune.runs_on]
    first, second = job.paths
    first.parent.mkdir(parents=True)
    first.write_bytes(b"here already")
    _do(job)
    assert first.read_bytes() == b"here already"
    assert second.read_bytes() == next(path for path in demo if path.name == second.name).read_bytes()


def test_covers_are_drawn_and_not_flat() -> None:
    for record in RECORDS:
        assert len(resize_cover(cover_png(record.cover), 96)) > 1_000
        assert cover_png(record.cover) == cover_png(record.cover)


def test_melodies_rest_on_their_chords() -> None:
    score = Score(tonic=60, scale=MAJOR, bpm=100, progression=(0, 3, 4, 0), bars=16)
    notes = melody(score, np.random.default_rng(1), first=0, last=16)
    assert notes == melody(score, np.random.default_rng(1), first=0, last=16)
    strong = [tone for tone in notes if tone.at_beats % 4 == 0]
    fitting = [tone for tone in strong if tone.note % 12 in {n % 12 for n in score.chord(int(tone.at_beats // 4))}]
    assert len(strong) >= 8
    assert len(fitting) == len(strong)
    assert all((tone.note - 60) % 12 in MAJOR for tone in notes)

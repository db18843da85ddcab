"""Which records the demo has: invented people, invented names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from node.demo.score import DORIAN, MAJOR, MINOR, Score
from node.doors.audio import WritableKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """One piece of music."""

    title: str
    artists: tuple[str, ...]
    style: str
    score: Score
    kind: WritableKind
    seed: int
    words: tuple[str, ...] = ()
    """A line for every two bars, from the fifth bar on."""
    runs_on: str = ""
    """The title of the next track, if the music goes on there without a gap: its second half is that track."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One album."""

    name: str
    artist: str
    date: str
    genres: tuple[str, ...]
    cover: str
    tunes: tuple[Tune, ...]
    compilation: bool = False


_LANTERNS = "Hollow Pines"
_MIDNIGHT = "Velvet Odometer"
_KITCHEN = "Marta Lindenquist"

RECORDS: Final[tuple[Record, ...]] = (
    Record(
        name="Paper Lanterns",
        artist=_LANTERNS,
        date="2019-10-04",
        genres=("Ambient",),
        cover="lanterns",
        tunes=(
            Tune(
                title="Before the Boats",
                artists=(_LANTERNS,),
                style="drift",
                score=Score(tonic=62, scale=MAJOR, bpm=84, progression=(0, 5, 3, 4), bars=18),
                kind="flac",
                seed=11,
            ),
            Tune(
                title="Harbour, Part One",
                artists=(_LANTERNS,),
                style="drift",
                score=Score(tonic=60, scale=DORIAN, bpm=92, progression=(0, 3, 6, 4), bars=32),
                kind="flac",
                seed=12,
                runs_on="Harbour, Part Two",
            ),
        ),
    ),
    Record(
        name="Odometer Blues",
        artist=_MIDNIGHT,
        date="2022",
        genres=("Synthwave", "Electronic"),
        cover="sunset",
        tunes=(
            Tune(
                title="Exit 64",
                artists=(_MIDNIGHT,),
                style="night",
                score=Score(tonic=69, scale=MINOR, bpm=104, progression=(0, 5, 2, 6), bars=26),
                kind="m4a",
                seed=21,
            ),
            Tune(
                title="Count the Lights",
                artists=(_MIDNIGHT, "Iris Okonjo-Vale"),
                style="night",
                score=Score(tonic=65, scale=MINOR, bpm=96, progression=(0, 2, 5, 6), bars=24),
                kind="mp3",
                seed=22,
                words=(
                    "Count the lights along the shore",
                    "one for every open door",
                    "Count the miles and let them go",
                    "slow is all we need to know",
                    "Leave the map and keep the song",
                    "home was in it all along",
                    "Count the lights, I'll count them too",
                    "every one leads back to you",
                ),
            ),
            Tune(
                title="Coin-Op Heart",
                artists=(_MIDNIGHT,),
                style="arcade",
                score=Score(tonic=60, scale=MAJOR, bpm=132, progression=(0, 4, 5, 3), bars=28),
                kind="m4a",
                seed=23,
            ),
        ),
    ),
    Record(
        name="Kitchen Waltzes",
        artist=_KITCHEN,
        date="1998-03",
        genres=("Classical", "Piano"),
        cover="waves",
        tunes=(
            Tune(
                title="Waltz for a Kettle",
                artists=(_KITCHEN,),
                style="waltz",
                score=Score(tonic=67, scale=MAJOR, bpm=138, progression=(0, 5, 1, 4, 0, 3, 4, 0), bars=42, beats=3),
                kind="opus",
                seed=31,
            ),
            Tune(
                title="The Clock Is Early",
                artists=(_KITCHEN,),
                style="waltz",
                score=Score(tonic=64, scale=MINOR, bpm=150, progression=(0, 3, 6, 2, 5, 3, 4, 0), bars=48, beats=3),
                kind="opus",
                seed=32,
            ),
            Tune(
                title="Flour on the Radio",
                artists=(_KITCHEN,),
                style="waltz",
                score=Score(tonic=65, scale=MAJOR, bpm=126, progression=(0, 2, 3, 4, 5, 3, 1, 4), bars=40, beats=3),
                kind="mp3",
                seed=33,
            ),
        ),
    ),
    Record(
        name="Postcards from Nowhere",
        artist="Various Artists",
        date="2008-07-19",
        genres=("Lo-Fi", "Dub"),
        cover="tiles",
        compilation=True,
        tunes=(
            Tune(
                title="Umbrella Weather",
                artists=("Low Table Trio",),
                style="rainy",
                score=Score(tonic=63, scale=MAJOR, bpm=76, progression=(3, 2, 1, 0), bars=18),
                kind="flac",
                seed=41,
            ),
            Tune(
                title="Low Tide Dub",
                artists=("Captain Ferrule",),
                style="tide",
                score=Score(tonic=64, scale=MINOR, bpm=74, progression=(0, 0, 3, 4), bars=16),
                kind="mp3",
                seed=42,
            ),
            Tune(
                title="Ça va, satellite ?",
                artists=("Nœud Papillon",),
                style="arcade",
                score=Score(tonic=62, scale=DORIAN, bpm=120, progression=(0, 3, 0, 6), bars=20),
                kind="wav",
                seed=43,
            ),
        ),
    ),
)

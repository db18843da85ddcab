"""Harmony and melody: chords out of scales, tunes out of a few repeated ideas. All pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
DORIAN = (0, 2, 3, 5, 7, 9, 10)

_RHYTHMS = {
    4: (
        ((0, 1.5), (1.5, 0.5), (2, 2)),
        ((0, 1), (1, 1), (2, 1), (3, 1)),
        ((0, 0.5), (0.5, 0.5), (1, 1), (2, 1.5), (3.5, 0.5)),
        ((0, 3), (3, 1)),
        ((0.5, 0.5), (1, 1), (2.5, 0.5), (3, 1)),
    ),
    3: (((0, 2), (2, 1)), ((0, 1), (1, 1), (2, 1)), ((0, 1.5), (1.5, 0.5), (2, 1)), ((0, 3),)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a tune is made from."""

    tonic: int
    """MIDI note of the key, in the octave of middle C (60 to 71)."""
    scale: tuple[int, ...]
    bpm: float
    progression: tuple[int, ...]
    """A chord for each bar, as steps of the scale from 0; repeated."""
    bars: int
    beats: int = 4
    """In a bar."""

    @property
    def beat_s(self) -> float:
        return 60 / self.bpm

    @property
    def bar_s(self) -> float:
        return self.beats * self.beat_s

    @property
    def seconds(self) -> float:
        """Up to the end of the last bar, without what still rings."""
        return self.bars * self.bar_s

    def note(self, step: int) -> int:
        """The MIDI note so many steps of the scale above the tonic."""
        octave, place = divmod(step, len(self.scale))
        return self.tonic + 12 * octave + self.scale[place]

    def root(self, bar: int) -> int:
        """The step of the scale on which the bar's chord stands."""
        return self.progression[bar % len(self.progression)]

    def chord(self, bar: int, *, size: int = 4, lowest: int = 55) -> list[int]:
        """The bar's chord in thirds, each note in the octave above `lowest`, so that hands hardly move."""
        notes = (self.note(self.root(bar) + 2 * third) for third in range(size))
        return sorted(lowest + (note - lowest) % 12 for note in notes)

    def bass(self, bar: int, *, lowest: int = 31) -> int:
        """The chord's root, in the octave above `lowest`."""
        return lowest + (self.note(self.root(bar)) - lowest) % 12


@dataclass(frozen=True, slots=True)
class Note:
    """One note of a melody."""

    at_beats: float
    """From the beginning of the tune."""
    beats: float
    note: int


def melody(score: Score, random: np.random.Generator, *, first: int, last: int) -> list[Note]:
    """A tune over the bars `first` to `last` (not included): two ideas of two bars, as A A B A.

    Strong beats fall on notes of the chord; between them it moves by small steps.
    """
    rhythms = _RHYTHMS[score.beats]
    ideas = [
        [(rhythms[random.integers(len(rhythms))], random.integers(-2, 3, size=8)) for _ in range(2)] for _ in range(2)
    ]
    notes, step = [], 4
    for bar in range(first, last):
        which = 1 if (bar - first) // 2 % 4 == 2 else 0
        rhythm, moves = ideas[which][(bar - first) % 2]
        if (bar - first) % 8 == 0:
            step = 4
        for (at, length), move in zip(rhythm, moves, strict=False):
            step = min(9, max(-1, step + int(move)))
            if at == int(at):
                step = _nearest_of_chord(step, score.root(bar))
            notes.append(Note(bar * score.beats + at, length, score.note(step)))
    return notes


def _nearest_of_chord(step: int, root: int) -> int:
    return min((step, step - 1, step + 1, step + 2), key=lambda s: ((s - root) % 7 not in (0, 2, 4), abs(s - step)))

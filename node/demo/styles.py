"""Six ways to play a score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from node.demo import synth
from node.demo.score import Score, melody
from node.demo.synth import Mix

Style = Callable[[Score, Mix, np.random.Generator], None]


def drift(score: Score, mix: Mix, random: np.random.Generator) -> None:
    """Slow strings, far bells."""
    for bar in range(0, score.bars, 2):
        at, length = bar * score.bar_s, 2 * score.bar_s
        for place, note in enumerate(score.chord(bar // 2, size=4, lowest=52)):
            mix.add(synth.pad(note, length), at, gain=0.5, pan=(place - 1.5) * 0.4, room=0.5)
        mix.add(synth.bass(score.bass(bar // 2), length, 0.5), at, gain=0.55, room=0.1)
        for _ in range(5):
            note = score.note(score.root(bar // 2) + 2 * int(random.integers(0, 4)) + 7)
            when = at + score.beat_s * random.integers(0, 16) / 2
            mix.add(synth.bell(note, 1.0, 0.4), when, gain=0.5, pan=random.uniform(-0.8, 0.8), echo=0.5, room=0.5)
    for tone in melody(score, random, first=score.bars // 3, last=score.bars - 2):
        sound = synth.lead(tone.note, tone.beats * score.beat_s, 0.5)
        mix.add(sound, tone.at_beats * score.beat_s, gain=0.3, echo=0.35, room=0.5)


def night(score: Score, mix: Mix, random: np.random.Generator) -> None:
    """Straight drums, running bass, arpeggios and a singing lead."""
    tune = melody(score, random, first=8, last=score.bars - 2)
    for bar in range(score.bars):
        at, beat = bar * score.bar_s, score.beat_s
        chord = score.chord(bar)
        for place, note in enumerate(chord):
            mix.add(synth.pad(note, score.bar_s, 0.9), at, gain=0.3, pan=(place - 1.5) * 0.5, room=0.3)
        for eighth in range(8):
            low = score.bass(bar) + (12 if eighth % 4 == 3 else 0)
            mix.add(synth.bass(low, beat * 0.45), at + eighth * beat / 2, gain=0.34, room=0.0)
        for sixteenth in range(16):
            note = chord[(sixteenth * 3) % len(chord)] + 12 * (1 + (sixteenth // 4) % 2)
            side = -0.6 if sixteenth % 2 else 0.6
            mix.add(synth.pluck(note, beat / 4, 0.5), at + sixteenth * beat / 4, gain=0.34, pan=side, echo=0.3)
        if 4 <= bar < score.bars - 2:
            _drums(mix, at, beat, kicks=(0, 1, 2, 3), snares=(1, 3), hats=8)
    for tone in tune:
        sound = synth.lead(tone.note + 12, tone.beats * score.beat_s)
        mix.add(sound, tone.at_beats * score.beat_s, gain=0.4, echo=0.35, room=0.3)


def waltz(score: Score, mix: Mix, random: np.random.Generator) -> None:
    """One piano, three beats."""
    for bar in range(score.bars):
        slower = 0.03 * (bar % 8 == 7)
        at = bar * score.bar_s
        mix.add(synth.piano(score.bass(bar, lowest=36), 2.0, 0.55), at, gain=0.8, pan=-0.25, room=0.3)
        for beat in (1, 2):
            for note in score.chord(bar, size=3, lowest=54):
                when = at + beat * score.beat_s + random.uniform(0, 0.012) + slower
                mix.add(synth.piano(note, 0.6, 0.35), when, gain=0.5, pan=-0.1, room=0.3)
    for tone in melody(score, random, first=2, last=score.bars - 1):
        when = tone.at_beats * score.beat_s + random.uniform(0, 0.015)
        force = 0.75 if tone.at_beats % score.beats == 0 else 0.6
        mix.add(synth.piano(tone.note + 12, tone.beats * score.beat_s, force), when, gain=0.8, pan=0.25, room=0.35)
        if tone.at_beats >= score.beats * score.bars * 0.55:
            sound = synth.bell(tone.note + 24, 0.5, 0.3)
            mix.add(sound, when, gain=0.18, pan=0.5, room=0.6)
    last = score.bars * score.bar_s
    for note in (score.tonic - 24, score.tonic - 12, *score.chord(0, size=3, lowest=54)):
        mix.add(synth.piano(note, 3.0, 0.5), last, gain=0.6, room=0.4)


def arcade(score: Score, mix: Mix, random: np.random.Generator) -> None:
    """An old game machine with a good room around it."""
    for bar in range(score.bars):
        at, beat = bar * score.bar_s, score.beat_s
        chord = score.chord(bar, size=3, lowest=60)
        for sixteenth in range(16):
            note = chord[sixteenth % 3] + (12 if sixteenth % 8 > 5 else 0)
            sound = synth.lead(note, beat / 5, 0.5, square=True)
            mix.add(sound, at + sixteenth * beat / 4, gain=0.24, pan=-0.45, echo=0.15, room=0.1)
        for eighth, up in enumerate((0, 0, 12, 0, 7, 0, 12, 7)):
            mix.add(synth.bass(score.bass(bar) + up, beat * 0.4), at + eighth * beat / 2, gain=0.34, room=0.0)
        if bar >= 2:
            _drums(mix, at, beat, kicks=(0, 1.5, 2), snares=(1, 3), hats=8)
    for tone in melody(score, random, first=4, last=score.bars):
        sound = synth.lead(tone.note + 12, tone.beats * score.beat_s * 0.9, square=True)
        mix.add(sound, tone.at_beats * score.beat_s, gain=0.34, pan=0.2, echo=0.25, room=0.2)
    for place, note in enumerate(score.chord(0, size=3, lowest=60)):
        mix.add(synth.pluck(note + 12 * (place == 2), 1.5), score.seconds, gain=0.4, echo=0.4, room=0.3)


def rainy(score: Score, mix: Mix, random: np.random.Generator) -> None:
    """Lazy drums under an electric piano."""
    for bar in range(score.bars):
        at, beat = bar * score.bar_s, score.beat_s
        for place, note in enumerate(score.chord(bar, size=5, lowest=53)):
            late = 0.012 * place
            sound = synth.keys(note, beat * 2.4, 0.6)
            mix.add(sound, at + late, gain=0.36, pan=(place - 2) * 0.22, room=0.3)
            if bar % 2:
                mix.add(synth.keys(note, beat * 0.6, 0.4), at + 2.5 * beat + late, gain=0.26, echo=0.3, room=0.3)
        for when, length in ((0, 1.3), (1.66, 0.3), (2, 1.5)):
            mix.add(synth.bass(score.bass(bar), length * beat, 0.7), at + when * beat, gain=0.42, room=0.05)
        if bar >= 2:
            _drums(mix, at, beat, kicks=(0, 1.66, 2.5), snares=(1, 3), hats=8, swing=0.16)
        for _ in range(3):
            # A needle on vinyl, or rain.
            mix.add(synth.drum("rim"), at + random.uniform(0, score.bar_s), gain=0.03, pan=random.uniform(-1, 1))
    for tone in melody(score, random, first=4, last=score.bars - 1):
        sound = synth.keys(tone.note + 12, tone.beats * score.beat_s, 0.7)
        mix.add(sound, tone.at_beats * score.beat_s, gain=0.36, pan=0.15, echo=0.4, room=0.35)


def tide(score: Score, mix: Mix, random: np.random.Generator) -> None:
    """Dub: the beat in the bass, the chords in the echo."""
    for bar in range(score.bars):
        at, beat = bar * score.bar_s, score.beat_s
        chord = score.chord(bar, size=3, lowest=57)
        for offbeat in (0.5, 1.5, 2.5, 3.5):
            loud = 1.0 if offbeat == 1.5 and bar % 4 == 3 else 0.25
            for note in chord:
                sound = synth.keys(note, 0.12, 0.8)[: int(0.22 * synth.RATE_HZ)]
                mix.add(sound, at + offbeat * beat, gain=0.3, pan=-0.3, echo=loud, room=0.25)
        low = score.bass(bar)
        for when, up, length in ((0, 0, 0.9), (1, 7, 0.4), (1.5, 12, 0.4), (2.5, 7, 0.4), (3, 0, 0.9)):
            mix.add(synth.bass(low + up, length * beat), at + when * beat, gain=0.5, room=0.0)
        if bar >= 2:
            _drums(mix, at, beat, kicks=(2,), snares=(), hats=8, swing=0.08)
            mix.add(synth.drum("rim"), at + 2 * beat, gain=0.5, echo=0.5 * (bar % 2), room=0.4)
    for tone in melody(score, random, first=4, last=score.bars - 1):
        sound = synth.lead(tone.note, tone.beats * score.beat_s * 0.8, 0.6)
        mix.add(sound, tone.at_beats * score.beat_s, gain=0.36, pan=0.3, echo=0.6, room=0.3)


def _drums(
    mix: Mix,
    at_s: float,
    beat_s: float,
    *,
    kicks: tuple[float, ...],
    snares: tuple[float, ...],
    hats: int,
    swing: float = 0.0,
) -> None:
    for kick in kicks:
        mix.add(synth.drum("kick"), at_s + kick * beat_s, gain=0.7, room=0.02)
    for snare in snares:
        mix.add(synth.drum("snare"), at_s + snare * beat_s, gain=0.55, room=0.25)
    for hat in range(hats):
        when = (hat / 2 + (swing if hat % 2 else 0)) * beat_s
        name = "open" if hat == hats - 1 else "hat"
        mix.add(synth.drum(name), at_s + when, gain=0.7 if hat % 2 else 0.45, pan=0.35, room=0.05)


STYLES: Final[dict[str, Style]] = {
    "drift": drift,
    "night": night,
    "waltz": waltz,
    "arcade": arcade,
    "rainy": rainy,
    "tide": tide,
}

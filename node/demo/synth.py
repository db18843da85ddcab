"""A small synthesizer: instruments as arrays of samples, and a mixer with echo and room.

All arrays are float32 at RATE_HZ; everything is a function of its arguments, random numbers included.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
Samples = NDArray[np.float32]

_TABLE = 4_096
_ROOM_RATE = 2
"""The room is computed at half the rate: its sound is dark anyway."""


def hertz(note: float) -> float:
    """The frequency of a MIDI note number; 69 is 440 Hz."""
    return 440.0 * 2 ** ((note - 69) / 12)


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(max(1, int(seconds * RATE_HZ))) / RATE_HZ


@functools.lru_cache(maxsize=64)
def _wave(partials: tuple[float, ...]) -> NDArray[np.float64]:
    phase = np.arange(_TABLE + 1) * 2 * np.pi / _TABLE
    table = np.zeros(_TABLE + 1)
    for number, strength in enumerate(partials, 1):
        table += strength * np.sin(number * phase)
    return np.asarray(table / np.abs(table).max(), np.float64)


def _play(table: NDArray[np.float64], hertz_: float | NDArray[np.float64], count: int, start: float = 0) -> Samples:
    """Read `table` round and round, so many times a second, between its points too."""
    turns: NDArray[np.float64] = (
        np.cumsum(hertz_) if isinstance(hertz_, np.ndarray) else np.arange(count) * hertz_
    ) / RATE_HZ
    at = ((turns + start) % 1.0) * _TABLE
    left = at.astype(np.int32)
    part = at - left
    return (table[left] * (1 - part) + table[left + 1] * part).astype(np.float32)


def _fade(sound: NDArray[np.floating[Any]], *, attack_s: float, release_s: float) -> Samples:
    rise, fall = int(attack_s * RATE_HZ), int(release_s * RATE_HZ)
    rise, fall = min(rise, len(sound)), min(fall, len(sound))
    shaped = sound.astype(np.float32)
    if rise:
        shaped[:rise] *= (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, rise))).astype(np.float32)
    if fall:
        shaped[-fall:] *= (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fall))).astype(np.float32)
    return shaped


@functools.lru_cache(maxsize=512)
def pad(note: int, seconds: float, bright: float = 0.5) -> Samples:
    """Three strings a little out of tune, swelling slowly."""
    table = _wave(tuple(1 / k ** (2.2 - bright) for k in range(1, 13)))
    count = int((seconds + 1.2) * RATE_HZ)
    sound = np.zeros(count, np.float32)
    for voice, detune in enumerate((-0.07, 0.0, 0.08)):
        sound += _play(table, hertz(note + detune), count, start=voice * 0.31)
    swell = 1 + 0.12 * np.sin(2 * np.pi * 0.4 * _time(count / RATE_HZ)[:count] + note)
    return _fade(sound / 3 * swell, attack_s=0.7, release_s=1.4)


@functools.lru_cache(maxsize=512)
def keys(note: int, seconds: float, force: float = 0.7) -> Samples:
    """An electric piano: one sine bends the phase of another, most at the stroke."""
    time_s = _time(seconds + 1.0)
    base = 2 * np.pi * hertz(note) * time_s
    bend = 1.6 * force * np.exp(-time_s * 5) + 0.25
    chime = 0.12 * force * np.sin(base * 14) * np.exp(-time_s * 14)
    sound = np.sin(base + bend * np.sin(base)) * np.exp(-time_s * 1.5) + chime
    return _fade(force * sound, attack_s=0.003, release_s=0.9)


@functools.lru_cache(maxsize=512)
def piano(note: int, seconds: float, force: float = 0.7) -> Samples:
    """Struck strings: partials a little sharp, the high ones and the high notes fading sooner."""
    time_s = _time(min(seconds + 1.5, 5.0))
    sound = np.zeros_like(time_s)
    base_hz = hertz(note)
    for k in range(1, 11):
        partial_hz = k * base_hz * np.sqrt(1 + 0.0004 * k * k)
        if partial_hz > 12_000:
            break
        strength = (0.55 + 0.25 * force) ** (k - 1) / k**0.35
        fading = 0.7 + 0.35 * k + (note - 40) * 0.025
        sound += strength * np.sin(2 * np.pi * partial_hz * time_s + k) * np.exp(-time_s * fading)
    knock = np.sin(2 * np.pi * 180 * time_s) * np.exp(-time_s * 60) * 0.25
    return _fade(force * 0.5 * (sound + knock), attack_s=0.002, release_s=0.6)


@functools.lru_cache(maxsize=512)
def pluck(note: int, seconds: float, force: float = 0.7) -> Samples:
    """A plucked string."""
    time_s = _time(seconds + 0.6)
    bright = _play(_wave(tuple(1 / k for k in range(1, 17))), hertz(note), len(time_s))
    round_ = _play(_wave((1.0, 0.3, 0.1)), hertz(note), len(time_s))
    shine = np.exp(-time_s * 9)
    sound = (bright * shine + round_ * (1 - shine)) * np.exp(-time_s * 3.2)
    return _fade(force * sound, attack_s=0.002, release_s=0.2)


@functools.lru_cache(maxsize=512)
def bell(note: int, seconds: float, force: float = 0.6) -> Samples:
    """A small bell: partials that are no multiples."""
    time_s = _time(seconds + 2.0)
    sound = np.zeros_like(time_s)
    for ratio, strength, fading in ((1, 1.0, 1.6), (2.0, 0.45, 2.4), (2.76, 0.3, 3.5), (5.4, 0.16, 6.0)):
        sound += strength * np.sin(2 * np.pi * hertz(note) * ratio * time_s) * np.exp(-time_s * fading)
    return _fade(force * 0.5 * sound, attack_s=0.002, release_s=0.8)


@functools.lru_cache(maxsize=512)
def lead(note: int, seconds: float, force: float = 0.7, *, square: bool = False) -> Samples:
    """A singing tone with a vibrato that comes late; `square` makes it one of an old game machine."""
    partials = (1.0, 0, 0.33, 0, 0.2, 0, 0.14, 0, 0.1) if square else (1.0, 0.42, 0.2, 0.1, 0.05)
    time_s = _time(seconds + 0.12)
    depth = 0.006 * np.clip((time_s - 0.2) * 3, 0, 1)
    pitch = hertz(note) * (1 + depth * np.sin(2 * np.pi * 5.4 * time_s))
    sound = _play(_wave(partials), pitch, len(time_s)) * np.float32(force * 0.6)
    return _fade(sound, attack_s=0.004 if square else 0.045, release_s=0.1)


@functools.lru_cache(maxsize=256)
def bass(note: int, seconds: float, force: float = 0.8) -> Samples:
    """A round bass."""
    time_s = _time(seconds + 0.05)
    sound = _play(_wave((1.0, 0.5, 0.22, 0.08)), hertz(note), len(time_s))
    shape = 0.45 + 0.55 * np.exp(-time_s * 6)
    return _fade(force * sound * shape, attack_s=0.006, release_s=0.06)


@functools.lru_cache(maxsize=16)
def drum(name: str) -> Samples:
    """kick, snare, hat, open, rim or shaker."""
    noise = np.random.default_rng(len(name) * 7 + ord(name[0])).standard_normal(RATE_HZ // 2)
    if name == "kick":
        time_s = _time(0.35)
        sweep = 46 * time_s + 5.2 * (1 - np.exp(-time_s * 32))
        sound = np.sin(2 * np.pi * sweep) * np.exp(-time_s * 9)
    elif name == "snare":
        time_s = _time(0.25)
        sound = 0.5 * noise[: len(time_s)] * np.exp(-time_s * 20)
        sound += 0.6 * np.sin(2 * np.pi * 190 * time_s) * np.exp(-time_s * 26)
    elif name == "rim":
        time_s = _time(0.08)
        sound = np.sin(2 * np.pi * 820 * time_s) * np.exp(-time_s * 70)
    else:
        length_s, fading = {"hat": (0.09, 70), "open": (0.4, 11)}.get(name, (0.12, 34))
        time_s = _time(length_s)
        # The difference of neighbours leaves only what is high.
        sound = 0.22 * np.diff(noise[: len(time_s) + 1], n=1) * np.exp(-time_s * fading)
        if name == "shaker":
            sound *= np.clip(time_s * 50, 0, 1)
    return _fade(sound, attack_s=0.0005, release_s=0.01)


class Mix:
    """A stereo tape that sounds are laid upon, with a send to an echo and one to a room."""

    def __init__(self, seconds: float) -> None:
        count = int(seconds * RATE_HZ)
        self._dry = np.zeros((2, count), np.float32)
        self._echo = np.zeros((2, count), np.float32)
        self._room = np.zeros((2, count), np.float32)

    def add(
        self, sound: Samples, at_s: float, *, gain: float = 1.0, pan: float = 0.0, echo: float = 0.0, room: float = 0.2
    ) -> None:
        """Lay `sound` at `at_s`, `pan` from -1 (left) to 1 (right), of equal power everywhere."""
        start = int(at_s * RATE_HZ)
        sound = sound[: max(0, self._dry.shape[1] - start)]
        angle = (pan + 1) * np.pi / 4
        for side, power in enumerate((np.cos(angle), np.sin(angle))):
            part = sound * np.float32(power * gain)
            place = slice(start, start + len(sound))
            self._dry[side, place] += part
            if echo:
                self._echo[side, place] += part * np.float32(echo)
            if room:
                self._room[side, place] += part * np.float32(room)

    def finished(self, *, echo_s: float = 0.375, room_s: float = 1.8, seed: int = 0) -> NDArray[np.int16]:
        """The tape as 16-bit samples (samples, 2), at an even loudness and without a click at its ends."""
        wet = self._echoes(echo_s)
        sound = self._dry + wet + self._rooms(self._room + wet * 0.4, room_s, seed)
        loudness = float(np.sqrt(np.mean(sound**2))) or 1.0
        sound = np.tanh(sound * (0.13 / loudness)) * np.float32(0.95)
        return np.ascontiguousarray((sound.T * 32_767).round().astype(np.int16))

    def _echoes(self, echo_s: float) -> NDArray[np.float32]:
        wet = np.zeros_like(self._echo)
        for repeat in range(1, 6):
            shift = int(echo_s * repeat * RATE_HZ)
            if shift >= wet.shape[1]:
                break
            # From side to side, each time half as loud.
            source = self._echo[:: -1 if repeat % 2 else 1]
            wet[:, shift:] += source[:, :-shift] * np.float32(0.5**repeat)
        return wet

    def _rooms(self, sent: NDArray[np.float32], room_s: float, seed: int) -> NDArray[np.float32]:
        random = np.random.default_rng(seed)
        count = sent.shape[1] // _ROOM_RATE
        half = sent[:, : count * _ROOM_RATE].reshape(2, count, _ROOM_RATE).mean(axis=2)
        length = int(room_s * RATE_HZ / _ROOM_RATE)
        time_s = np.arange(length) * _ROOM_RATE / RATE_HZ
        out = np.zeros_like(sent)
        size = 1 << (count + length - 1).bit_length()
        for side in range(2):
            answer = random.standard_normal(length) * np.exp(-time_s * 6.9 / room_s) * np.clip(time_s * 60, 0, 1)
            answer = np.convolve(answer, (0.2, 0.6, 0.2), "same")
            answer /= np.sqrt(np.sum(answer**2))
            spectrum = np.fft.rfft(half[side], size) * np.fft.rfft(answer.astype(np.float32), size)
            wet = np.fft.irfft(spectrum, size)[:count].astype(np.float32)
            out[side, 0 : count * _ROOM_RATE : _ROOM_RATE] = wet
            out[side, 1 : count * _ROOM_RATE : _ROOM_RATE] = (wet + np.append(wet[1:], wet[-1:])) / 2
        return out

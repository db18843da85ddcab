"""Lyrics: embedded in the music file or in an .lrc file beside it, as lines with their times."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.doors import tags
from node.doors.channel import Answer
from node.doors.tags import lrc_beside
from node.errors import NotFoundError, PeerError, SongkeepError
from node.ids import text_id
from node.library import Library
from node.wire import codec

MAX_LINES: Final = 5_000
MAX_LINE_CHARS: Final = 2_000
_STAMP: Final = re.compile(r"\[(\d{1,4}):(\d{1,2})(?:[.:](\d{1,3}))?\]")
_HEADER: Final = re.compile(
    r"\[(ar|ti|al|au|by|re|ve|tool|length|offset|id|la|encoding|#)\s*:(.*)\]\s*\Z", re.IGNORECASE
)
_WORD_STAMP: Final = re.compile(r"<(\d{1,4}):(\d{1,2})(?:[.:](\d{1,3}))?>")


@dataclass(frozen=True, slots=True)
class Cue:
    """A word or syllable and when it is sung. The bytes are of its line's text in UTF-8, the last one included."""

    time_ms: int
    text: str
    first_byte: int
    last_byte: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `time_ms` is None where the lyrics have no times."""

    time_ms: int | None
    text: str
    cues: tuple[Cue, ...] = ()


class Words:
    """The words of tracks whose source is there."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def of(self, track_id: str) -> dict[str, Any]:
        """{synced, lines: [{time_ms | None, text}]}. Raises NotFoundError if it has none, or none that can be had."""
        lines = await self.lines_of(track_id)
        return {
            "synced": any(line.time_ms is not None for line in lines),
            "lines": [{"time_ms": line.time_ms, "text": line.text} for line in lines],
        }

    async def lines_of(self, track_id: str) -> list[Line]:
        """The lines, with the times of single words where the file has them. Raises NotFoundError."""
        return await asyncio.to_thread(self._lines_of, track_id)

    def _lines_of(self, track_id: str) -> list[Line]:
        for source in self._library.files(track_id).sources:
            if source.state != "present" or source.folder_state != "present":
                continue
            path = Path(source.full_path)
            text = lrc_beside(path)
            if not text:
                try:
                    text = tags.read_tags(path).lyrics
                except SongkeepError:
                    continue
            lines = read_lines(text)
            if lines:
                return lines
        raise NotFoundError("this track has no lyrics")


def word_answers(words: Words) -> Mapping[str, Answer]:
    """The question `lyrics`, answered with lines and their times (docs/PROTOCOL.md, "Questions")."""

    async def answer(body: Any) -> bytes:
        track = body.get("track") if isinstance(body, dict) else None
        if not isinstance(track, str):
            raise PeerError("a question for lyrics names no track")
        try:
            lines = await words.lines_of(text_id(track))
        except NotFoundError:
            return codec.pack(None)
        return codec.pack([[line.time_ms, line.text[:MAX_LINE_CHARS]] for line in lines[:MAX_LINES]])

    return {"lyrics": answer}


def read_lyrics(text: str) -> list[tuple[int | None, str]]:
    """As `read_lines`, without the times of words."""
    return [(line.time_ms, line.text) for line in read_lines(text)]


def read_lines(text: str) -> list[Line]:
    """LRC or plain text as lines in order of time. A line of the text may have several times."""
    offset_ms = 0
    timed: list[tuple[int, str]] = []
    untimed: list[str] = []
    for line in text.splitlines()[:MAX_LINES]:
        header = _HEADER.match(line.strip())
        if header:
            if header[1].lower() == "offset":
                offset_ms = _whole(header[2])
            continue
        rest = line.strip()
        stamps = []
        while match := _STAMP.match(rest):
            stamps.append(_time_ms(*match.groups()))
            rest = rest[match.end() :].lstrip()
        if stamps:
            timed += [(stamp, rest) for stamp in stamps]
        else:
            untimed.append(_WORD_STAMP.sub("", rest).strip())
    if timed:
        # A positive offset means that the words come earlier.
        in_order = sorted(timed, key=lambda each: each[0])[:MAX_LINES]
        return [
            Line(max(0, time_ms - offset_ms), _WORD_STAMP.sub("", raw).strip(), _cues(raw, offset_ms))
            for time_ms, raw in in_order
        ]
    while untimed and not untimed[0]:
        untimed.pop(0)
    while untimed and not untimed[-1]:
        untimed.pop()
    return [Line(None, words) for words in untimed]


def _cues(raw: str, offset_ms: int) -> tuple[Cue, ...]:
    """The words of a line of enhanced LRC: <00:01.00>each <00:01.50>with <00:02.00>its time."""
    before, *parts = _WORD_STAMP.split(raw)
    words = list(zip(*[iter(parts)] * 4, strict=True))
    cues: list[Cue] = []
    at = len(before.lstrip().encode())
    for number, (minutes, seconds, fraction, text) in enumerate(words, start=1):
        kept = text if at else text.lstrip()
        if number == len(words):
            kept = kept.rstrip()
        size = len(kept.encode())
        if size:
            time_ms = max(0, _time_ms(minutes, seconds, fraction) - offset_ms)
            cues.append(Cue(time_ms, kept, at, at + size - 1))
        at += size
    return tuple(cues)


def _time_ms(minutes: str, seconds: str, fraction: str | None) -> int:
    return int(minutes) * 60_000 + int(seconds) * 1_000 + (int(fraction.ljust(3, "0")) if fraction else 0)


def _whole(text: str) -> int:
    match = re.match(r"\s*([+-]?\d{1,7})\s*\Z", text)
    return int(match[1]) if match else 0

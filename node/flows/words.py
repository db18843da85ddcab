"""Lyrics: embedded in the music file or in an .lrc file beside it, as lines with their times."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, Final

from node.doors.tags import lrc_beside, read_tags
from node.errors import NotFoundError, SongkeepError
from node.library import Library

MAX_LINES: Final = 5_000
_STAMP: Final = re.compile(r"\[(\d{1,4}):(\d{1,2})(?:[.:](\d{1,3}))?\]")
_HEADER: Final = re.compile(
    r"\[(ar|ti|al|au|by|re|ve|tool|length|offset|id|la|encoding|#)\s*:(.*)\]\s*\Z", re.IGNORECASE
)
_WORD_STAMP: Final = re.compile(r"<\d{1,4}:\d{1,2}(?:[.:]\d{1,3})?>")


class Words:
    """The words of tracks whose source is there."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def of(self, track_id: str) -> dict[str, Any]:
        """{synced, lines: [{time_ms | None, text}]}. Raises NotFoundError if it has none, or none that can be had."""
        return await asyncio.to_thread(self._of, track_id)

    def _of(self, track_id: str) -> dict[str, Any]:
        for source in self._library.files(track_id).sources:
            if source.state != "present" or source.folder_state != "present":
                continue
            path = Path(source.full_path)
            text = lrc_beside(path)
            if not text:
                try:
                    text = read_tags(path).lyrics
                except SongkeepError:
                    continue
            lines = read_lyrics(text)
            if lines:
                synced = any(time_ms is not None for time_ms, _ in lines)
                return {"synced": synced, "lines": [{"time_ms": time_ms, "text": words} for time_ms, words in lines]}
        raise NotFoundError("this track has no lyrics")


def read_lyrics(text: str) -> list[tuple[int | None, str]]:
    """LRC or plain text as (time in ms or None, words), in order of time. A line may have several times."""
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
        words = _WORD_STAMP.sub("", rest).strip()
        if stamps:
            timed += [(stamp, words) for stamp in stamps]
        else:
            untimed.append(words)
    if timed:
        # A positive offset means that the words come earlier.
        in_order = sorted(timed, key=lambda each: each[0])[:MAX_LINES]
        return [(max(0, time_ms - offset_ms), words) for time_ms, words in in_order]
    while untimed and not untimed[0]:
        untimed.pop(0)
    while untimed and not untimed[-1]:
        untimed.pop()
    return [(None, words) for words in untimed]


def _time_ms(minutes: str, seconds: str, fraction: str | None) -> int:
    return int(minutes) * 60_000 + int(seconds) * 1_000 + (int(fraction.ljust(3, "0")) if fraction else 0)


def _whole(text: str) -> int:
    match = re.match(r"\s*([+-]?\d{1,7})\s*\Z", text)
    return int(match[1]) if match else 0

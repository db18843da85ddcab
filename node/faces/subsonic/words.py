"""Lyrics, by song or by name, with the times of lines and of words where the file has them."""

from __future__ import annotations

from aiohttp import web

from node.errors import NotFoundError
from node.faces.subsonic.asked import Asked
from node.faces.subsonic.protocol import Tree
from node.flows.words import Line
from node.library.browse import Paged

UNKNOWN_LANGUAGE = "und"


async def get_lyrics(request: web.Request, asked: Asked) -> Tree:
    """By artist and title; nothing is found is told by an empty element."""
    artist, title = asked.text_or("artist"), asked.text_or("title")
    if not title:
        return {"lyrics": {}}
    browse = asked.parts.library.browse
    found = await asked.parts.ask(
        browse.search, f"{artist} {title}".strip(), artists=Paged(0), albums=Paged(0), songs=Paged(1)
    )
    if not found.songs:
        return {"lyrics": {}}
    song = found.songs[0]
    try:
        lines = await asked.parts.words.lines_of(song.id)
    except NotFoundError:
        return {"lyrics": {}}
    names = ", ".join(each["name"] for each in song.shown["artists"])
    text = "\n".join(line.text for line in lines)
    return {"lyrics": {"artist": names, "title": song.shown["title"], "value": text}}


async def get_lyrics_by_song_id(request: web.Request, asked: Asked) -> Tree:
    """One structure for a song that has lyrics; with `enhanced` also the times of single words."""
    song = await asked.parts.ask(asked.parts.library.browse.song, asked.text("id"))
    try:
        lines = await asked.parts.words.lines_of(song.id)
    except NotFoundError:
        return {"lyricsList": {"structuredLyrics": []}}
    lyrics: Tree = {
        "displayArtist": ", ".join(each["name"] for each in song.shown["artists"]),
        "displayTitle": song.shown["title"],
        "lang": UNKNOWN_LANGUAGE,
        "offset": 0,
        "synced": any(line.time_ms is not None for line in lines),
        "line": [{**_start(line), "value": line.text} for line in lines],
    }
    if asked.flag("enhanced", default=False):
        lyrics["kind"] = "main"
        cues = [_cue_line(at, line) for at, line in enumerate(lines) if line.cues]
        if cues:
            lyrics["cueLine"] = cues
    return {"lyricsList": {"structuredLyrics": [lyrics]}}


def _start(line: Line) -> Tree:
    return {} if line.time_ms is None else {"start": line.time_ms}


def _cue_line(index: int, line: Line) -> Tree:
    return {
        "index": index,
        **_start(line),
        "value": line.text,
        "cue": [
            {"start": cue.time_ms, "byteStart": cue.first_byte, "byteEnd": cue.last_byte, "value": cue.text}
            for cue in line.cues
        ],
    }

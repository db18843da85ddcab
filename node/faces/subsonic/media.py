"""Sound and pictures: streams as they are or made anew, downloads, covers."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from functools import partial
from typing import Final

from aiohttp import web

from node.catalog.model import RenditionKind
from node.errors import DamagedError, NotFoundError, SongkeepError, UnavailableError
from node.faces.counters import COUNTERS
from node.faces.sending import send_audio, send_unchanged
from node.faces.static import PLAYER
from node.faces.subsonic.asked import Asked
from node.faces.subsonic.protocol import NOT_FOUND, Failure
from node.flows.pictures import SIZES_PX
from node.flows.stream import Audio
from node.flows.transcode import Encoding, TooManyError, decide
from node.ids import CoverId, TrackId, text_id

log = logging.getLogger(__name__)

MAX_OFFSET_S: Final = 1_000_000
MAX_BITRATE_KBPS: Final = 100_000
PADDING_BYTES: Final = 1 << 16
_EMPTY_TAG: Final = b"TAG" + bytes(125)
_AVATAR: Final = "icons/icon-192.png"
_COVER_AGE: Final = "private, max-age=604800"


async def stream(request: web.Request, asked: Asked) -> web.StreamResponse:
    """A track, as it is wherever that satisfies the app. Never counts a play: apps also fetch ahead and download."""
    track = _track(asked)
    limit_bps = asked.number("maxBitRate", 0, highest=MAX_BITRATE_KBPS) * 1_000
    wanted = asked.text_or("format")
    start_s = asked.number("timeOffset", 0, highest=MAX_OFFSET_S)
    known = await asked.parts.direct.of(track)
    decision = decide(known.original, known.mobile, wanted=wanted, limit_bps=limit_bps, start_s=start_s)
    if isinstance(decision, Encoding):
        return await _from_either(asked, track, "original", partial(_encoded, request, asked, track, decision))
    if decision == "original" and (sent := await send_unchanged(request, known)) is not None:
        return sent
    return await _from_either(asked, track, decision, lambda audio: send_audio(request, audio, track=track))


async def download(request: web.Request, asked: Asked) -> web.StreamResponse:
    """The file itself, with its name."""
    track = _track(asked)
    known = await asked.parts.direct.of(track)
    if (sent := await send_unchanged(request, known, file_name=known.file_name)) is not None:
        return sent
    async with await asked.parts.streams.open(track, "original") as audio:
        return await send_audio(request, audio, track=track, file_name=audio.file_name)


async def get_cover_art(request: web.Request, asked: Asked) -> web.StreamResponse:
    """A cover by its own identifier, or by that of what it belongs to. Near the size that was asked for, not under."""
    wanted = asked.text("id")
    size = asked.number("size", 0, highest=1 << 20)
    cover = await _cover(asked, wanted)
    headers = {"Cache-Control": _COVER_AGE}
    if size == 0:
        place = await asked.parts.ask(asked.parts.library.index.covers.place, cover)
        whole = await asked.parts.pictures.whole(cover)
        # The type comes from the catalog, where any member may write it.
        mime = place.mime if place.mime.startswith("image/") else "application/octet-stream"
        return web.Response(body=whole, headers={**headers, "Content-Type": mime})
    size_px = next((each for each in SIZES_PX if each >= size), SIZES_PX[-1])
    picture = await asked.parts.pictures.small(cover, size_px)
    return web.Response(body=picture, headers={**headers, "Content-Type": "image/jpeg"})


async def get_avatar(request: web.Request, asked: Asked) -> web.StreamResponse:
    """Songkeep's own picture: the person has none."""
    asked.text("username")
    served = await asked.parts.ask(request.app[PLAYER].find, _AVATAR)
    if served is None:
        raise Failure(NOT_FOUND, "there is no picture of that user")
    return web.Response(body=served.body, headers={"Content-Type": served.content_type, "Cache-Control": _COVER_AGE})


async def _encoded(
    request: web.Request, asked: Asked, track: TrackId, encoding: Encoding, audio: Audio
) -> web.StreamResponse:
    headers = {"Content-Type": encoding.mime, "Accept-Ranges": "none", "Cache-Control": "private, no-store"}
    response = web.StreamResponse(headers=headers)
    if asked.flag("estimateContentLength", default=False):
        response.content_length = encoding.most_bytes(audio.stream.duration_ms)
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    async with contextlib.aclosing(asked.parts.transcodes.read(audio, encoding)) as pieces:
        # The first part before the head: what can't be decoded is told in the protocol's words.
        first = await anext(pieces, b"")
        await response.prepare(request)
        await _write(request, response, first, pieces, track=track)
    return response


async def _write(
    request: web.Request,
    response: web.StreamResponse,
    first: bytes,
    pieces: AsyncGenerator[bytes, None],
    *,
    track: TrackId,
) -> None:
    counters = request.app[COUNTERS]
    counters.streams_started += 1
    counters.streams_running += 1
    left = response.content_length or 0
    try:
        piece = first
        while piece:
            await response.write(piece)
            counters.streamed_bytes += len(piece)
            left -= len(piece)
            piece = await anext(pieces, b"")
        for padding in _padding(left):
            await response.write(padding)
        await response.write_eof()
    except SongkeepError as error:
        log.warning("transcode_broken track=%s error=%s", track, error.code)
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # the app moved on
    finally:
        counters.streams_running -= 1


def _padding(size_bytes: int) -> Iterator[bytes]:
    """What players pass over, since a length that was told has to be kept: zeros, and at the end an ID3v1 tag."""
    zeros = size_bytes - len(_EMPTY_TAG)
    while zeros > 0:
        yield bytes(min(zeros, PADDING_BYTES))
        zeros -= PADDING_BYTES
    if size_bytes > 0:
        yield _EMPTY_TAG[-size_bytes:]


async def _from_either(
    asked: Asked, track: TrackId, kind: RenditionKind, send: Callable[[Audio], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Send that rendition, or else the other one: to hear it small is better than not to hear it.

    `send` raises only as long as it has sent nothing.
    """
    streams = asked.parts.streams
    try:
        async with await streams.open(track, kind) as audio:
            return await send(audio)
    except TooManyError:
        raise
    except (UnavailableError, DamagedError) as missing:
        try:
            async with await streams.open(track, "original" if kind == "mobile" else "mobile") as audio:
                return await send(audio)
        except (UnavailableError, DamagedError):
            raise missing from None  # it says what there is of the song that was asked for


def _track(asked: Asked) -> TrackId:
    try:
        return TrackId(text_id(asked.text("id")))
    except SongkeepError as error:
        raise Failure(NOT_FOUND, "there is no such song in this library") from error


async def _cover(asked: Asked, wanted: str) -> CoverId:
    return await asked.parts.ask(_find_cover, asked, wanted)


def _find_cover(asked: Asked, wanted: str) -> CoverId:
    library = asked.parts.library
    with contextlib.suppress(NotFoundError):
        return library.index.covers.place(wanted).id
    kind, now = library.browse.named(wanted)
    match kind:
        case "track":
            found = library.browse.song(now).cover
        case "album":
            found = library.browse.album(now)[0].cover
        case "artist":
            found = library.browse.artist(now)[0].cover
        case "playlist":
            found = library.playlists.get(now).cover
    if found is None:
        raise Failure(NOT_FOUND, "there is no picture of that")
    return CoverId(found)

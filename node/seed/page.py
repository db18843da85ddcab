"""The status page of a seed: one small HTML page, and the same as JSON, for whoever has its key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from node.errors import RefusedError, UnknownFormatError
from node.files import read_small, write_private
from node.ids import to_text
from node.seed.pools import spoken
from node.sizes import spoken_bytes

KEY_FILE: Final = "status.key"
_KEY_BYTES: Final = 20
_MAX_KEY_CHARS: Final = 100
_STYLE: Final = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{max-width:60rem;margin:0 auto;padding:1rem}table{border-collapse:collapse;width:100%}"
    "div{overflow-x:auto}th,td{text-align:end;padding:.3rem .6rem;border-bottom:1px solid #8886;white-space:nowrap}"
    "th:first-child,td:first-child{text-align:start}.bad{color:light-dark(#a3260d,#ff9c86);font-weight:600}"
)
_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def status_key(home: Path, *, make: bool = False) -> str:
    """What opens the status page, kept in the seed's home; with `make` drawn if there is none, else empty.

    Raises StorageError, UnknownFormatError.
    """
    kept = read_small(home / KEY_FILE, max_bytes=_MAX_KEY_CHARS)
    if kept is not None:
        key = kept.decode("ascii", "replace").strip()
        if len(key) < _KEY_BYTES:
            raise UnknownFormatError(f"{KEY_FILE} in the seed's home is not readable; remove it to have another made")
        return key
    if not make:
        return ""
    key = to_text(os.urandom(_KEY_BYTES))
    write_private(home / KEY_FILE, key.encode() + b"\n")
    return key


class StatusPage:
    """Answers at /status (a page) and /v1/status (JSON), each with the key; without it there is nothing to see."""

    def __init__(self, key: str, look: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._key = key
        self._look = look

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/status", self._page)
        app.router.add_get("/v1/status", self._json)

    async def _page(self, request: web.Request) -> web.Response:
        self._check(request.query.get("key", ""))
        html = render(await self._look(), now_ms=time.time_ns() // 1_000_000)
        return web.Response(text=html, content_type="text/html", headers=_HEADERS)

    async def _json(self, request: web.Request) -> web.Response:
        self._check(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return web.json_response(await self._look(), headers=_HEADERS)

    def _check(self, shown: str) -> None:
        if not hmac.compare_digest(shown.encode(), self._key.encode()):
            raise RefusedError("the status page opens with its key: 'songkeep seed status' prints its address")


def render(status: dict[str, Any], *, now_ms: int) -> str:
    """The page, which needs nothing else to be shown."""
    disk = status["disk"]
    oldest_ms = disk["oldest_check_ms"]
    short = f"{spoken_bytes(disk['short_bytes'])} more than this disk has room for" if disk["short_bytes"] else ""
    facts = [
        ("Promised", f"{spoken_bytes(status['promised_bytes'])} of {spoken_bytes(status['capacity_bytes'])}"),
        ("On the disk", spoken_bytes(status["held_bytes"])),
        ("Free on the disk", spoken_bytes(disk["free_bytes"])),
        ("Checked again, the longest ago", "nothing yet" if oldest_ms is None else _ago(now_ms - oldest_ms)),
        ("Damaged, to be fetched again", f"{disk['damaged_blobs']:,} blobs"),
    ]
    if status["started_ms"] is not None:
        facts.append(("Running for", _ago(now_ms - status["started_ms"]).removesuffix(" ago")))
    for each in status["pools"]:
        facts.append((f"Pool of {each['tracker']}", spoken(each)))
    rows = [
        (
            f"{each['number']}",
            f"{spoken_bytes(each['held_bytes'])} of {spoken_bytes(each['quota_bytes'])}",
            spoken_bytes(each["waiting_bytes"]),
            spoken_bytes(each["trash_bytes"]),
            f"{each['damaged_blobs']:,}",
            *(_traffic(each["traffic"])),
        )
        for each in status["libraries"]
    ]
    warning = f'<p class="bad">Promised: {escape(short)}.</p>' if short else ""
    heads = ("Library", "Holds", "To come", "Trash", "Damaged", "Sent", "Received", "Single reads")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta http-equiv="refresh" content="30">'
        f"<title>Songkeep seed</title><style>{_STYLE}</style></head><body><h1>Songkeep seed</h1>{warning}"
        f"<div><table>{''.join(_row('td', fact) for fact in facts)}</table></div>"
        f"<h2>Libraries</h2><div><table>{_row('th', heads)}{''.join(_row('td', row) for row in rows)}</table></div>"
        "<p>Libraries are told by number: this seed knows no names, and cannot read what it keeps. Sent counts HTTP "
        "and WebRTC. Single reads are chunks asked for one at a time, as audits do.</p></body></html>"
    )


def _traffic(traffic: dict[str, int] | None) -> tuple[str, str, str]:
    if traffic is None:
        return "-", "-", "-"
    return spoken_bytes(traffic["sent_bytes"]), spoken_bytes(traffic["received_bytes"]), f"{traffic['single_reads']:,}"


def _row(kind: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{kind}>{escape(cell)}</{kind}>' for cell in cells)}</tr>"


def _ago(passed_ms: int) -> str:
    minutes = max(0, passed_ms) // 60_000
    if minutes < 120:
        return f"{minutes} minutes ago"
    return f"{minutes // 60} hours ago" if minutes < 48 * 60 else f"{minutes // 1_440} days ago"

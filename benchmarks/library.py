"""A running node with a large library: its start, its memory, pages and searches over its API."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from benchmarks.ingest import fresh_home
from benchmarks.invented import SEARCHES, STREAM, artists_of, blob_of, path_of, read_of
from benchmarks.measure import Row, median, note, percentile
from benchmarks.streams import Node, running
from node.crypto.blob import Purpose
from node.doors.index import Index
from node.doors.sources import fingerprint
from node.doors.vault import Vault
from node.library import Library, SealedSource

_LISTED_AT_ONCE = 256
_SEALED_AT_ONCE = 64
_RENDERED_OF = 4
"""One track in so many gets a mobile rendition: enough for an index of the real size."""
_FILE_BYTES = 20_000_000
_QUIET_CPU = 0.05
_ROUNDS = 20


def library(work: Path, *, tracks: int, rounds: int) -> list[Row]:
    """Fill a home with `tracks` that have files of no weight, then start a node in it and ask."""
    environment, rows = _filled(work, tracks)
    starts = [asyncio.run(_start(environment)) for _ in range(rounds)]
    start_s = median(starts)
    rows.append(Row("from the command to the first page", f"{start_s:.2f} s", "1.5 s", start_s < 1.5))
    return rows + asyncio.run(_use(environment, tracks))


def _filled(work: Path, tracks: int) -> tuple[dict[str, str], list[Row]]:
    environment = fresh_home(work, renditions="off")
    home = Path(environment["SONGKEEP_HOME"])
    return environment, fill_home(home, work / "listed", tracks, rendered=tracks // _RENDERED_OF)


def fill_home(home: Path, music: Path, tracks: int, *, rendered: int) -> list[Row]:
    """Have a home's library know sparse files that are really there, so that a scan finds all of them unchanged."""
    shutil.rmtree(music, ignore_errors=True)
    secrets = Vault.open(home / "vault").secrets
    chance = random.Random(1)
    artists = artists_of(chance, tracks)
    note(f"making {tracks:,} files of no weight ...")
    paths = [path_of(chance, number, artists) for number in range(tracks)]
    prints = []
    for number, path in enumerate(paths):
        file = music / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.truncate(file, _FILE_BYTES + number)
        prints.append(fingerprint(file.stat()))
    reads = [
        read_of(chance, number, artists, path=path, fingerprint=prints[number]) for number, path in enumerate(paths)
    ]
    with Index.open(home / "index.sqlite") as index:
        made = Library.open(index, secrets.device, secrets.epochs[0].identity)
        folder = index.folders.add(str(music), 0)
        note("listing them ...")
        started = time.perf_counter()
        for at in range(0, tracks, _LISTED_AT_ONCE):
            made.record_scan(folder.id, reads[at : at + _LISTED_AT_ONCE])
        listed_s = time.perf_counter() - started
        note("writing that they are sealed ...")
        started = time.perf_counter()
        while waiting := index.sources.next_to_seal(_SEALED_AT_ONCE):
            made.record_sealed([
                SealedSource(
                    source_id=source.id,
                    fingerprint=source.fingerprint,
                    recording_digest=hashlib.sha256(b"%d" % source.id).digest(),
                    blob=blob_of(b"%d" % source.id, source.fingerprint.size_bytes, Purpose.ORIGINAL),
                )
                for source in waiting
            ])  # fmt: skip
        sealed_s = time.perf_counter() - started
        for files in made.each_file(index.pages.ids("", rendered)):
            made.record_rendered(files.track_id, blob_of(files.track_id.encode(), 1_500_000, Purpose.MOBILE), STREAM)
    size_mb = (home / "index.sqlite").stat().st_size / 1e6
    return [
        Row(f"the index: list {tracks:,} files", f"{listed_s:.1f} s, {listed_s / tracks * 2_000:.2f} s for 2,000"),
        Row("the index: write that they are sealed", f"{sealed_s:.1f} s, {sealed_s / tracks * 1e6:.0f} µs each"),
        Row("the index on disk", f"{size_mb:.0f} MB"),
    ]


async def _start(environment: dict[str, str]) -> float:
    """Seconds from running the command to the first page of tracks."""
    started = time.perf_counter()
    async with running(environment) as node:
        assert len(await node.tracks()) == 500
        return time.perf_counter() - started


async def _use(environment: dict[str, str], tracks: int) -> list[Row]:
    async with running(environment) as node:
        await _quiet(node)
        idle_mb = node.resident_mb()
        searches = [f"search?q={quote(words)}" for words in SEARCHES]
        search_ms, slowest_search = await _slowest(node, searches)
        page_ms, slowest_page = await _slowest(node, _pages(await _some(node), tracks))
        await _quiet(node)
        used_mb, peak_mb = node.resident_mb(), node.resident_mb("VmHWM")
    return [
        Row(f"search over HTTP, p99 of the slowest ({slowest_search})", f"{search_ms:.1f} ms", "20 ms", search_ms < 20),
        Row(f"API page, p99 of the slowest ({slowest_page})", f"{page_ms:.1f} ms", "50 ms", page_ms < 50),
        Row("main process once it has looked through the folder", f"{idle_mb:.0f} MB", "150 MB", idle_mb < 150),
        Row("main process after all these questions", f"{used_mb:.0f} MB", "150 MB", used_mb < 150),
        Row("main process at its largest", f"{peak_mb:.0f} MB", "150 MB", peak_mb < 150),
    ]


async def _some(node: Node) -> dict[str, str]:
    """Identifiers to narrow pages with."""
    first = (await _get(node, "tracks?limit=1"))["items"][0]
    genres = (await _get(node, "genres"))["items"]
    return {"artist": first["artists"][0]["id"], "album": first["album"]["id"], "genre": genres[0]["name"]}


def _pages(some: dict[str, str], tracks: int) -> list[str]:
    sorts = ("title", "artist", "album", "added", "year", "duration")
    pages = [
        f"tracks?sort={sort}&order={order}&offset={offset}&limit=500"
        for sort in sorts
        for order in ("asc", "desc")
        for offset in (0, tracks // 2, max(0, tracks - 500))
    ]
    pages += [f"albums?sort={sort}&order=desc&offset={tracks // 24}&limit=500" for sort in ("name", "artist", "year")]
    pages += ["artists?limit=500", "genres", "library", "status", "folders", "starred", "playlists"]
    pages += [f"artists/{some['artist']}", f"albums/{some['album']}", f"tracks?genre={some['genre']}&limit=500"]
    return pages


async def _slowest(node: Node, questions: Sequence[str]) -> tuple[float, str]:
    """The 99th percentile, in ms, of the question that takes longest, and which it is."""
    slowest = (0.0, "")
    for question in questions:
        took = []
        for _ in range(_ROUNDS):
            started = time.perf_counter()
            await _get(node, question)
            took.append((time.perf_counter() - started) * 1e3)
        slowest = max(slowest, (percentile(took[1:], 99), question))
    return slowest


async def _get(node: Node, path: str) -> dict[str, list[dict[str, object]]]:  # enough for what is asked here
    headers = {"Authorization": f"Bearer {node.token}"}
    async with node.http.get(f"{node.base}/api/v1/{path}", headers=headers) as answer:
        body = await answer.read()
        assert answer.status == 200, (path, answer.status)
    return json.loads(body)


async def _quiet(node: Node) -> None:
    """Until the node does nothing by itself any more."""
    with contextlib.suppress(OSError):  # where the system tells it
        while True:
            before = _cpu_s(node.process.pid)
            await asyncio.sleep(2)
            if _cpu_s(node.process.pid) - before < 2 * _QUIET_CPU:
                return


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

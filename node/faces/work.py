"""Work that takes a while: adding, exporting, verifying. Each answers at once with a job that can be followed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final, Literal, cast

from aiohttp import web

from node.errors import NotFoundError, UserError
from node.faces.answers import answer, body_of, flag_field, text_field, text_list_field
from node.faces.gate import ACCESS
from node.faces.parts import PARTS
from node.flows.ingest import AddReport
from node.flows.jobs import NO_SUCH_JOB, Failure, Job, JobKind
from node.ids import TrackId, text_id

MAX_PATHS: Final = 1_000
MAX_TRACKS: Final = 10_000


def routes(app: web.Application) -> None:
    app.router.add_post("/api/v1/add", add)
    app.router.add_post("/api/v1/export", export)
    app.router.add_post("/api/v1/verify", verify)
    app.router.add_get("/api/v1/jobs/{id}", job)
    app.router.add_delete("/api/v1/jobs/{id}", stop)


def whole_path(text: str) -> Path:
    """A path that means the same to the node as to who asked. Raises UserError."""
    path = Path(text)
    if not path.is_absolute():
        raise UserError("paths given to the node must be whole, from the root on")
    return path


def add_result(report: AddReport) -> dict[str, Any]:
    """What adding came to, as `songkeep add --json` prints it."""
    return {
        "added": report.added,
        "known": report.known,
        "gone": report.gone,
        "failed": failures(report.failed),
        "noted": failures(report.noted),
        "away": list(report.away),
    }


def failures(each_of: Iterable[Failure]) -> list[dict[str, str]]:
    """Files with what is wrong with them."""
    return [{"path": each.path, "reason": each.reason} for each in each_of]


async def add(request: web.Request) -> web.Response:
    """Add folders and files; the job ends when all is sealed, or with until=listed as soon as all is listed."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"paths", "until", "sure"}))
    paths = [whole_path(text) for text in text_list_field(body, "paths", most=MAX_PATHS)]
    until = cast(Literal["listed", "sealed"], body.get("until", "sealed"))
    if until not in ("listed", "sealed") or not paths:
        raise UserError('adding needs "paths", and "until" is listed or sealed')

    await parts.ingest.refuse_too_wide(paths, sure=flag_field(body, "sure"))
    if until == "sealed":
        await parts.begin_storing()

    async def work(job: Job) -> dict[str, Any]:
        return add_result(await parts.ingest.add(paths, job=job, until=until))

    return _begun(request, "add", work)


async def export(request: web.Request) -> web.Response:
    """Write the originals of some tracks, or with tracks=null of all, into a folder of this machine."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"tracks", "dir"}))
    into = whole_path(text_field(body, "dir"))
    tracks: list[TrackId] | None = None
    if body.get("tracks") is not None:
        tracks = [TrackId(text_id(each)) for each in text_list_field(body, "tracks", most=MAX_TRACKS)]

    async def work(job: Job) -> dict[str, Any]:
        report = await parts.export.run(tracks, into, job=job)
        return {
            "written": report.written,
            "already_there": report.already_there,
            "renamed": [{"wanted": wanted, "written": written} for wanted, written in report.renamed],
            "failed": failures(report.failed),
        }

    return _begun(request, "export", work)


async def verify(request: web.Request) -> web.Response:
    """Read everything that is kept and compare it; with repair, make damaged blobs again."""
    parts = request.app[PARTS]
    body = await body_of(request, fields=frozenset({"repair"}))
    repair = flag_field(body, "repair")

    async def work(job: Job) -> dict[str, Any]:
        report = await parts.verify.run(repair, job=job)
        return dict(report.as_json())

    return _begun(request, "verify", work)


def _begun(request: web.Request, kind: JobKind, work: Callable[[Job], Awaitable[dict[str, Any]]]) -> web.Response:
    started = request.app[PARTS].jobs.start(kind, work, own=request[ACCESS] == "own")
    return answer({"job": started.as_json()}, status=202)


async def job(request: web.Request) -> web.Response:
    found = request.app[PARTS].jobs.get(request.match_info["id"])
    if found is None:
        raise NotFoundError(NO_SUCH_JOB)
    return answer(found.as_json())


async def stop(request: web.Request) -> web.Response:
    """Have a job end; it may take a moment, and tells when it has."""
    return answer(request.app[PARTS].jobs.stop(request.match_info["id"]).as_json(), status=202)

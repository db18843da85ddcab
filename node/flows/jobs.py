"""Work that takes a while: how far it is, what failed, how long it will still take."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from node.errors import NotFoundError, SongkeepError, UnavailableError, UserError

log = logging.getLogger(__name__)

JobKind = Literal["add", "export", "verify", "seal", "renditions"]
ASKED_FOR: Final[frozenset[JobKind]] = frozenset({"add", "export", "verify"})
"""Kinds that somebody asks for; the others go on by themselves at the next start."""

MAX_FAILED_SHOWN: Final = 1_000
NO_SUCH_JOB: Final = "there is no such job; finished ones are forgotten after a while"
_KEPT: Final = 200
_RATE_WINDOW_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Failure:
    """One file that did not go through. `reason` is a sentence part: 'it is an empty file'."""

    path: str
    reason: str


@dataclass(eq=False)
class Job:
    """One piece of work, as it is shown. Used from the event loop only."""

    kind: JobKind
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: Literal["running", "done", "failed"] = "running"
    phase: str = ""
    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    failed: list[Failure] = field(default_factory=list)
    result: dict[str, Any] | None = None
    error: SongkeepError | None = None
    own: bool = False
    """Asked for by the command that started this node: nobody waits for it any longer than that command."""
    on_change: Callable[[Job], None] = lambda job: None
    stopped: bool = False
    """Somebody said that it is to end, rather than the node was closed: it will not go on at the next start."""
    clock: Callable[[], float] = time.monotonic
    _steps: deque[tuple[float, int, int]] = field(default_factory=deque)

    def begin(self, phase: str, *, files: int, size_bytes: int) -> None:
        """A new phase, with so much to do."""
        self.phase = phase
        self.files_done = self.bytes_done = 0
        self.files_total, self.bytes_total = files, size_bytes
        self._steps.clear()
        self._steps.append((self.clock(), 0, 0))
        self.on_change(self)

    def expect(self, *, files: int, size_bytes: int) -> None:
        """So much is left to do, whatever was thought before."""
        self.files_total = self.files_done + files
        self.bytes_total = self.bytes_done + size_bytes

    def advance(self, *, files: int = 0, size_bytes: int = 0) -> None:
        """So much more is done."""
        self.files_done += files
        self.bytes_done += size_bytes
        self.files_total = max(self.files_total, self.files_done)
        self.bytes_total = max(self.bytes_total, self.bytes_done)
        now = self.clock()
        self._steps.append((now, self.files_done, self.bytes_done))
        while len(self._steps) > 2 and now - self._steps[0][0] > _RATE_WINDOW_S:
            self._steps.popleft()
        self.on_change(self)

    def fail(self, path: str, reason: str) -> None:
        """One file did not go through; the rest goes on."""
        self.failed.append(Failure(path, reason))

    @property
    def rate_bytes_per_s(self) -> int:
        """Over the last ten seconds."""
        return round(self._rate(2))

    @property
    def left_s(self) -> int | None:
        """Seconds still to go at the present rate; None while nobody can know."""
        if self.state != "running":
            return None
        if self.bytes_total and (rate := self._rate(2)):
            return round((self.bytes_total - self.bytes_done) / rate)
        if self.files_total and (rate := self._rate(1)):
            return round((self.files_total - self.files_done) / rate)
        return None

    def _rate(self, what: int) -> float:
        if len(self._steps) < 2:
            return 0.0
        first, last = self._steps[0], self._steps[-1]
        return (last[what] - first[what]) / max(last[0] - first[0], 0.001)

    def as_json(self) -> dict[str, Any]:
        """As the player API shows it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "phase": self.phase,
            "files_done": self.files_done,
            "files_total": self.files_total,
            "bytes_done": self.bytes_done,
            "bytes_total": self.bytes_total,
            "rate_bytes_per_s": self.rate_bytes_per_s,
            "left_s": self.left_s,
            "failed": [{"path": each.path, "reason": each.reason} for each in self.failed[:MAX_FAILED_SHOWN]],
            "failed_total": len(self.failed),
            "result": self.result,
            "error": str(self.error) if self.error is not None else None,
            "exit_code": self.error.exit_code if self.error is not None else 0,
        }


class Jobs:
    """All that runs or ran of late."""

    def __init__(self, *, on_change: Callable[[Job], None] = lambda job: None) -> None:
        self._on_change = on_change
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, kind: JobKind, work: Callable[[Job], Awaitable[dict[str, Any]]], *, own: bool = False) -> Job:
        """Begin `work`; its value becomes the job's result. `own`: see Job."""
        job = self.show(kind)
        job.own = own
        log.info("job_started job=%s kind=%s", job.id, kind)
        task = asyncio.create_task(self._run(job, work), name=f"job {kind}")
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))
        return job

    def stop(self, job_id: str) -> Job:
        """Have a job end, if it hasn't; it tells when it has. Raises NotFoundError, and UserError for what was not
        asked for by anybody: sealing and encoding in the background.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFoundError(NO_SUCH_JOB)
        if job.state == "running":
            if job_id not in self._tasks:
                raise UserError("nobody asked for that: the node does it by itself, and it can't be stopped alone")
            if not job.stopped:
                log.info("job_stopped job=%s kind=%s", job.id, job.kind)
                job.stopped = True
                self._tasks[job_id].cancel()
        return job

    def show(self, kind: JobKind) -> Job:
        """A job whose work is done elsewhere, and which `finish` ends."""
        job = Job(kind, on_change=self._on_change)
        self._jobs[job.id] = job
        finished = [old.id for old in self._jobs.values() if old.state != "running"]
        for old in finished[: max(0, len(self._jobs) - _KEPT)]:
            del self._jobs[old]
        return job

    def finish(self, job: Job, *, result: dict[str, Any] | None = None, error: SongkeepError | None = None) -> None:
        job.result, job.error = result, error
        job.state = "done" if error is None else "failed"
        job.on_change(job)

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def running(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.state == "running"]

    async def close(self) -> None:
        """Stop what runs, and wait until it has."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job: Job, work: Callable[[Job], Awaitable[dict[str, Any]]]) -> None:
        try:
            result = await work(job)
        except SongkeepError as error:
            log.warning("job_failed job=%s kind=%s error=%s", job.id, job.kind, type(error).__name__)
            self.finish(job, error=error)
        except asyncio.CancelledError:
            self.finish(job, error=UnavailableError("it was stopped before it was done"))
            raise
        except Exception as error:
            log.exception("job_broken job=%s kind=%s", job.id, job.kind)
            self.finish(job, error=SongkeepError(f"something that should not happen did ({type(error).__name__})"))
        else:
            self.finish(job, result=result)

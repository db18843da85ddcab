"""Numbers about the node itself for /metrics (Prometheus text format 0.0.4), and /healthz."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from node import __version__
from node.faces.answers import Endpoint, answer, route_of
from node.faces.parts import PARTS


@dataclass(slots=True)
class Counters:
    """What has happened since the start. On the event loop only."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """By method, route pattern and status."""
    streams_started: int = 0
    streams_running: int = 0
    streamed_bytes: int = 0
    started_s: float = field(default_factory=time.time)
    more: list[Callable[[], dict[str, float]]] = field(default_factory=list)
    """Other parts' gauges, asked when somebody looks."""


COUNTERS = web.AppKey("counters", Counters)


def routes(app: web.Application) -> None:
    app.router.add_get("/healthz", health)
    app.router.add_get("/metrics", metrics)


@web.middleware
async def count_requests(request: web.Request, handler: Endpoint) -> web.StreamResponse:
    """Count each request when its answer has begun."""
    response = await handler(request)
    method = request.method if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
    request.app[COUNTERS].requests[method, route_of(request), response.status] += 1
    return response


async def health(request: web.Request) -> web.Response:
    """Alive, and which version; open to all, so it says nothing else."""
    return answer({"status": "ok", "version": __version__})


async def metrics(request: web.Request) -> web.Response:
    """The counters as text."""
    counters = request.app[COUNTERS]
    parts = request.app[PARTS]
    lines = [
        "# TYPE songkeep_requests_total counter",
        *(
            f'songkeep_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}'
            for (method, route, status), count in sorted(counters.requests.items())
        ),
    ]
    counted = {"streams_started": counters.streams_started, "streamed_bytes": counters.streamed_bytes}
    gauges: dict[str, float] = {
        "streams_running": counters.streams_running,
        "listeners": parts.news.listeners,
        "start_time_seconds": counters.started_s,
    }
    for more in counters.more:
        gauges |= await parts.ask(more)
    for name, count in counted.items():
        lines += [f"# TYPE songkeep_{name}_total counter", f"songkeep_{name}_total {count}"]
    for name, gauge in gauges.items():
        lines += [f"# TYPE songkeep_{name} gauge", f"songkeep_{name} {gauge}"]
    return web.Response(
        body=("\n".join(lines) + "\n").encode(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )

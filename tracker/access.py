"""The access log: a line for each request and each WebSocket, without addresses unless they are asked for."""

from __future__ import annotations

import logging
from typing import Final, Literal

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from tracker.addresses import client_address

AccessLogging = Literal["on", "addresses", "off"]
LOGGER: Final = logging.getLogger("tracker.access")


class AccessLog(AbstractAccessLogger):
    """What was asked for by its kind alone: a path may hold the name of a pairing room. Its format is AccessLogging."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Called by aiohttp after each answer; `time` is in seconds."""
        resource = request.match_info.route.resource if isinstance(request, web.Request) else None
        kind = resource.canonical if resource is not None else "-"
        where = f" address={client_address(request)}" if self.log_format == "addresses" else ""
        self.logger.info("asked path=%s status=%d time_ms=%d%s", kind, response.status, time * 1_000, where)

    @property
    def enabled(self) -> bool:
        """Whether anybody would read it."""
        return self.log_format != "off" and self.logger.isEnabledFor(logging.INFO)

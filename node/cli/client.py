"""Asks a node over its HTTP API, as the player does."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from node import errors
from node.cli.terminal import plain
from node.errors import SongkeepError, UnavailableError

ANSWER_TIMEOUT_S: Final = 120.0
ALIVE_TIMEOUT_S: Final = 3.0
PAGE: Final = 500

_BY_CODE: Final[Mapping[str, type[SongkeepError]]] = {
    kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SongkeepError)
}


class NotAnsweringError(UnavailableError):
    """Nothing answers at the node's port."""


class Client:
    """One node, opened with its control token."""

    def __init__(self, port: int, token: str, *, outlives: bool = False) -> None:
        """`outlives`: the node goes on when this command ends."""
        self.port = port
        self.outlives = outlives
        self._token = token

    @property
    def address(self) -> str:
        """Where the player is."""
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path: str, /, **query: str | int | None) -> Any:
        """GET below /api/v1/. Raises the node's error as it was raised there."""
        asked = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path + ("?" + urlencode(asked) if asked else ""))

    def post(self, path: str, /, **body: object) -> Any:
        return self._ask("POST", path, body)

    def patch(self, path: str, /, **body: object) -> Any:
        return self._ask("PATCH", path, body)

    def delete(self, path: str, /) -> Any:
        return self._ask("DELETE", path)

    def is_alive(self) -> bool:
        """Whether the node answers, and to this token."""
        try:
            self._ask("GET", "config", timeout_s=ALIVE_TIMEOUT_S)
        except SongkeepError:
            return False
        return True

    def pages(self, path: str, /, **query: str | int | None) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page."""
        offset = 0
        while True:
            page = self.get(path, offset=offset, limit=PAGE, **query)
            yield from page["items"]
            offset += PAGE
            if offset >= page["total"]:
                return

    def _ask(self, method: str, path: str, body: object = None, *, timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Host": f"127.0.0.1:{self.port}"}
        data = None
        if method in ("POST", "PATCH"):
            headers["Content-Type"] = "application/json"
            data = json.dumps(body or {}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(method, "/api/v1/" + path, data, headers)
            response = connection.getresponse()
            told = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NotAnsweringError("Songkeep stopped answering; was it closed?") from error
        finally:
            connection.close()
        try:
            value = json.loads(told) if told else None
        except ValueError as error:
            raise NotAnsweringError(f"something else than Songkeep answers at port {self.port}") from error
        if response.status >= 400:
            raise _told_error(value)
        return value


def segment(text: str) -> str:
    """`text` as one part of a path."""
    return quote(text, safe="")


def error_with_exit_code(exit_code: int, message: str) -> SongkeepError:
    """An error of the kind that ends a command with `exit_code`."""
    kinds = (kind for kind in _BY_CODE.values() if kind.exit_code == exit_code)
    return next(kinds, SongkeepError)(plain(message))


def _told_error(value: object) -> SongkeepError:
    told = value.get("error") if isinstance(value, dict) else None
    if not isinstance(told, dict):
        return SongkeepError("the node answered with an error that it did not explain")
    # Its own words are one line; a line break in them comes from the name of a file.
    return _BY_CODE.get(str(told.get("code")), SongkeepError)(plain(str(told.get("message"))))

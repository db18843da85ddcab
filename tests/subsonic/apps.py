"""A music app as the tests play it: asks a running node by the protocol."""

from __future__ import annotations

import hashlib
import http.client
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.living import ANSWER_TIMEOUT_S, Answer, Living
from tests.subsonic import schema

Value = str | int | bool | Sequence[str | int]


@dataclass(frozen=True)
class App:
    """One app on one device."""

    node: Living
    password: str
    name: str = "tests"

    @staticmethod
    def signed_in(node: Living, name: str = "tests") -> App:
        """An app with a password of its own."""
        return App(node, node.ask("POST", "/api/v1/app-passwords", {"name": name}).json["password"], name)

    def signs(self) -> dict[str, str]:
        """The parameters that every request has: by token, with a salt of its own."""
        salt = secrets.token_hex(8)
        token = hashlib.md5((self.password + salt).encode()).hexdigest()
        return {"u": "me", "t": token, "s": salt, "v": "1.16.1", "c": self.name}

    def raw(
        self,
        endpoint: str,
        parameters: Mapping[str, Value | None] | None = None,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        signed: bool = True,
    ) -> Answer:
        """One request, and whatever is answered."""
        asked = {**(self.signs() if signed else {}), **(parameters or {})}
        plain = {name: _text(value) for name, value in asked.items() if value is not None}
        query = urlencode(plain, doseq=True)
        sent = {"Host": f"127.0.0.1:{self.node.port}", **(headers or {})}
        path, body = f"/rest/{endpoint}?{query}", None
        if method == "POST":
            path, body = f"/rest/{endpoint}", query.encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.node.port, timeout=ANSWER_TIMEOUT_S)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def tree(self, endpoint: str, /, form: str = "json", **parameters: Value | None) -> dict[str, Any]:
        """The content of an answer that must be as the table says, good or bad."""
        answer = self.raw(endpoint, {**parameters, "f": form})
        assert answer.status == 200, answer.body
        name = endpoint.removesuffix(".view")
        if form == "json":
            assert answer.headers["Content-Type"].startswith("application/json")
            content: dict[str, Any] = answer.json["subsonic-response"]
        else:
            assert answer.headers["Content-Type"].startswith("application/xml")
            content = schema.from_xml(name, answer.body)
        schema.check(name, content)
        return content

    def ask(self, endpoint: str, /, **parameters: Value | None) -> Any:
        """What an endpoint that must succeed answers with; the same in both formats."""
        told = self.tree(endpoint, **parameters)
        assert told["status"] == "ok", told
        return told.get(schema.ANSWERS.get(endpoint, ("", ""))[0])

    def error(self, endpoint: str, /, **parameters: Value | None) -> int:
        """The code of the error that an endpoint must answer with."""
        told = self.tree(endpoint, **parameters)
        assert told["status"] == "failed", told
        code: int = told["error"]["code"]
        return code


def _text(value: Value) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def content(answer: Answer) -> dict[str, Any]:
    """Of a JSON answer."""
    told: dict[str, Any] = json.loads(answer.body)["subsonic-response"]
    return told

"""The protocol's envelope: one tree of values as XML, JSON or JSONP, and its errors. Pure.

In a tree, names are JSON's. In XML a plain value is an attribute, a map an element, a list an element for each of its
members; `value` beside nothing but plain values is the element's text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal
from xml.sax.saxutils import escape, quoteattr

from node import __version__

API_VERSION: Final = (1, 16, 1)
SERVER_TYPE: Final = "songkeep"
NAMESPACE: Final = "http://subsonic.org/restapi"

Format = Literal["xml", "json", "jsonp"]
CONTENT_TYPES: Final[Mapping[Format, str]] = {
    "xml": "application/xml; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "jsonp": "text/javascript; charset=utf-8",
}

GENERIC: Final = 0
MISSING_PARAMETER: Final = 10
CLIENT_TOO_OLD: Final = 20
SERVER_TOO_OLD: Final = 30
WRONG_CREDENTIALS: Final = 40
MECHANISM_UNKNOWN: Final = 42
MECHANISMS_CONFLICT: Final = 43
WRONG_API_KEY: Final = 44
NOT_ALLOWED: Final = 50
NOT_FOUND: Final = 70

EXTENSIONS: Final[Mapping[str, list[int]]] = {
    "apiKeyAuthentication": [1],
    "formPost": [1],
    "indexBasedQueue": [1],
    "songLyrics": [1, 2],
    "transcodeOffset": [1],
}

Tree = dict[str, Any]

_CALLBACK: Final = re.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*\Z", re.ASCII)
_MAX_CALLBACK_CHARS: Final = 200
# What XML 1.0 can't carry, not even escaped: control characters, halves of surrogate pairs, two non-characters.
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEAD: Final[Tree] = {
    "status": "ok",
    "version": ".".join(map(str, API_VERSION)),
    "type": SERVER_TYPE,
    "serverVersion": __version__,
    "openSubsonic": True,
}


class Failure(Exception):
    """A request that can't be answered; `code` is one of the protocol's."""

    def __init__(self, code: int, message: str, *, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        """HTTP's: apps expect 200 for everything but an address that doesn't exist."""


def answered(tree: Tree) -> Tree:
    """The whole of a good answer."""
    return {**_HEAD, **tree}


def failed(failure: Failure) -> Tree:
    """The whole of a bad one."""
    return {**_HEAD, "status": "failed", "error": {"code": failure.code, "message": str(failure)}}


def is_callback(name: str) -> bool:
    """Whether a JSONP answer may call this: a dotted name and nothing that could be a program."""
    return len(name) <= _MAX_CALLBACK_CHARS and _CALLBACK.match(name) is not None


def render(tree: Tree, form: Format, callback: str = "") -> bytes:
    """`tree`, from `answered` or `failed`, in UTF-8."""
    if form == "xml":
        parts = ['<?xml version="1.0" encoding="UTF-8"?>\n']
        _element("subsonic-response", {"xmlns": NAMESPACE, **tree}, parts)
        return "".join(parts).encode("utf-8")
    try:
        body = json.dumps({"subsonic-response": tree}, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a surrogate pair, from a tag or a path
        body = json.dumps({"subsonic-response": tree}, separators=(",", ":")).encode()
    if form == "json":
        return body
    # The comment keeps what follows from being taken for anything but a script.
    return b"/**/" + callback.encode("ascii") + b"(" + body + b");"


def _element(name: str, value: Any, parts: list[str]) -> None:
    if not isinstance(value, dict):
        parts.append(f"<{name}>{_escaped(value)}</{name}>")
        return
    nested: list[tuple[str, Any]] = []
    text: Any = None
    parts.append(f"<{name}")
    for key, content in value.items():
        if isinstance(content, dict | list):
            nested.append((key, content))
        elif key == "value" and not any(isinstance(other, dict | list) for other in value.values()):
            text = content
        elif content is not None:
            parts.append(f" {key}={_attribute(content)}")
    if text is None and not nested:
        parts.append("/>")
        return
    parts.append(">")
    if text is not None:
        parts.append(_escaped(text))
    for key, content in nested:
        for each in content if isinstance(content, list) else (content,):
            _element(key, each, parts)
    parts.append(f"</{name}>")


def _attribute(value: Any) -> str:
    if value is True or value is False:
        return '"true"' if value else '"false"'
    if isinstance(value, str):
        if _NOT_XML.search(value):
            value = _NOT_XML.sub("\ufffd", value)
        return quoteattr(value)
    return f'"{value}"'


def _escaped(value: Any) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    return escape(_NOT_XML.sub("\ufffd", str(value)))

"""Checks answers against docs/openapi.yaml."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

DOCUMENT = Path(__file__).parents[1] / "docs" / "openapi.yaml"


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    return loaded


def operation(method: str, path: str) -> dict[str, Any]:
    """What the document says of a method of a path. Raises AssertionError if it says nothing."""
    for pattern, item in document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", pattern), path):
            said = item.get("get" if method == "HEAD" else method.lower())
            assert said is not None, f"{method} {path} is not documented"
            return dict(said)
    raise AssertionError(f"{path} is not documented")


def check(method: str, path: str, status: int, content_type: str, value: object) -> None:
    """That an answer is one that the document promises. Raises AssertionError that says where it differs."""
    responses = operation(method, path)["responses"]
    # What the gate answers is the same for every operation and said once, in the description.
    said = responses.get(str(status)) or (
        _reference("#/components/responses/Error") if status in (401, 403, 421) else None
    )
    assert said is not None, f"{method} {path} answers {status}, which is not documented"
    if "$ref" in said:
        said = _reference(said["$ref"])
    content = said.get("content", {})
    if method == "HEAD" or not content:
        return
    media_type = content_type.partition(";")[0]
    chosen = content.get(media_type, content.get(media_type.partition("/")[0] + "/*"))
    assert chosen is not None, f"{method} {path} answers {media_type}, which is not documented"
    if chosen and media_type == "application/json":
        schema = {**chosen["schema"], "components": document()["components"]}
        problems = [
            f"{'/'.join(map(str, problem.absolute_path))}: {problem.message[:300]}"
            for problem in Draft202012Validator(schema).iter_errors(value)
        ]
        assert not problems, f"{method} {path} {status} differs from the document: {problems[:5]}"


def _reference(reference: str) -> dict[str, Any]:
    found: Any = document()
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)

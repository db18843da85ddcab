"""One running node for all tests that only read from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.living import Living, living, make_music


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """A node that has listed and sealed a small folder."""
    place = tmp_path_factory.mktemp("node")
    with living(place / "home", "--port", "7700") as running:
        job = running.ask("POST", "/api/v1/add", {"paths": [str(make_music(place / "music"))]}).json["job"]
        result = running.finish(job)["result"]
        assert (result["added"], result["failed"]) == (5, [])
        yield running

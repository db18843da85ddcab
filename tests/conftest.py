"""What all tests share."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="every crash point and full sizes, not a sample")


@pytest.fixture
def exhaustive(request: pytest.FixtureRequest) -> bool:
    """Whether to try everything, however long it takes."""
    return bool(request.config.getoption("--exhaustive"))

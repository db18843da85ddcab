"""What all tests share."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

# How long an example takes says nothing on a machine that others use too; the same sample each time is what a check of
# one change needs. `--hypothesis-profile default` looks for new ones.
settings.register_profile("shared machine", deadline=None, derandomize=True)
settings.load_profile("shared machine")

EXHAUSTIVE_S = 7_200
"""A night's work is not held up by what stops a test that hangs."""


def pytest_configure() -> None:
    # What a shell starts in the background ignores Ctrl-C, and so would the programs that are ended with it here.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="every crash point and full sizes, not a sample")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--exhaustive"):
        for item in items:
            item.add_marker(pytest.mark.timeout(EXHAUSTIVE_S))


@pytest.fixture
def exhaustive(request: pytest.FixtureRequest) -> bool:
    """Whether to try everything, however long it takes."""
    return bool(request.config.getoption("--exhaustive"))

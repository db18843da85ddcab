"""How long the simulations run."""

from __future__ import annotations

import pytest


@pytest.fixture
def interleavings(exhaustive: bool) -> int:
    """100,000 for a night, else a sample."""
    return 100_000 if exhaustive else 3_000

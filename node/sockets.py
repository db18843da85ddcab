"""How many connections this process may have."""

from __future__ import annotations

import contextlib


def allow_many_sockets() -> None:
    """As many open files as the system lets this process have: each device is one, and 1,024 are soon too few."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such bound
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

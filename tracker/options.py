"""How a tracker is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from node.wire.roomeffects import Limits
    from tracker.access import AccessLogging

DEFAULT_PORT: Final = 7665
DEFAULT_STUN_PORT: Final = 3478
DATABASE_NAME: Final = "tracker.sqlite"
PLANS_NAME: Final = "plans.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the person who runs it may choose."""

    home: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0: any that is free."""
    stun_host: str = "0.0.0.0"
    stun_port: int | None = DEFAULT_STUN_PORT
    """None: no STUN."""
    names: frozenset[str] = frozenset()
    """Hosts under which devices dial this tracker; empty: only by its own address."""
    app: bool = True
    """Serve the app's files too."""
    access_log: AccessLogging = "on"
    """on | addresses (of clients too) | off."""
    limits: Limits | None = None

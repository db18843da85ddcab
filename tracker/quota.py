"""What may be granted: plans, and the rule by which no account ever has more on its seeds than its plan gives. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from node.errors import RefusedError, UserError
from node.sizes import read_size, songs_in

GRANT_LIFETIME_MS: Final = 31 * 86_400_000
CLOCK_DOUBT_MS: Final = 72 * 3_600_000
"""For so long beyond its end a grant may still count on a seed whose clock is behind."""
MAX_SEEDS: Final = 16
MAX_PLANS: Final = 100
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")


@dataclass(frozen=True, slots=True)
class Plans:
    """What accounts may have, as the person who runs the tracker wrote it."""

    bytes_of: Mapping[str, int] = field(default_factory=lambda: {"free": 2_000_000_000, "plus": 40_000_000_000})
    default: str = "free"
    invitation_only: bool = False

    def size_of(self, plan: str) -> int:
        """A plan that was taken out of the file gives nothing new."""
        return self.bytes_of.get(plan, 0)


def read_plans(text: str) -> Plans:
    """The plans of a TOML file. Raises UserError that names what is wrong."""
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"the plans file is not TOML: {error}") from error
    plans = value.get("plans")
    if not isinstance(plans, dict) or not 0 < len(plans) <= MAX_PLANS:
        raise UserError("the plans file has a table [plans.NAME] for each plan")
    sizes = {name: _plan_size(name, plan) for name, plan in plans.items()}
    default = value.get("default_plan", next(iter(sizes)))
    if default not in sizes:
        raise UserError("default_plan names a plan that the file doesn't have")
    registration = value.get("registration", "open")
    if registration not in ("open", "invitation"):
        raise UserError('registration is "open" or "invitation"')
    return Plans(sizes, str(default), registration == "invitation")


def _plan_size(name: str, plan: Any) -> int:
    if not _NAME.match(name) or not isinstance(plan, dict):
        raise UserError(f"{name[:40]!r} is not the name of a plan; one has small letters and digits")
    size = plan.get("bytes")
    if isinstance(size, str):
        return read_size(size)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise UserError(f'the plan {name!r} needs bytes = "40GB"')
    return size


@dataclass(frozen=True, slots=True)
class Lease:
    """A grant that was signed, as the ledger remembers it."""

    seed: bytes
    granted_bytes: int
    serial: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A seed's own newest word of what it keeps by this tracker's grants."""

    serial: int
    """Of the newest grant that it took: older ones it refuses."""
    kept_bytes: int
    time_ms: int


def standing(leases: Iterable[Lease], kept: Mapping[bytes, Kept], now_ms: int) -> dict[bytes, int]:
    """What is, or may come to be, stored on each seed.

    A grant counts until its seed has said that a newer one is in force, also when it has run out: seeds take nothing
    away because a tracker is silent. Only one that the seed says, after its end, it never took is forgotten.
    """
    largest = {seed: told.kept_bytes for seed, told in kept.items()}
    for lease in leases:
        told = kept.get(lease.seed)
        if told is not None:
            ended = now_ms >= lease.expires_ms + CLOCK_DOUBT_MS
            if lease.serial <= told.serial or (ended and told.time_ms >= lease.expires_ms + CLOCK_DOUBT_MS):
                continue
        largest[lease.seed] = max(largest.get(lease.seed, 0), lease.granted_bytes)
    return {seed: size for seed, size in largest.items() if size}


def check_ask(
    leases: Iterable[Lease],
    kept: Mapping[bytes, Kept],
    seed: bytes,
    wanted_bytes: int,
    *,
    plan_bytes: int,
    now_ms: int,
) -> None:
    """Raises RefusedError, with how much is left, if `wanted_bytes` on `seed` would be more than the plan gives."""
    granted = standing(leases, kept, now_ms)
    if seed not in granted and len(granted) >= MAX_SEEDS:
        raise RefusedError(f"an account has grants on at most {MAX_SEEDS} seeds")
    elsewhere = sum(size for other, size in granted.items() if other != seed)
    left = max(0, plan_bytes - elsewhere)
    if wanted_bytes > left:
        raise RefusedError(
            f"the plan gives {plan_bytes:,} bytes; {left:,} of them are left for this seed. What another seed keeps is "
            "free once that seed has said that it keeps it no more"
        )


def songs(size_bytes: int) -> int:
    """What a size means in songs for the phone."""
    return songs_in(size_bytes)

"""What the person who runs the tracker can see: seeds in use, plans, invitations. Nothing here changes anything."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sql

from node.ids import DeviceId, LibraryId, to_text
from tracker import quota
from tracker.database import ACCOUNTS, GRANTS, INVITATIONS, USAGES, Database
from tracker.quota import Kept, Lease, Plans


@dataclass(frozen=True, slots=True)
class OnSeed:
    """What one account has on one seed."""

    library: LibraryId
    seed: DeviceId
    counted_bytes: int
    """Of its plan: the largest that the seed may still keep."""
    kept_bytes: int | None
    """Granted there, by the seed's own signed word; None if it has not said anything yet."""
    used_bytes: int | None
    told_ms: int | None


@dataclass(frozen=True, slots=True)
class PlanUse:
    """One plan, and how many accounts have it."""

    name: str
    size_bytes: int
    is_default: bool
    accounts: int


@dataclass(frozen=True, slots=True)
class Invitation:
    """One that can still be used; its code is known to nobody but those who have it."""

    plan: str
    uses_left: int
    expires_ms: int


def on_seeds(database: Database, library: str = "", *, now_ms: int) -> list[OnSeed]:
    """Every account's seeds, or those of accounts whose identifier begins with `library`. Blocks."""

    def look(step: sql.Connection) -> list[OnSeed]:
        found: list[OnSeed] = []
        for each in step.scalars(sql.select(ACCOUNTS.c.library).order_by(ACCOUNTS.c.created_ms)):
            if not to_text(each).startswith(library):
                continue
            grants = step.execute(sql.select(GRANTS).where(GRANTS.c.library == each))
            leases = [Lease(row.seed, row.granted_bytes, row.serial, row.expires_ms) for row in grants]
            words = {row.seed: row for row in step.execute(sql.select(USAGES).where(USAGES.c.library == each))}
            kept = {seed: Kept(row.serial, row.kept_bytes, row.time_ms) for seed, row in words.items()}
            counted = quota.standing(leases, kept, now_ms)
            for seed in sorted({*counted, *words}):
                word = words.get(seed)
                found.append(
                    OnSeed(
                        library=LibraryId(each),
                        seed=DeviceId(seed),
                        counted_bytes=counted.get(seed, 0),
                        kept_bytes=word.kept_bytes if word else None,
                        used_bytes=word.used_bytes if word else None,
                        told_ms=word.time_ms if word else None,
                    )
                )
        return found

    return database.run(look)


def plan_uses(database: Database, plans: Plans) -> list[PlanUse]:
    """Every plan of the file, and those that accounts still have though it is not in the file any more. Blocks."""

    def look(step: sql.Connection) -> dict[str, int]:
        counts = sql.select(ACCOUNTS.c.plan, sql.func.count().label("accounts")).group_by(ACCOUNTS.c.plan)
        return {row.plan: row.accounts for row in step.execute(counts)}

    counted = database.run(look)
    return [
        PlanUse(name, plans.size_of(name), name == plans.default, counted.get(name, 0))
        for name in [*plans.bytes_of, *sorted(set(counted) - set(plans.bytes_of))]
    ]


def invitations(database: Database, *, now_ms: int) -> list[Invitation]:
    """Those that can still be used, the soonest to end first. Blocks."""

    def look(step: sql.Connection) -> list[Invitation]:
        usable = sql.select(INVITATIONS).where(INVITATIONS.c.uses_left > 0, INVITATIONS.c.expires_ms > now_ms)
        rows = step.execute(usable.order_by(INVITATIONS.c.expires_ms))
        return [Invitation(row.plan, row.uses_left, row.expires_ms) for row in rows]

    return database.run(look)

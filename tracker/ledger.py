"""The ledger: accounts, invitations and grants, and what the person who runs the tracker may do with them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sql

from node.crypto.keys import MemberKeys
from node.errors import NotFoundError, RefusedError, UserError
from node.ids import DeviceId, LibraryId, from_text, to_text
from node.wire.grants import Grant, sign_grant
from node.wire.roomhost import SuspendedError
from node.wire.usage import Usage, read_usage
from tracker import quota
from tracker.database import ACCOUNTS, GRANTS, INVITATIONS, MEMBERS, USAGES, Database
from tracker.quota import Kept, Lease, Plans

INVITATION_LIFETIME_MS: Final = 30 * 86_400_000
MAX_INVITATION_USES: Final = 1_000
MAX_LEASES: Final = 32
"""Grants of one account on one seed that are not settled by the seed's word."""


def system_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """One library, as the person who runs the tracker sees it."""

    library: LibraryId
    plan: str
    suspended: bool
    created_ms: int
    members: int
    granted_bytes: int


class Ledger:
    """Accounts and grants in the database; see RoomHost's Ledger."""

    def __init__(
        self, database: Database, keys: MemberKeys, plans: Plans, *, now_ms: Callable[[], int] = system_ms
    ) -> None:
        """`keys` sign the grants."""
        self._database = database
        self._keys = keys
        self._plans = plans
        self._now_ms = now_ms

    async def admit(self, library: LibraryId, invitation: str) -> None:
        """Open an account. Raises RefusedError where an invitation is needed and this is none."""
        now_ms = self._now_ms()
        await self._database.work(lambda step: self._admit(step, library, invitation, now_ms))

    def _admit(self, step: sql.Connection, library: LibraryId, invitation: str, now_ms: int) -> None:
        if step.scalar(sql.select(ACCOUNTS.c.library).where(ACCOUNTS.c.library == library)) is not None:
            return
        plan = self._use_invitation(step, invitation, now_ms) if invitation else None
        if plan is None and self._plans.invitation_only:
            raise RefusedError("this tracker takes in new libraries by invitation only, and this invitation is none")
        step.execute(
            sql.insert(ACCOUNTS).values(
                library=library, plan=plan or self._plans.default, suspended=False, created_ms=now_ms, clock_ms=0
            )
        )

    def _use_invitation(self, step: sql.Connection, invitation: str, now_ms: int) -> str | None:
        usable = (
            INVITATIONS.c.digest == _digest(invitation),
            INVITATIONS.c.uses_left > 0,
            INVITATIONS.c.expires_ms > now_ms,
        )
        plan = step.scalar(sql.select(INVITATIONS.c.plan).where(*usable))
        if plan is not None:
            step.execute(sql.update(INVITATIONS).where(*usable).values(uses_left=INVITATIONS.c.uses_left - 1))
        return plan

    async def account(self, library: LibraryId) -> dict[str, object]:
        """The account as its devices are told."""

        def look(step: sql.Connection) -> dict[str, object]:
            row = _account(step, library)
            size = self._plans.size_of(row.plan)
            granted = quota.standing(_leases(step, library), _kept(step, library), max(self._now_ms(), row.clock_ms))
            return {
                "plan": row.plan,
                "plan_bytes": size,
                "songs": quota.songs(size),
                "granted": [[seed, size_bytes] for seed, size_bytes in sorted(granted.items())],
            }

        return await self._database.work(look)

    async def grant(self, library: LibraryId, seed: DeviceId, size_bytes: int) -> bytes:
        """A signed grant of `size_bytes` on `seed`. Raises RefusedError: more than is left, suspended."""
        return await self._database.work(lambda step: self._grant(step, library, seed, size_bytes))

    def _grant(self, step: sql.Connection, library: LibraryId, seed: DeviceId, size_bytes: int) -> bytes:
        row = _account(step, library)
        if row.suspended:
            raise SuspendedError
        # A clock that was set back must not make old grants look ended.
        now_ms = max(self._now_ms(), row.clock_ms)
        leases = _leases(step, library)
        if sum(lease.seed == seed for lease in leases) >= MAX_LEASES:
            raise RefusedError("too many grants for this seed wait for its word; have your devices reach it first")
        plan_bytes = self._plans.size_of(row.plan)
        quota.check_ask(leases, _kept(step, library), seed, size_bytes, plan_bytes=plan_bytes, now_ms=now_ms)
        grant = Grant(
            tracker=self._keys.id,
            library=library,
            seed=seed,
            granted_bytes=size_bytes,
            serial=max((lease.serial for lease in leases), default=0) + 1,
            issued_ms=now_ms,
            expires_ms=now_ms + quota.GRANT_LIFETIME_MS,
        )
        step.execute(
            sql.insert(GRANTS).values(
                library=library,
                serial=grant.serial,
                seed=seed,
                granted_bytes=size_bytes,
                issued_ms=grant.issued_ms,
                expires_ms=grant.expires_ms,
            )
        )
        step.execute(sql.update(ACCOUNTS).where(ACCOUNTS.c.library == library).values(clock_ms=now_ms))
        # What a newer grant of as much covers says nothing more.
        step.execute(
            sql.delete(GRANTS).where(
                GRANTS.c.library == library,
                GRANTS.c.seed == seed,
                GRANTS.c.serial < grant.serial,
                GRANTS.c.granted_bytes <= size_bytes,
            )
        )
        return sign_grant(self._keys, grant)

    async def keep_usage(self, library: LibraryId, record: bytes) -> None:
        """Take a seed's signed word of what it keeps; an older one than is known changes nothing.

        It never counts as more than this tracker granted there: no seed uses up a plan by its word alone.

        Raises PeerError, RefusedError (for another library or tracker).
        """
        usage = read_usage(record)
        if usage.library != library or usage.tracker != self._keys.id:
            raise RefusedError("that is what a seed keeps of another library, or by another tracker's leave")
        await self._database.work(lambda step: self._keep_usage(step, usage))

    def _keep_usage(self, step: sql.Connection, usage: Usage) -> None:
        _account(step, usage.library)
        here = sql.and_(USAGES.c.library == usage.library, USAGES.c.seed == usage.seed)
        leases = _leases(step, usage.library)
        if usage.serial > max((lease.serial for lease in leases), default=0):
            raise RefusedError("a seed names a grant that this tracker never signed")
        known = step.execute(sql.select(USAGES).where(here)).one_or_none()
        if known is not None and (usage.serial, usage.time_ms) <= (known.serial, known.time_ms):
            return
        if known is None and usage.seed not in {lease.seed for lease in leases}:
            return  # nothing was ever granted there: nobody may fill the ledger with such words
        granted = [lease.granted_bytes for lease in leases if lease.seed == usage.seed]
        most_bytes = max(granted + ([] if known is None else [known.kept_bytes]))
        step.execute(sql.delete(USAGES).where(here))
        step.execute(
            sql.insert(USAGES).values(
                library=usage.library,
                seed=usage.seed,
                serial=usage.serial,
                kept_bytes=min(usage.kept_bytes, most_bytes),
                used_bytes=usage.used_bytes,
                time_ms=usage.time_ms,
            )
        )
        settled = sql.and_(GRANTS.c.library == usage.library, GRANTS.c.seed == usage.seed)
        step.execute(sql.delete(GRANTS).where(settled, GRANTS.c.serial < usage.serial))

    # What the person who runs the tracker does; these block.

    def accounts(self) -> list[Account]:
        """Every account, the newest last."""

        def look(step: sql.Connection) -> list[Account]:
            counts = sql.select(MEMBERS.c.library, sql.func.count().label("members")).where(MEMBERS.c.active)
            members = {row.library: row.members for row in step.execute(counts.group_by(MEMBERS.c.library))}
            now_ms = self._now_ms()
            return [
                Account(
                    library=LibraryId(row.library),
                    plan=row.plan,
                    suspended=row.suspended,
                    created_ms=row.created_ms,
                    members=members.get(row.library, 0),
                    granted_bytes=sum(
                        quota.standing(_leases(step, row.library), _kept(step, row.library), now_ms).values()
                    ),
                )
                for row in step.execute(sql.select(ACCOUNTS).order_by(ACCOUNTS.c.created_ms))
            ]

        return self._database.run(look)

    def invite(self, code: bytes, *, plan: str | None, uses: int) -> str:
        """An invitation good for 30 days; `code` is fresh randomness (10 bytes). Raises UserError."""
        chosen = plan or self._plans.default
        if chosen not in self._plans.bytes_of:
            raise UserError(f"there is no plan {chosen[:40]!r}; there are {', '.join(self._plans.bytes_of)}")
        if not 1 <= uses <= MAX_INVITATION_USES:
            raise UserError(f"an invitation is good for 1 to {MAX_INVITATION_USES} libraries")
        text = to_text(code)
        row = {
            "digest": _digest(text),
            "plan": chosen,
            "uses_left": uses,
            "expires_ms": self._now_ms() + INVITATION_LIFETIME_MS,
        }
        self._database.run(lambda step: step.execute(sql.insert(INVITATIONS).values(**row)))
        return text

    def set_plan(self, library: str, plan: str) -> None:
        """Give an account another plan; grants that are out stay until they end. Raises UserError, NotFoundError."""
        if plan not in self._plans.bytes_of:
            raise UserError(f"there is no plan {plan[:40]!r}; there are {', '.join(self._plans.bytes_of)}")
        self._change(library, plan=plan)

    def release(self, library: str, seed: str) -> None:
        """Count what was granted on a seed no more: it is gone for good and can't say so. Raises NotFoundError."""

        def write(step: sql.Connection, found: bytes) -> None:
            seeds = {*step.scalars(sql.select(GRANTS.c.seed).where(GRANTS.c.library == found))}
            seeds |= {*step.scalars(sql.select(USAGES.c.seed).where(USAGES.c.library == found))}
            named = [each for each in seeds if to_text(each).startswith(seed)]
            if len(named) != 1 or len(seed) < 4:
                raise NotFoundError(f"the account has nothing on a seed {seed[:60]!r}, or on more than one")
            for table in (GRANTS, USAGES):
                step.execute(sql.delete(table).where(table.c.library == found, table.c.seed == named[0]))

        self._on_account(library, write)

    def suspend(self, library: str, *, suspended: bool) -> None:
        """Let an account in no more, or again. Raises NotFoundError, UserError."""
        self._change(library, suspended=suspended)

    def _change(self, library: str, **values: object) -> None:
        def write(step: sql.Connection, found: bytes) -> None:
            step.execute(sql.update(ACCOUNTS).where(ACCOUNTS.c.library == found).values(**values))

        self._on_account(library, write)

    def _on_account(self, library: str, write: Callable[[sql.Connection, bytes], None]) -> None:
        def find(step: sql.Connection) -> None:
            found = [row for row in step.scalars(sql.select(ACCOUNTS.c.library)) if to_text(row).startswith(library)]
            if len(found) > 1:
                raise UserError(f"more than one account begins with {library[:60]!r}")
            if not found or len(library) < 4:
                raise NotFoundError(f"there is no account {library[:60]!r}")
            write(step, found[0])

        self._database.run(find)


def _account(step: sql.Connection, library: LibraryId) -> Any:
    # For update: on a database with row locks two asks of one account must wait for each other.
    row = step.execute(sql.select(ACCOUNTS).where(ACCOUNTS.c.library == library).with_for_update()).first()
    if row is None:
        raise RefusedError("this tracker has no account for the library")
    return row


def _kept(step: sql.Connection, library: bytes) -> dict[bytes, Kept]:
    rows = step.execute(sql.select(USAGES).where(USAGES.c.library == library))
    return {row.seed: Kept(row.serial, row.kept_bytes, row.time_ms) for row in rows}


def _leases(step: sql.Connection, library: bytes) -> list[Lease]:
    rows = step.execute(sql.select(GRANTS).where(GRANTS.c.library == library))
    return [Lease(row.seed, row.granted_bytes, row.serial, row.expires_ms) for row in rows]


def _digest(invitation: str) -> bytes:
    try:
        return hashlib.sha256(from_text(invitation.strip().lower())).digest()
    except UserError:
        return hashlib.sha256(b"").digest()

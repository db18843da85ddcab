"""What follows from changes of the roster: a fork is put in order, and the person hears who came and went.

Two owners who change the list of devices without knowing of each other fork it; FORMAT.md, "Forks", says what stands.
What is left to do, any owner does: begin an epoch without those whom the other branch revoked, and sign again whom it
let in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final, Literal

from node.crypto.keys import EpochKeys, MemberKeys
from node.errors import SongkeepError
from node.ids import DeviceId, to_text
from node.peers.membership import Membership
from node.wire.names import UNNAMED
from node.wire.roster import Entry, Kind, Member, Role, Roster, add_recovery, admit, settle

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 1.0
EACH_WAIT_S: Final = 5.0
"""So much longer waits each owner than the one senior to it: mostly the first does it, and the others hear of it."""
RETRY_S: Final = 30.0

Tell = Callable[[Literal["info", "warning", "error"], str | Callable[[], str]], None]
"""Says one sentence to the person; a function where a name in it may come later."""


class Ruling:
    """Puts forks in order. `run` must be running."""

    def __init__(
        self,
        membership: Membership,
        *,
        now_ms: Callable[[], int],
        first_wait_s: float = FIRST_WAIT_S,
        each_wait_s: float = EACH_WAIT_S,
    ) -> None:
        self._membership = membership
        self._now_ms = now_ms
        self._first_wait_s = first_wait_s
        self._each_wait_s = each_wait_s
        self._changed = asyncio.Event()
        membership.on_change.append(lambda _before, _after: self._changed.set())

    async def run(self) -> None:
        """Does what is this device's to do, until cancelled."""
        while True:
            self._changed.clear()
            if self._has_work():
                await asyncio.sleep(self._wait_s())
                try:
                    while self._has_work():
                        await self._membership.change(self._next_step)
                except SongkeepError as error:
                    log.warning("roster_not_settled reason=%s", error)
                    await asyncio.sleep(RETRY_S)
            else:
                await self._changed.wait()

    def _has_work(self) -> bool:
        known = self._membership.roster.members.get(self._membership.keys.id)
        if known is None or not known.active or not known.role.rules:
            return False
        roster = self._membership.roster
        return bool(roster.unsettled) or (not self._membership.is_shut_out and bool(self._lost(roster)))

    def _lost(self, roster: Roster) -> list[Entry]:
        """Admissions for this device to sign again.

        A phrase takes its rank from who signs for it, so only who first did may do it again: else a thief who lost a
        fork on purpose would be lifted up.
        """
        mine = self._membership.keys.id
        return [entry for entry in roster.lost if entry.kind is Kind.ADMIT or entry.signer == mine]

    def _wait_s(self) -> float:
        owners = [each.public.id for each in self._membership.roster.active(Role.OWNER)]
        mine = self._membership.keys.id
        if any(entry.signer == mine for entry in self._membership.roster.lost):
            return self._first_wait_s
        return self._first_wait_s + owners.index(mine) * self._each_wait_s

    def _next_step(self, roster: Roster, keys: MemberKeys, epochs: dict[int, EpochKeys]) -> Roster:
        if roster.unsettled:
            secret = EpochKeys(roster.next_epoch, self._membership.random(32))
            log.info("roster_settled gone=%d", len(roster.unsettled))
            return settle(roster, keys, next_epoch=secret, time_ms=self._now_ms())
        entry = self._lost(roster)[0]
        newcomer = entry.newcomers[0]
        log.info("admission_signed_again member=%s", to_text(newcomer.public.id)[:8])
        if newcomer.role is Role.RECOVERY:
            return add_recovery(roster, keys, newcomer.public, epochs=epochs.values(), time_ms=self._now_ms())
        return admit(
            roster,
            keys,
            newcomer.public,
            role=newcomer.role,
            epochs=epochs.values(),
            time_ms=self._now_ms(),
            addresses=newcomer.addresses,
        )


def tell_of_changes(
    membership: Membership, name_of: Callable[[DeviceId], str], tell: Tell
) -> Callable[[Roster, Roster], None]:
    """Says on every device what happened to the roster: nobody comes unnoticed, and no phrase."""

    def told(before: Roster, after: Roster) -> None:
        for member_id, member in after.members.items():
            known = before.members.get(member_id)
            short = to_text(member_id)[:8]
            if known is None:
                by = name_of(after.admission(member).signer)
                if member.role is Role.RECOVERY:
                    tell(
                        "warning",
                        f"A new recovery phrase ({short}) was made on {by}. If that wasn't you, somebody else has "
                        "that device: revoke it (songkeep devices revoke), and remove the phrase (songkeep phrase).",
                    )
                else:
                    tell("info", partial(_admitted, member, by, name_of))
            elif known.active and not member.active:
                if member_id == membership.keys.id:
                    tell(
                        "warning",
                        "This device was revoked by another one. What it holds already plays on; it gets nothing new. "
                        "To use it again, pair it anew in an empty home.",
                    )
                elif member.role is Role.RECOVERY:
                    tell("info", f"The recovery phrase {short} was removed: it opens nothing that comes from now on.")
                else:
                    tell(
                        "info",
                        f"The device {name_of(member_id)} ({short}) was revoked. "
                        "What it changed since it was last heard of counts for nothing.",
                    )
        if len(after.lost) + len(after.unsettled) > len(before.lost) + len(before.unsettled):
            tell("warning", _fork_text(after))
        if membership.is_shut_out and after.epoch > before.epoch:
            tell(
                "error",
                "Another device changed the library's keys and gave this one none that works. If you didn't do that, "
                "revoke the device that did: songkeep devices.",
            )

    return told


def _admitted(member: Member, by: str, name_of: Callable[[DeviceId], str]) -> str:
    """The roster comes before the catalog, where the newcomer's name is."""
    short = to_text(member.public.id)[:8]
    called = member.addresses[0] if member.role is Role.SEED and member.addresses else name_of(member.public.id)
    which = f" ({short})" if called == UNNAMED else f", {called} ({short}),"
    return (
        f"A new device{which} was let into your library as {member.role}, by {by}. "
        f"If you don't know of it, revoke it: songkeep devices revoke {short}"
    )


def _fork_text(roster: Roster) -> str:
    text = "Two of your devices changed the list of devices without knowing of each other. "
    if roster.unsettled:
        text += "Whoever one of them revoked stays revoked. "
    if roster.lost:
        text += "What the more senior one did stands; whom the other let in is let in again by itself in a moment."
    return text.rstrip()

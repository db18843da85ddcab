"""The library's devices, as the person sees and rules them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from node.catalog.vector import log_device
from node.crypto.keys import EpochKeys
from node.errors import NotFoundError, RefusedError, UserError
from node.flows.pair import Newcomer
from node.flows.phrases import recovery_signer
from node.flows.sightings import Sightings
from node.ids import DeviceId, to_text
from node.library import Library
from node.peers.directory import Directory
from node.peers.links import Links
from node.peers.membership import Membership
from node.wire.names import MAX_NAME_CHARS, UNNAMED, device_name
from node.wire.roster import Member, Role, revoke

OWN_NAME: Final = "own_name"
"""Setting of the index: what this device was called when it joined."""
LONG_AWAY_MS: Final = 30 * 86_400_000
_SHOWN: Final = (Role.OWNER, Role.PLAYER, Role.SEED)


@dataclass(frozen=True, slots=True)
class OwnRoom:
    """How much a device keeps."""

    budget_bytes: int | None
    held_bytes: int | None
    damaged_blobs: int = 0


class Devices:
    """Lists, names and revokes."""

    def __init__(
        self,
        membership: Membership,
        directory: Directory,
        links: Links,
        library: Library,
        sightings: Sightings,
        *,
        own_name: str,
        own_room: Callable[[], OwnRoom],
        random: Callable[[int], bytes],
    ) -> None:
        self._membership = membership
        self._directory = directory
        self._links = links
        self._library = library
        self._sightings = sightings
        self._random = random
        self._own_room = own_room
        self.last_list: Callable[[DeviceId], int | None] = lambda _member: None
        """Serial of the newest hold list that a device signed; the seeds know."""
        self._first_name = device_name(str(library.index.settings.get(OWN_NAME, own_name)))

    @property
    def own_name(self) -> str:
        return self._library.device_names.of(self._membership.keys.id) or self._first_name

    async def introduce(self) -> None:
        """Let the other devices know what this one is called."""
        await self._call(self._membership.keys.id, self.own_name)

    async def heard_of(self, newcomer: Newcomer) -> None:
        """Keep what a device calls itself."""
        await self._call(newcomer.public.id, newcomer.name)

    async def rename(self, device: str, name: str) -> dict[str, Any]:
        """Call a device otherwise: this one, or as an owner any. Raises NotFoundError, RefusedError, UserError."""
        member = self._find(device)
        me = self._membership.me
        if member.public.id != me.public.id and not me.role.rules:
            raise RefusedError("this device may rename only itself; rename others on a device that is an owner")
        if len(name.strip()) > MAX_NAME_CHARS or not (plain := device_name(name)):
            raise UserError(f"a device's name has 1 to {MAX_NAME_CHARS} characters")
        await self._call(member.public.id, plain)
        return self._shown(member)

    async def revoke(self, device: str, phrase: str | None = None) -> dict[str, Any]:
        """Let a device have nothing new from now on: it is out, and a new epoch begins.

        In the name of a recovery phrase if its words are given: it outranks devices that this one does not. Raises
        NotFoundError, RefusedError (this device or phrase may not), UserError (it is this very device; mistyped words).
        """
        member = self._find(device)
        if member.public.id == self._membership.keys.id:
            raise UserError("a device can't revoke itself; do it on another one that is an owner")
        if phrase is None:
            me = self._membership.require_owner()
            if member.active and member.rank <= me.rank:
                raise RefusedError(
                    "a device may revoke only devices that were admitted after it; "
                    "the recovery phrase may revoke any: songkeep devices revoke --with-phrase"
                )
        signer = self._membership.keys if phrase is None else recovery_signer(self._membership.roster, phrase)
        secret = self._random(32)
        heads = await asyncio.to_thread(self._library.index.log.heads)
        last_valid: dict[bytes, int] = {
            log: head.seq for log, head in heads.items() if log_device(log) == member.public.id
        }
        last_list = self.last_list(member.public.id)
        await self._membership.change(
            lambda roster, _mine, _epochs: revoke(
                roster,
                signer,
                [member.public.id],
                next_epoch=EpochKeys(roster.next_epoch, secret),
                time_ms=_now_ms(),
                heads=last_valid,
                lists={} if last_list is None else {member.public.id: last_list},
            )
        )
        return self._shown(self._membership.roster.members[member.public.id])

    def all(self) -> list[dict[str, Any]]:
        """Every device that was ever let in, the most senior first; the recovery phrase is none."""
        members = sorted(self._membership.roster.members.values(), key=lambda each: each.admitted_seq)
        return [self._shown(each) for each in members if each.role in _SHOWN]

    def name_of(self, member: DeviceId) -> str:
        if member == self._membership.keys.id:
            return self.own_name
        said = self._directory.get(member).presence
        return self._library.device_names.of(member) or (said.name if said else "") or UNNAMED

    def _find(self, device: str) -> Member:
        """By identifier, the beginning of one, or name."""
        wanted = device_name(device).lower()
        known = [each for each in self._membership.roster.members.values() if each.role in _SHOWN]
        exact = [each for each in known if to_text(each.public.id) == wanted]
        begun = [each for each in known if len(wanted) >= 4 and to_text(each.public.id).startswith(wanted)]
        called = [each for each in known if each.active and self.name_of(each.public.id).lower() == wanted]
        found = exact or begun or called
        if not found:
            raise NotFoundError(f"there is no device {device[:80]!r}")
        if len(found) > 1:
            raise UserError(f"more than one device is called {device[:80]!r}; use the beginning of its identifier")
        return found[0]

    async def _call(self, member: DeviceId, name: str) -> None:
        await asyncio.to_thread(self._library.device_names.call, member, name)

    def _shown(self, member: Member) -> dict[str, Any]:
        seen = self._directory.get(member.public.id)
        own = member.public.id == self._membership.keys.id
        known = self._sightings.of(member.public.id)
        room = self._own_room() if own else OwnRoom(known.budget_bytes, known.held_bytes)
        seen_ms = _now_ms() if own or seen.present else known.seen_ms
        return {
            "id": to_text(member.public.id),
            "name": self.name_of(member.public.id),
            "role": str(member.role),
            "this": own,
            "active": member.active,
            "present": member.active and (own or seen.present),
            "linked": self._links.to(member.public.id) is not None,
            "asleep": member.active and not own and not seen.present and known.asleep,
            "seen_ms": seen_ms,
            "budget_bytes": room.budget_bytes,
            "held_bytes": room.held_bytes,
            "health": _health(member, seen_ms, room),
        }


def _health(member: Member, seen_ms: int | None, room: OwnRoom) -> str:
    """What there is to say of a device, or nothing."""
    if not member.active:
        return "It was revoked."
    if room.damaged_blobs:
        return f"{room.damaged_blobs:,} of its files are damaged: songkeep verify --repair"
    if seen_ms is not None and _now_ms() - seen_ms > LONG_AWAY_MS:
        return f"It was not seen for {(_now_ms() - seen_ms) // 86_400_000} days."
    return ""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""Entering a library that others have: this device's first moment, by a pairing code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp

from node.crypto.keys import member_keys_from_random
from node.doors.rooms import NobodyWaitsError, pair_room
from node.doors.vault import Secrets, Vault
from node.errors import UnavailableError, UserError
from node.flows.lan import nearby_newcomer_rooms
from node.flows.pair import Welcome, join
from node.wire import pairing
from node.wire.pairing import Invitation


async def enter_library(
    vault_path: Path,
    invitation: Invitation,
    *,
    name: str,
    random: Callable[[int], bytes],
    show_check: Callable[[str], None],
    was_typed: Callable[[], None],
    kept: Callable[[Welcome], Awaitable[None]],
    nearby: Callable[[], AsyncIterator[str]] = nearby_newcomer_rooms,
) -> Welcome:
    """Pair as the newcomer; the vault is on the disk before the other device is told so. `kept` keeps what else came.

    Where the invitation names no server, the local network is searched (`nearby` gives its room servers).
    Raises UserError (a library is here already), RefusedError, UnavailableError.
    """
    if await asyncio.to_thread(vault_path.exists):
        raise UserError("there is a library in this home already; another home can be chosen with --home")
    keys = member_keys_from_random(random(64))

    async def keep(welcome: Welcome) -> None:
        secrets = Secrets(device=keys, epochs=welcome.epochs, roster=welcome.roster.entries)
        await asyncio.to_thread(Vault.create, vault_path, secrets)
        await kept(welcome)

    async def enter_at(server: str) -> Welcome:
        room = pairing.pair_room(invitation.code)
        async with (
            aiohttp.ClientSession() as session,
            pair_room(session, server, room, waits=False) as pipe,
        ):
            return await join(
                pipe,
                invitation.code,
                random=random,
                keys=keys,
                name=name,
                show_check=show_check,
                was_typed=was_typed,
                keep=keep,
            )

    if invitation.tracker is not None:
        return await enter_at(invitation.tracker)
    async for server in nearby():
        try:
            return await enter_at(server)
        except NobodyWaitsError:
            continue  # somebody else's newcomer is waited for there
    raise UnavailableError(
        "no device on this network waits with this code; run 'songkeep pair' there, or from far away "
        "'songkeep pair --anywhere', which says what to add to this command"
    )

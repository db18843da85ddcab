"""Letting new devices in: codes that are shown, renewed and spent, and the pairing that one of them leads to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import aiohttp

from node.doors.rooms import PairPipe
from node.errors import NotFoundError, SongkeepError, UnavailableError, UserError
from node.flows.pair import Newcomer, invite
from node.flows.waiting import Waiting, within
from node.ids import to_text
from node.peers.membership import Membership
from node.wire import pairing
from node.wire.pairing import Invitation
from node.wire.roster import Role, Roster, admit

log = logging.getLogger(__name__)

QR_GRACE_S: Final = 30.0
"""How long a QR code still works after the next one is shown: somebody may be pointing a camera at it."""
MAX_PAIRINGS: Final = 4
KEPT_ENDED_S: Final = 300.0
MAX_APP_URL_CHARS: Final = 300


@dataclass(eq=False)
class Pairing:
    """One try to let a device in, and what has happened so far."""

    role: Role
    tracker: str | None
    """Through which (or a seed) it may come from anywhere; None: only from the local network."""
    app_url: str | None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    events: list[dict[str, Any]] = field(default_factory=list)
    """What to tell the person, in order."""
    ended: bool = False
    ended_s: float = 0.0
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    digits: asyncio.Future[str] | None = None
    """Waits for the check code, once somebody has come."""

    def tell(self, event: str, **about: object) -> None:
        self.events.append({"event": event, **about})
        self._news.set()
        self._news = asyncio.Event()

    async def news_after(self, seen: int, *, timeout_s: float) -> list[dict[str, Any]]:
        """Events from number `seen` on; waits for one if there is none yet."""
        if len(self.events) <= seen and not self.ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._news.wait()
        return self.events[seen:]

    def type_digits(self, digits: str) -> None:
        """The check code as the person typed it. Raises UserError, UnavailableError if none is asked for."""
        plain = "".join(digits.split())
        if len(plain) != pairing.CHECK_DIGITS or not plain.isascii() or not plain.isdigit():
            raise UserError(f"a check code has {pairing.CHECK_DIGITS} digits")
        if self.digits is None or self.digits.done():
            raise UnavailableError("no check code is asked for now")
        self.digits.set_result(plain)


class LocalNetwork(Protocol):
    """The local network's part in pairing: node/flows/lan.py."""

    @property
    def own_url(self) -> str | None:
        """The address of this device's own rooms, while they are open."""
        ...

    def waiting_for_newcomer(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Has them open, and this device found, while the context lasts."""
        ...


class Pairings:
    """Every pairing of this node."""

    def __init__(
        self,
        membership: Membership,
        *,
        trackers: Callable[[], list[str]],
        servers: Callable[[], list[str]],
        nearby: LocalNetwork,
        named: Callable[[Newcomer], Awaitable[None]],
        qr_lifetime_s: float = pairing.QR_LIFETIME_S,
        qr_grace_s: float = QR_GRACE_S,
    ) -> None:
        """`trackers`: those that are joined now, for a newcomer to know; `servers`: they and seeds, where one can come.

        The best first. `named` keeps what a newcomer calls itself.
        """
        self._qr_lifetime_s = qr_lifetime_s
        self._qr_grace_s = qr_grace_s
        self._membership = membership
        self._trackers = trackers
        self._servers = servers
        self._nearby = nearby
        self._named = named
        self._pairings: dict[str, Pairing] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, *, role: Role, app_url: str | None, anywhere: bool) -> Pairing:
        """Show codes from now on. A newcomer comes from the local network; `anywhere`: through a tracker or seed too.

        Raises RefusedError (this device may not), UserError (nothing to meet through), UnavailableError.
        """
        self._membership.require_owner()
        if role not in (Role.OWNER, Role.PLAYER):
            raise UserError("a device joins as a player or as an owner")
        if app_url is not None and (
            len(app_url) > MAX_APP_URL_CHARS or not app_url.startswith(("https://", "http://"))
        ):
            raise UserError("the app's address is one that begins with https://")
        self._forget_ended()
        if len(self._tasks) >= MAX_PAIRINGS:
            raise UnavailableError("too many devices are being paired at once")
        # The app in a browser can't search the local network: its way is always through a server.
        servers = self._servers() if anywhere or app_url else []
        if (anywhere or app_url) and not servers:
            raise UserError(
                "no tracker or seed is reached through which another device could come; "
                "name one with 'songkeep config trackers wss://...' and run 'songkeep up'"
            )
        started = Pairing(role, servers[0] if servers else None, app_url)
        self._pairings[started.id] = started
        task = asyncio.create_task(self._run(started))
        self._tasks[started.id] = task
        task.add_done_callback(lambda _done: self._tasks.pop(started.id, None))
        return started

    def get(self, pairing_id: str) -> Pairing:
        """Raises NotFoundError."""
        found = self._pairings.get(pairing_id)
        if found is None:
            raise NotFoundError("there is no such pairing; it may have ended a while ago")
        return found

    def cancel(self, pairing_id: str) -> None:
        """Spend the codes. Raises NotFoundError."""
        self.get(pairing_id)
        task = self._tasks.get(pairing_id)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Spend every code."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget_ended(self) -> None:
        before_s = time.monotonic() - KEPT_ENDED_S
        self._pairings = {
            key: each for key, each in self._pairings.items() if not each.ended or each.ended_s > before_s
        }

    async def _run(self, started: Pairing) -> None:
        try:
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(self._nearby.waiting_for_newcomer())
                session = await stack.enter_async_context(aiohttp.ClientSession())
                waiting = Waiting(session, lambda pipe, code, met: self._invite(started, pipe, code, met))
                stack.push_async_callback(waiting.close)
                showing = asyncio.create_task(self._show_codes(started, waiting))
                stack.callback(showing.cancel)
                newcomer = await within(pairing.TYPED_LIFETIME_S, waiting)
            started.tell("paired", id=to_text(newcomer.public.id), name=newcomer.name, role=str(started.role))
        except SongkeepError as error:
            log.info("pairing_failed reason=%s", type(error).__name__)
            started.tell("failed", code=error.code, message=str(error))
        except asyncio.CancelledError:
            started.tell("failed", code="cancelled", message="the pairing was cancelled")
            raise
        finally:
            started.ended, started.ended_s = True, time.monotonic()
            started.tell("end")

    async def _show_codes(self, started: Pairing, waiting: Waiting) -> None:
        typed = self._membership.random(pairing.CODE_BYTES)
        self._wait_with(started, waiting, typed, pairing.TYPED_LIFETIME_S)
        started.tell(
            "code",
            code=pairing.code_to_text(typed),
            tracker=started.tracker,
            expires_ms=_in_ms(pairing.TYPED_LIFETIME_S),
        )
        while started.app_url is not None and not waiting.met:
            code = self._membership.random(pairing.CODE_BYTES)
            self._wait_with(started, waiting, code, self._qr_lifetime_s + self._qr_grace_s)
            link = pairing.invitation_link(started.app_url, Invitation(code, started.tracker))
            started.tell("link", link=link, expires_ms=_in_ms(self._qr_lifetime_s))
            await asyncio.sleep(self._qr_lifetime_s)

    def _wait_with(self, started: Pairing, waiting: Waiting, code: bytes, lifetime_s: float) -> None:
        for server in (self._nearby.own_url, started.tracker):
            if server is not None:
                waiting.add(code, server, lifetime_s)

    async def _invite(self, started: Pairing, pipe: PairPipe, code: bytes, met: Callable[[], None]) -> Newcomer:
        def someone_came() -> None:
            met()
            started.tell("met")

        async def typed_check(name: str) -> str:
            started.digits = asyncio.get_running_loop().create_future()
            started.tell("check", name=name)
            return await started.digits

        return await invite(
            pipe,
            code,
            random=self._membership.random,
            met=someone_came,
            typed_check=typed_check,
            admit=lambda newcomer: self._admit(started, newcomer),
            trackers=self._trackers(),
            me=self._membership.keys.id,
        )

    async def _admit(self, started: Pairing, newcomer: Newcomer) -> Roster:
        roster = await self._membership.change(
            lambda known, keys, epochs: admit(
                known,
                keys,
                newcomer.public,
                role=started.role,
                epochs=epochs.values(),
                time_ms=_in_ms(0),
            )
        )
        await self._named(newcomer)
        return roster


def _in_ms(later_s: float) -> int:
    return int((time.time() + later_s) * 1_000)

"""Letting new devices in: codes that are shown, renewed and spent, and the pairing that one of them leads to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from node.doors.rooms import pair_room
from node.errors import NotFoundError, RefusedError, SongkeepError, UnavailableError, UserError
from node.flows.pair import Newcomer, invite
from node.ids import to_text
from node.peers.membership import Membership
from node.wire import pairing
from node.wire.pairing import Invitation
from node.wire.roster import Role, Roster, admit

log = logging.getLogger(__name__)

QR_GRACE_S: Final = 30.0
"""How long a QR code still works after the next one is shown: somebody may be pointing a camera at it."""
RETRY_S: Final = 5.0
MAX_PAIRINGS: Final = 4
KEPT_ENDED_S: Final = 300.0
MAX_APP_URL_CHARS: Final = 300


@dataclass(eq=False)
class Pairing:
    """One try to let a device in, and what has happened so far."""

    role: Role
    tracker: str
    app_url: str | None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    events: list[dict[str, Any]] = field(default_factory=list)
    """What to tell the person, in order."""
    ended: bool = False
    ended_s: float = 0.0
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    digits: asyncio.Future[str] | None = None
    """Waits for the check code, once somebody has come."""
    codes: dict[bytes, asyncio.Task[None]] = field(default_factory=dict)
    chosen: bytes | None = None
    """The code that somebody brought; all others are spent with it."""

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


class Pairings:
    """Every pairing of this node."""

    def __init__(
        self,
        membership: Membership,
        *,
        trackers: Callable[[], list[str]],
        named: Callable[[Newcomer], Awaitable[None]],
    ) -> None:
        """`trackers`: addresses that are joined now, the best first; `named` keeps what a newcomer calls itself."""
        self._membership = membership
        self._trackers = trackers
        self._named = named
        self._pairings: dict[str, Pairing] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, *, role: Role, app_url: str | None) -> Pairing:
        """Show codes from now on.

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
        trackers = self._trackers()
        if not trackers:
            raise UserError(
                "no tracker is reached through which another device could come; "
                "name one with 'songkeep config trackers wss://...' and run 'songkeep up'"
            )
        started = Pairing(role, trackers[0], app_url)
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
            async with aiohttp.ClientSession() as session, asyncio.timeout(pairing.TYPED_LIFETIME_S) as lifetime:
                newcomer = await self._first_to_come(started, session, lifetime)
            started.tell("paired", id=to_text(newcomer.public.id), name=newcomer.name, role=str(started.role))
        except TimeoutError:
            started.tell("failed", code="unavailable", message="Nobody came in ten minutes; the codes have run out.")
        except SongkeepError as error:
            log.info("pairing_failed reason=%s", type(error).__name__)
            started.tell("failed", code=error.code, message=str(error))
        except asyncio.CancelledError:
            started.tell("failed", code="cancelled", message="The pairing was cancelled.")
            raise
        finally:
            started.ended, started.ended_s = True, time.monotonic()
            started.tell("end")

    async def _first_to_come(
        self, started: Pairing, session: aiohttp.ClientSession, lifetime: asyncio.Timeout
    ) -> Newcomer:
        """Wait with every code at once; the first one that somebody brings is the only one that counts."""
        done: asyncio.Future[Newcomer] = asyncio.get_running_loop().create_future()

        async def wait_with(code: bytes, until_s: float) -> None:
            try:
                newcomer = await self._wait(started, session, code, until_s, lifetime)
            except TimeoutError:
                return
            except SongkeepError as error:
                if not done.done():
                    done.set_exception(error)
                return
            if not done.done():
                done.set_result(newcomer)

        def show(code: bytes, lifetime_s: float, grace_s: float) -> None:
            until_s = time.monotonic() + lifetime_s + grace_s
            started.codes[code] = asyncio.create_task(wait_with(code, until_s))

        renewing = asyncio.create_task(self._show_codes(started, show))
        try:
            return await done
        finally:
            for task in (renewing, *started.codes.values()):
                task.cancel()
            await asyncio.gather(renewing, *started.codes.values(), return_exceptions=True)

    async def _show_codes(self, started: Pairing, show: Callable[[bytes, float, float], None]) -> None:
        typed = self._membership.random(pairing.CODE_BYTES)
        show(typed, pairing.TYPED_LIFETIME_S, 0.0)
        started.tell(
            "code",
            code=pairing.code_to_text(typed),
            tracker=started.tracker,
            expires_ms=_in_ms(pairing.TYPED_LIFETIME_S),
        )
        while True:
            code = self._membership.random(pairing.CODE_BYTES)
            show(code, pairing.QR_LIFETIME_S, QR_GRACE_S)
            link = pairing.invitation_link(started.app_url or "songkeep:", Invitation(code, started.tracker))
            started.tell("link", link=link, expires_ms=_in_ms(pairing.QR_LIFETIME_S))
            await asyncio.sleep(pairing.QR_LIFETIME_S)

    async def _wait(
        self,
        started: Pairing,
        session: aiohttp.ClientSession,
        code: bytes,
        until_s: float,
        lifetime: asyncio.Timeout,
    ) -> Newcomer:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(until_s - time.monotonic()) as waiting:
            while True:
                try:
                    async with pair_room(session, started.tracker, pairing.pair_room(code), waits=True) as pipe:

                        def met() -> None:
                            if started.chosen is not None:
                                raise RefusedError("another device has come already")
                            started.chosen = code
                            waiting.reschedule(None)
                            lifetime.reschedule(None)
                            for other, task in started.codes.items():
                                if other != code:
                                    task.cancel()
                            started.tell("met")

                        async def typed_check(name: str) -> str:
                            started.digits = loop.create_future()
                            started.tell("check", name=name)
                            return await started.digits

                        return await invite(
                            pipe,
                            code,
                            random=self._membership.random,
                            met=met,
                            typed_check=typed_check,
                            admit=lambda newcomer: self._admit(started, newcomer),
                            trackers=self._trackers(),
                            me=self._membership.keys.id,
                        )
                except UnavailableError:
                    if started.chosen is not None:
                        raise
                    # The tracker went away while nobody had come yet: the code is not spent.
                    await asyncio.sleep(RETRY_S)

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

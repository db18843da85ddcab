"""Carries out what RoomServer and PairRooms decide, over whatever sockets and store a program has.

Tracker, seed and LAN node differ in those two only; here is all that they share. No socket, clock or disk of its own.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from node.errors import RefusedError, SongkeepError
from node.ids import DeviceId, LibraryId, to_text
from node.wire import codec, roomframes
from node.wire.pairrooms import PairRooms
from node.wire.roomeffects import (
    AskGrant,
    Close,
    Effect,
    FindRoster,
    KeepRoster,
    KeepUsage,
    LoadRoster,
    Send,
    TellAccount,
)
from node.wire.roomstate import RoomServer
from node.wire.roster import Roster

log = logging.getLogger(__name__)

TICK_S: Final = 5.0
"""How often `tick` wants to be called."""


SUSPENDED: Final = "this library was suspended by the person who runs the tracker"


class SuspendedError(RefusedError):
    """The library's account is suspended."""

    def __init__(self) -> None:
        super().__init__(SUSPENDED)


class _CrowdError(RefusedError):
    """An address asks for more than one may."""


class Outlet(Protocol):
    """The way out to one client."""

    def send(self, data: bytes) -> None:
        """Hand over one frame without waiting for a slow reader. Raises ConnectionError if the client is gone."""
        ...

    def close(self, code: int, text: str) -> None:
        """End the connection; nothing more is sent."""
        ...


class RosterShelf(Protocol):
    """Where rosters are kept."""

    async def load(self, library: LibraryId) -> Sequence[bytes] | None:
        """That library's chain, if it is known. Raises RefusedError for a library that may not come here."""
        ...

    async def find(self, member: DeviceId) -> Sequence[bytes] | None:
        """The chain of the library whose active member that is."""
        ...

    async def keep(self, roster: Roster) -> None:
        """A chain that is new, or grew."""
        ...


class Ledger(Protocol):
    """Who may come, and what they may store: a tracker has one, other servers have none."""

    async def admit(self, library: LibraryId, invitation: str) -> None:
        """A library that was never here. Raises RefusedError if it may not come."""
        ...

    async def account(self, library: LibraryId) -> dict[str, object]:
        """What its account has, for its devices."""
        ...

    async def grant(self, library: LibraryId, seed: DeviceId, size_bytes: int) -> bytes:
        """A signed grant. Raises RefusedError with the reason."""
        ...

    async def keep_usage(self, library: LibraryId, record: bytes) -> None:
        """What a seed says that it keeps. Raises PeerError, RefusedError."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the host may not take for itself."""

    now_s: Callable[[], float]
    """A clock that only goes forward."""
    time_ms: Callable[[], int]
    random: Callable[[int], bytes]


class RoomHost:
    """All rooms and pairing rooms of one server, over its outlets."""

    def __init__(
        self, rooms: RoomServer, shelf: RosterShelf, around: Surroundings, *, ledger: Ledger | None = None
    ) -> None:
        self.rooms = rooms
        self.pairs = PairRooms()
        self.relayed = 0
        """Frames sent to clients since the start."""
        self._shelf = shelf
        self._around = around
        self._ledger = ledger
        self._outlets: dict[int, Outlet] = {}
        self._pair_outlets: dict[int, Outlet] = {}
        self._last_pair = 0

    def enter_room(self, outlet: Outlet, *, address: str, host: str) -> int:
        """A client opened `/v1/room`; the number is for `heard` and `left`."""
        number, effects = self.rooms.opened(
            address,
            host,
            nonce_32=self._around.random(32),
            now_s=self._around.now_s(),
            time_ms=self._around.time_ms(),
        )
        self._outlets[number] = outlet
        self._tell(effects, self._outlets)
        return number

    def heard(self, number: int, data: bytes) -> Coroutine[Any, Any, None] | None:
        """One frame of a client. What has to be waited for is returned, and must be before its next frame is heard.

        That is seldom anything: messages between devices need no store.
        """
        effects = self.rooms.received(number, data, self._around.now_s())
        return self._finish(left) if (left := self._tell(effects, self._outlets)) else None

    def left(self, number: int) -> None:
        effects = self.rooms.closed(number)
        self._outlets.pop(number, None)
        self._tell(effects, self._outlets)

    def enter_pair(self, outlet: Outlet, name: str, *, waits: bool, address: str) -> int:
        """A client opened `/v1/pair/<name>`; the number is for `heard_pair` and `left_pair`."""
        self._last_pair += 1
        number = self._last_pair
        self._pair_outlets[number] = outlet
        effects = self.pairs.opened(number, name, waits=waits, address=address, now_s=self._around.now_s())
        self._tell(effects, self._pair_outlets)
        return number

    def heard_pair(self, number: int, data: bytes) -> None:
        self._tell(self.pairs.received(number, data), self._pair_outlets)

    def left_pair(self, number: int) -> None:
        self._pair_outlets.pop(number, None)
        self._tell(self.pairs.closed(number), self._pair_outlets)

    def expel(self, libraries: Iterable[LibraryId]) -> None:
        """End all connections of libraries that were suspended."""
        self._tell(self.rooms.expelled(libraries, SUSPENDED), self._outlets)

    def tick(self) -> None:
        """Ends what took too long. To be called every few seconds."""
        now_s = self._around.now_s()
        self._tell(self.rooms.tick(now_s), self._outlets)
        self._tell(self.pairs.tick(now_s), self._pair_outlets)

    def close_all(self, code: int, text: str) -> None:
        """Say goodbye to everybody."""
        for outlet in [*self._outlets.values(), *self._pair_outlets.values()]:
            _close(outlet, code, text)

    def _tell(self, effects: Sequence[Effect], outlets: Mapping[int, Outlet]) -> Sequence[Effect]:
        """Carry out what needs no store, up to the first that does; the rest is returned."""
        for at, effect in enumerate(effects):
            if isinstance(effect, Send):
                outlet = outlets.get(effect.connection)
                if outlet is not None:
                    self.relayed += 1
                    # A receiver that has just died is no fault of the sender: its own reader ends it.
                    with contextlib.suppress(ConnectionError):
                        outlet.send(effect.data)
            elif isinstance(effect, Close):
                outlet = outlets.get(effect.connection)
                if outlet is not None:
                    _close(outlet, effect.code, effect.text)
            else:
                return effects[at:]
        return ()

    async def _finish(self, effects: Sequence[Effect]) -> None:
        """Carry out the rest, which begins with something to wait for."""
        while effects:
            match effects[0]:
                case LoadRoster(number, library, invitation):
                    await self._load(number, self._load_or_admit(number, library, invitation))
                case FindRoster(number, member):
                    await self._load(number, self._shelf.find(member))
                case (TellAccount() | AskGrant() | KeepUsage()) as question:
                    await self._answer_ledger(question)
                case KeepRoster(library, roster):
                    await self._shelf.keep(roster)
                    log.info("roster_kept library=%s entries=%d", to_text(library)[:8], len(roster.entries))
            effects = self._tell(effects[1:], self._outlets)

    async def _load_or_admit(self, number: int, library: LibraryId, invitation: str) -> Sequence[bytes] | None:
        entries = await self._shelf.load(library)
        if not entries and self._ledger is not None:
            if not self.rooms.may_found(number, self._around.now_s()):
                raise _CrowdError("too many new libraries come from this address")
            await self._ledger.admit(library, invitation)
        return entries

    async def _answer_ledger(self, question: TellAccount | AskGrant | KeepUsage) -> None:
        frame: list[object]
        try:
            if self._ledger is None:
                raise RefusedError("this server keeps no accounts")
            if isinstance(question, KeepUsage):
                await self._ledger.keep_usage(question.library, question.record)
            if isinstance(question, TellAccount | KeepUsage):
                frame = ["account", await self._ledger.account(question.library)]
            else:
                signed = await self._ledger.grant(question.library, question.seed, question.size_bytes)
                frame = ["grant", question.seed, signed]
        except SongkeepError as error:
            seed = question.seed if isinstance(question, AskGrant) else b""
            frame = ["denied", seed, str(error)]
        self._tell([Send(question.connection, codec.pack(frame))], self._outlets)

    async def _load(self, number: int, loading: Awaitable[Sequence[bytes] | None]) -> None:
        try:
            entries = await loading
        except SuspendedError as error:
            effects = self.rooms.turned_away(number, str(error), roomframes.CLOSE_SUSPENDED)
        except _CrowdError as error:
            effects = self.rooms.turned_away(number, str(error), roomframes.CLOSE_TOO_MUCH)
        except SongkeepError as error:
            effects = self.rooms.turned_away(number, str(error))
        else:
            effects = self.rooms.loaded(number, entries, now_s=self._around.now_s())
        await self._finish(self._tell(effects, self._outlets))


def _close(outlet: Outlet, code: int, text: str) -> None:
    with contextlib.suppress(ConnectionError, RuntimeError):
        outlet.close(code, text)

"""Pairing: through a tracker, and against whoever stands in between."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from node.doors.rooms import pair_room
from node.doors.vault import Secrets
from node.errors import PeerError, RefusedError, SongkeepError, UnavailableError
from node.flows.pair import Newcomer, Pipe, Welcome, invite, join
from node.wire import pairing
from node.wire.roster import Role, Roster, admit, read_roster
from tests.flows.people import a_tracker, found, new_keys, now_ms

CODE = bytes(range(10))
Typed = Callable[[str], Awaitable[str]]


class QueuePipe:
    """One end of a pipe within the process."""

    def __init__(self, to: asyncio.Queue[bytes], come: asyncio.Queue[bytes]) -> None:
        self._to, self._come = to, come

    async def send(self, frame: bytes) -> None:
        self._to.put_nowait(frame)

    async def receive(self) -> bytes:
        return await self._come.get()


def a_pipe() -> tuple[QueuePipe, QueuePipe]:
    there: asyncio.Queue[bytes] = asyncio.Queue()
    back: asyncio.Queue[bytes] = asyncio.Queue()
    return QueuePipe(there, back), QueuePipe(back, there)


class Screen:
    """The newcomer's screen, and the person who reads it."""

    def __init__(self) -> None:
        self.shown: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.typed = False

    def show(self, digits: str) -> None:
        self.shown.set_result(digits)

    def was_typed(self) -> None:
        self.typed = True

    async def read(self, _name: str) -> str:
        return await self.shown


class Owner:
    def __init__(self, secrets: Secrets) -> None:
        self.roster: Roster = read_roster(secrets.roster)
        self.secrets = secrets
        self.spent = False

    async def invite(self, pipe: Pipe, typed: Typed, code: bytes = CODE) -> Newcomer:
        return await invite(
            pipe,
            code,
            random=os.urandom,
            met=self._met,
            typed_check=typed,
            admit=self._admit,
            trackers=["wss://tracker.example"],
            me=self.secrets.device.id,
        )

    def _met(self) -> None:
        self.spent = True

    async def _admit(self, newcomer: Newcomer) -> Roster:
        self.roster = admit(
            self.roster,
            self.secrets.device,
            newcomer.public,
            role=Role.PLAYER,
            epochs=self.secrets.epochs,
            time_ms=now_ms(),
        )
        return self.roster


async def ask_in(pipe: Pipe, screen: Screen, code: bytes = CODE) -> Welcome:
    async def keep(welcome: Welcome) -> None:
        pass

    return await join(
        pipe,
        code,
        random=os.urandom,
        keys=new_keys(),
        name="Laptop",
        show_check=screen.show,
        was_typed=screen.was_typed,
        keep=keep,
    )


async def both(owner: Owner, new_pipe: Pipe, old_pipe: Pipe, typed: Typed, screen: Screen) -> list[object]:
    return await asyncio.gather(ask_in(new_pipe, screen), owner.invite(old_pipe, typed), return_exceptions=True)


async def test_a_newcomer_is_let_in_through_a_tracker(tmp_path: Path) -> None:
    owner, screen = Owner(found()), Screen()
    name = pairing.pair_room(CODE)
    async with (
        a_tracker(tmp_path) as (url, _),
        aiohttp.ClientSession() as session,
        pair_room(session, url, name, waits=True) as old,
        pair_room(session, url, name, waits=False) as new,
    ):
        welcome, newcomer = await both(owner, new, old, screen.read, screen)
    assert isinstance(welcome, Welcome), welcome
    assert isinstance(newcomer, Newcomer), newcomer
    assert newcomer.name == "Laptop"
    assert welcome.roster.entries == owner.roster.entries
    assert [epoch.secret for epoch in welcome.epochs] == [epoch.secret for epoch in owner.secrets.epochs]
    assert welcome.trackers == ("wss://tracker.example",)
    assert owner.spent
    assert screen.typed


async def test_wrong_digits_let_nobody_in() -> None:
    owner, screen = Owner(found()), Screen()
    before = owner.roster

    async def mistyped(name: str) -> str:
        digits = await screen.read(name)
        return digits[:5] + str((int(digits[5]) + 1) % 10)

    new, old = a_pipe()
    results = await both(owner, new, old, mistyped, screen)
    assert all(isinstance(result, RefusedError) for result in results), results
    assert owner.roster is before


async def test_nothing_is_called_typed_before_the_other_side_says_so() -> None:
    owner, screen = Owner(found()), Screen()
    new, old = a_pipe()

    async def too_late(name: str) -> str:
        await screen.read(name)
        raise RefusedError("nobody typed anything")

    results = await both(owner, new, old, too_late, screen)
    assert all(isinstance(result, RefusedError) for result in results), results
    assert not screen.typed


async def test_another_code_is_refused_by_both_sides() -> None:
    owner, screen = Owner(found()), Screen()
    new, old = a_pipe()
    joining = asyncio.create_task(ask_in(new, screen, b"x" * 10))
    with pytest.raises(RefusedError, match="code"):
        await owner.invite(old, screen.read)
    joining.cancel()


async def test_a_key_swapped_in_between_is_noticed() -> None:
    """Whoever owns the room but not the code can swap the ephemeral keys; then nothing opens."""
    owner, screen = Owner(found()), Screen()
    new, middle_new = a_pipe()
    middle_old, old = a_pipe()
    mine = {
        pairing.Side.NEW: pairing.Ephemeral(pairing.Side.NEW, os.urandom(32), os.urandom(32)),
        pairing.Side.OLD: pairing.Ephemeral(pairing.Side.OLD, os.urandom(32), os.urandom(32)),
    }

    async def swap() -> None:
        await middle_new.receive()
        await middle_old.send(mine[pairing.Side.NEW].commit_frame())
        await middle_old.receive()
        await middle_new.send(mine[pairing.Side.OLD].commit_frame())
        await middle_new.receive()
        await middle_old.send(mine[pairing.Side.NEW].reveal_frame())
        await middle_old.receive()
        await middle_new.send(mine[pairing.Side.OLD].reveal_frame())
        while True:
            await middle_old.send(await middle_new.receive())

    swapping = asyncio.create_task(swap())
    joining = asyncio.create_task(ask_in(new, screen))
    with pytest.raises(RefusedError, match=r"in between|code"):
        await owner.invite(old, screen.read)
    swapping.cancel()
    joining.cancel()


async def test_a_reveal_that_was_not_committed_to_is_refused() -> None:
    owner, screen = Owner(found()), Screen()
    new, old = a_pipe()
    committed = pairing.Ephemeral(pairing.Side.NEW, os.urandom(32), os.urandom(32))
    other = pairing.Ephemeral(pairing.Side.NEW, os.urandom(32), os.urandom(32))
    await new.send(committed.commit_frame())
    await new.send(other.reveal_frame())
    with pytest.raises(RefusedError, match="committed"):
        await owner.invite(old, screen.read)


async def test_a_middle_man_who_owns_the_code_can_not_get_the_digits_out_of_the_newcomer() -> None:
    """He claims to the newcomer that the digits were typed, and must then show them first."""
    screen = Screen()
    new, middle = a_pipe()
    joining = asyncio.create_task(ask_in(new, screen))
    me = pairing.Ephemeral(pairing.Side.OLD, os.urandom(32), os.urandom(32))
    commit = await middle.receive()
    await middle.send(me.commit_frame())
    reveal = await middle.receive()
    await middle.send(me.reveal_frame())
    secured = me.agree(CODE, commit, reveal)
    _, sign, receive, *_ = secured.open(await middle.receive(), "hello", 5)
    digits = await screen.shown
    guess = str((int(digits[0]) + 1) % 10) + digits[1:]  # all but the first guessed right
    salts = [os.urandom(32) for _ in range(6)]
    check = pairing.CheckCode(pairing.Side.OLD, guess, salts=salts, bound_to=secured.transcript + sign + receive)
    await middle.send(secured.seal(["typed", check.commitments()]))
    await middle.send(secured.seal(["digit", *check.opening(0)]))
    with pytest.raises(RefusedError, match="not the same"):
        await joining
    with pytest.raises(RefusedError, match="ended the pairing"):  # a refusal is all that he hears
        secured.open(await middle.receive(), "digit", 3)


async def test_a_digit_can_not_be_changed_after_it_was_committed_to() -> None:
    bound_to = os.urandom(96)
    salts = [os.urandom(32) for _ in range(6)]
    old = pairing.CheckCode(pairing.Side.OLD, "123456", salts=salts, bound_to=bound_to)
    late = pairing.CheckCode(pairing.Side.NEW, "999999", salts=salts, bound_to=bound_to)
    with pytest.raises(RefusedError):
        old.check(0, "1", salts[0], late.commitments())
    mirror = old.commitments()
    with pytest.raises(RefusedError):  # nor can an owner's own commitments be sent back to it
        old.check(0, "1", salts[0], mirror)


async def test_nobody_finds_a_room_that_nobody_waits_in(tmp_path: Path) -> None:
    async with (
        a_tracker(tmp_path) as (url, _),
        aiohttp.ClientSession() as session,
        pair_room(session, url, pairing.pair_room(CODE), waits=False) as pipe,
    ):
        with pytest.raises(RefusedError, match="nobody waits"):
            await pipe.receive()


async def test_a_third_device_does_not_get_into_a_pairing_room(tmp_path: Path) -> None:
    name = pairing.pair_room(CODE)
    async with (
        a_tracker(tmp_path) as (url, _),
        aiohttp.ClientSession() as session,
        pair_room(session, url, name, waits=True),
        pair_room(session, url, name, waits=False),
        pair_room(session, url, name, waits=False) as third,
    ):
        with pytest.raises(RefusedError, match="used already"):
            await third.receive()


async def test_when_one_leaves_the_other_is_told_and_the_code_is_spent(tmp_path: Path) -> None:
    name = pairing.pair_room(CODE)
    async with a_tracker(tmp_path) as (url, _), aiohttp.ClientSession() as session:
        async with pair_room(session, url, name, waits=True) as old:
            async with pair_room(session, url, name, waits=False):
                pass
            with pytest.raises(UnavailableError, match="left"):
                await old.receive()
        async with pair_room(session, url, name, waits=False) as again:
            with pytest.raises(SongkeepError):
                await again.receive()


@pytest.mark.parametrize("garbage", [b"", b"\xc1", b"\x91\xa5hello", b"\x92\xa6commit\xc4\x01x", os.urandom(200)])
async def test_garbage_ends_the_pairing_with_a_sentence(garbage: bytes) -> None:
    owner, screen = Owner(found()), Screen()
    new, old = a_pipe()
    await new.send(garbage)
    with pytest.raises(PeerError):
        await owner.invite(old, screen.read)
    assert not owner.spent

"""Pairing, as both sides live it (docs/PROTOCOL.md, "Pairing"): the steps in their order, over any pipe."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys, MemberPublic, verify
from node.errors import PeerError, RefusedError, SongkeepError, UnavailableError
from node.ids import DeviceId, to_text
from node.wire import codec, pairing
from node.wire.names import MAX_NAME_CHARS, device_name
from node.wire.pairing import CheckCode, Ephemeral, Secured, Side
from node.wire.roster import MAX_ENTRIES, MAX_ENTRY_BYTES, Roster, read_roster

log = logging.getLogger(__name__)
T = TypeVar("T")

STEP_TIMEOUT_S: Final = 30.0
TYPING_TIMEOUT_S: Final = 300.0
MAX_TRACKERS: Final = 8
MAX_URL_CHARS: Final = 500

Random = Callable[[int], bytes]


class Pipe(Protocol):
    """The way to the other side: a pairing room, or two queues in a test."""

    async def send(self, frame: bytes) -> None: ...

    async def receive(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who asks to be let in."""

    public: MemberPublic
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What a newcomer is given."""

    roster: Roster
    epochs: tuple[EpochKeys, ...] = field(repr=False)
    trackers: tuple[str, ...]
    by: DeviceId


async def invite(
    pipe: Pipe,
    code: bytes,
    *,
    random: Random,
    met: Callable[[], None],
    typed_check: Callable[[str], Awaitable[str]],
    admit: Callable[[Newcomer], Awaitable[Roster]],
    trackers: Sequence[str],
    me: DeviceId,
) -> Newcomer:
    """The owner's side. `met` is called when somebody with a code has come: from there on the code is spent.

    `typed_check`, given the newcomer's name, returns the six digits that the person typed. `admit` signs it in.
    Raises RefusedError (another code, wrong digits, somebody in between), PeerError, UnavailableError.
    """
    ephemeral = Ephemeral(Side.OLD, random(32), random(pairing.SALT_BYTES))
    their_commit = await pipe.receive()
    pairing.read_commit(their_commit)
    met()
    await pipe.send(ephemeral.commit_frame())
    their_reveal = await _in_time(pipe.receive())
    await pipe.send(ephemeral.reveal_frame())
    secured = ephemeral.agree(code, their_commit, their_reveal)
    hello = secured.open(await _in_time(pipe.receive()), "hello", 5)
    try:
        newcomer, commitments = _read_hello(hello)
        async with asyncio.timeout(TYPING_TIMEOUT_S):
            digits = await typed_check(newcomer.name)
        check = _check_code(Side.OLD, digits, secured, newcomer.public, random)
        await pipe.send(secured.seal(["typed", check.commitments()]))
        for place in range(pairing.CHECK_DIGITS):
            await pipe.send(secured.seal(["digit", *check.opening(place)]))
            _, digit, salt = secured.open(await _in_time(pipe.receive()), "digit", 3)[:3]
            check.check(place, digit, salt, commitments)
        roster = await admit(newcomer)
    except TimeoutError as error:
        await _refuse(pipe, secured, "the check code was not typed in time")
        raise UnavailableError("the check code was not typed in time; pair again with a new code") from error
    except SongkeepError as error:
        await _refuse(pipe, secured, str(error))
        raise
    await pipe.send(secured.seal(["welcome", list(roster.entries), {"trackers": list(trackers), "by": me}]))
    signature = secured.open(await _in_time(pipe.receive()), "signed", 2)[1]
    verify(
        newcomer.public.sign,
        labels.LABEL_SIGN_PAIRING,
        secured.transcript + roster.library,
        codec.fixed_bytes(signature, 64, "a signature"),
    )
    log.info("device_paired member=%s", to_text(newcomer.public.id)[:8])
    return newcomer


async def join(
    pipe: Pipe,
    code: bytes,
    *,
    random: Random,
    keys: MemberKeys,
    name: str,
    show_check: Callable[[str], None],
    was_typed: Callable[[], None],
    keep: Callable[[Welcome], Awaitable[None]],
) -> Welcome:
    """The newcomer's side. `show_check` shows the six digits to the person, `was_typed` is called when
    they were typed there, `keep` puts the new membership on the disk.

    Raises RefusedError, PeerError, UnavailableError.
    """
    ephemeral = Ephemeral(Side.NEW, random(32), random(pairing.SALT_BYTES))
    await pipe.send(ephemeral.commit_frame())
    their_commit = await _in_time(pipe.receive())
    pairing.read_commit(their_commit)
    await pipe.send(ephemeral.reveal_frame())
    secured = ephemeral.agree(code, their_commit, await _in_time(pipe.receive()))
    digits = _draw_digits(random)
    check = _check_code(Side.NEW, digits, secured, keys.public, random)
    await pipe.send(secured.seal(["hello", keys.public.sign, keys.public.receive, name, check.commitments()]))
    show_check(digits)
    typed = secured.open(await _in_time(pipe.receive(), TYPING_TIMEOUT_S), "typed", 2)
    was_typed()
    commitments = pairing.read_commitments(typed[1])
    try:
        for place in range(pairing.CHECK_DIGITS):
            _, digit, salt = secured.open(await _in_time(pipe.receive()), "digit", 3)[:3]
            check.check(place, digit, salt, commitments)
            await pipe.send(secured.seal(["digit", *check.opening(place)]))
        welcome = _read_welcome(secured.open(await _in_time(pipe.receive()), "welcome", 3), keys)
        await keep(welcome)
    except SongkeepError as error:
        await _refuse(pipe, secured, str(error))
        raise
    signature = keys.sign(labels.LABEL_SIGN_PAIRING, secured.transcript + welcome.roster.library)
    await pipe.send(secured.seal(["signed", signature]))
    return welcome


def _draw_digits(random: Random) -> str:
    # 8 bytes: the bias towards low numbers is under one in 10**13.
    return f"{int.from_bytes(random(8), 'big') % 10**pairing.CHECK_DIGITS:0{pairing.CHECK_DIGITS}}"


def _check_code(side: Side, digits: str, secured: Secured, newcomer: MemberPublic, random: Random) -> CheckCode:
    salts = [random(pairing.SALT_BYTES) for _ in range(pairing.CHECK_DIGITS)]
    return CheckCode(side, digits, salts=salts, bound_to=secured.transcript + newcomer.sign + newcomer.receive)


def _read_hello(fields: Sequence[Any]) -> tuple[Newcomer, list[bytes]]:
    public = MemberPublic(
        codec.fixed_bytes(fields[1], 32, "a signing key"), codec.fixed_bytes(fields[2], 32, "a receiving key")
    )
    name = codec.bounded_text(fields[3], MAX_NAME_CHARS, "a device's name")
    return Newcomer(public, device_name(name) or "a device"), pairing.read_commitments(fields[4])


def _read_welcome(fields: Sequence[Any], keys: MemberKeys) -> Welcome:
    if not isinstance(fields[1], list) or len(fields[1]) > MAX_ENTRIES or not isinstance(fields[2], dict):
        raise PeerError("the other device's welcome is malformed")
    roster = read_roster([codec.bounded_bytes(entry, MAX_ENTRY_BYTES, "a roster entry") for entry in fields[1]])
    if roster.member(keys.id).public != keys.public:
        raise RefusedError("the other device let another device in than this one")
    by = roster.member(codec.fixed_bytes(fields[2].get("by"), 32, "an owner")).public.id
    epochs = roster.epochs_for(keys)
    if not {1, roster.epoch} <= epochs.keys():
        raise RefusedError("the other device did not give this one all of the library's keys")
    trackers = fields[2].get("trackers")
    if not isinstance(trackers, list) or len(trackers) > MAX_TRACKERS:
        raise PeerError("the other device's welcome is malformed")
    return Welcome(
        roster=roster,
        epochs=tuple(epochs[number] for number in sorted(epochs)),
        trackers=tuple(codec.bounded_text(url, MAX_URL_CHARS, "a tracker's address") for url in trackers),
        by=by,
    )


async def _in_time(waiting: Awaitable[T], timeout_s: float = STEP_TIMEOUT_S) -> T:
    try:
        async with asyncio.timeout(timeout_s):
            return await waiting
    except TimeoutError as error:
        raise UnavailableError("the other device stopped answering while pairing") from error


async def _refuse(pipe: Pipe, secured: Secured, text: str) -> None:
    try:
        await pipe.send(secured.seal(["no", text[:300]]))
    except SongkeepError:
        log.info("pairing_refusal_unheard")

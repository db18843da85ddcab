"""Codes that are shown to let a device in: renewed, run out, spent by one try."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from node.doors.rooms import NobodyWaitsError
from node.errors import RefusedError, SongkeepError, UserError
from node.flows.enter import enter_library
from node.flows.pair import Newcomer, Welcome
from node.flows.pairings import Pairing, Pairings
from node.wire import pairing as codes
from node.wire.pairing import Invitation, code_from_text, read_invitation
from node.wire.roster import Role
from tests.flows.people import Device, a_tracker, found, let_in, make_device, meeting, until

APP = "https://app.example/"
WAIT_S = 30.0


class NoNetwork:
    """A machine with no local network."""

    own_url = None

    @contextlib.asynccontextmanager
    async def waiting_for_newcomer(self) -> AsyncIterator[None]:
        yield


async def _nothing(_told: Newcomer | Welcome) -> None:
    pass


@contextlib.asynccontextmanager
async def a_pc(folder: Path, *, qr_lifetime_s: float = 60.0) -> AsyncIterator[tuple[Device, Pairings, str]]:
    async with a_tracker(folder / "tracker") as (url, _):
        pc = make_device("PC", found(), url)
        async with meeting(pc):
            await until(lambda: pc.meeting.places[url].joined, timeout_s=WAIT_S)
            pairings = Pairings(
                pc.membership,
                trackers=lambda: [url],
                servers=lambda: [url],
                nearby=NoNetwork(),
                named=_nothing,
                qr_lifetime_s=qr_lifetime_s,
                qr_grace_s=qr_lifetime_s,
            )
            yield pc, pairings, url
            await pairings.close()


def told(pairing: Pairing, event: str) -> list[dict[str, Any]]:
    return [each for each in pairing.events if each["event"] == event]


def enter(vault: Path, invitation: Invitation, show: Callable[[str], None]) -> asyncio.Task[Welcome]:
    return asyncio.create_task(
        enter_library(
            vault,
            invitation,
            name="Laptop",
            random=os.urandom,
            show_check=show,
            was_typed=lambda: None,
            kept=_nothing,
        )
    )


async def test_the_qr_code_is_renewed_and_an_old_one_runs_out_while_the_typed_one_stays(tmp_path: Path) -> None:
    assert (codes.QR_LIFETIME_S, codes.TYPED_LIFETIME_S) == (60.0, 600.0)
    async with a_pc(tmp_path, qr_lifetime_s=1.0) as (_, pairings, _):
        pairing = pairings.start(role=Role.PLAYER, app_url=APP, anywhere=True)
        await until(lambda: len(told(pairing, "link")) >= 4, timeout_s=WAIT_S)
        links = [read_invitation(each["link"]) for each in told(pairing, "link")]
        assert len({each.code for each in links}) == len(links)
        assert len(told(pairing, "code")) == 1
        with pytest.raises(NobodyWaitsError):
            await enter(tmp_path / "late", links[0], lambda _digits: None)
        digits: list[str] = []
        entering = enter(tmp_path / "vault", links[-1], digits.append)
        await until(lambda: bool(digits) and bool(told(pairing, "check")), timeout_s=WAIT_S)
        pairing.type_digits(digits[0])
        assert (await entering).roster.members
        await until(lambda: pairing.ended, timeout_s=WAIT_S)
        seen = len(told(pairing, "link"))
        assert [each["event"] for each in pairing.events[-2:]] == ["paired", "end"]
        assert len(told(pairing, "link")) == seen


async def test_a_typed_code_is_good_for_one_try(tmp_path: Path) -> None:
    async with a_pc(tmp_path) as (pc, pairings, url):
        pairing = pairings.start(role=Role.PLAYER, app_url=None, anywhere=True)
        await until(lambda: bool(told(pairing, "code")), timeout_s=WAIT_S)
        invitation = Invitation(code_from_text(told(pairing, "code")[0]["code"]), url)
        digits: list[str] = []
        entering = enter(tmp_path / "vault", invitation, digits.append)
        await until(lambda: bool(digits) and bool(told(pairing, "check")), timeout_s=WAIT_S)
        pairing.type_digits(f"{(int(digits[0]) + 1) % 1_000_000:06}")
        with pytest.raises(SongkeepError):
            await entering
        await until(lambda: pairing.ended, timeout_s=WAIT_S)
        assert told(pairing, "failed")
        with pytest.raises(RefusedError):
            await enter(tmp_path / "again", invitation, lambda _digits: None)
        assert len(pc.membership.roster.entries) == 1
        assert not (tmp_path / "vault").exists()


async def test_a_player_shows_no_codes(tmp_path: Path) -> None:
    _, player = let_in(found())
    phone = make_device("Phone", player)
    pairings = Pairings(phone.membership, trackers=list, servers=list, nearby=NoNetwork(), named=_nothing)
    with pytest.raises(RefusedError, match="may not pair"):
        pairings.start(role=Role.PLAYER, app_url=None, anywhere=False)


async def test_where_no_tracker_is_a_seed_is_where_a_device_may_come(tmp_path: Path) -> None:
    async with a_tracker(tmp_path / "server") as (url, _):
        pc = make_device("PC", found())
        pairings = Pairings(pc.membership, trackers=list, servers=lambda: [url], nearby=NoNetwork(), named=_nothing)
        started = pairings.start(role=Role.PLAYER, app_url="https://seed.example/", anywhere=False)
        assert started.tracker == url
        await pairings.close()
        nowhere = Pairings(pc.membership, trackers=list, servers=list, nearby=NoNetwork(), named=_nothing)
        with pytest.raises(UserError, match="no tracker or seed"):
            nowhere.start(role=Role.PLAYER, app_url=None, anywhere=True)

"""What the person who runs a tracker sees, while it runs or not."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node.errors import NotFoundError
from node.ids import DeviceId, LibraryId, from_text, to_text
from node.wire.usage import Usage, sign_usage
from tests.flows.people import a_tracker
from tests.tracker.test_ledger import KEYS, LIBRARY, PLANS, Clock, a_ledger
from tests.wire.family import keys_of
from tracker import admin, reports
from tracker.database import Database
from tracker.quota import Plans

OTHER = LibraryId(b"M" * 32)
Capture = pytest.CaptureFixture[str]


def said(command: Callable[[argparse.Namespace, Path], int], home: Path, capsys: Capture, **asked: Any) -> Any:
    capsys.readouterr()
    assert command(argparse.Namespace(json=True, **asked), home) == 0
    return json.loads(capsys.readouterr().out)


async def test_usage_tells_what_is_counted_and_what_the_seed_says(tmp_path: Path) -> None:
    seed, silent = keys_of(31), DeviceId(b"s" * 32)
    async with a_ledger(tmp_path) as (ledger, clock):
        for library in (LIBRARY, OTHER):
            await ledger.admit(library, "")
        await ledger.grant(LIBRARY, seed.id, 600)
        await ledger.grant(LIBRARY, silent, 400)
        word = Usage(
            seed=seed.id, tracker=KEYS.id, library=LIBRARY, serial=1, kept_bytes=600, used_bytes=123, time_ms=9
        )
        await ledger.keep_usage(LIBRARY, sign_usage(seed, word))
        await ledger.grant(OTHER, silent, 10)
    async with Database.open(tmp_path / "tracker.sqlite") as database:
        found = reports.on_seeds(database, now_ms=clock.now_ms)
        assert {(each.library, each.seed): (each.counted_bytes, each.used_bytes) for each in found} == {
            (LIBRARY, seed.id): (600, 123),
            (LIBRARY, silent): (400, None),
            (OTHER, silent): (10, None),
        }
        only = reports.on_seeds(database, to_text(OTHER)[:8], now_ms=clock.now_ms)
        assert [each.library for each in only] == [OTHER]


async def test_plans_are_counted_also_those_that_were_taken_out(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as (ledger, _):
        await ledger.admit(LIBRARY, "")
        await ledger.admit(OTHER, "")
        ledger.set_plan(to_text(OTHER), "plus")
    async with Database.open(tmp_path / "tracker.sqlite") as database:
        uses = reports.plan_uses(database, PLANS)
        assert [(each.name, each.size_bytes, each.is_default, each.accounts) for each in uses] == [
            ("free", 1_000, True, 1), ("plus", 5_000, False, 1),
        ]  # fmt: skip
        assert ("plus", 0, 1) in [
            (each.name, each.size_bytes, each.accounts) for each in reports.plan_uses(database, Plans({"free": 1}))
        ]


async def test_invitations_are_listed_while_they_can_be_used(tmp_path: Path) -> None:
    clock = Clock()
    async with a_ledger(tmp_path, clock=clock) as (ledger, _):
        code = ledger.invite(b"i" * 10, plan="plus", uses=2)
        await ledger.admit(LIBRARY, code)
        await ledger.admit(OTHER, ledger.invite(b"j" * 10, plan=None, uses=1))
    async with Database.open(tmp_path / "tracker.sqlite") as database:
        assert [(each.plan, each.uses_left) for each in reports.invitations(database, now_ms=clock.now_ms)] == [
            ("plus", 1)
        ]
        assert reports.invitations(database, now_ms=clock.now_ms + 31 * 86_400_000) == []


async def test_its_key_is_shown_by_itself_by_a_command_and_in_its_health(tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(NotFoundError, match="no tracker has run"):
        admin.show_key(argparse.Namespace(json=True), tmp_path)
    async with a_tracker(tmp_path) as (url, tracker), aiohttp.ClientSession(url.replace("ws:", "http:")) as session:
        assert len(from_text(tracker.key)) == 32
        assert said(admin.show_key, tmp_path, capsys) == {"key": tracker.key}
        async with session.get("/healthz") as health:
            assert (await health.json())["key"] == tracker.key
        assert said(admin.show_usage, tmp_path, capsys, library="") == []
        assert [each["name"] for each in said(admin.list_plans, tmp_path, capsys)] == ["free", "plus"]
        assert said(admin.invite, tmp_path, capsys, plan="plus", uses=3)["invitation"]
        assert said(admin.list_invitations, tmp_path, capsys)[0]["uses_left"] == 3
    async with a_tracker(tmp_path) as (_, again):
        assert again.key == tracker.key

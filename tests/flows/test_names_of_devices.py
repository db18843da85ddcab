"""What devices are called, and who may say so."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from node.catalog.batch import Batch, Op, decode_batch
from node.catalog.register import Key
from node.catalog.rights import may_write
from node.catalog.vocabulary import STAR, call_device, move_seed
from node.doors.index import Index
from node.doors.vault import Secrets
from node.errors import RefusedError
from node.faces.news import News
from node.flows.devices import Devices, OwnRoom
from node.flows.rule import tell_of_changes
from node.flows.sightings import Sightings
from node.ids import DeviceId, to_text
from node.library import Library
from node.wire.names import UNNAMED, device_name
from node.wire.roster import Role, read_roster
from tests.flows.people import found, let_in, make_device


def devices_of(secrets: Secrets, index: Index) -> Devices:
    device = make_device("one", secrets)
    library = Library.open(index, secrets.device, secrets.epochs[0].identity)
    return Devices(
        device.membership, device.directory, device.links, library, Sightings(device.directory, index.settings),
        own_name="one", own_room=lambda: OwnRoom(None, None), random=os.urandom,
    )  # fmt: skip


@pytest.mark.parametrize(("role", "may"), [(Role.PLAYER, False), (Role.OWNER, True)])
async def test_an_owner_renames_any_device_and_a_player_only_itself(tmp_path: Path, role: Role, may: bool) -> None:
    founder, newcomer = let_in(found(), role)
    with Index.open(tmp_path / "index.sqlite") as index:
        devices = devices_of(newcomer, index)
        assert (await devices.rename(to_text(newcomer.device.id), "Mine"))["name"] == "Mine"
        if may:
            assert (await devices.rename(to_text(founder.device.id), "Theirs"))["name"] == "Theirs"
        else:
            with pytest.raises(RefusedError, match="rename only itself"):
                await devices.rename(to_text(founder.device.id), "Theirs")
            assert "Theirs" not in {each["name"] for each in devices.all()}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Lap\ntop", "Lap top"),
        ("  Old\u2028 phone\t", "Old phone"),
        ("a\x1b[2Jb\u202ec", "a[2Jbc"),
        ("👨\u200d👩 PC", "👨\u200d👩 PC"),
        ("x" * 100, "x" * 80),
        ("\n\x07", ""),
    ],
)
def test_a_device_is_called_by_one_line_that_can_be_typed_again(said: str, kept: str) -> None:
    assert device_name(said) == kept
    assert device_name(kept) == kept


async def test_a_device_that_joined_under_a_name_of_two_lines_is_found_by_what_is_shown(tmp_path: Path) -> None:
    founder, newcomer = let_in(found(), Role.OWNER)
    with Index.open(tmp_path / "index.sqlite") as index:
        library = Library.open(index, newcomer.device, newcomer.epochs[0].identity)
        written = [call_device(to_text(founder.device.id), "Lap\ntop")]  # as a version before this rule kept it
        library.device_names._changes.write(written)
        devices = devices_of(newcomer, index)
        assert [each["name"] for each in devices.all()].count("Lap top") == 1
        assert (await devices.rename("lap top", "Laptop"))["name"] == "Laptop"


def library_of(secrets: Secrets, index: Index, *, honest: bool = True) -> Library:
    """A device's library; one that is not `honest` is a changed program's."""
    roster = read_roster(secrets.roster)
    if honest:
        index.log.may_write = lambda key, by: may_write(key, by, roster)
    return Library.open(index, secrets.device, secrets.epochs[0].identity)


def logs_of(index: Index) -> list[Batch]:
    return [decode_batch(each) for log in index.log.heads() for each in index.log.batches(log, 0, 99)]


@pytest.mark.parametrize(("role", "counts"), [(Role.PLAYER, False), (Role.OWNER, True)])
def test_a_changed_program_on_a_player_renames_nobody_but_itself_by_whichever_way_it_tries(
    tmp_path: Path, role: Role, counts: bool
) -> None:
    founder, newcomer = let_in(found(), role)
    one, other = to_text(founder.device.id), to_text(newcomer.device.id)
    with (
        Index.open(tmp_path / "mine.sqlite") as mine,
        Index.open(tmp_path / "theirs.sqlite") as theirs,
        Index.open(tmp_path / "third.sqlite") as third,
    ):
        ours, changed = library_of(founder, mine), library_of(newcomer, theirs, honest=False)
        ours.device_names.call(founder.device.id, "PC")
        seed_id = DeviceId(bytes(32))
        seed = to_text(seed_id)
        ours.changes.write([move_seed(seed, "https://seed.example")])
        changed.changes.apply(logs_of(mine))  # so that what it writes has seen what it is written over
        star = Op(Key(STAR, "track", "track"), 5)
        [forged] = changed.changes.write([
            call_device(one, "Mine"), call_device(other, "Phone"), move_seed(seed, "https://evil.example"), star,
        ])  # fmt: skip
        expected = {one: "Mine" if counts else "PC", other: "Phone"}
        address = "https://evil.example" if counts else "https://seed.example"

        def told(library: Library) -> tuple[dict[str, str], str, object]:
            log = library.index.log
            return library.device_names.all(), library.seed_addresses.of(seed_id), log.value(star.key)

        ours.changes.apply([forged])
        assert told(ours) == (expected, address, 5)
        library_of(founder, third).changes.apply([forged, *logs_of(mine)])  # in another order
        assert told(library_of(founder, third)) == (expected, address, 5)
        mine.log.load_snapshot(list(theirs.log.snapshot()))
        assert told(ours) == (expected, address, 5)


async def test_a_notice_calls_a_newcomer_by_its_name_as_soon_as_that_has_come() -> None:
    founder = found()
    grown, newcomer = let_in(founder)
    names = {founder.device.id: "PC"}
    news = News(asyncio.get_running_loop())
    membership = make_device("one", founder).membership
    tell = tell_of_changes(membership, lambda member: names.get(member, UNNAMED), news.notice)
    tell(read_roster(founder.roster), read_roster(grown.roster))
    short = to_text(newcomer.device.id)[:8]
    assert news.notices()[0].text.startswith(f"A new device ({short}) was let into your library as player, by PC.")
    names[newcomer.device.id] = "Phone"
    assert news.notices()[0].as_json()["text"].startswith(f"A new device, Phone ({short}), was let into")

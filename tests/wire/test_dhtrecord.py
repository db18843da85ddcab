"""Records in the DHT: what a reader takes, and everything that it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.crypto.keys import EpochKeys
from node.errors import PeerError, RefusedError, UnknownFormatError
from node.wire import dhtrecord
from node.wire.dhtrecord import DhtRecord, check_serial, open_record, place_of, read_dht_key, seal_record, sign_dht_key
from tests.wire.family import make_family

FAMILY = make_family()
LIBRARY = FAMILY.roster.library
PC, LAPTOP = FAMILY.founder, FAMILY.player
DAY = 20_000
RECORD = DhtRecord(
    serial=1_700_000_000_123, addresses=("192.0.2.1:7669", "[2001:db8::1]:7669"), pin=b"\x11" * 32, heads=b"\x22" * 8
)


def sealed(record: DhtRecord = RECORD, *, day: int = DAY) -> bytes:
    return seal_record(record, FAMILY.epoch, LIBRARY, PC.id, day=day, nonce_12=b"n" * 12)


def test_a_record_comes_back_as_it_was_and_fits_into_the_table() -> None:
    data = sealed()
    assert len(data) == dhtrecord.RECORD_BYTES
    assert len(b"%d:" % len(data)) + len(data) <= 1_000
    assert open_record(data, FAMILY.epoch, LIBRARY, PC.id, day=DAY) == RECORD
    bare = replace(RECORD, addresses=())
    assert len(sealed(bare)) == len(data), "sizes tell nothing"


def test_nothing_of_a_record_is_readable() -> None:
    data = sealed()
    for secret in (b"192.0.2.1", b"7669", RECORD.pin, RECORD.heads, PC.id, LIBRARY, FAMILY.epoch.room):
        assert secret not in data


@pytest.mark.parametrize("at", [0, 1, 13, 400, dhtrecord.RECORD_BYTES - 1])
def test_a_record_of_which_one_bit_differs_is_refused(at: int) -> None:
    data = bytearray(sealed())
    data[at] ^= 1
    with pytest.raises((PeerError, UnknownFormatError)):
        open_record(bytes(data), FAMILY.epoch, LIBRARY, PC.id, day=DAY)


def test_a_record_of_yesterday_can_not_be_passed_off_as_todays() -> None:
    with pytest.raises(PeerError, match="doesn't belong"):
        open_record(sealed(day=DAY - 1), FAMILY.epoch, LIBRARY, PC.id, day=DAY)


def test_a_record_of_one_device_can_not_be_passed_off_as_anothers() -> None:
    with pytest.raises(PeerError, match="doesn't belong"):
        open_record(sealed(), FAMILY.epoch, LIBRARY, LAPTOP.id, day=DAY)


def test_a_record_of_another_epoch_or_library_does_not_open() -> None:
    for epoch, library in ((EpochKeys(2, b"\x08" * 32), LIBRARY), (FAMILY.epoch, make_family(50).roster.library)):
        with pytest.raises(PeerError):
            open_record(sealed(), epoch, library, PC.id, day=DAY)


def test_a_record_that_is_older_than_one_seen_before_is_refused_and_the_same_again_is_not() -> None:
    check_serial(RECORD, RECORD.serial)
    check_serial(RECORD, RECORD.serial - 1)
    with pytest.raises(RefusedError, match="older"):
        check_serial(RECORD, RECORD.serial + 1)


@pytest.mark.parametrize(
    "address",
    [
        "home.example.org:7669", "192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:07669", "2001:db8::1:7669",
        "[2001:db8::1%eth0]:1", "0.0.0.0:7669", "224.0.0.1:7669", "[ff02::1]:7669", "192.0.2.1:٣", "x" * 61, "",
    ],
)  # fmt: skip
def test_an_address_that_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(PeerError):
        open_record(sealed(replace(RECORD, addresses=(address,))), FAMILY.epoch, LIBRARY, PC.id, day=DAY)


def test_the_place_changes_with_day_device_and_epoch() -> None:
    other = EpochKeys(2, b"\x08" * 32)
    places = {
        place_of(epoch, device, day)
        for epoch in (FAMILY.epoch, other) for device in (PC.id, LAPTOP.id) for day in (DAY, DAY + 1)
    }  # fmt: skip
    assert len(places) == 8


def test_a_key_for_the_dht_counts_only_if_its_own_device_signed_it() -> None:
    key, signature = sign_dht_key(PC, LIBRARY)
    assert read_dht_key([key, signature], PC.id, LIBRARY) == key
    assert key != PC.id, "who stores a record doesn't learn whose it is"
    with pytest.raises(PeerError):
        read_dht_key([key, signature], LAPTOP.id, LIBRARY)
    with pytest.raises(PeerError):
        read_dht_key(sign_dht_key(LAPTOP, LIBRARY), PC.id, LIBRARY)
    with pytest.raises(PeerError):
        read_dht_key([key, signature], PC.id, make_family(50).roster.library)

"""Hold lists and heads records: signed by who may, for this library, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto import labels
from node.crypto.keys import EpochKeys
from node.errors import PeerError, RefusedError, SongkeepError, UnknownFormatError
from node.ids import BlobRoot
from node.wire import codec
from node.wire.heads import open_heads, read_heads, sign_heads
from node.wire.holdlist import ListedVolume, check_shrinking, read_hold_list, sign_hold_list
from node.wire.roster import revoke
from node.wire.volume import VolumeBlob, VolumeId
from tests.wire.family import Family, keys_of, make_family

LISTED = [ListedVolume(VolumeId(bytes([number]) * 32), bytes([number + 50]) * 32) for number in range(3)]
SNAPSHOT = VolumeBlob(BlobRoot(b"\x33" * 32), 5_000)
BODY = {"snapshot": [b"r", b"k"], "heads": {b"log": 7}}


def hold_record(family: Family, *, serial: int = 4, signer: str = "founder") -> bytes:
    keys = getattr(family, signer)
    return sign_hold_list(keys, family.roster.library, serial=serial, time_ms=9, epoch=1, volumes=LISTED)


def heads_record(family: Family, *, signer: str = "founder", serial: int = 3) -> bytes:
    return sign_heads(
        getattr(family, signer),
        family.epoch,
        family.roster.library,
        serial=serial,
        time_ms=9,
        snapshot=SNAPSHOT,
        body=BODY,
        nonce_12=b"n" * 12,
    )


@pytest.mark.parametrize("signer", ["founder", "recovery"])
def test_a_list_by_an_owner_or_the_phrase_reads_back(signer: str) -> None:
    family = make_family()
    hold = read_hold_list(hold_record(family, signer=signer), family.roster)
    assert (hold.serial, hold.volumes, hold.may_shrink, hold.epoch) == (4, tuple(LISTED), False, 1)


@pytest.mark.parametrize("signer", ["player", "seed"])
def test_a_list_by_a_member_that_may_not_rule_is_refused(signer: str) -> None:
    family = make_family()
    with pytest.raises(RefusedError, match="may not"):
        read_hold_list(hold_record(family, signer=signer), family.roster)


def test_a_list_by_a_stranger_or_a_revoked_owner_is_refused() -> None:
    family = make_family()
    record = sign_hold_list(keys_of(9), family.roster.library, serial=1, time_ms=1, epoch=1, volumes=[])
    with pytest.raises(RefusedError, match="not a member"):
        read_hold_list(record, family.roster)
    after = revoke(family.roster, family.recovery, [family.founder.id], next_epoch=EpochKeys(2, b"2" * 32), time_ms=5)
    with pytest.raises(RefusedError, match="revoked"):
        read_hold_list(hold_record(family), after)


def test_a_list_for_another_library_is_refused() -> None:
    family = make_family()
    record = sign_hold_list(family.founder, b"x" * 32, serial=1, time_ms=1, epoch=1, volumes=[])  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="another library"):
        read_hold_list(record, family.roster)


def test_a_list_that_names_a_volume_twice_or_is_of_a_newer_version_is_refused() -> None:
    family = make_family()
    twice = sign_hold_list(
        family.founder, family.roster.library, serial=1, time_ms=1, epoch=1, volumes=[LISTED[0], LISTED[0]]
    )
    with pytest.raises(PeerError, match="twice"):
        read_hold_list(twice, family.roster)
    payload = codec.pack([2, family.roster.library, 1, 1, family.founder.id, 1, False, []])
    newer = codec.pack([payload, family.founder.sign(labels.LABEL_SIGN_HOLD_LIST, payload)])
    with pytest.raises(UnknownFormatError):
        read_hold_list(newer, family.roster)


@given(st.integers(0, 10**6))
def test_one_flipped_bit_in_a_list_is_refused(bit: int) -> None:
    family = make_family()
    record = bytearray(hold_record(family))
    at = bit % (len(record) * 8)
    record[at // 8] ^= 1 << (at % 8)
    with pytest.raises(SongkeepError):
        read_hold_list(bytes(record), family.roster)


@given(st.binary(max_size=300))
def test_noise_is_no_list_and_no_record(noise: bytes) -> None:
    family = make_family()
    with pytest.raises(SongkeepError):
        read_hold_list(noise, family.roster)
    with pytest.raises(SongkeepError):
        read_heads(noise, family.roster)


@pytest.mark.parametrize(
    ("before", "dropped", "may_shrink", "fine"),
    [
        (0, 0, False, True),
        (100, 19, False, True),
        (100, 20, False, False),
        (100, 100, True, True),
        (100, 0, False, True),
    ],
)
def test_a_fifth_less_needs_an_owners_word(before: int, dropped: int, may_shrink: bool, fine: bool) -> None:
    if fine:
        check_shrinking(bytes_before=before, bytes_dropped=dropped, may_shrink=may_shrink)
    else:
        with pytest.raises(RefusedError, match="confirm"):
            check_shrinking(bytes_before=before, bytes_dropped=dropped, may_shrink=may_shrink)


@pytest.mark.parametrize("signer", ["founder", "player"])
def test_heads_of_a_member_that_reads_open_for_the_phrase(signer: str) -> None:
    family = make_family()
    heads = read_heads(heads_record(family, signer=signer), family.roster)
    assert (heads.device, heads.serial, heads.snapshot) == (getattr(family, signer).id, 3, SNAPSHOT)
    assert open_heads(heads, family.roster.epochs_for(family.recovery)) == BODY


def test_heads_by_a_seed_are_refused_and_a_seed_opens_none() -> None:
    family = make_family()
    with pytest.raises(RefusedError, match="can't read"):
        read_heads(heads_record(family, signer="seed"), family.roster)
    heads = read_heads(heads_record(family), family.roster)
    with pytest.raises(RefusedError, match="not given"):
        open_heads(heads, family.roster.epochs_for(family.seed))
    assert b"log" not in heads.record


def test_heads_do_not_open_with_another_secret_of_the_same_number() -> None:
    family = make_family()
    heads = read_heads(heads_record(family), family.roster)
    with pytest.raises(PeerError):
        open_heads(heads, {1: EpochKeys(1, b"z" * 32)})


@given(st.integers(0, 10**6))
def test_one_flipped_bit_in_a_heads_record_is_refused(bit: int) -> None:
    family = make_family()
    record = bytearray(heads_record(family))
    at = bit % (len(record) * 8)
    record[at // 8] ^= 1 << (at % 8)
    with pytest.raises(SongkeepError):
        read_heads(bytes(record), family.roster)

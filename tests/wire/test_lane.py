"""Passes: good for one lane, by one member."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import PeerError
from node.wire.lane import read_pass, sign_pass
from tests.wire.family import keys_of

HOLDER, OTHER = keys_of(1).id, keys_of(2).id
PRINT = b"\x33" * 32


def test_a_pass_names_who_signed_it() -> None:
    assert read_pass(sign_pass(keys_of(2), holder=HOLDER, print_32=PRINT), holder=HOLDER, print_32=PRINT) == OTHER


@pytest.mark.parametrize(("holder", "print_32"), [(OTHER, PRINT), (HOLDER, b"\x34" * 32)])
def test_a_pass_for_another_device_or_another_start_opens_nothing(holder: bytes, print_32: bytes) -> None:
    given_pass = sign_pass(keys_of(2), holder=holder, print_32=print_32)  # type: ignore[arg-type]
    with pytest.raises(PeerError):
        read_pass(given_pass, holder=HOLDER, print_32=PRINT)


@given(st.text(max_size=300))
def test_anything_else_is_refused_as_a_peers_fault(text: str) -> None:
    with pytest.raises(PeerError):
        read_pass(text, holder=HOLDER, print_32=PRINT)


@given(st.integers(0, 163), st.sampled_from("abcdefgh234567 .S"))
def test_a_pass_with_one_character_changed_opens_nothing(place: int, char: str) -> None:
    whole = sign_pass(keys_of(2), holder=HOLDER, print_32=PRINT)
    changed = whole[:place] + char + whole[place + 1 :]
    if changed != whole:
        with pytest.raises(PeerError):
            read_pass(changed, holder=HOLDER, print_32=PRINT)

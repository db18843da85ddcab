"""STUN: the address that a client is told, and silence to everything else."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import PeerError
from node.wire import stun

TRANSACTION = bytes(range(12))
addresses = st.ip_addresses().map(str)


@given(addresses, st.integers(0, 65_535))
def test_a_client_is_told_its_address(host: str, port: int) -> None:
    answer = stun.answer(stun.binding_request(TRANSACTION), host, port)
    assert answer is not None
    told, told_port = stun.read_answer(answer, TRANSACTION)
    address = ipaddress.ip_address(host)
    expected = getattr(address, "ipv4_mapped", None) or address
    assert (ipaddress.ip_address(told), told_port) == (expected, port)


def test_the_answer_is_the_one_of_rfc_5769() -> None:
    """The sample address of RFC 5769, section 2.2: 192.0.2.1 port 32853."""
    transaction = bytes.fromhex("b7e7a701bc34d686fa87dfae")
    answer = stun.answer(stun.binding_request(transaction), "192.0.2.1", 32_853)
    assert answer is not None
    assert answer[20:] == bytes.fromhex("002000080001a147e112a643")


@given(st.binary(max_size=120))
def test_nothing_but_a_binding_request_is_answered(data: bytes) -> None:
    answer = stun.answer(data, "192.0.2.1", 1)
    assert answer is None or data[:2] == b"\0\1"
    assert answer is None or len(answer) <= 44


@given(st.binary(max_size=120))
def test_any_answer_is_read_or_refused(data: bytes) -> None:
    for answer in (
        data,
        bytes.fromhex("0101") + len(data).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + TRANSACTION + data,
    ):
        with contextlib.suppress(PeerError):
            stun.read_answer(answer, TRANSACTION)


def test_an_answer_to_another_request_is_refused() -> None:
    answer = stun.answer(stun.binding_request(TRANSACTION), "192.0.2.1", 1)
    assert answer is not None
    with pytest.raises(PeerError):
        stun.read_answer(answer, b"x" * 12)

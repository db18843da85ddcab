"""STUN binding requests and answers (RFC 8489), as much as finding one's own public address takes."""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

from node.errors import PeerError

MAX_REQUEST_BYTES: Final = 1_500
_HEADER: Final = struct.Struct(">HHI12s")
_COOKIE: Final = 0x2112A442
_BINDING_REQUEST: Final = 0x0001
_BINDING_SUCCESS: Final = 0x0101
_XOR_MAPPED_ADDRESS: Final = 0x0020
_IPV4: Final = 1
_IPV6: Final = 2


def binding_request(transaction_12: bytes) -> bytes:
    """A request without attributes, 20 bytes; `transaction_12` is fresh randomness."""
    return _HEADER.pack(_BINDING_REQUEST, 0, _COOKIE, transaction_12)


def answer(request: bytes, host: str, port: int) -> bytes | None:
    """The answer that tells a client its address as seen from here; None for whatever is not a binding request.

    An answer is at most 44 bytes and carries nothing else, so that a forged source gains next to nothing.
    """
    if not _HEADER.size <= len(request) <= MAX_REQUEST_BYTES:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(request)
    if kind != _BINDING_REQUEST or cookie != _COOKIE or length % 4 or length != len(request) - _HEADER.size:
        return None
    address = ipaddress.ip_address(host.split("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    family = _IPV4 if address.version == 4 else _IPV6
    value = struct.pack(">BBH", 0, family, port ^ _COOKIE >> 16) + _masked(address.packed, transaction)
    attribute = struct.pack(">HH", _XOR_MAPPED_ADDRESS, len(value)) + value
    return _HEADER.pack(_BINDING_SUCCESS, len(attribute), _COOKIE, transaction) + attribute


def read_answer(data: bytes, transaction_12: bytes) -> tuple[str, int]:
    """The address that an answer tells. Raises PeerError."""
    try:
        kind, length, cookie, transaction = _HEADER.unpack_from(data)
        if (kind, cookie, transaction, length) != (_BINDING_SUCCESS, _COOKIE, transaction_12, len(data) - _HEADER.size):
            raise PeerError("that is not the answer to this STUN request")
        at = _HEADER.size
        while at < len(data):
            attribute, size = struct.unpack_from(">HH", data, at)
            if attribute == _XOR_MAPPED_ADDRESS:
                _, family, port = struct.unpack_from(">BBH", data, at + 4)
                packed = data[at + 8 : at + 4 + size]
                if len(packed) != {_IPV4: 4, _IPV6: 16}.get(family):
                    raise PeerError("a STUN answer has an address of an unknown kind")
                return str(ipaddress.ip_address(_masked(packed, transaction))), port ^ _COOKIE >> 16
            at += 4 + size + -size % 4
    except struct.error as error:
        raise PeerError("a STUN answer is cut short") from error
    raise PeerError("a STUN answer tells no address")


def _masked(packed: bytes, transaction: bytes) -> bytes:
    mask = struct.pack(">I", _COOKIE) + transaction
    return bytes(left ^ right for left, right in zip(packed, mask, strict=False))

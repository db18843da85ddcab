"""What all vectors are made with."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from node.crypto.keys import MemberKeys
from node.errors import PeerError, RefusedError, SongkeepError, UnavailableError, UnknownFormatError

_ERRORS = {
    PeerError: "peer",
    RefusedError: "refused",
    UnknownFormatError: "unknown_format",
    UnavailableError: "unavailable",
}


def pattern(size: int) -> bytes:
    """Byte i is (7 i + i // 256) mod 256: cheap to make in any language."""
    return bytes((7 * at + (at >> 8)) & 0xFF for at in range(size))


def error_name(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except SongkeepError as error:
        return _ERRORS[type(error)]
    raise AssertionError("this vector is meant to be refused")


def member(keys: MemberKeys) -> dict[str, str]:
    return {
        "sign_secret": keys.sign_secret.hex(),
        "receive_secret": keys.receive_secret.hex(),
        "sign": keys.public.sign.hex(),
        "receive": keys.public.receive.hex(),
    }


def hex_entries(entries: Iterable[bytes]) -> list[str]:
    return [entry.hex() for entry in entries]

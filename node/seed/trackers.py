"""Which trackers a seed trusts: by their keys, or by an address whose key is learnt once and remembered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import build_opener

from node.errors import RefusedError, UnavailableError, UnknownFormatError, UserError
from node.files import read_small, write_private
from node.ids import from_text, to_text

KEYS_FILE: Final = "trackers.json"
ANSWER_TIMEOUT_S: Final = 10.0
_MAX_ANSWER_BYTES: Final = 65_536
_KEY_BYTES: Final = 32
_SCHEMES: Final = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


@dataclass(frozen=True, slots=True)
class TrustedTracker:
    """A tracker whose grants are good on a seed."""

    key: bytes
    base: str = ""
    """Where it answers HTTP; empty for one that was named by its key, in whose pool the seed does not stand."""


def trusted(named: list[str], home: Path, *, ask: Callable[[str], str] | None = None) -> tuple[TrustedTracker, ...]:
    """The trackers that a person named, each by its key or its address. Blocks.

    Raises UserError, UnavailableError (its key was never learnt, and it does not answer), RefusedError (another key
    than before).
    """
    return tuple(
        _of_address(each, home, ask or _asked) if "://" in each else TrustedTracker(_of_key(each)) for each in named
    )


def _of_key(text: str) -> bytes:
    key = from_text(text.strip())
    if len(key) != _KEY_BYTES:
        raise UserError("--tracker takes a tracker's address, or its key: 52 letters and digits")
    return key


def _of_address(url: str, home: Path, ask: Callable[[str], str]) -> TrustedTracker:
    parts = urlsplit(url.strip())
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise UserError(f"{url[:100]!r} is not a tracker's address; it looks like wss://tracker.example.org")
    base = f"{_SCHEMES[parts.scheme]}://{parts.netloc}"
    known = _remembered(home)
    try:
        key = _of_key(ask(f"{base}/healthz"))
    except UnavailableError:
        if base not in known:
            raise
        return TrustedTracker(_of_key(known[base]), base)
    if known.setdefault(base, to_text(key)) != to_text(key):
        raise RefusedError(
            f"the tracker at {base} shows another key than before; "
            f"if that is right, remove {KEYS_FILE} in the seed's home"
        )
    write_private(home / KEYS_FILE, (json.dumps(known, indent=2) + "\n").encode())
    return TrustedTracker(key, base)


def _remembered(home: Path) -> dict[str, str]:
    data = read_small(home / KEYS_FILE, max_bytes=_MAX_ANSWER_BYTES)
    if data is None:
        return {}
    try:
        known = json.loads(data)
        return {str(url): str(key) for url, key in known.items()}
    except (ValueError, AttributeError) as error:
        raise UnknownFormatError(f"{KEYS_FILE} in the seed's home is not readable; remove it") from error


def _asked(url: str) -> str:
    try:
        with build_opener().open(url, timeout=ANSWER_TIMEOUT_S) as answer:
            told = json.loads(answer.read(_MAX_ANSWER_BYTES))
    except (URLError, OSError, ValueError) as error:
        raise UnavailableError(f"the tracker does not answer at {url}") from error
    key = told.get("key") if isinstance(told, dict) else None
    if not isinstance(key, str):
        raise UserError(f"what answers at {url} is no tracker that keeps accounts")
    return key

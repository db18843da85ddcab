"""Which trackers a seed trusts: by key, or by an address whose key is learnt once and then held to."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.errors import RefusedError, UnavailableError, UserError
from node.ids import to_text
from node.seed.trackers import KEYS_FILE, TrustedTracker, trusted

KEY, OTHER = b"k" * 32, b"o" * 32
URL, BASE = "wss://tracker.example.org", "https://tracker.example.org"


def silent(url: str) -> str:
    raise UnavailableError(f"nobody at {url}")


def test_a_tracker_is_named_by_its_key_or_its_address(tmp_path: Path) -> None:
    asked = []

    def told(url: str) -> str:
        asked.append(url)
        return to_text(KEY)

    assert trusted([to_text(OTHER), URL], tmp_path, ask=told) == (TrustedTracker(OTHER), TrustedTracker(KEY, BASE))
    assert asked == ["https://tracker.example.org/healthz"]
    for wrong in ("abc", "ftp://x", "wss://"):
        with pytest.raises(UserError):
            trusted([wrong], tmp_path, ask=told)


def test_its_key_is_remembered_while_it_is_silent_and_another_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        trusted([URL], tmp_path, ask=silent)
    assert trusted([URL], tmp_path, ask=lambda _url: to_text(KEY)) == (TrustedTracker(KEY, BASE),)
    assert trusted([URL], tmp_path, ask=silent) == (TrustedTracker(KEY, BASE),)
    with pytest.raises(RefusedError, match="another key"):
        trusted([URL], tmp_path, ask=lambda _url: to_text(OTHER))
    assert trusted([URL], tmp_path, ask=silent) == (TrustedTracker(KEY, BASE),)
    (tmp_path / KEYS_FILE).unlink()
    assert trusted([URL], tmp_path, ask=lambda _url: to_text(OTHER)) == (TrustedTracker(OTHER, BASE),)

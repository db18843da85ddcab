"""What devices are called: one rule for what a person types, a newcomer says and a presence tells."""

from __future__ import annotations

from typing import Final

MAX_NAME_CHARS: Final = 80
UNNAMED: Final = "a device"
"""What one is called of which no name has come."""
_JOINERS: Final = "\u200c\u200d"
"""They print nothing themselves, but Persian, Hindi and many emoji are not written right without them."""


def device_name(text: str) -> str:
    """`text` as a device's name: one line of at most 80 printable characters; "" if nothing is left of it."""
    words = " ".join(text.split())
    return "".join(char for char in words if char.isprintable() or char in _JOINERS)[:MAX_NAME_CHARS].strip()

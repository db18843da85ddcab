"""Names that stand in signatures of those who never make sound themselves: they load no PyAV."""

from __future__ import annotations

from typing import Literal

MobileCodec = Literal["opus", "aac"]
"""What a mobile rendition is made in."""

"""Small covers for phones: made here, so that a list of albums costs kilobytes and not megabytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from node.doors.channel import Answer
from node.errors import PeerError
from node.flows.pictures import SIZES_PX
from node.ids import CoverId, text_id

Small = Callable[[CoverId, int], Awaitable[bytes]]


def cover_answers(small: Small) -> Mapping[str, Answer]:
    """The question `cover`, answered with a JPEG (docs/PROTOCOL.md, "Questions")."""

    async def answer(body: Any) -> bytes:
        asked = body if isinstance(body, dict) else {}
        cover, size_px = asked.get("cover"), asked.get("size")
        if not isinstance(cover, str) or isinstance(size_px, bool) or size_px not in SIZES_PX:
            raise PeerError("a question for a cover names none, or no size that there is")
        return await small(CoverId(text_id(cover)), size_px)

    return {"cover": answer}

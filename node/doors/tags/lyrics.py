"""Words with times, as LRC text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

MAX_LINES = 5_000


def lrc(timed: Sequence[tuple[float, str]]) -> str:
    """LRC of (milliseconds, words) pairs. Where pieces begin with a line end, those without one go on the line."""
    by_syllable = any(words.startswith(("\n", "\r")) for _, words in timed[1:])
    lines: list[tuple[float, str]] = []
    for time_ms, words in timed[: MAX_LINES * 8]:
        new_line = not by_syllable or words.startswith(("\n", "\r")) or not lines
        if new_line:
            if len(lines) >= MAX_LINES:
                break
            lines.append((time_ms, words.strip("\r\n")))
        else:
            start_ms, so_far = lines[-1]
            lines[-1] = (start_ms, so_far + words)
    return "\n".join(f"[{_stamp(time_ms)}]{words.strip()}" for time_ms, words in lines)


def _stamp(time_ms: float) -> str:
    hundredths = round(max(0.0, time_ms) / 10)
    return f"{hundredths // 6000:02}:{hundredths // 100 % 60:02}.{hundredths % 100:02}"

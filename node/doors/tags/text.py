"""Turns what people and programs wrote into tags into clean values. Pure; nothing here raises."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable

MAX_TEXT_CHARS = 1_000
MAX_COMMENT_CHARS = 4_000
MAX_VALUES = 64
"""Of one field: more artists than this are no list of artists."""

R128_OFFSET_DB = 5.0
"""EBU R 128 aims at -23 LUFS, ReplayGain 2 at -18 LUFS (RFC 7845, section 5.2.1)."""
MAX_GAIN_DB = 64.0
MAX_PEAK = 100.0

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]+")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]+")
_SPLIT = re.compile(r"\s*;\s*|\s+/\s+|\0")
_NUMBER = re.compile(r"\s*(\d{1,5})\s*(?:(?:/|of)\s*(\d{1,5}))?")
_DATE = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?![\d])")
_PACKED_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)(?!\d)")
_YEAR_LAST = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.](\d{4})(?!\d)")
_DECIMAL = re.compile(r"\s*([+-]?\d{1,9}(?:[.,]\d{1,12})?)")
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}\Z")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def clean(text: str, *, max_chars: int = MAX_TEXT_CHARS) -> str:
    """One line of text: NFC, no control characters, no blanks at the ends, at most `max_chars`."""
    text = text[: max_chars * 2]
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", _CONTROL.sub(" ", text))
    return text[:max_chars].strip()


def clean_lines(text: str, *, max_chars: int) -> str:
    """Text of many lines: as `clean`, but with its line ends, as '\\n', and its tabs."""
    text = text[: max_chars * 2].replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", _CONTROL_BUT_LINES.sub("", text))
    return text[:max_chars].strip("\n ")


def several(values: Iterable[str], *, split: bool = True) -> tuple[str, ...]:
    """The different values among `values`, in order.

    With `split`, one that holds ';', a NUL or ' / ' is several: AC/DC stays one, since its slash has no blanks.
    """
    found: dict[str, None] = {}
    for value in values:
        value = value[: MAX_TEXT_CHARS * 4]
        for part in _SPLIT.split(value) if split else (value,):
            part = clean(part)
            if part:
                found[part] = None
            if len(found) >= MAX_VALUES:
                return tuple(found)
    return tuple(found)


def number_pair(text: str) -> tuple[int | None, int | None]:
    """'3/12' as (3, 12), '03' as (3, None); a zero, or what is no number, is None."""
    match = _NUMBER.match(text[:40])
    if match is None:
        return None, None
    return int(match[1]) or None, int(match[2] or 0) or None


def iso_date(text: str) -> str:
    """A date at the precision it was written in: '1997', '1997-06', '1997-06-16'; '' if there is no year in it."""
    text = text.strip()[:40]
    match = _PACKED_DATE.match(text) or _DATE.match(text)
    if match is None:
        last = _YEAR_LAST.match(text)
        return last[1] if last and last[1] != "0000" else ""
    year, month, day = match[1], int(match[2] or 0), int(match[3] or 0)
    if year == "0000":
        return ""
    if not 1 <= month <= 12:
        return year
    return f"{year}-{month:02}-{day:02}" if 1 <= day <= 31 else f"{year}-{month:02}"


def gain_db(text: str) -> float | None:
    """'-6.54 dB' as -6.54; None beyond what a gain can be."""
    value = _decimal(text)
    return value if value is not None and abs(value) <= MAX_GAIN_DB else None


def r128_gain_db(text: str) -> float | None:
    """An R128_*_GAIN (Q7.8 fixed point, RFC 7845 section 5.2.1) as a ReplayGain 2 gain."""
    value = _decimal(text)
    if value is None or not -32768 <= value <= 32767:
        return None
    return round(value / 256 + R128_OFFSET_DB, 4)


def peak(text: str) -> float | None:
    """A sample peak, 1.0 being full scale."""
    value = _decimal(text)
    return value if value is not None and 0 < value <= MAX_PEAK else None


def bpm(text: str) -> int | None:
    """Beats per minute, to the whole beat."""
    value = _decimal(text)
    return round(value) if value is not None and 1 <= value < 1000 else None


def isrc(text: str) -> str:
    """An ISRC (ISO 3901) without its hyphens; '' for anything else."""
    code = text[:40].replace("-", "").replace(" ", "").upper()
    return code if _ISRC.match(code) else ""


def uuid(text: str) -> str:
    """A UUID in lower case; '' for anything else."""
    code = text[:60].strip().lower()
    return code if _UUID.match(code) else ""


def is_yes(text: str) -> bool:
    """Whether a flag is set: '1', 'true', 'yes'."""
    return text.strip().lower() in ("1", "true", "yes")


def _decimal(text: str) -> float | None:
    match = _DECIMAL.match(text[:40])
    if match is None:
        return None
    value = float(match[1].replace(",", "."))
    return value if math.isfinite(value) else None

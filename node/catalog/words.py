"""How names are compared, sorted and searched: one folding for every script."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Final

from node.ids import AlbumId, ArtistId, to_text

DEFAULT_ARTICLES: Final = ("the", "a", "an")
_DIGITS: Final = re.compile(r"\d+")
_NOT_WORDS: Final = re.compile(r"[^a-z0-9\s]+")
_DISC_FOLDER: Final = re.compile(r"(cd|dis[ck]|dvd|side|vol(ume)?)[\s._-]*([0-9]{1,3}|[a-d])\b.*", re.IGNORECASE)
_SORT_DIGITS: Final = 8
_KNOWN_CHARS: Final = 8_192
_LATIN_LIKE: Final = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "HEBREW", "ARABIC")
_SPECIAL: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
"""Letters that Unicode does not take apart and people type without their stroke."""

_UNSPACED: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),  # Hangul: spaced, but its particles cling to the word
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Scripts that are searched by characters, since nothing tells where their words begin."""
_ONE_UNSPACED: Final = re.compile("[" + "".join(f"{chr(low)}-{chr(high)}" for low, high in _UNSPACED) + "]")


@lru_cache(maxsize=4_096)
def fold(text: str) -> str:
    """`text` without case, compatibility forms, accents of alphabetic scripts and doubled spaces."""
    if text.isascii():
        return " ".join(text.split()).lower()
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_SPECIAL)
    if any(map(unicodedata.combining, plain)):
        plain = _without_accents(plain)
    return " ".join(unicodedata.normalize("NFC", plain).split())


def _without_accents(plain: str) -> str:
    out: list[str] = []
    strip = False
    for char in plain:
        if unicodedata.combining(char):
            if not strip:
                out.append(char)
            continue
        strip = _loses_accents(char)
        out.append(char)
    return "".join(out)


@lru_cache(maxsize=4_096)
def sort_key(text: str, articles: tuple[str, ...] = DEFAULT_ARTICLES) -> str:
    """What `text` is sorted by: folded, without punctuation or a leading article, numbers by their value."""
    folded = fold(text)
    key = " ".join(_only_words(folded).split()) or folded
    first, space, rest = key.partition(" ")
    if space and first in articles:
        key = rest
    return _DIGITS.sub(lambda digits: digits.group().zfill(_SORT_DIGITS), key)


@lru_cache(maxsize=4_096)
def search_words(text: str) -> str:
    """`text` as words separated by spaces, for the full-text index; each character a word where words aren't spaced."""
    folded = _only_words(fold(text))
    if folded.isascii():
        return folded
    return _ONE_UNSPACED.sub(r" \g<0> ", folded)


def match_expression(query: str, *, max_words: int = 8) -> str:
    """An FTS5 expression for what a person typed: every word, each as a prefix. '' if there is none."""
    terms: list[str] = []
    for word in _only_words(fold(query)).split()[:max_words]:
        pieces = search_words(word).split()
        phrase = " ".join(pieces)
        terms.append(f'"{phrase}"' if _ONE_UNSPACED.match(pieces[-1][-1]) else f'"{phrase}"*')
    return " ".join(terms)


def _only_words(folded: str) -> str:
    if folded.isascii():
        return _NOT_WORDS.sub(" ", folded)
    return folded.translate(_ONLY_WORDS)


class _OnlyWords(dict[int, str]):
    """A table for `translate` that fills itself: letters, numbers and marks stay, all else becomes a space."""

    def __missing__(self, code: int) -> str:
        if len(self) >= _KNOWN_CHARS:
            self.clear()
        char = chr(code)
        self[code] = kept = char if unicodedata.category(char)[0] in "LNM" else " "
        return kept


_ONLY_WORDS: Final = _OnlyWords()


@lru_cache(maxsize=8_192)
def _loses_accents(char: str) -> bool:
    """Marks are accents in alphabets; in other scripts they are letters of their own."""
    return char.isascii() or unicodedata.name(char, "").startswith(_LATIN_LIKE)


@lru_cache(maxsize=4_096)
def artist_id(name: str) -> ArtistId:
    """The same for every way of writing a name's case and accents."""
    return ArtistId(_name_id("artist", fold(name)))


def album_id(*parts: str) -> AlbumId:
    """From the parts of the album's grouping key."""
    return AlbumId(_name_id("album", *parts))


@lru_cache(maxsize=4_096)
def _name_id(*parts: str) -> str:
    joined = "\0".join(parts).encode("utf-8", "replace")
    return to_text(hashlib.sha256(joined).digest()[:16])


def album_folder(path: str) -> str:
    """The folder that holds an album's files, given one file's path: without 'CD 1' and its like."""
    parts = path.split("/")[:-1]
    while len(parts) > 1 and _DISC_FOLDER.fullmatch(parts[-1]):
        parts.pop()
    return "/".join(parts)

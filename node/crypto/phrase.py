"""The recovery phrase: 24 BIP-39 words that stand for 32 random bytes and give a recovery key pair."""

from __future__ import annotations

from functools import cache

from mnemonic import Mnemonic

from node.crypto import labels
from node.crypto.keys import MemberKeys, derive
from node.errors import UserError

PHRASE_WORDS = 24
ENTROPY_BYTES = 32


@cache
def _english() -> Mnemonic:
    return Mnemonic("english")


def phrase_from_entropy(entropy: bytes) -> str:
    """24 words, separated by spaces, for 32 bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"{ENTROPY_BYTES} random bytes are needed")
    return str(_english().to_mnemonic(entropy))


def entropy_from_phrase(phrase: str) -> bytes:
    """The 32 bytes behind a phrase as a person types it. Raises UserError that names the word at fault."""
    words = _in_order(phrase.lower().replace(",", " ").split())
    if len(words) != PHRASE_WORDS:
        raise UserError(f"a recovery phrase has {PHRASE_WORDS} words, this one has {len(words)}")
    known = set(_english().wordlist)
    for place, word in enumerate(words, 1):
        if word not in known:
            raise UserError(f"word {place} of the phrase is not one of the list's words; check its spelling")
    try:
        return bytes(_english().to_entropy(words))
    except ValueError as error:
        raise UserError("the words are all known but don't belong together: one is wrong or out of place") from error


def _in_order(words: list[str]) -> list[str]:
    """As they were shown, each behind its number and in columns, they are put in order; others are as they came."""
    places = [each.removesuffix(".") for each in words[::2]]
    if len(words) != 2 * PHRASE_WORDS or sorted(places) != sorted(map(str, range(1, PHRASE_WORDS + 1))):
        return words
    by_place = dict(zip(map(int, places), words[1::2], strict=True))
    return [by_place[place] for place in range(1, PHRASE_WORDS + 1)]


def recovery_keys(entropy: bytes) -> MemberKeys:
    """The roster member that the phrase is. No stretching: the phrase already has 256 bits."""
    return MemberKeys(
        derive(entropy, labels.LABEL_RECOVERY_SIGN),
        derive(entropy, labels.LABEL_RECOVERY_RECEIVE),
    )

"""The library's recovery phrases: a further one is made, and one that is no longer wanted is removed.

The words are kept nowhere: they are shown, three are typed back from paper, and only then the phrase's public key comes
onto the roster. One that is made on a device ranks just above that device and below all that is senior to it, so a
thief of one device can't make a phrase that outranks its owner's (docs/FORMAT.md, "Seniority").
"""

from __future__ import annotations

import hmac
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from node.crypto.keys import EpochKeys, MemberKeys
from node.crypto.phrase import ENTROPY_BYTES, PHRASE_WORDS, entropy_from_phrase, phrase_from_entropy, recovery_keys
from node.doors.vault import Vault
from node.errors import NotFoundError, RefusedError, UnavailableError, UserError
from node.ids import DeviceId, to_text
from node.peers.membership import Membership
from node.wire.roster import Member, Role, Roster, add_recovery, remove_recovery

log = logging.getLogger(__name__)

ASKED_WORDS: Final = 3
DRAFT_LIFE_S: Final = 1_800.0
"""How long the words of a phrase that was not confirmed are kept, in memory alone."""
MAX_DRAFTS: Final = 4
MAX_WORD_CHARS: Final = 40


@dataclass(frozen=True, slots=True)
class Draft:
    """A phrase that was shown and not yet typed back."""

    id: str
    """Its public key, as text."""
    words: tuple[str, ...] = field(repr=False)
    positions: tuple[int, ...]
    """Of the words to be typed back, from 1."""
    until_s: float


class Phrases:
    """Lists, makes and removes."""

    def __init__(
        self,
        membership: Membership,
        vault: Vault,
        *,
        name_of: Callable[[DeviceId], str],
        now_ms: Callable[[], int],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._membership = membership
        self._vault = vault
        self._name_of = name_of
        self._now_ms = now_ms
        self._now_s = now_s
        self._drafts: dict[str, Draft] = {}

    def all(self) -> list[dict[str, Any]]:
        """Every phrase that opens the library, the most senior first."""
        return [self._shown(each) for each in self._membership.roster.active(Role.RECOVERY)]

    def draft(self) -> Draft:
        """Words for a further phrase. Raises RefusedError (this device may not), UnavailableError."""
        self._membership.require_owner()
        self._require_secret()
        now_s = self._now_s()
        self._drafts = {name: each for name, each in self._drafts.items() if each.until_s > now_s}
        if len(self._drafts) >= MAX_DRAFTS:
            raise UnavailableError("too many phrases are being made at once; finish or leave one of them")
        entropy = self._membership.random(ENTROPY_BYTES)
        chance = random.Random(self._membership.random(16))
        draft = Draft(
            id=to_text(recovery_keys(entropy).id),
            words=tuple(phrase_from_entropy(entropy).split()),
            positions=tuple(sorted(chance.sample(range(1, PHRASE_WORDS + 1), ASKED_WORDS))),
            until_s=now_s + DRAFT_LIFE_S,
        )
        self._drafts[draft.id] = draft
        return draft

    async def confirm(self, phrase_id: str, typed: Mapping[int, str]) -> dict[str, Any]:
        """The asked words as they stand on paper: from now on the phrase opens the library.

        Raises NotFoundError (there is no such draft, or no longer), UserError (a word is wrong), RefusedError.
        """
        draft = self._draft(phrase_id)
        if set(typed) != set(draft.positions):
            raise UserError(f"type the words number {', '.join(map(str, draft.positions))}")
        check_words(draft.words, typed)
        self._require_secret()
        keys = recovery_keys(entropy_from_phrase(" ".join(draft.words)))
        await self._membership.change(
            lambda roster, mine, epochs: add_recovery(
                roster, mine, keys.public, epochs=epochs.values(), time_ms=self._now_ms()
            )
        )
        self._drafts.pop(phrase_id, None)
        log.info("phrase_added")
        return self._shown(self._membership.roster.member(keys.id))

    def discard(self, phrase_id: str) -> None:
        """Forget the words of a draft. Raises NotFoundError."""
        self._draft(phrase_id)
        del self._drafts[phrase_id]

    async def remove(self, phrase: str, words: str | None = None) -> dict[str, Any]:
        """Have a phrase open nothing that comes from now on.

        What outranks it may: a device senior to the one that made it, or a senior phrase, given by its `words`; and the
        phrase itself. Raises NotFoundError, RefusedError, UserError (the last one; mistyped words).
        """
        target = self._find(phrase)
        roster = self._membership.roster
        if len(roster.active(Role.RECOVERY)) < 2:
            raise UserError("this is the only recovery phrase; make another one before you remove it")
        signer = self._membership.keys if words is None else recovery_signer(roster, words)
        rank = roster.member(signer.id).rank
        if signer.id != target.public.id and rank >= target.rank:
            raise RefusedError(
                "this device does not outrank that phrase; it is removed with the words of one that does, or its own: "
                "songkeep phrase remove --with-phrase"
                if words is None
                else "that phrase outranks the one whose words were typed"
            )
        secret = self._membership.random(32)
        await self._membership.change(
            lambda known, _mine, _epochs: remove_recovery(
                known,
                signer,
                target.public.id,
                next_epoch=EpochKeys(known.next_epoch, secret),
                time_ms=self._now_ms(),
            )
        )
        kept = self._vault.secrets.phrase_entropy
        if kept is not None and recovery_keys(kept).id == target.public.id:
            self._vault.forget_phrase()
        log.info("phrase_removed")
        return self._shown(self._membership.roster.members[target.public.id])

    def _require_secret(self) -> None:
        if self._membership.is_shut_out:
            raise UnavailableError(
                "another device changed the library's keys and gave this one none that works; revoke that device first"
            )

    def _draft(self, phrase_id: str) -> Draft:
        draft = self._drafts.get(phrase_id)
        if draft is None or draft.until_s < self._now_s():
            raise NotFoundError("the words of that phrase are no longer kept here; begin again")
        return draft

    def _find(self, phrase: str) -> Member:
        """By identifier, or the beginning of one."""
        wanted = phrase.strip().lower()
        active = self._membership.roster.active(Role.RECOVERY)
        found = [each for each in active if len(wanted) >= 4 and to_text(each.public.id).startswith(wanted)]
        if not found:
            raise NotFoundError(f"there is no recovery phrase {phrase[:80]!r}; 'songkeep phrase' lists them")
        if len(found) > 1:
            raise UserError(f"more than one phrase begins with {phrase[:80]!r}; name more of it")
        return found[0]

    def _shown(self, member: Member) -> dict[str, Any]:
        roster = self._membership.roster
        entry = roster.admission(member)
        maker = roster.members.get(entry.signer)
        by_phrase = maker is not None and maker.role is Role.RECOVERY
        mine = roster.members.get(self._membership.keys.id)
        return {
            "id": to_text(member.public.id),
            "active": member.active,
            "added_ms": entry.time_ms,
            "first": entry.seq == 0,
            "made_by": "another recovery phrase" if by_phrase else self._name_of(entry.signer),
            "outranks_this": mine is not None and member.rank < mine.rank,
        }


def check_words(words: tuple[str, ...], typed: Mapping[int, str]) -> None:
    """Compare words typed from paper, by their places from 1, with those that were shown. Raises UserError."""
    for place, given in typed.items():
        word = given.strip().lower()[:MAX_WORD_CHARS]
        if not hmac.compare_digest(word.encode("utf-8", "replace"), words[place - 1].encode()):
            raise UserError(f"word {place} is not the one that was shown")


def recovery_signer(roster: Roster, words: str) -> MemberKeys:
    """The keys of one of the library's phrases, from its words. Raises UserError (mistyped), RefusedError."""
    keys = recovery_keys(entropy_from_phrase(words))
    member = roster.members.get(keys.id)
    if member is None or member.role is not Role.RECOVERY:
        raise RefusedError("these words are not a recovery phrase of this library")
    if not member.active:
        raise RefusedError("this recovery phrase was removed; it opens and changes nothing any more")
    return keys

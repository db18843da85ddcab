"""Further recovery phrases: made on a device, removed by what outranks them; no thief locks the owner out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from node.crypto.keys import EpochKeys, MemberKeys, member_keys_from_random
from node.crypto.phrase import entropy_from_phrase, phrase_from_entropy, recovery_keys
from node.errors import NotFoundError, RefusedError, UnavailableError, UserError
from node.flows.phrases import DRAFT_LIFE_S, MAX_DRAFTS, Draft, Phrases
from node.flows.recover import unlocked
from node.wire.roster import Role, admit, read_roster, revoke
from tests.flows.owners import Owner, agree, home_of, owners, together, with_garbage
from tests.flows.people import a_tracker, let_in, make_device, now_ms, until

OFFLINE = "ws://127.0.0.1:9"
FIRST = bytes(range(32))
"""What the first phrase of these households stands for."""


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def phrases_of(owner: Owner, clock: Clock | None = None) -> Phrases:
    return Phrases(
        owner.device.membership,
        owner.device.membership._vault,  # type: ignore[arg-type]  # one in memory
        name_of=lambda _member: owner.device.name,
        now_ms=now_ms,
        now_s=clock or Clock(),
    )


def from_paper(draft: Draft) -> dict[int, str]:
    return {place: draft.words[place - 1] for place in draft.positions}


def keys_of(draft: Draft) -> MemberKeys:
    return recovery_keys(entropy_from_phrase(" ".join(draft.words)))


async def made(owner: Owner) -> Draft:
    phrases = phrases_of(owner)
    draft = phrases.draft()
    await phrases.confirm(draft.id, from_paper(draft))
    return draft


async def test_a_phrase_counts_only_once_three_words_were_typed_back() -> None:
    (pc,) = owners(OFFLINE, "PC")
    phrases = phrases_of(pc)
    draft = phrases.draft()
    assert len(draft.words) == 24
    assert len(set(draft.positions)) == 3
    wrong = {**from_paper(draft), draft.positions[1]: "zoo" if draft.words[draft.positions[1] - 1] != "zoo" else "art"}
    for typed in (wrong, {}, {1: "zoo"}):
        with pytest.raises(UserError):
            await phrases.confirm(draft.id, typed)
    assert len(phrases.all()) == 1
    shown = await phrases.confirm(draft.id, {at: f" {word.upper()} " for at, word in from_paper(draft).items()})
    assert shown["id"] == draft.id
    assert [each["first"] for each in phrases.all()] == [True, False]
    assert pc.roster.epochs_for(keys_of(draft)).keys() == {1}, "it opens all that there is"
    with pytest.raises(NotFoundError):
        await phrases.confirm(draft.id, from_paper(draft))


async def test_words_that_were_not_typed_back_are_forgotten() -> None:
    (pc,) = owners(OFFLINE, "PC")
    clock = Clock()
    phrases = phrases_of(pc, clock)
    drafts = [phrases.draft() for _ in range(MAX_DRAFTS)]
    with pytest.raises(UnavailableError):
        phrases.draft()
    phrases.discard(drafts[0].id)
    with pytest.raises(NotFoundError):
        await phrases.confirm(drafts[0].id, from_paper(drafts[0]))
    clock.now_s += DRAFT_LIFE_S + 1
    with pytest.raises(NotFoundError):
        await phrases.confirm(drafts[1].id, from_paper(drafts[1]))
    phrases.draft()
    assert drafts[1].words[0] not in repr(drafts[1])


async def test_a_player_makes_no_phrase() -> None:
    _, player = let_in(home_of("PC")[0][1], Role.PLAYER)
    phone = Owner(make_device("Phone", player), [], None)  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="may not"):
        phrases_of(phone).draft()


async def test_a_phrase_that_a_device_made_is_removed_by_a_senior_one_and_by_its_own_words() -> None:
    pc, laptop = owners(OFFLINE, "PC", "Laptop", phrase=FIRST)
    draft = await made(laptop)
    with pytest.raises(RefusedError, match="does not outrank"):
        await phrases_of(laptop).remove(draft.id)
    await pc.device.membership.learn(laptop.roster.entries)
    await phrases_of(pc).remove(draft.id[:8])
    assert not pc.is_in(keys_of(draft).id)
    assert pc.roster.epoch == 2
    assert 2 not in pc.roster.epochs_for(keys_of(draft))
    second = await made(pc)
    with pytest.raises(RefusedError, match="does not outrank"):
        await phrases_of(pc).remove(second.id)
    with pytest.raises(RefusedError, match="not a recovery phrase of this library"):
        await phrases_of(pc).remove(second.id, phrase_from_entropy(bytes(32)))
    with pytest.raises(RefusedError, match="was removed"):
        await phrases_of(pc).remove(second.id, " ".join(draft.words))
    with pytest.raises(UserError, match="24 words"):
        await phrases_of(pc).remove(second.id, "zoo")
    await phrases_of(pc).remove(second.id, " ".join(second.words))
    assert [each["first"] for each in phrases_of(pc).all()] == [True]
    with pytest.raises(UserError, match="only recovery phrase"):
        await phrases_of(pc).remove(phrases_of(pc).all()[0]["id"], phrase_from_entropy(FIRST))


async def test_a_phrase_changed_while_a_device_was_away_is_told_to_it_and_it_reads_on(tmp_path: Path) -> None:
    async with a_tracker(tmp_path) as (url, _):
        pc, laptop = owners(url, "PC", "Laptop", phrase=FIRST)
        first = phrases_of(pc).all()[0]["id"]
        draft = await made(pc)
        await phrases_of(pc).remove(first, phrase_from_entropy(FIRST))
        await made(pc)
        assert laptop.roster.epoch == 1
        async with together(pc, laptop):
            await until(lambda: agree(pc, laptop))
            await until(lambda: laptop.device.directory.get(pc.device.id).present)  # type: ignore[arg-type]
        assert laptop.heard("A new recovery phrase")
        assert laptop.heard("was removed: it opens nothing that comes from now on")
        assert laptop.device.membership.epoch.number == laptop.roster.epoch == 2
        assert 2 not in laptop.roster.epochs_for(recovery_keys(FIRST))
        assert laptop.roster.epochs_for(keys_of(draft)).keys() == {1, 2}


async def test_the_thief_of_a_device_can_not_lock_its_owner_out(tmp_path: Path) -> None:
    """Even of the founding one, which outranks all other devices: the paper outranks it, and whatever it adds."""
    async with a_tracker(tmp_path) as (url, _):
        stolen, laptop, tablet = owners(url, "PC", "Laptop", "Tablet", phrase=FIRST)
        own = await made(stolen)
        first = phrases_of(stolen).all()[0]["id"]
        with pytest.raises(RefusedError):
            await phrases_of(stolen).remove(first)
        with pytest.raises(RefusedError, match="outranks the one whose words"):
            await phrases_of(stolen).remove(first, " ".join(own.words))
        await stolen.revokes(tablet)
        async with together(stolen, laptop):
            await until(lambda: agree(stolen, laptop))
            await until(lambda: laptop.device.directory.get(stolen.device.id).present)  # type: ignore[arg-type]
            with pytest.raises(RefusedError, match="admitted after"):
                await laptop.revokes(stolen)
            await revoked_by_paper(laptop, stolen)
            await until(lambda: not stolen.is_in(stolen.device.id))
            await phrases_of(laptop).remove(own.id, phrase_from_entropy(FIRST))
            await until(lambda: laptop.device.meeting.places[url].joined)
        assert laptop.device.membership.epoch.number == laptop.roster.epoch
        for thief in (stolen.keys, keys_of(own)):
            assert laptop.roster.epoch not in laptop.roster.epochs_for(thief)
            assert not laptop.is_in(thief.id)
        await laptop.device.membership.learn(revoked_late(stolen, laptop))
        assert laptop.is_in(laptop.device.id)


async def test_a_thief_who_seals_garbage_to_the_phrase_is_put_out_by_it_all_the_same() -> None:
    stolen, laptop, tablet = owners(OFFLINE, "PC", "Laptop", "Tablet", phrase=FIRST)
    await laptop.device.membership.learn(with_garbage(stolen.roster, stolen.keys, gone=tablet.keys))
    assert laptop.device.membership.is_shut_out
    with pytest.raises(UnavailableError, match="revoke that device first"):
        phrases_of(laptop).draft()
    await revoked_by_paper(laptop, stolen)
    assert not laptop.device.membership.is_shut_out
    assert laptop.roster.epoch in laptop.roster.epochs_for(recovery_keys(FIRST))


def test_recovery_puts_out_whoever_kept_the_newest_secret_from_the_phrase() -> None:
    stolen, laptop, tablet = owners(OFFLINE, "PC", "Laptop", "Tablet", phrase=FIRST)
    locked = read_roster(with_garbage(stolen.roster, stolen.keys, gone=tablet.keys))
    paper = recovery_keys(FIRST)
    assert locked.epochs_for(paper).keys() == {1}
    log = stolen.keys.id + b"\0\0\0\1"
    said = {laptop.keys.id: {log: 7, laptop.keys.id + b"\0\0\0\2": 9}, stolen.keys.id: {log: 1_000}}
    roster, epochs = unlocked(locked, paper, said, now_ms=5, random=os.urandom)
    assert roster.epoch in epochs
    assert roster.last_valid[log] == 7, "what the others had heard of it counts, and no more"
    assert not roster.members[stolen.keys.id].active
    newcomer = member_keys_from_random(os.urandom(64))
    back = admit(roster, paper, newcomer.public, role=Role.OWNER, epochs=epochs.values(), time_ms=6)
    assert back.epochs_for(newcomer).keys() == epochs.keys()
    assert unlocked(roster, paper, {}, now_ms=7, random=os.urandom)[0] is roster


async def revoked_by_paper(at: Owner, gone: Owner) -> None:
    await at.revokes(gone, by=recovery_keys(FIRST))


def revoked_late(thief: Owner, victim: Owner) -> tuple[bytes, ...]:
    """What the thief signs on the last roster in which it still was an owner."""
    known = next(
        roster
        for count in range(len(victim.roster.entries), 0, -1)
        if (roster := read_roster(victim.roster.entries[:count])).members[thief.keys.id].active
    )
    late = revoke(known, thief.keys, [victim.keys.id], next_epoch=EpochKeys(known.next_epoch, bytes(32)), time_ms=1)
    return late.entries

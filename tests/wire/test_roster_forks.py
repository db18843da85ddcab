"""Rosters that forked: whatever order the branches come in, everybody ends with the same, and no thief gains by it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.crypto import labels
from node.crypto.keys import MemberKeys, MemberPublic
from node.crypto.phrase import recovery_keys
from node.errors import PeerError, RefusedError, SongkeepError, UnavailableError
from node.wire import codec
from node.wire.roster import (
    Role,
    Roster,
    extend,
    read_roster,
    remove_recovery,
    revoke,
    settle,
)
from node.wire.roster.chain import MAX_VOID_ENTRIES
from node.wire.roster.entries import KEPT_FOR_PHRASE, MAX_ENTRIES, Kind, sign_entry
from tests.wire.family import keys_of
from tests.wire.forks import (
    LAPTOP,
    PC,
    PHONE,
    PHRASE,
    TABLET,
    THIEF,
    World,
    extend_if_news,
    household,
    in_any_order,
    is_in,
    joined,
    let_in,
    put_out,
    secret,
    state,
    with_phrase,
)


def test_the_senior_signers_branch_stands_and_the_other_addition_waits_to_be_signed_again() -> None:
    home = household()
    by_laptop = let_in(home, LAPTOP, keys_of(10))
    by_tablet = let_in(home, TABLET, keys_of(11))
    both = joined(by_laptop, by_tablet)
    assert is_in(both, keys_of(10))
    assert not is_in(both, keys_of(11))
    assert [entry.newcomers[0].public.id for entry in both.lost] == [keys_of(11).id]
    again = let_in(both, PHONE, keys_of(11))
    assert is_in(again, keys_of(11))
    assert not again.lost


def test_a_phrase_outranks_every_device_on_a_fork() -> None:
    home = household()
    both = joined(let_in(home, PC, keys_of(10)), let_in(home, PHRASE, keys_of(11)))
    assert is_in(both, keys_of(11))
    assert not is_in(both, keys_of(10))


def test_of_a_devices_own_two_branches_the_longer_one_stands() -> None:
    """A device that was set back to an older state signs again where it had signed before."""
    home = household()
    long = let_in(let_in(home, PC, keys_of(10)), LAPTOP, keys_of(11))
    short = let_in(home, PC, keys_of(12))
    both = joined(short, long)
    assert is_in(both, keys_of(10))
    assert is_in(both, keys_of(11))
    assert len(both.lost) == 1


def test_two_owners_who_revoke_each_other_the_senior_stays() -> None:
    home = household()
    both = joined(put_out(home, LAPTOP, TABLET), household())
    with pytest.raises(RefusedError, match="admitted after"):
        put_out(home, TABLET, LAPTOP)
    forged = forge_revocation(home, TABLET, LAPTOP)
    with pytest.raises(RefusedError, match="admitted after"):
        extend(both, forged)
    assert is_in(both, LAPTOP)
    assert not is_in(both, TABLET)


def forge_revocation(roster: Roster, by: MemberKeys, gone: MemberKeys) -> list[bytes]:
    """A revocation that the rules don't allow, signed all the same."""
    stay = [each for each in roster.active() if each.role.reads and each.public.id != gone.id]
    number = roster.epoch + 1
    sealed = [[number, b"\0" * 80]]
    body = {"gone": [gone.id], "epoch": number, "secrets": [[each.public.id, sealed] for each in stay], "heads": {}}
    payload = codec.pack([1, roster.head, roster.seq + 1, 4, by.id, "revoke", body])
    return [*roster.entries, codec.pack([payload, by.sign(labels.LABEL_SIGN_ROSTER, payload)])]


def test_valid_revocations_of_either_branch_stand() -> None:
    home = household()
    by_pc = put_out(home, PC, TABLET)
    by_laptop = put_out(home, LAPTOP, PHONE)
    both = joined(by_pc, by_laptop)
    assert not is_in(both, TABLET)
    assert not is_in(both, PHONE)
    assert is_in(both, LAPTOP)
    assert both.unsettled == (PHONE.id,), "it knows the epoch of the branch that stands"
    with pytest.raises(UnavailableError, match="being settled"):
        put_out(both, PC, LAPTOP)
    settled = settle(both, LAPTOP, next_epoch=secret(both.next_epoch, LAPTOP), time_ms=5)
    assert not settled.unsettled
    assert settled.epoch == 3
    assert settled.epochs_for(PC).keys() == {1, 2, 3}
    assert 3 not in settled.epochs_for(PHONE)
    assert not is_in(settled, PHONE)


def test_nobody_settles_what_nobody_revoked() -> None:
    """A junior can't lock its senior out by calling a lone wish a fork."""
    home = household()
    stay = [each for each in home.active() if each.role.reads and each.public.id != PC.id]
    sealed = [[2, b"\0" * 80]]
    body = {"gone": [PC.id], "epoch": 2, "secrets": [[each.public.id, sealed] for each in stay]}
    payload = codec.pack([1, home.head, home.seq + 1, 4, TABLET.id, "settle", body])
    entry = codec.pack([payload, TABLET.sign(labels.LABEL_SIGN_ROSTER, payload)])
    after = extend(home, [*home.entries, entry])
    assert is_in(after, PC)
    assert (after.epoch, after.head) == (1, home.head)


def test_a_revoked_device_can_not_backdate_what_it_signs() -> None:
    home = household()
    now = put_out(let_in(home, PC, keys_of(10)), PC, TABLET)
    for backdated in (
        let_in(home, TABLET, THIEF),
        put_out(home, TABLET, PHONE),
        let_in(let_in(found_with_tablet(), TABLET, THIEF), TABLET, keys_of(30)),
    ):
        after = joined(now, backdated)
        assert not is_in(after, THIEF)
        assert is_in(after, PHONE)
        assert is_in(after, keys_of(10))
        assert after.head == now.head
        assert not after.lost, "nobody is asked to sign it again"


def found_with_tablet() -> Roster:
    """As far as the tablet knew the roster when it had just come."""
    return read_roster(household().entries[:3])


def test_whom_a_thief_let_in_without_anybodys_knowledge_is_out_with_it() -> None:
    home = household()
    stolen = let_in(home, TABLET, THIEF)
    both = joined(put_out(home, LAPTOP, TABLET), let_in(stolen, THIEF, keys_of(31)))
    assert not is_in(both, THIEF)
    assert not is_in(both, keys_of(31))


def test_whom_the_revoking_device_knew_of_stays() -> None:
    home = let_in(household(), TABLET, keys_of(12))
    after = put_out(home, LAPTOP, TABLET)
    assert is_in(after, keys_of(12))


def test_an_addition_on_top_of_a_void_one_is_signed_again() -> None:
    home = household()
    stolen = let_in(home, TABLET, THIEF)
    honest = let_in(stolen, PC, keys_of(13), role=Role.PLAYER)
    both = joined(put_out(home, LAPTOP, TABLET), honest)
    assert not is_in(both, THIEF)
    assert [entry.newcomers[0].public.id for entry in both.lost] == [keys_of(13).id]


def test_a_revocation_on_top_of_a_void_addition_stands() -> None:
    home = household()
    stolen = let_in(home, TABLET, THIEF)
    both = joined(put_out(home, LAPTOP, TABLET), put_out(stolen, PC, PHONE))
    assert not is_in(both, PHONE)


def test_epochs_of_the_branch_that_lost_stay_readable() -> None:
    home = household()
    lost = put_out(put_out(home, LAPTOP, PHONE), LAPTOP, TABLET)
    both = joined(let_in(home, PC, keys_of(10)), lost)
    assert both.epoch == 1
    assert both.epochs_for(PC).keys() == {1, 2, 3}
    assert both.next_epoch == 4


def test_what_either_revoker_had_accepted_of_a_log_counts() -> None:
    home = household()
    log = PHONE.id + b"\0\0\0\1"
    both = joined(put_out(home, PC, PHONE, heads={log: 10}), put_out(home, LAPTOP, PHONE, heads={log: 50}))
    assert both.last_valid == {log: 50}


def test_a_thief_can_not_fill_the_roster_with_backdated_entries() -> None:
    now = put_out(household(), PC, TABLET)
    base = found_with_tablet()
    end = now
    for number in range(MAX_VOID_ENTRIES + 40):
        keys = MemberKeys(number.to_bytes(32, "big"), number.to_bytes(32, "big"))
        end = extend(end, let_in(base, TABLET, keys, role=Role.SEED).entries)
    assert len(end.entries) == len(now.entries) + MAX_VOID_ENTRIES
    assert end.head == now.head
    honest = let_in(now, PC, keys_of(10))
    assert is_in(extend(end, honest.entries), keys_of(10)), "and still it grows"


def test_garbage_sealed_to_a_senior_does_not_lock_it_out() -> None:
    """A stolen junior begins an epoch and gives the PC nothing that opens: the PC can still revoke it."""
    home = household()
    stay = [each for each in home.active() if each.role.reads and each.public.id != PHONE.id]
    sealed = [[2, b"\0" * 80]]
    body = {"gone": [PHONE.id], "epoch": 2, "secrets": [[each.public.id, sealed] for each in stay], "heads": {}}
    payload = codec.pack([1, home.head, home.seq + 1, 4, TABLET.id, "revoke", body])
    entry = codec.pack([payload, TABLET.sign(labels.LABEL_SIGN_ROSTER, payload)])
    harmed = extend(home, [*home.entries, entry])
    assert harmed.epochs_for(PC).keys() == {1}
    rid = put_out(harmed, PC, TABLET)
    assert rid.epochs_for(LAPTOP).keys() == {1, 3}
    assert let_in(rid, PC, keys_of(15)).epochs_for(keys_of(15)).keys() == {1, 3}


# Anything


actions = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["admit", "revoke", "revoke", "hear", "hear", "phrase", "unphrase", "settle"]),
        st.integers(0, 9),
    ),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(actions, st.randoms(use_true_random=False))
def test_whatever_is_done_everybody_ends_with_the_same_roster(
    steps: list[tuple[int, str, int]], chance: random.Random
) -> None:
    home = household()
    keys = {each.id: each for each in (PC, LAPTOP, TABLET, PHONE, PHRASE)}
    world = World(dict.fromkeys(keys, home), keys)
    for step in steps:
        world.act(*step)
    ends = []
    for _ in range(3):
        order = [*world.rosters.values(), *world.seen]
        chance.shuffle(order)
        end = home
        for each in order:
            end = extend_if_news(end, each)
        ends.append(end)
    assert state(ends[0]) == state(ends[1]) == state(ends[2])
    end = ends[0]
    shuffled = in_any_order(end, chance)
    assert state(read_roster(shuffled)) == state(end)
    assert is_in(end, PHRASE) or any(entry.kind == "recovery_remove" for entry in end.known.values())
    for name in end.unsettled:
        assert not end.members[name].active
    for member in end.active(Role.OWNER, Role.RECOVERY):
        if member.public.id in keys and not end.unsettled:
            # Whoever is in can go on, and reads what comes.
            after = let_in(end, keys[member.public.id], keys_of(45), role=Role.PLAYER)
            assert after.epoch in after.epochs_for(keys_of(45))


thefts = st.lists(
    st.tuples(st.sampled_from(["admit", "phrase", "revoke", "unphrase"]), st.integers(0, 9), st.integers(0, 9)),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(thefts, st.integers(0, 3))
def test_no_junior_ever_puts_out_its_senior(steps: list[tuple[str, int, int]], stolen: int) -> None:
    """Whatever one stolen device and the keys that it makes up sign, from any past state: those senior to it stay."""
    home = household()
    order = [PC, LAPTOP, TABLET, PHONE]
    thief = order[stolen]
    hands, states = [thief], [home]
    for number, (what, whose, whom) in enumerate(steps):
        hand, known = hands[whose % len(hands)], states[whom % len(states)]
        made = recovery_keys(bytes([number]) * 32)
        everybody = [*known.members]
        target = known.members[everybody[(whose + whom) % len(everybody)]].public.id
        epoch = secret(known.next_epoch, hand)
        try:
            match what:
                case "admit":
                    states.append(let_in(known, hand, made))
                    hands.append(made)
                case "phrase":
                    states.append(with_phrase(known, hand, made))
                    hands.append(made)
                case "revoke":
                    states.append(revoke(known, hand, [target], next_epoch=epoch, time_ms=8))
                case "unphrase":
                    states.append(remove_recovery(known, hand, target, next_epoch=epoch, time_ms=8))
        except SongkeepError:
            continue
    everything = joined(*states)
    for senior in (PHRASE, *order[:stolen]):
        assert is_in(everything, senior)


def test_an_entry_that_follows_nothing_known_is_refused() -> None:
    home = household()
    branch = let_in(home, PC, keys_of(10))
    with pytest.raises(SongkeepError, match="does not follow"):
        extend(home, [*home.entries[:2], branch.entries[-1]])


def test_a_thief_who_fills_the_roster_is_put_out_by_the_phrase() -> None:
    home = household()
    full = list(home.entries)
    number = 0
    while len(full) < MAX_ENTRIES - KEPT_FOR_PHRASE:
        number += 1
        guest = MemberPublic(number.to_bytes(32, "big"), PHONE.public.receive)
        body = {"role": "seed", "member": [guest.sign, guest.receive, []], "addresses": []}
        full.append(sign_entry(TABLET, previous=home.head, seq=home.seq + 1, time_ms=1, kind=Kind.ADMIT, body=body))
    roster = read_roster(full)
    with pytest.raises(PeerError, match="only the first recovery phrase"):
        put_out(roster, PC, TABLET)
    rid = put_out(roster, PHRASE, TABLET)
    assert not is_in(rid, TABLET)
    assert rid.epoch == 2
    assert extend(roster, rid.entries).digest == rid.digest

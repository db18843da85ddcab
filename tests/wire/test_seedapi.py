"""What opens a seed: codes, proofs and capabilities, and what doesn't."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import PeerError, RefusedError, SongkeepError, UserError
from node.wire.seedapi import (
    Capability,
    CapabilityError,
    SeedInvite,
    clean_url,
    fingerprint_of,
    invite_token,
    issue_capability,
    read_capability,
    read_invite,
    read_join,
    read_session,
    sign_join,
    sign_session,
)
from tests.wire.family import keys_of, make_family

SECRET = b"\x11" * 32
NONCE = b"\x22" * 32


def invite() -> SeedInvite:
    return SeedInvite("https://seed.example:7666", b"i" * 16, fingerprint_of(keys_of(3).public))


def test_a_code_reads_back_and_names_one_seed_only() -> None:
    read = read_invite(f"  {invite().as_text()}\n")
    assert read == invite()
    read.check_seed(keys_of(3).public)
    with pytest.raises(RefusedError):
        read.check_seed(keys_of(4).public)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://seed.example",
        "https://seed.example#invite=short",
        "ftp://seed.example#invite=" + "a" * 42,
        "https://seed.example/path#invite=" + "a" * 42,
        "https://seed.example#invite=" + "A" * 42,
        "https://seed.example#invite=" + "a" * 43,
    ],
)
def test_what_is_no_code_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UserError):
        read_invite(text)


def test_what_the_seed_keeps_of_a_code_does_not_give_the_code() -> None:
    assert invite_token(b"i" * 16) != invite_token(b"j" * 16)
    assert b"i" * 16 not in invite_token(b"i" * 16)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("seed.example", "https://seed.example"),
        ("https://seed.example:443/", "https://seed.example"),
        ("http://10.0.0.1:7666", "http://10.0.0.1:7666"),
        ("http://[2001:db8::1]:7666/", "http://[2001:db8::1]:7666"),
    ],
)
def test_an_address_has_one_form(text: str, clean: str) -> None:
    assert clean_url(text) == clean


@pytest.mark.parametrize(
    "text", ["", "http://", "https://seed.example/x", "gopher://a", "https://a:99999", "https://a?b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        clean_url(text)


def test_a_proof_for_one_host_is_worth_nothing_at_another() -> None:
    family = make_family()
    body = sign_session(family.player, nonce=NONCE, host="evil.example", library=family.roster.library)
    assert read_session(body, host="evil.example").member == family.player.id
    with pytest.raises(PeerError):
        read_session(body, host="seed.example")


def test_a_proof_of_one_purpose_is_worth_nothing_for_another() -> None:
    family = make_family()
    entries = list(family.roster.entries)
    body = sign_join(family.founder, nonce=NONCE, host="h", secret=b"i" * 16, entries=entries)
    assert read_join(body, host="h").entries == entries
    with pytest.raises(PeerError):
        read_session(body, host="h")


def test_a_capability_opens_until_it_runs_out_and_at_one_seed_only() -> None:
    family = make_family()
    capability = Capability(family.roster.library, family.player.id, 1_000)
    text = issue_capability(SECRET, capability)
    assert read_capability(SECRET, text, now_ms=999) == capability
    for secret, now_ms in ((SECRET, 1_000), (b"\x12" * 32, 999)):
        with pytest.raises(CapabilityError):
            read_capability(secret, text, now_ms=now_ms)


@given(st.text(max_size=500))
def test_noise_is_no_capability(text: str) -> None:
    with pytest.raises(CapabilityError):
        read_capability(SECRET, text, now_ms=0)


@given(st.binary(max_size=300))
def test_noise_is_no_request(noise: bytes) -> None:
    for read in (read_session, read_join):
        with pytest.raises(SongkeepError):
            read(noise, host="h")

"""The keys at rest."""

from __future__ import annotations

import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from node.crypto.keys import EpochKeys, member_keys_from_random
from node.doors import vault as vault_module
from node.doors.vault import Secrets, Vault, is_locked
from node.errors import DamagedError, NotFoundError, RefusedError, StorageError, UnknownFormatError, UserError
from node.wire import codec


@pytest.fixture(autouse=True)
def _quick_argon2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "ARGON2_MEMORY_KIB", 64)
    monkeypatch.setattr(vault_module, "ARGON2_ROUNDS", 1)


def some_secrets() -> Secrets:
    return Secrets(
        device=member_keys_from_random(bytes(range(64))),
        epochs=(EpochKeys(1, b"e" * 32), EpochKeys(2, b"f" * 32)),
        roster=(b"first entry", b"second entry"),
        phrase_entropy=b"p" * 32,
    )


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    Vault.create(tmp_path / "vault", some_secrets())
    assert Vault.open(tmp_path / "vault").secrets == some_secrets()


def test_a_confirmed_phrase_leaves_no_trace_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    vault = Vault.create(path, some_secrets())
    assert b"p" * 32 in path.read_bytes()
    vault.forget_phrase()
    assert b"p" * 32 not in path.read_bytes()
    assert Vault.open(path).secrets == replace(some_secrets(), phrase_entropy=None)


def test_a_second_library_is_not_written_over_the_first(tmp_path: Path) -> None:
    Vault.create(tmp_path / "vault", some_secrets())
    with pytest.raises(UserError):
        Vault.create(tmp_path / "vault", some_secrets())


def test_without_a_library_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="songkeep up"):
        Vault.open(tmp_path / "vault")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    Vault.create(tmp_path / "vault", some_secrets())
    assert stat.S_IMODE((tmp_path / "vault").stat().st_mode) == 0o600


def test_a_passphrase_hides_every_secret_and_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    vault = Vault.create(path, some_secrets())
    assert not is_locked(path)
    vault.set_passphrase("correct horse")
    data = path.read_bytes()
    secrets = some_secrets()
    for secret in (secrets.device.sign_secret, secrets.device.receive_secret, b"e" * 32, b"p" * 32):
        assert secret not in data
    assert is_locked(path)
    assert Vault.open(path, "correct horse").secrets == secrets


def test_a_wrong_or_missing_passphrase_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    Vault.create(path, some_secrets()).set_passphrase("correct horse")
    with pytest.raises(RefusedError):
        Vault.open(path, "battery staple")
    with pytest.raises(RefusedError):
        Vault.open(path)


def test_a_passphrase_is_the_same_however_its_accents_are_composed(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    Vault.create(path, some_secrets()).set_passphrase("caf\u00e9")
    assert Vault.open(path, "cafe\u0301").has_passphrase


def test_changes_after_the_passphrase_stay_under_it_and_removing_it_opens_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    vault = Vault.create(path, some_secrets())
    vault.set_passphrase("correct horse")
    vault.save(replace(some_secrets(), roster=(b"a third entry",)))
    assert b"a third entry" not in path.read_bytes()
    again = Vault.open(path, "correct horse")
    again.set_passphrase(None)
    assert Vault.open(path).secrets.roster == (b"a third entry",)


def test_one_flipped_bit_anywhere_is_never_read_as_other_keys(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    Vault.create(path, some_secrets()).set_passphrase("correct horse")
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises((RefusedError, DamagedError, UnknownFormatError)):
            Vault.open(path, "correct horse")


@pytest.mark.parametrize("kept", [0, 1, 50, 200])
def test_a_truncated_file_is_damaged(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "vault"
    Vault.create(path, some_secrets())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DamagedError):
        Vault.open(path)


def test_a_newer_version_is_said_to_be_newer(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    path.write_bytes(codec.pack([codec.pack(["songkeep-vault", 2, None]), b""]))
    with pytest.raises(UnknownFormatError, match="newer"):
        Vault.open(path)


def test_fields_of_a_newer_writer_outlive_a_save(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    Vault.create(path, replace(some_secrets(), extra={"seeds": [1, 2]}))
    vault = Vault.open(path)
    vault.forget_phrase()
    assert Vault.open(path).secrets.extra == {"seeds": [1, 2]}


def test_a_save_that_the_disk_refuses_leaves_the_old_keys(tmp_path: Path) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    home.mkdir()
    vault = Vault.create(home / "vault", some_secrets())
    home.rename(away)
    with pytest.raises(StorageError):
        vault.forget_phrase()
    assert vault.secrets.phrase_entropy == b"p" * 32
    assert Vault.open(away / "vault").secrets.phrase_entropy == b"p" * 32
    assert [entry.name for entry in away.iterdir()] == ["vault"]

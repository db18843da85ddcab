"""The keys at rest: one small file that holds all that makes this device a member (docs/FORMAT.md, "Keys at rest")."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys, derive
from node.errors import DamagedError, NotFoundError, PeerError, RefusedError, UnknownFormatError, UserError
from node.files import read_small, write_private
from node.wire import codec

VAULT_VERSION: Final = 1
MAX_VAULT_BYTES: Final = 16 * 1024 * 1024
MAX_EPOCHS: Final = 10_000
MAX_EPOCH_NUMBER: Final = 1 << 31
MAX_ROSTER_ENTRIES: Final = 100_000
MAX_PASSPHRASE_CHARS: Final = 1_000
_SALT_BYTES: Final = 16

ARGON2_ROUNDS: Final = 3
ARGON2_LANES: Final = 4
ARGON2_MEMORY_KIB: Final = 64 * 1024
"""RFC 9106's second recommended choice: 64 MiB, 3 passes, 4 lanes."""
_MAX_ROUNDS: Final = 16
_MAX_LANES: Final = 16
_MAX_MEMORY_KIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """All that the vault keeps."""

    device: MemberKeys = field(repr=False)
    epochs: tuple[EpochKeys, ...] = field(repr=False)
    """Every epoch that this device was given, oldest first."""
    roster: tuple[bytes, ...] = field(repr=False)
    """The roster's entries as they were signed, first to last."""
    phrase_entropy: bytes | None = field(default=None, repr=False)
    """32 bytes, only until the person has confirmed the phrase."""
    extra: dict[str, Any] = field(default_factory=dict, repr=False)
    """Fields of a newer version, kept as they came."""

    @property
    def epoch(self) -> EpochKeys:
        """The newest one."""
        return self.epochs[-1]


@dataclass(frozen=True, slots=True)
class _Wrap:
    """What turns a passphrase into the key of the file."""

    salt: bytes
    rounds: int
    memory_kib: int
    lanes: int

    def key(self, passphrase: str) -> bytes:
        from argon2.exceptions import HashingError
        from argon2.low_level import Type, hash_secret_raw

        try:
            raw = hash_secret_raw(
                passphrase.encode(),
                self.salt,
                time_cost=self.rounds,
                memory_cost=self.memory_kib,
                parallelism=self.lanes,
                hash_len=labels.KEY_BYTES,
                type=Type.ID,
            )
        except HashingError as error:
            raise DamagedError("the file that holds this device's keys is damaged") from error
        return derive(raw, labels.LABEL_VAULT)

    def as_list(self) -> list[object]:
        return ["argon2id", self.salt, self.rounds, self.memory_kib, self.lanes]


class Vault:
    """The open file. Every change is on the disk when `save` returns; safe to use from several threads."""

    def __init__(self, path: Path, secrets: Secrets, wrap: _Wrap | None, key: bytes | None) -> None:
        self._path = path
        self._secrets = secrets
        self._wrap = wrap
        self._key = key
        self._lock = threading.Lock()

    @staticmethod
    def create(path: Path, secrets: Secrets) -> Vault:
        """Write a new vault without a passphrase. Raises UserError if there is one already, StorageError."""
        if path.exists():
            raise UserError("there is a library in this home already")
        vault = Vault(path, secrets, None, None)
        vault.save(secrets)
        return vault

    @staticmethod
    def open(path: Path, passphrase: str | None = None) -> Vault:
        """Raises NotFoundError, RefusedError (no or wrong passphrase), DamagedError, UnknownFormatError."""
        wrap, header, body = _read(path)
        key = None
        if wrap is not None:
            if passphrase is None:
                raise RefusedError("this library is locked with a passphrase")
            key = wrap.key(_normal(passphrase))
            try:
                body = AESGCM(key).decrypt(body[: labels.NONCE_BYTES], body[labels.NONCE_BYTES :], header)
            except InvalidTag as error:
                raise RefusedError("the passphrase is not the one this library was locked with") from error
        return Vault(path, _unpack_secrets(body), wrap, key)

    @property
    def secrets(self) -> Secrets:
        return self._secrets

    @property
    def has_passphrase(self) -> bool:
        return self._wrap is not None

    def save(self, secrets: Secrets) -> None:
        """Put `secrets` in place of what is there. Raises StorageError; then the old state stands."""
        with self._lock:
            self._write(secrets)
            self._secrets = secrets

    def forget_phrase(self) -> None:
        """The person has it on paper now; from here on no device does."""
        self.save(replace(self._secrets, phrase_entropy=None))

    def set_passphrase(self, passphrase: str | None) -> None:
        """Lock the file with another passphrase, or with none. Raises UserError, StorageError."""
        with self._lock:
            before = self._wrap, self._key
            if passphrase is None:
                self._wrap = self._key = None
            else:
                wrap = _Wrap(os.urandom(_SALT_BYTES), ARGON2_ROUNDS, ARGON2_MEMORY_KIB, ARGON2_LANES)
                self._wrap, self._key = wrap, wrap.key(_normal(passphrase))
            try:
                self._write(self._secrets)
            except BaseException:
                self._wrap, self._key = before
                raise

    def _write(self, secrets: Secrets) -> None:
        body = _pack_secrets(secrets)
        header = _header(self._wrap)
        if self._key is not None:
            nonce = os.urandom(labels.NONCE_BYTES)
            body = nonce + AESGCM(self._key).encrypt(nonce, body, header)
        write_private(self._path, codec.pack([header, body]))


def is_locked(path: Path) -> bool:
    """Whether the vault asks for a passphrase. Raises as `Vault.open` does."""
    return _read(path)[0] is not None


def _normal(passphrase: str) -> str:
    import unicodedata

    if not 0 < len(passphrase) <= MAX_PASSPHRASE_CHARS:
        raise UserError(f"a passphrase has 1 to {MAX_PASSPHRASE_CHARS} characters")
    # The same words typed on another keyboard may come composed differently.
    return unicodedata.normalize("NFKC", passphrase)


def _header(wrap: _Wrap | None) -> bytes:
    return codec.pack(["songkeep-vault", VAULT_VERSION, wrap.as_list() if wrap else None])


def _read(path: Path) -> tuple[_Wrap | None, bytes, bytes]:
    data = read_small(path, max_bytes=MAX_VAULT_BYTES)
    if data is None:
        raise NotFoundError(
            "there is no library in this home yet; begin one with 'songkeep up FOLDER' or 'songkeep init'"
        )
    try:
        outer = codec.array(codec.unpack(data, max_bytes=MAX_VAULT_BYTES), 2, "the vault")
        header = codec.bounded_bytes(outer[0], 1_024, "the vault's header")
        body = codec.bounded_bytes(outer[1], MAX_VAULT_BYTES, "the vault's body")
        magic, version, wrap = codec.array(codec.unpack(header, max_bytes=1_024), 3, "the vault's header")[:3]
        if magic != "songkeep-vault":
            raise DamagedError("the vault's file is something else")
        if version != VAULT_VERSION:
            raise UnknownFormatError("the keys of this library were written by a newer Songkeep; update this one")
        return _unpack_wrap(wrap), header, body
    except PeerError as error:
        raise DamagedError("the file that holds this device's keys is damaged") from error


def _unpack_wrap(value: object) -> _Wrap | None:
    if value is None:
        return None
    kind, salt, rounds, memory_kib, lanes = codec.array(value, 5, "the vault's lock")[:5]
    if kind != "argon2id":
        raise UnknownFormatError("the keys of this library are locked in a way this Songkeep doesn't know")
    return _Wrap(
        codec.fixed_bytes(salt, _SALT_BYTES, "the vault's salt"),
        codec.natural(rounds, _MAX_ROUNDS, "the vault's rounds"),
        codec.natural(memory_kib, _MAX_MEMORY_KIB, "the vault's memory"),
        codec.natural(lanes, _MAX_LANES, "the vault's lanes"),
    )


def _pack_secrets(secrets: Secrets) -> bytes:
    return codec.pack(
        {
            **secrets.extra,
            "device": [secrets.device.sign_secret, secrets.device.receive_secret],
            "epochs": [[epoch.number, epoch.secret] for epoch in secrets.epochs],
            "roster": list(secrets.roster),
            "phrase": secrets.phrase_entropy,
        }
    )


def _unpack_secrets(body: bytes) -> Secrets:
    try:
        value = codec.unpack(body, max_bytes=MAX_VAULT_BYTES)
        if not isinstance(value, dict):
            raise PeerError("the vault's body is not a map")
        device = codec.array(value.pop("device", None), 2, "the device's keys")
        entropy = value.pop("phrase", None)
        epochs = codec.array(value.pop("epochs", None), 1, "the epochs")[:MAX_EPOCHS]
        roster = codec.array(value.pop("roster", None), 0, "the roster")[:MAX_ROSTER_ENTRIES]
        return Secrets(
            device=MemberKeys(
                codec.fixed_bytes(device[0], labels.KEY_BYTES, "the signing key"),
                codec.fixed_bytes(device[1], labels.KEY_BYTES, "the receiving key"),
            ),
            epochs=tuple(
                EpochKeys(
                    codec.natural(codec.array(pair, 2, "an epoch")[0], MAX_EPOCH_NUMBER, "an epoch's number"),
                    codec.fixed_bytes(pair[1], labels.KEY_BYTES, "an epoch's secret"),
                )
                for pair in epochs
            ),
            roster=tuple(codec.bounded_bytes(entry, MAX_VAULT_BYTES, "a roster entry") for entry in roster),
            phrase_entropy=None if entropy is None else codec.fixed_bytes(entropy, labels.KEY_BYTES, "the phrase"),
            extra=value,
        )
    except PeerError as error:
        raise DamagedError("the file that holds this device's keys is damaged") from error

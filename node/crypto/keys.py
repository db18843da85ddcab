"""The key tree: from a phrase, an epoch secret or a device's own randomness to every key in use."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.crypto import labels
from node.errors import PeerError, RefusedError
from node.ids import DeviceId, TrackId, to_text

_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def derive(secret: bytes, label: bytes, context: bytes = b"", *, length_bytes: int = labels.KEY_BYTES) -> bytes:
    """HKDF-SHA256 (RFC 5869) of `secret` without salt; info is `label`, a zero byte and `context`."""
    return HKDF(hashes.SHA256(), length_bytes, None, label + b"\0" + context).derive(secret)


@dataclass(frozen=True, slots=True)
class MemberPublic:
    """What others know of a roster member: 32 bytes to check its signatures, 32 to seal to it."""

    sign: bytes
    receive: bytes

    @property
    def id(self) -> DeviceId:
        return DeviceId(self.sign)


@dataclass(frozen=True)
class MemberKeys:
    """A roster member's own two key pairs, each from a 32-byte secret. They never leave the device."""

    sign_secret: bytes
    receive_secret: bytes

    @cached_property
    def _sign(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.sign_secret)

    @cached_property
    def _receive(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.receive_secret)

    @cached_property
    def public(self) -> MemberPublic:
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        return MemberPublic(self._sign.public_key().public_bytes(*raw), self._receive.public_key().public_bytes(*raw))

    @property
    def id(self) -> DeviceId:
        return self.public.id

    def sign(self, label: bytes, message: bytes) -> bytes:
        """64 bytes: Ed25519 (RFC 8032) over `label`, a zero byte and `message`."""
        return self._sign.sign(label + b"\0" + message)

    def open_sealed(self, label: bytes, sealed: bytes, context: bytes = b"") -> bytes:
        """What `seal_to` sealed for this member. Raises RefusedError if it was not, or was altered."""
        try:
            return _SUITE.decrypt(sealed, self._receive, info=label + b"\0" + context)
        except Exception as error:  # the package raises several kinds for malformed input
            raise RefusedError("a sealed secret does not open with this device's key") from error


def member_keys_from_random(random_64: bytes) -> MemberKeys:
    """A new member's keys from 64 fresh random bytes."""
    if len(random_64) != 64:
        raise ValueError("64 random bytes are needed")
    return MemberKeys(random_64[:32], random_64[32:])


def seal_to(member_receive: bytes, label: bytes, secret: bytes, context: bytes = b"") -> bytes:
    """HPKE base mode (RFC 9180; X25519, HKDF-SHA256, AES-256-GCM): 48 bytes longer than `secret`."""
    public = X25519PublicKey.from_public_bytes(member_receive)
    return _SUITE.encrypt(secret, public, info=label + b"\0" + context)


def verify(member_sign: bytes, label: bytes, message: bytes, signature: bytes) -> None:
    """Check what `MemberKeys.sign` made. Raises PeerError."""
    try:
        Ed25519PublicKey.from_public_bytes(member_sign).verify(signature, label + b"\0" + message)
    except (InvalidSignature, ValueError) as error:
        raise PeerError("a signature is not by the key that it names") from error


@dataclass(frozen=True)
class EpochKeys:
    """All that one epoch's 32-byte secret gives."""

    number: int
    secret: bytes

    @cached_property
    def convergence(self) -> bytes:
        """Keys of blobs first sealed in this epoch come from it."""
        return derive(self.secret, labels.LABEL_CONVERGENCE)

    @cached_property
    def room(self) -> bytes:
        """Messages to the whole room are sealed with keys from it."""
        return derive(self.secret, labels.LABEL_ROOM)

    @cached_property
    def room_name(self) -> bytes:
        """32 bytes: where devices of this epoch meet; tells an outsider nothing of the library."""
        return derive(self.secret, labels.LABEL_ROOM_NAME)

    @cached_property
    def log(self) -> bytes:
        """Keys of log segments and snapshots come from it."""
        return derive(self.secret, labels.LABEL_LOG)

    @cached_property
    def volume(self) -> bytes:
        """Makes every info-hash of this epoch a secret."""
        return derive(self.secret, labels.LABEL_VOLUME)

    @cached_property
    def identity(self) -> bytes:
        """Of the first epoch only: track identifiers come from it and stay for ever."""
        return derive(self.secret, labels.LABEL_IDENTITY)

    @cached_property
    def seed_capability(self) -> bytes:
        return derive(self.secret, labels.LABEL_SEED_CAPABILITY)

    def lan_tag(self, day: int) -> bytes:
        """16 bytes that change daily; `day` counts days since 1970-01-01 UTC."""
        return derive(self.secret, labels.LABEL_LAN_TAG, day.to_bytes(4, "big"), length_bytes=16)

    def volume_tag(self, volume_id: bytes) -> bytes:
        """The `x-epoch` value, 32 bytes, of a volume's info dict."""
        return hmac.digest(self.volume, volume_id, hashlib.sha256)


def track_id(identity: bytes, recording_digest: bytes) -> TrackId:
    """A recording's name in this library: the same on each of its devices, meaningless to anyone else."""
    return TrackId(to_text(hmac.digest(identity, labels.LABEL_TRACK + b"\0" + recording_digest, hashlib.sha256)[:16]))

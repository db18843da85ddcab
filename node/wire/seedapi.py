"""What a seed and a library's devices say to each other over HTTP, as bytes (docs/PROTOCOL.md, "Seeds")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from node.crypto import labels
from node.crypto.keys import MemberKeys, MemberPublic, derive, verify
from node.errors import PeerError, RefusedError, UserError
from node.ids import DeviceId, LibraryId, from_text, to_text
from node.wire import codec
from node.wire.grants import MAX_GRANT_BYTES

INVITE_SECRET_BYTES: Final = 16
FINGERPRINT_BYTES: Final = 10
SESSION_BYTES: Final = 512
MAX_CAPABILITY_CHARS: Final = 400
MAX_CHECKED: Final = 64
"""Blobs that a seed reads again at one request."""
MAX_JOIN_BYTES: Final = 64 << 20
"""A whole roster, and the rest of a request to join."""
MAX_REQUEST_VALUES: Final = 20_000
"""In a large request or answer: more than a roster has entries, or a list volumes that are given with it."""
_NONCE_BYTES: Final = 32
_MAC_BYTES: Final = 32
_INVITE: Final = re.compile(r"(https?://[^#\s]{1,250})#invite=([a-z2-7]{42})\Z")


# invitations


@dataclass(frozen=True, slots=True)
class SeedInvite:
    """What `songkeep seed invite` prints: where the seed is, its one-time secret, and which seed it is."""

    url: str
    secret: bytes
    fingerprint: bytes

    def as_text(self) -> str:
        return f"{self.url}#invite={to_text(self.secret + self.fingerprint)}"

    def check_seed(self, seed: MemberPublic) -> None:
        """Raises RefusedError if the seed that answers isn't the one that invited."""
        if not hmac.compare_digest(fingerprint_of(seed), self.fingerprint):
            raise RefusedError("the machine at that address is not the seed that gave the code")


def fingerprint_of(seed: MemberPublic) -> bytes:
    """10 bytes that nobody can find other keys for."""
    return hashlib.sha256(labels.LABEL_SEED_INVITE + b"\0" + seed.sign + seed.receive).digest()[:FINGERPRINT_BYTES]


def invite_token(secret: bytes) -> bytes:
    """32 bytes: what the seed keeps of an invitation, and what is shown to it before it is spent."""
    return derive(secret, labels.LABEL_SEED_INVITE)


def read_invite(text: str) -> SeedInvite:
    """An invitation as a person pasted it. Raises UserError."""
    found = _INVITE.match(text.strip())
    if found is None:
        raise UserError("that is not a seed's code; it looks like https://seed.example#invite=... and is printed whole")
    url, code = found.groups()
    raw = from_text(code)
    return SeedInvite(clean_url(url), raw[:INVITE_SECRET_BYTES], raw[INVITE_SECRET_BYTES:])


def clean_url(text: str) -> str:
    """A seed's address in its one form: scheme, host, port if it isn't the usual one, no path. Raises UserError."""
    parts = urlsplit(text if "//" in text else f"https://{text}")
    try:
        port = parts.port
    except ValueError as error:
        raise UserError(f"{text[:100]!r} is not an address") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise UserError(f"{text[:100]!r} is not a seed's address; it looks like https://seed.example:7665")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != usual else "")


def host_of(url: str) -> str:
    """Host and port as an HTTP client sends them: part of every proof, so that none serves at another server."""
    return urlsplit(url).netloc


# proofs


def _proof(nonce: bytes, host: str, purpose: str, rest: list[object]) -> bytes:
    return codec.pack([nonce, host, purpose, *rest])


def sign_session(keys: MemberKeys, *, nonce: bytes, host: str, library: bytes) -> bytes:
    """Body of a session request: [library or empty, member, nonce, signature]."""
    signature = keys.sign(labels.LABEL_SIGN_SEED, _proof(nonce, host, "session", [library]))
    return codec.pack([library, keys.id, nonce, signature])


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """A member's request for a capability; `library` is empty where the member doesn't know it yet."""

    library: bytes
    member: DeviceId
    nonce: bytes


def read_session(body: bytes | memoryview, *, host: str) -> SessionRequest:
    """Check form and signature. Raises PeerError."""
    library, member, nonce, signature = codec.array(codec.unpack(body, max_bytes=SESSION_BYTES), 4, "a request")[:4]
    if library != b"":
        codec.fixed_bytes(library, 32, "a library")
    codec.fixed_bytes(member, 32, "a member")
    codec.fixed_bytes(nonce, _NONCE_BYTES, "a nonce")
    codec.fixed_bytes(signature, 64, "a signature")
    verify(member, labels.LABEL_SIGN_SEED, _proof(nonce, host, "session", [library]), signature)
    return SessionRequest(library, DeviceId(member), nonce)


def sign_join(keys: MemberKeys, *, nonce: bytes, host: str, secret: bytes, entries: list[bytes]) -> bytes:
    """Body of a request that spends an invitation: [invitation, member, nonce, signature, roster]."""
    signature = keys.sign(labels.LABEL_SIGN_SEED, _proof(nonce, host, "join", [secret]))
    return codec.pack([secret, keys.id, nonce, signature, entries])


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """An owner asks the seed to keep its library."""

    secret: bytes
    """What gives it the right: an invitation's 16 bytes, or a tracker's grant."""
    member: DeviceId
    nonce: bytes
    entries: list[bytes]


def read_join(body: bytes | memoryview, *, host: str) -> JoinRequest:
    """Check form and signature; the roster is the caller's to read. Raises PeerError."""
    fields = codec.array(codec.unpack(body, max_bytes=MAX_JOIN_BYTES, max_values=MAX_REQUEST_VALUES), 5, "a request")
    secret = codec.fixed_bytes(fields[0], INVITE_SECRET_BYTES, "an invitation")
    return _read_request(fields, secret, "join", host)


def sign_granted(keys: MemberKeys, *, nonce: bytes, host: str, grant: bytes, entries: list[bytes]) -> bytes:
    """Body of a request for the room that a tracker grants: [grant, member, nonce, signature, roster]."""
    signature = keys.sign(labels.LABEL_SIGN_SEED, _proof(nonce, host, "grant", [grant]))
    return codec.pack([grant, keys.id, nonce, signature, entries])


def read_granted(body: bytes | memoryview, *, host: str) -> JoinRequest:
    """Check form and signature; grant (in `secret`) and roster are the caller's to read. Raises PeerError."""
    fields = codec.array(codec.unpack(body, max_bytes=MAX_JOIN_BYTES, max_values=MAX_REQUEST_VALUES), 5, "a request")
    grant = codec.bounded_bytes(fields[0], MAX_GRANT_BYTES, "a grant")
    return _read_request(fields, grant, "grant", host)


def _read_request(fields: list[Any], secret: bytes, purpose: str, host: str) -> JoinRequest:
    member = codec.fixed_bytes(fields[1], 32, "a member")
    nonce = codec.fixed_bytes(fields[2], _NONCE_BYTES, "a nonce")
    signature = codec.fixed_bytes(fields[3], 64, "a signature")
    if not isinstance(fields[4], list) or not all(isinstance(entry, bytes) for entry in fields[4]):
        raise PeerError("a request's roster is not a list")
    verify(member, labels.LABEL_SIGN_SEED, _proof(nonce, host, purpose, [secret]), signature)
    return JoinRequest(secret, DeviceId(member), nonce, fields[4])


# capabilities


@dataclass(frozen=True, slots=True)
class Capability:
    """Leave for one member to use the seed for a while; the seed keeps no list of them."""

    library: LibraryId
    member: DeviceId
    expires_ms: int


class CapabilityError(RefusedError):
    """A capability that is not, or no longer, good: another may be had."""


def issue_capability(seed_secret: bytes, capability: Capability) -> str:
    """Text for a header or an address: opaque to all but the seed."""
    payload = codec.pack([capability.library, capability.member, capability.expires_ms])
    mac = hmac.digest(derive(seed_secret, labels.LABEL_SEED_CAPABILITY), payload, hashlib.sha256)
    return base64.urlsafe_b64encode(mac + payload).decode("ascii").rstrip("=")


def read_capability(seed_secret: bytes, text: str, *, now_ms: int) -> Capability:
    """Raises CapabilityError if the seed did not give it, or it has run out."""
    if len(text) > MAX_CAPABILITY_CHARS:
        raise CapabilityError("the request shows no valid capability")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise CapabilityError("the request shows no valid capability") from error
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    expected = hmac.digest(derive(seed_secret, labels.LABEL_SEED_CAPABILITY), payload, hashlib.sha256)
    if not hmac.compare_digest(mac, expected):
        raise CapabilityError("the request shows no valid capability")
    library, member, expires_ms = codec.unpack(payload, max_bytes=MAX_CAPABILITY_CHARS)
    if now_ms >= expires_ms:
        raise CapabilityError("the capability has run out; ask for another")
    return Capability(LibraryId(library), DeviceId(member), expires_ms)

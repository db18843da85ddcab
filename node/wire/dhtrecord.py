"""Records in the DHT: where a device answers, for the library's other devices alone (docs/PROTOCOL.md, "DHT records").

A record is a BEP 44 mutable item. It stands under a key that its device alone can write with, at a place that changes
daily and that only members can work out, and it is sealed: who stores it learns a key, a size and a time.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.crypto import labels
from node.crypto.keys import EpochKeys, MemberKeys, derive, verify
from node.errors import PeerError, RefusedError, UnknownFormatError
from node.ids import DeviceId, LibraryId
from node.wire import codec

VERSION: Final = 1
PLACE_BYTES: Final = 16
PADDED_BYTES: Final = 768
"""Every record is as long as every other."""
RECORD_BYTES: Final = 1 + labels.NONCE_BYTES + PADDED_BYTES + labels.TAG_BYTES
"""797: with BEP 3's "797:" before it, under the 1,000 that BEP 44 allows."""
MAX_ADDRESSES: Final = 8
MAX_ADDRESS_CHARS: Final = 60
MAX_SERIAL: Final = (1 << 53) - 1
HEADS_BYTES: Final = 8
PIN_BYTES: Final = 32
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class DhtRecord:
    """What a device tells those who look for it."""

    serial: int
    """Rises with each record of a device: milliseconds of its clock, at least one more than the last."""
    addresses: tuple[str, ...]
    """IP address and TCP port of its room server, `192.0.2.1:7666` or `[2001:db8::1]:7666`."""
    pin: bytes
    """SHA-256 of the certificate that it shows there."""
    heads: bytes
    """Names the ends of its logs, as `catalog` in its presence does: 8 bytes."""


def dht_secret(keys: MemberKeys) -> bytes:
    """32 bytes: the Ed25519 secret that a device's records are written with, and nothing else is signed with."""
    return derive(keys.sign_secret, labels.LABEL_DHT_KEY)


def dht_public(keys: MemberKeys) -> bytes:
    """32 bytes: the public key of `dht_secret`."""
    public = Ed25519PrivateKey.from_private_bytes(dht_secret(keys)).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign_dht_key(keys: MemberKeys, library: LibraryId) -> list[bytes]:
    """A device's word, for its library's catalog, for the key under which its records are found."""
    public = dht_public(keys)
    return [public, keys.sign(labels.LABEL_SIGN_DHT_KEY, library + public)]


def read_dht_key(value: object, device: DeviceId, library: LibraryId) -> bytes:
    """The key under which `device` says that its records are found. Raises PeerError."""
    fields = codec.array(value, 2, "a key for the DHT")
    public = codec.fixed_bytes(fields[0], 32, "a key for the DHT")
    signature = codec.fixed_bytes(fields[1], 64, "a signature of a key for the DHT")
    verify(device, labels.LABEL_SIGN_DHT_KEY, library + public, signature)
    return public


def place_of(epoch: EpochKeys, device: DeviceId, day: int) -> bytes:
    """16 bytes, the item's salt: where the device's record of that day stands. `day` counts from 1970-01-01 UTC."""
    return derive(epoch.secret, labels.LABEL_DHT_PLACE, device + day.to_bytes(4, "big"), length_bytes=PLACE_BYTES)


def _cipher(epoch: EpochKeys, device: DeviceId) -> AESGCM:
    """A key of its own for each device, so that random nonces of different devices can't meet."""
    return AESGCM(derive(epoch.room, labels.LABEL_DHT_RECORD, device))


def _about(epoch: EpochKeys, library: LibraryId, device: DeviceId, day: int) -> bytes:
    return codec.pack([VERSION, library, device, epoch.number, day])


def seal_record(
    record: DhtRecord, epoch: EpochKeys, library: LibraryId, device: DeviceId, *, day: int, nonce_12: bytes
) -> bytes:
    """797 bytes: the record of that day, sealed to the epoch. `nonce_12` is fresh randomness."""
    plain = codec.pack([record.serial, list(record.addresses), record.pin, record.heads])
    if len(record.addresses) > MAX_ADDRESSES or len(plain) + 2 > PADDED_BYTES:
        raise ValueError("a record in the DHT is too long")
    padded = (len(plain).to_bytes(2, "big") + plain).ljust(PADDED_BYTES, b"\0")
    sealed = _cipher(epoch, device).encrypt(nonce_12, padded, _about(epoch, library, device, day))
    return bytes([VERSION]) + nonce_12 + sealed


def open_record(data: bytes, epoch: EpochKeys, library: LibraryId, device: DeviceId, *, day: int) -> DhtRecord:
    """Check and open what stood at that device's place of that day.

    Raises PeerError (malformed, altered, of another device, epoch or day), UnknownFormatError.
    """
    if data[:1] != bytes([VERSION]):
        raise UnknownFormatError("a record in the DHT is of a version that this program doesn't know")
    if len(data) != RECORD_BYTES:
        raise PeerError("a record in the DHT has not the length that it must have")
    nonce, sealed = data[1 : 1 + labels.NONCE_BYTES], data[1 + labels.NONCE_BYTES :]
    try:
        padded = _cipher(epoch, device).decrypt(nonce, sealed, _about(epoch, library, device, day))
    except InvalidTag as error:
        raise PeerError("a record in the DHT does not open: it was altered, or put where it doesn't belong") from error
    length = int.from_bytes(padded[:2], "big")
    plain = padded[2 : 2 + length]
    if len(plain) != length or any(padded[2 + length :]):
        raise PeerError("a record in the DHT is not padded as it must be")
    fields = codec.array(codec.unpack(plain, max_bytes=PADDED_BYTES), 4, "a record in the DHT")
    if not isinstance(fields[1], list) or len(fields[1]) > MAX_ADDRESSES:
        raise PeerError("a record in the DHT has no list of addresses")
    return DhtRecord(
        serial=codec.natural(fields[0], MAX_SERIAL, "a record's serial"),
        addresses=tuple(_address(each) for each in fields[1]),
        pin=codec.fixed_bytes(fields[2], PIN_BYTES, "a record's pin"),
        heads=codec.fixed_bytes(fields[3], HEADS_BYTES, "a record's heads"),
    )


def check_serial(record: DhtRecord, known: int) -> None:
    """Raises RefusedError for a record that is older than one of that device which was seen before."""
    if record.serial < known:
        raise RefusedError("a record in the DHT is older than one that was seen before")


def join_address(ip: str, port: int) -> str:
    """An address as a record has it."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _address(value: object) -> str:
    """An IP address and a port; never a name, which somebody would have to be asked for. Raises PeerError."""
    text = codec.bounded_text(value, MAX_ADDRESS_CHARS, "an address")
    host, _, port = text.rpartition(":")
    try:
        ip = ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError as error:
        raise PeerError("an address in a record is none") from error
    usable = port.isascii() and port.isdigit() and 0 < int(port) < 65_536
    if not usable or "%" in text or ip.is_multicast or ip.is_unspecified or text != join_address(str(ip), int(port)):
        raise PeerError("an address in a record is none")
    return text

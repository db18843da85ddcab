"""Vectors of records in the DHT."""

from __future__ import annotations

from typing import Any

from node.crypto.keys import EpochKeys
from node.wire.dhtrecord import DhtRecord, dht_public, dht_secret, open_record, place_of, seal_record, sign_dht_key
from tests.vectors.common import error_name, member
from tests.wire.family import make_family

DAY = 20_000


def dht_vectors() -> dict[str, Any]:
    family = make_family()
    device, library = family.founder, family.roster.library
    record = DhtRecord(
        serial=1_700_000_000_123,
        addresses=("192.0.2.1:7669", "[2001:db8::1]:7669"),
        pin=b"\x11" * 32,
        heads=b"\x22" * 8,
    )
    sealed = seal_record(record, family.epoch, library, device.id, day=DAY, nonce_12=b"n" * 12)
    named = seal_record(
        DhtRecord(serial=1, addresses=("home.example.org:7669",), pin=b"\x11" * 32, heads=b"\x22" * 8),
        family.epoch, library, device.id, day=DAY, nonce_12=b"n" * 12,
    )  # fmt: skip
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
    second = EpochKeys(2, b"\x08" * 32)
    cases: list[tuple[str, bytes, EpochKeys, bytes, int]] = [
        ("one bit differs", flipped, family.epoch, device.id, DAY),
        ("put a day later than it was sealed for", sealed, family.epoch, device.id, DAY + 1),
        ("put under another device", sealed, family.epoch, family.player.id, DAY),
        ("of another epoch", sealed, second, device.id, DAY),
        ("shorter than every record is", sealed[:-1], family.epoch, device.id, DAY),
        ("of an unknown version", b"\x02" + sealed[1:], family.epoch, device.id, DAY),
        ("a name where an IP address belongs", named, family.epoch, device.id, DAY),
    ]
    return {
        "device": member(device),
        "library": library.hex(),
        "epoch": {"number": 1, "secret": family.epoch.secret.hex()},
        "day": DAY,
        "secret": dht_secret(device).hex(),
        "public": dht_public(device).hex(),
        "signed_key": [part.hex() for part in sign_dht_key(device, library)],
        "place": place_of(family.epoch, device.id, DAY).hex(),
        "record": sealed.hex(),
        "serial": record.serial,
        "addresses": list(record.addresses),
        "pin": record.pin.hex(),
        "heads": record.heads.hex(),
        "bad": [
            {
                "guards": guards,
                "record": data.hex(),
                "epoch": {"number": epoch.number, "secret": epoch.secret.hex()},
                "device": name.hex(),
                "day": day,
                "error": error_name(
                    lambda data=data, epoch=epoch, name=name, day=day: open_record(data, epoch, library, name, day=day)
                ),
            }
            for guards, data, epoch, name, day in cases
        ],
    }

"""Vectors of what tracker and seed sign for each other: grants, usages, offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from node.crypto import labels
from node.crypto.keys import MemberKeys
from node.ids import DeviceId, LibraryId
from node.wire import codec
from node.wire.grants import Grant, check_grant, read_grant, sign_grant
from node.wire.offer import Offer, check_offer, read_offer, sign_offer
from node.wire.usage import Usage, read_usage, sign_usage
from tests.vectors.common import error_name, member
from tests.wire.family import keys_of

TIME_MS = 1_800_000_000_000
DAY_MS = 86_400_000


def signed(payload: list[Any], keys: MemberKeys, label: bytes) -> bytes:
    """A payload that nobody honest would sign."""
    packed = codec.pack(payload)
    return codec.pack([packed, keys.sign(label, packed)])


def told(value: Any) -> dict[str, Any]:
    return {name: each.hex() if isinstance(each, bytes) else each for name, each in asdict(value).items()}


def seed_vectors() -> dict[str, Any]:
    """Both keys are derived from small numbers (tests/wire/family.py)."""
    tracker, seed, other = keys_of(1), keys_of(2), keys_of(3)
    library = LibraryId(b"\x0c" * 32)
    grant = Grant(
        tracker=tracker.id,
        library=library,
        seed=seed.id,
        granted_bytes=40_000_000_000,
        serial=3,
        issued_ms=TIME_MS,
        expires_ms=TIME_MS + 31 * DAY_MS,
    )
    usage = Usage(
        seed=seed.id,
        library=library,
        tracker=tracker.id,
        serial=3,
        kept_bytes=40_000_000_000,
        used_bytes=1_234_567_890,
        time_ms=TIME_MS,
    )
    offer = Offer(
        tracker=tracker.id,
        seed=seed.id,
        url="https://seed.example",
        capacity_bytes=200_000_000_000,
        free_bytes=160_000_000_000,
        time_ms=TIME_MS,
        expires_ms=TIME_MS + DAY_MS,
    )
    plain: list[Any] = codec.unpack(codec.unpack(sign_offer(seed, offer), max_bytes=1_024)[0], max_bytes=1_024)

    def of_other(place: int, value: Any) -> bytes:
        fields = [*plain]
        fields[place] = value
        return signed(fields, seed, labels.LABEL_SIGN_OFFER)

    def now(offered: bytes, now_ms: int = TIME_MS) -> Callable[[], object]:
        return lambda: check_offer(read_offer(offered), tracker=tracker.id, now_ms=now_ms)

    def read_and_check(data: bytes) -> None:
        check_grant(read_grant(data), tracker=tracker.id, library=library, seed=seed.id, now_ms=TIME_MS)

    bad_offers: list[tuple[str, bytes, int]] = [
        ("nobody registers in another seed's name", signed(plain, other, labels.LABEL_SIGN_OFFER), TIME_MS),
        ("what was signed for another use is no offer", signed(plain, seed, labels.LABEL_SIGN_USAGE), TIME_MS),
        ("an offer for another tracker", sign_offer(seed, replace(offer, tracker=other.id)), TIME_MS),
        ("an offer that has ended", sign_offer(seed, offer), TIME_MS + DAY_MS),
        ("an offer from the future", sign_offer(seed, offer), TIME_MS - 600_001),
        ("an offer for longer than 48 hours", of_other(7, TIME_MS + 2 * DAY_MS + 1), TIME_MS),
        ("another spelling of an address", of_other(3, "https://SEED.example:443/"), TIME_MS),
        ("an address of another kind", of_other(3, "file:///etc/passwd"), TIME_MS),
        ("an amount beyond 2^53", of_other(5, (1 << 53) + 1), TIME_MS),
        ("a version that nobody knows", of_other(0, 2), TIME_MS),
    ]
    return {
        "tracker": member(tracker),
        "seed": member(seed),
        "now_ms": TIME_MS,
        "grant": {**told(grant), "signed": sign_grant(tracker, grant).hex()},
        "usage": {**told(usage), "signed": sign_usage(seed, usage).hex()},
        "offer": {**told(offer), "signed": sign_offer(seed, offer).hex()},
        "bad_grants": [
            {"guards": guards, "signed": data.hex(), "error": error_name(lambda data=data: read_and_check(data))}
            for guards, data in (
                ("a grant that another tracker signed", sign_grant(other, replace(grant, tracker=other.id))),
                ("a grant for another seed", sign_grant(tracker, replace(grant, seed=DeviceId(b"\x0d" * 32)))),
                ("a grant that has run out", sign_grant(tracker, replace(grant, expires_ms=TIME_MS))),
            )
        ],
        "bad_usages": [
            {"guards": guards, "signed": data.hex(), "error": error_name(lambda data=data: read_usage(data))}
            for guards, data in (
                (
                    "nobody reports in another seed's name",
                    signed([1, seed.id, library, tracker.id, 3, 5, 5, TIME_MS], other, labels.LABEL_SIGN_USAGE),
                ),
                (
                    "a usage of less than nothing",
                    signed([1, seed.id, library, tracker.id, 3, -5, 5, TIME_MS], seed, labels.LABEL_SIGN_USAGE),
                ),
            )
        ],
        "bad_offers": [
            {"guards": guards, "signed": data.hex(), "now_ms": now_ms, "error": error_name(now(data, now_ms))}
            for guards, data, now_ms in bad_offers
        ],
    }

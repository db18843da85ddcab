"""A seed's signed, expiring word to a tracker: here is room for your libraries (docs/FORMAT.md, "Offer").

And what the two say to each other over HTTP about the tracker's pool of seeds (docs/PROTOCOL.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from node.crypto import labels
from node.crypto.keys import MemberKeys, verify
from node.errors import PeerError, RefusedError, UnknownFormatError, UserError
from node.ids import DeviceId
from node.wire import codec
from node.wire.holdlist import read_signed
from node.wire.seedapi import clean_url
from node.wire.usage import MAX_USAGE_BYTES

VERSION: Final = 1
MAX_OFFER_BYTES: Final = 1_024
MAX_URL_CHARS: Final = 250
MAX_USAGES: Final = 64
MAX_REPORT_BYTES: Final = 32_768
MAX_POOL_ANSWER_BYTES: Final = 16_384
MAX_PICKS: Final = 8
LIFETIME_MS: Final = 24 * 3_600_000
MAX_LIFETIME_MS: Final = 48 * 3_600_000
CLOCK_AHEAD_MS: Final = 600_000
"""A seed's clock may be so far ahead of the tracker's."""
_MAX_BYTES: Final = 1 << 53
_MAX_TIME_MS: Final = 1 << 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a seed says to one tracker."""

    tracker: bytes
    """32 bytes: the tracker's Ed25519 key."""
    seed: DeviceId
    url: str
    """Where libraries reach it."""
    capacity_bytes: int
    free_bytes: int
    """Not promised to anybody yet."""
    time_ms: int
    expires_ms: int


def sign_offer(keys: MemberKeys, offer: Offer) -> bytes:
    """`offer` as bytes that prove it; `keys` are the seed's."""
    if offer.seed != keys.id:
        raise ValueError("an offer is signed by the seed that it names")
    payload = codec.pack([
        VERSION, offer.tracker, offer.seed, offer.url, offer.capacity_bytes, offer.free_bytes, offer.time_ms,
        offer.expires_ms,
    ])  # fmt: skip
    return codec.pack([payload, keys.sign(labels.LABEL_SIGN_OFFER, payload)])


def read_offer(data: bytes) -> Offer:
    """What `sign_offer` made, its signature checked. Raises PeerError, UnknownFormatError."""
    payload, signature = read_signed(data, MAX_OFFER_BYTES, "an offer")
    fields = codec.array(codec.unpack(payload, max_bytes=MAX_OFFER_BYTES), 8, "an offer")
    if fields[0] != VERSION:
        raise UnknownFormatError("an offer is of a version that this program doesn't know")
    seed = DeviceId(codec.fixed_bytes(fields[2], 32, "a seed"))
    verify(seed, labels.LABEL_SIGN_OFFER, payload, signature)
    return Offer(
        tracker=codec.fixed_bytes(fields[1], 32, "a tracker's key"),
        seed=seed,
        url=_read_url(fields[3]),
        capacity_bytes=codec.natural(fields[4], _MAX_BYTES, "a capacity"),
        free_bytes=codec.natural(fields[5], _MAX_BYTES, "an amount"),
        time_ms=codec.natural(fields[6], _MAX_TIME_MS, "an offer's time"),
        expires_ms=codec.natural(fields[7], _MAX_TIME_MS, "an offer's end"),
    )


def check_offer(offer: Offer, *, tracker: bytes, now_ms: int) -> None:
    """Whether `offer` is for that tracker, and good now. Raises RefusedError."""
    if offer.tracker != tracker:
        raise RefusedError("the offer is for another tracker")
    if offer.time_ms > now_ms + CLOCK_AHEAD_MS:
        raise RefusedError("the offer comes from the future: the seed's clock is wrong")
    if offer.expires_ms <= now_ms or offer.expires_ms - offer.time_ms > MAX_LIFETIME_MS:
        raise RefusedError("the offer has ended, or would last too long; the seed's clock may be wrong")


def _read_url(value: object) -> str:
    """An address in its one form: two spellings of it are not two seeds. Raises PeerError."""
    url = codec.bounded_text(value, MAX_URL_CHARS, "a seed's address")
    try:
        clean = clean_url(url)
    except UserError as error:
        raise PeerError("a seed's address is not one") from error
    if clean != url:
        raise PeerError("a seed's address is not in its one form")
    return url


# what seed, tracker and library say over HTTP


def pack_report(offer: bytes, usages: Sequence[bytes]) -> bytes:
    """Body of a seed's request; at most MAX_USAGES usages."""
    return codec.pack([offer, list(usages)])


def read_report(body: bytes) -> tuple[bytes, list[bytes]]:
    """An offer and usages as they came, none of them checked. Raises PeerError."""
    fields = codec.array(codec.unpack(body, max_bytes=MAX_REPORT_BYTES), 2, "a seed's report")
    usages = codec.array(fields[1], 0, "a seed's report")
    if len(usages) > MAX_USAGES:
        raise PeerError("a seed's report says too much at once")
    offer = codec.bounded_bytes(fields[0], MAX_OFFER_BYTES, "an offer")
    return offer, [codec.bounded_bytes(each, MAX_USAGE_BYTES, "a usage") for each in usages]


@dataclass(frozen=True, slots=True)
class Pool:
    """What a tracker tells of its pool."""

    seeds: int
    free_bytes: int
    picks: tuple[tuple[DeviceId, str], ...]
    """Seeds with enough room, and where they are: to be asked one after the other."""

    def packed(self) -> bytes:
        return codec.pack(
            {"seeds": self.seeds, "free_bytes": self.free_bytes, "picks": [list(each) for each in self.picks]}
        )


def read_pool(data: bytes) -> Pool:
    """What `packed` made. Raises PeerError."""
    told: Any = codec.unpack(data, max_bytes=MAX_POOL_ANSWER_BYTES)
    if not isinstance(told, dict):
        raise PeerError("a tracker's pool is not a map")
    picks = [codec.array(each, 2, "a pick") for each in codec.array(told.get("picks"), 0, "picks")[:MAX_PICKS]]
    return Pool(
        codec.natural(told.get("seeds"), 1 << 32, "an amount of seeds"),
        min(codec.natural(told.get("free_bytes"), 1 << 63, "an amount"), _MAX_BYTES),
        tuple((DeviceId(codec.fixed_bytes(seed, 32, "a seed")), _read_url(url)) for seed, url, *_ in picks),
    )

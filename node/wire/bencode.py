"""BitTorrent's encoding (BEP 3), as far as Songkeep writes it: info dicts and tracker answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Value = int | bytes | Sequence["Value"] | Mapping[bytes, "Value"]


def bencode(value: Value) -> bytes:
    """`value` in its one canonical form: dictionaries sorted by key."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, Mapping):
        return b"d%be" % b"".join(bencode(key) + bencode(value[key]) for key in sorted(value))
    return b"l%be" % b"".join(bencode(item) for item in value)

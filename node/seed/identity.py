"""The seed's own keys. They sign and open what is said to the seed itself, and open nothing that it holds."""

from __future__ import annotations

import os
from pathlib import Path

from node.crypto.keys import MemberKeys, member_keys_from_random
from node.errors import DamagedError, PeerError
from node.files import read_small, write_private
from node.wire import codec


def load_identity(path: Path) -> MemberKeys:
    """The keys in that file (0600), made at the first call. Raises DamagedError, StorageError."""
    data = read_small(path, max_bytes=1_000)
    if data is None:
        keys = member_keys_from_random(os.urandom(64))
        write_private(path, codec.pack([1, keys.sign_secret, keys.receive_secret]))
        return keys
    try:
        version, sign, receive = codec.array(codec.unpack(data, max_bytes=1_000), 3, "the seed's keys")[:3]
        codec.natural(version, 1, "the version of the seed's keys")
        return MemberKeys(
            codec.fixed_bytes(sign, 32, "the seed's signing key"),
            codec.fixed_bytes(receive, 32, "the seed's receiving key"),
        )
    except PeerError as error:
        raise DamagedError(
            "the file with the seed's keys is damaged; restore it, or its libraries add it anew"
        ) from error

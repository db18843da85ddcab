"""The pass with which a member comes to another device's lane (docs/PROTOCOL.md, "Lanes")."""

from __future__ import annotations

import re
from typing import Final

from node.crypto import labels
from node.crypto.keys import MemberKeys, verify
from node.errors import PeerError, UserError
from node.ids import DeviceId, from_text, to_text

SCHEME: Final = "Songkeep"
_PASS: Final = re.compile(SCHEME + r" ([a-z2-7]{52})\.([a-z2-7]{103})\Z")


def sign_pass(keys: MemberKeys, *, holder: DeviceId, print_32: bytes) -> str:
    """What opens the lane of `holder` while its certificate has that SHA-256: the value of an Authorization header."""
    signature = keys.sign(labels.LABEL_SIGN_LANE, holder + print_32)
    return f"{SCHEME} {to_text(keys.id)}.{to_text(signature)}"


def read_pass(text: str, *, holder: DeviceId, print_32: bytes) -> DeviceId:
    """The member that signed the pass for this very lane; whether it is one is for the caller. Raises PeerError."""
    match = _PASS.match(text)
    if match is None:
        raise PeerError("a pass has not the form of one")
    try:
        member, signature = (from_text(part) for part in match.groups())
    except UserError as error:
        raise PeerError("a pass has not the form of one") from error
    verify(member, labels.LABEL_SIGN_LANE, holder + print_32, signature)
    return DeviceId(member)

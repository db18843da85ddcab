"""A library's first moment: keys, the first epoch, the recovery key, and the roster's first entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from node.crypto import labels
from node.crypto.keys import EpochKeys, member_keys_from_random
from node.crypto.phrase import ENTROPY_BYTES, phrase_from_entropy, recovery_keys
from node.doors.vault import Secrets, Vault
from node.ids import LibraryId
from node.wire.roster import found_library


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A library that has just come to be."""

    vault: Vault
    library: LibraryId
    phrase: str
    """24 words; the vault keeps what they stand for until the person has confirmed them."""


def begin_library(vault_path: Path, *, now_ms: int, random: Callable[[int], bytes]) -> Begun:
    """Make a library with this device as its first owner; `random(n)` gives n secret bytes.

    Raises UserError if there is one in this home already, StorageError.
    """
    device = member_keys_from_random(random(64))
    entropy = random(ENTROPY_BYTES)
    epoch = EpochKeys(1, random(labels.KEY_BYTES))
    roster = found_library(device, recovery_keys(entropy).public, epoch, time_ms=now_ms, random_16=random(16))
    secrets = Secrets(device=device, epochs=(epoch,), roster=roster.entries, phrase_entropy=entropy)
    return Begun(vault=Vault.create(vault_path, secrets), library=roster.library, phrase=phrase_from_entropy(entropy))

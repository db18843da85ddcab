"""Everything back from twenty-four words: roster, keys and catalog from a seed, on a machine that has nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from node.catalog.rights import may_write
from node.catalog.values import blob_of
from node.catalog.vector import LOG_ID_BYTES, MAX_SEQ
from node.crypto.keys import EpochKeys, MemberKeys, member_keys_from_random
from node.crypto.phrase import recovery_keys
from node.doors.index import Index
from node.doors.rooms import look_up_roster
from node.doors.seeds import SeedClient
from node.doors.vault import Secrets, Vault
from node.errors import (
    DamagedError,
    NotFoundError,
    PeerError,
    RefusedError,
    SongkeepError,
    StorageError,
    UnavailableError,
    UnknownFormatError,
    UserError,
)
from node.files import reserve_private
from node.flows.seed_rounds import MAX_SNAPSHOT_BYTES
from node.flows.seed_streams import fetch_blob
from node.ids import DeviceId, LibraryId, to_text
from node.library import Library
from node.wire.heads import HeadsRecord, open_heads, read_heads
from node.wire.roster import Role, Roster, admit, merged, read_roster, remove_recovery, revoke

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeenHead:
    """What a seed vouches for: a device's newest word, and when it said it."""

    device: DeviceId
    time_ms: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A library that lives on this machine again."""

    library: LibraryId
    device: DeviceId
    tracks: int
    heads: tuple[SeenHead, ...]
    """The newest first."""
    seeds: tuple[str, ...]
    vouched_by: str
    """The seed that gave all this; each head is signed by its own device too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one seed has of the library."""

    roster: Roster
    epochs: dict[int, EpochKeys]
    heads: list[tuple[HeadsRecord, dict[str, Any]]]
    documents: list[bytes]

    @property
    def known_epochs(self) -> tuple[EpochKeys, ...]:
        """The oldest first."""
        return tuple(self.epochs[number] for number in sorted(self.epochs))


async def recover(
    *,
    vault_path: Path,
    index_path: Path,
    entropy: bytes,
    seed_url: str | None,
    tracker_url: str | None = None,
    now_ms: int,
    random: Callable[[int], bytes],
    local_address: str | None = None,
) -> Recovered:
    """Make this machine an owner device of the library that the phrase belongs to, with its catalog.

    Nothing is written here or there before the whole catalog has come, and the index has its name only when it is
    whole: whenever this ends, it can be begun anew. Raises UserError (no address, or there is a library here),
    NotFoundError (nobody knows the phrase), UnavailableError (also if no seed keeps the library), PeerError,
    DamagedError, StorageError.
    """
    await asyncio.to_thread(_check_empty, vault_path, index_path)
    keys = recovery_keys(entropy)
    known, urls = None, [seed_url] if seed_url else []
    if tracker_url:
        known = await _from_tracker(tracker_url, keys)
        urls += [address for seed in known.active(Role.SEED) for address in seed.addresses[:1] if address not in urls]
    if not urls and known is not None:
        raise UnavailableError(
            "that tracker knows the library, but no seed keeps it: nothing of it can be had by the words alone. "
            "If one of its devices is left, run 'songkeep pair' there and 'songkeep join' here"
        )
    if not urls:
        raise UserError("name a seed with --seed, or a tracker with --tracker: they stand beside the phrase on paper")
    failures: list[SongkeepError] = []
    draft = index_path.with_name(f"{index_path.name}.coming")
    try:
        for url in urls:
            try:
                async with SeedClient.open(url, local_address=local_address) as client:
                    found = await _look(client, keys, known)
                    roster, epochs = unlocked(found.roster, keys, _heads_of(found), now_ms=now_ms, random=random)
                    device = member_keys_from_random(random(64))
                    found = replace(found, epochs=epochs)
                    roster = admit(roster, keys, device.public, role=Role.OWNER, epochs=epochs.values(), time_ms=now_ms)
                    tracks = await asyncio.to_thread(_build, draft, device, roster, found)
                    await client.put_roster(roster.entries)
            except SongkeepError as error:
                failures.append(error)
                continue
            secrets = Secrets(device=device, epochs=found.known_epochs, roster=roster.entries)
            await asyncio.to_thread(_settle, draft, index_path, vault_path, secrets)
            return Recovered(
                library=roster.library,
                device=device.id,
                tracks=tracks,
                heads=tuple(SeenHead(one.device, one.time_ms, one.epoch) for one, _ in found.heads),
                seeds=tuple(address for seed in roster.active(Role.SEED) for address in seed.addresses[:1]),
                vouched_by=url,
            )
    finally:
        await asyncio.to_thread(_remove, draft)
    raise failures[0]


def unlocked(
    roster: Roster,
    keys: MemberKeys,
    heads: Mapping[DeviceId, Mapping[bytes, int]],
    *,
    now_ms: int,
    random: Callable[[int], bytes],
) -> tuple[Roster, dict[int, EpochKeys]]:
    """The roster with an epoch that the phrase can open, and all epochs that it can.

    A thief may have begun one and sealed nothing of use to the phrase: it is put out. `heads`: how far each device
    said it knew each log; of the thief's own counts what the others knew.
    """
    epochs = roster.epochs_for(keys)
    while roster.epoch not in epochs:
        gone = _who_began(roster)
        said = [each for device, each in heads.items() if device != gone] or list(heads.values())
        last = {
            log: max(each.get(log, 0) for each in said)
            for log in {log for each in said for log in each}
            if log[: len(gone)] == gone
        }
        epoch = EpochKeys(roster.next_epoch, random(32))
        if roster.member(gone).role is Role.RECOVERY:
            roster = remove_recovery(roster, keys, gone, next_epoch=epoch, time_ms=now_ms)
        else:
            roster = revoke(roster, keys, [gone], next_epoch=epoch, time_ms=now_ms, heads=last)
        epochs = roster.epochs_for(keys)
        log.warning("locked_out_by member=%s", to_text(gone)[:8])
    return roster, epochs


def _who_began(roster: Roster) -> DeviceId:
    entries = (each for each in roster.known.values() if each.hash not in roster.void and each.departure is not None)
    signers = [each.signer for each in entries if each.departure and each.departure.epoch == roster.epoch]
    active = [each for each in signers if each in roster.members and roster.members[each].active]
    if not active:
        raise PeerError("the library's newest epoch was begun by nobody who belongs to it")
    return active[0]


def _heads_of(found: _Found) -> dict[DeviceId, dict[bytes, int]]:
    """How far each device said it knew each log."""
    said: dict[DeviceId, dict[bytes, int]] = {}
    for record, body in reversed(found.heads):  # the newest last
        heads = body.get("heads")
        if isinstance(heads, dict):
            said[record.device] = {
                log: seq
                for log, seq in heads.items()
                if isinstance(log, bytes) and len(log) == LOG_ID_BYTES and isinstance(seq, int) and 0 < seq <= MAX_SEQ
            }
    return said


async def _from_tracker(url: str, keys: MemberKeys) -> Roster:
    async with aiohttp.ClientSession() as session:
        entries = await look_up_roster(session, url, keys)
    if not entries:
        raise NotFoundError("that tracker knows no library that this phrase belongs to")
    return _checked(entries, keys)


def _checked(entries: Sequence[bytes], keys: MemberKeys) -> Roster:
    roster = read_roster(entries)
    if roster.member(keys.id).role is not Role.RECOVERY:
        raise RefusedError("the phrase is not this library's recovery phrase")
    return roster


async def _look(client: SeedClient, keys: MemberKeys, known: Roster | None) -> _Found:
    """The roster and every device's newest catalog that the seed has and the phrase opens."""
    libraries = await client.sign_in(keys, known.library if known else None)
    if len(libraries) > 1:
        # Recovery keys are public: anybody may found a library that names yours. Which is meant, the person must say.
        listed = ", ".join(to_text(each)[:12] for each in libraries)
        raise UserError(f"that seed knows several libraries with this phrase ({listed}); name a tracker to choose by")
    roster = _checked(await client.roster(), keys)
    if roster.library != libraries[0]:
        raise PeerError("the seed gave the roster of another library")
    if known is not None:
        roster = merged(known, roster.entries)
    epochs = roster.epochs_for(keys)
    heads: list[tuple[HeadsRecord, dict[str, Any]]] = []
    for record in await client.heads():
        try:
            one = read_heads(record, roster)
            heads.append((one, open_heads(one, epochs)))
        except (RefusedError, PeerError) as error:
            log.warning("heads_refused reason=%s", type(error).__name__)
    heads.sort(key=lambda each: each[0].time_ms, reverse=True)
    documents = []
    for one, body in heads:
        try:
            documents.append(await fetch_blob(client, blob_of(body.get("snapshot")), max_bytes=MAX_SNAPSHOT_BYTES))
        except (NotFoundError, UnavailableError, DamagedError, PeerError) as error:
            log.warning("snapshot_missing device=%s reason=%s", to_text(one.device)[:8], type(error).__name__)
    if not documents:
        raise NotFoundError("that seed knows the library but has no catalog of it yet")
    return _Found(roster=roster, epochs=epochs, heads=heads, documents=documents)


def _check_empty(vault_path: Path, index_path: Path) -> None:
    if vault_path.exists():
        raise UserError("there is a library in this home already; name an empty one with --home")
    if index_path.exists():
        raise UserError(
            f"{index_path} is the catalog of a library whose keys are not here. It is left as it is: move it away, or "
            "name an empty home with --home"
        )


def _build(draft: Path, device: MemberKeys, roster: Roster, found: _Found) -> int:
    """The catalog that was found, in a new index at `draft`; how many tracks it has.

    One that is not what this program makes is left out: whoever wrote it must not keep the rest from coming back.
    Raises DamagedError if there is no other, StorageError.
    """
    _remove(draft)
    reserve_private(draft)
    loaded = 0
    with Index.open(draft) as index:
        index.log.may_write = lambda key, by: may_write(key, by, roster)
        library = Library.open(index, device, found.known_epochs[0].identity)
        for document in found.documents:
            try:
                library.load_snapshot(document)
                loaded += 1
            except (PeerError, UnknownFormatError) as error:
                log.warning("snapshot_refused reason=%s", type(error).__name__)
        if not loaded:
            raise DamagedError("that seed has no catalog of the library that can be read")
        tracks: int = library.summary()["counts"]["tracks"]
    return tracks


def _settle(draft: Path, index_path: Path, vault_path: Path, secrets: Secrets) -> None:
    """Write it all down: the catalog first, so that a home with keys is a home with music."""
    try:
        draft.rename(index_path)
    except OSError as error:
        raise StorageError(f"{index_path.name} can't be written: {error.strerror}") from error
    Vault.create(vault_path, secrets)
    log.info("library_recovered epochs=%d", len(secrets.epochs))


def _remove(draft: Path) -> None:
    """Also what a recovery that was killed has left."""
    for each in (draft, *(draft.with_name(f"{draft.name}{end}") for end in ("-wal", "-shm"))):
        with contextlib.suppress(OSError):
            each.unlink(missing_ok=True)

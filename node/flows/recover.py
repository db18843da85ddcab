"""Everything back from twenty-four words: roster, keys and catalog from a seed, on a machine that has nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from node.catalog.values import blob_of
from node.crypto.keys import EpochKeys, MemberKeys, member_keys_from_random
from node.crypto.phrase import recovery_keys
from node.doors.index import Index
from node.doors.rooms import look_up_roster
from node.doors.seeds import SeedClient
from node.doors.vault import Secrets, Vault
from node.errors import NotFoundError, PeerError, RefusedError, SongkeepError, UnavailableError, UserError
from node.flows.seed_rounds import MAX_SNAPSHOT_BYTES
from node.flows.seed_streams import fetch_blob
from node.ids import DeviceId, LibraryId, to_text
from node.library import Library
from node.wire.heads import HeadsRecord, open_heads, read_heads
from node.wire.roster import Role, Roster, admit, merged, read_roster

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

    Nothing is written here or there before the whole catalog has come. Raises UserError (no address, or there is a
    library here), NotFoundError (nobody knows the phrase), UnavailableError, PeerError, StorageError.
    """
    if await asyncio.to_thread(vault_path.exists):
        raise UserError("there is a library in this home already; name an empty one with --home")
    keys = recovery_keys(entropy)
    known, urls = None, [seed_url] if seed_url else []
    if tracker_url:
        known = await _from_tracker(tracker_url, keys)
        urls += [address for seed in known.active(Role.SEED) for address in seed.addresses[:1] if address not in urls]
    if not urls:
        raise UserError("name a seed with --seed, or a tracker with --tracker: they stand beside the phrase on paper")
    failures: list[SongkeepError] = []
    for url in urls:
        try:
            async with SeedClient.open(url, local_address=local_address) as client:
                found = await _look(client, keys, known)
                device = member_keys_from_random(random(64))
                roster = admit(
                    found.roster,
                    keys,
                    device.public,
                    role=Role.OWNER,
                    epochs=found.epochs.values(),
                    time_ms=now_ms,
                )
                await client.put_roster(roster.entries)
        except SongkeepError as error:
            failures.append(error)
            continue
        return await asyncio.to_thread(_settle, vault_path, index_path, device, roster, found, url)
    raise failures[0]


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
        except (NotFoundError, UnavailableError) as error:
            log.warning("snapshot_missing device=%s reason=%s", to_text(one.device)[:8], type(error).__name__)
    if not documents:
        raise NotFoundError("that seed knows the library but has no catalog of it yet")
    return _Found(roster=roster, epochs=epochs, heads=heads, documents=documents)


def _settle(
    vault_path: Path, index_path: Path, device: MemberKeys, roster: Roster, found: _Found, url: str
) -> Recovered:
    """Write it all down: the catalog first, so that a home with keys is a home with music."""
    epochs = tuple(found.epochs[number] for number in sorted(found.epochs))
    with Index.open(index_path) as index:
        library = Library.open(index, device, epochs[0].identity)
        for document in found.documents:
            library.load_snapshot(document)
        tracks = library.summary()["counts"]["tracks"]
    Vault.create(vault_path, Secrets(device=device, epochs=epochs, roster=roster.entries))
    log.info("library_recovered heads=%d", len(found.heads))
    return Recovered(
        library=roster.library,
        device=device.id,
        tracks=tracks,
        heads=tuple(SeenHead(one.device, one.time_ms, one.epoch) for one, _ in found.heads),
        seeds=tuple(address for seed in roster.active(Role.SEED) for address in seed.addresses[:1]),
        vouched_by=url,
    )

"""Recovery where a device of the library wrote nonsense, another recovery was killed, or a home isn't empty."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from node.catalog.model import BlobRef
from node.catalog.values import blob_value
from node.crypto import merkle
from node.crypto.blob import BlobCipher, Purpose, blob_key
from node.crypto.keys import MemberKeys, member_keys_from_random
from node.doors.seeds import SeedClient
from node.errors import UserError
from node.seed.server import RunningSeed
from node.wire.heads import sign_heads
from node.wire.roster import Role, Roster, admit
from node.wire.volume import VolumeBlob
from tests.doors.swarm.blobs import noise
from tests.flows.home import EPOCH
from tests.flows.seeded import seeded_home
from tests.flows.test_recover import NEW_IP, opened, recovered
from tests.music import make_track
from tests.seed.owner import a_seed
from tests.seed.test_keeping import once


async def say(seed: RunningSeed, roster: Roster, keys: MemberKeys, snapshot: Any, sealed: bytes, root: Any) -> None:
    """Heads of a device, with the catalog that they name."""
    record = sign_heads(
        keys,
        EPOCH,
        roster.library,
        serial=1,
        time_ms=1 << 47,
        snapshot=VolumeBlob(root, len(sealed)),
        body={"snapshot": snapshot, "heads": {}},
        nonce_12=os.urandom(12),
    )
    async with SeedClient.open(seed.url, local_address=NEW_IP) as client:
        await client.sign_in(keys)
        assert await client.put_heads(record)
        await client.push(root, once(sealed))


def sealed_nonsense() -> tuple[BlobRef, bytes]:
    """A blob that opens as it should and is no catalog."""
    plain = b"\x93no catalog" * 20
    sha256 = hashlib.sha256(plain).digest()
    key = blob_key(EPOCH.convergence, Purpose.SNAPSHOT, size_bytes=len(plain), sha256=sha256)
    cipher = BlobCipher(key, len(plain))
    chunks = list(cipher.seal_all(plain))
    root, _ = merkle.root_of_chunks(chunks)
    ref = BlobRef(root=root, key=key, commitment=cipher.commitment, size_bytes=len(plain), sha256=sha256)
    return ref, b"".join(chunks)


async def test_devices_that_wrote_nonsense_do_not_keep_the_library_from_coming_back(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    make_track(music / "1.flac", seed=1, title="Salt and Cedar")
    liars = [member_keys_from_random(os.urandom(64)) for _ in range(2)]
    async with a_seed(tmp_path / "seed") as seed:
        async with seeded_home(tmp_path / "pc") as pc:
            await pc.home.ingest.add([music])
            await pc.home.ingest.idle()
            await pc.seeds.add(await seed.invite(100_000_000))
            for liar in liars:
                await pc.membership.change(
                    lambda roster, keys, epochs, liar=liar: admit(
                        roster, keys, liar.public, role=Role.OWNER, epochs=epochs.values(), time_ms=5
                    )
                )
            await pc.until_filled()
            roster = pc.membership.roster
        garbage = noise(7, 20_000)
        await say(seed, roster, liars[0], "no blob", garbage.data, garbage.root)
        blob, sealed = sealed_nonsense()
        await say(seed, roster, liars[1], blob_value(blob), sealed, blob.root)
        # What a recovery that was killed in the middle has left is no hindrance either.
        new = tmp_path / "new"
        new.mkdir()
        for end in ("", "-wal", "-shm"):
            (new / f"index.sqlite.coming{end}").write_bytes(b"half of a catalog")
        found = await recovered(new, seed.url)
        assert (found.tracks, len(found.heads)) == (1, 3)
        assert sorted(each.name for each in new.iterdir()) == ["index.sqlite", "vault"]
        async with opened(new) as home:
            assert home.titles() == ["Salt and Cedar"]


async def test_a_catalog_whose_keys_are_gone_is_neither_written_over_nor_mixed_with_another(tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (new / "index.sqlite").write_bytes(b"a catalog")
    with pytest.raises(UserError, match="keys are not here"):
        await recovered(new, "http://127.0.0.9:9")
    assert (new / "index.sqlite").read_bytes() == b"a catalog"
    assert [each.name for each in new.iterdir()] == ["index.sqlite"]

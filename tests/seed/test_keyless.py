"""A seed can't read what it keeps: no key, title or name is on its disk, in its log or in its memory."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.crypto.phrase import phrase_from_entropy
from tests.flows.home import EPOCH
from tests.flows.seeded import PHRASE_ENTROPY, SeededHome, seeded_home
from tests.music import make_track
from tests.seed.process import CHECKOUT, seed_process

MUST_NOT_KNOW = (
    "node.crypto.blob",
    "node.crypto.phrase",
    "node.catalog",
    "node.library",
    "node.doors.index",
    "node.doors.vault",
)
TITLES = ("Quince Orchard Rain", "The Lamplighter's Ledger")
ARTIST = "Wilhelmina Ostrander Quartet"


def test_the_seed_program_loads_nothing_that_opens_a_blob() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, node.seed.server; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=CHECKOUT,
    )
    loaded = told.stdout.split()
    assert "node.seed.keeper" in loaded
    assert [name for name in loaded if name.startswith(MUST_NOT_KNOW)] == []


def secrets_of(pc: SeededHome, music: Path) -> dict[str, bytes]:
    """Everything that must stay at home, each under a name for the test's message."""
    library = pc.home.library
    secrets = {
        "epoch secret": EPOCH.secret,
        "convergence key": EPOCH.convergence,
        "room key": EPOCH.room,
        "log key": EPOCH.log,
        "volume key": EPOCH.volume,
        "device's signing secret": pc.membership.keys.sign_secret,
        "device's receiving secret": pc.membership.keys.receive_secret,
        "phrase's entropy": PHRASE_ENTROPY,
        "phrase": phrase_from_entropy(PHRASE_ENTROPY).encode(),
        "three words of the phrase": " ".join(phrase_from_entropy(PHRASE_ENTROPY).split()[:3]).encode(),
        "artist": ARTIST.encode(),
        "album": b"Barometric Studies",
        "folder": str(music).encode(),
    }
    secrets |= {f"title {title}": title.encode() for title in TITLES}
    for root, _purpose in library.index.blobs.named(b"", 100):
        ref = library.blob_ref(root)
        assert ref is not None
        secrets[f"key of {root.hex()[:8]}"] = ref.key
        secrets[f"plaintext hash of {root.hex()[:8]}"] = ref.sha256
    for path in music.rglob("*.flac"):
        data = path.read_bytes()
        secrets[f"sound of {path.name}"] = data[len(data) // 2 : len(data) // 2 + 64]
    return secrets


def found_in(data: bytes, secrets: dict[str, bytes]) -> list[str]:
    return [name for name, secret in secrets.items() if secret in data]


def memory_of(pid: int) -> Iterator[bytes]:
    """All memory that a process may write to."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if found is None or "[v" in line:
                continue
            start, end = (int(each, 16) for each in found.groups())
            try:
                memory.seek(start)
                yield memory.read(end - start)
            except (OSError, ValueError):
                continue


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another process's memory is read by /proc")
async def test_disk_log_and_memory_of_a_full_seed_hold_no_key_title_or_name(tmp_path: Path) -> None:
    music = tmp_path / "Barometric"
    music.mkdir()
    for number, title in enumerate(TITLES):
        make_track(
            music / f"{number} {title}.flac", seed=number, title=title, artists=(ARTIST,), album="Barometric Studies"
        )
    async with (
        seed_process(tmp_path / "seed", ip="127.0.0.5") as seed,
        seeded_home(tmp_path / "pc", renditions=True) as pc,
    ):
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        await pc.seeds.add(await seed.invite())
        await pc.until_filled(blobs=4, timeout_s=60)
        secrets = secrets_of(pc, music)
        # That the search finds anything at all is shown by what the seed does have.
        known = {
            "its own address": seed.url.encode(),
            "a blob's name": bytes(pc.home.library.index.blobs.named(b"", 1)[0][0]),
        }
        memory = b"".join(memory_of(seed.process.pid))
        assert found_in(memory, secrets) == []
        assert sorted(found_in(memory, known)) == sorted(known)
    files = [path for path in (tmp_path / "seed").rglob("*") if path.is_file()]
    assert len(files) > 6
    for path in files:
        assert found_in(path.read_bytes() + str(path).encode(), secrets) == [], path

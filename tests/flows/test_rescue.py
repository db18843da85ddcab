"""A holder that is frozen or killed in the middle of a song: another one goes on, and nobody hears it."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import pytest

from tests.flows.home import until
from tests.flows.seeded import seeded_home
from tests.music import make_track
from tests.seed.process import SeedProcess, seed_process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process can't be frozen there")

SECONDS = 120
FIRST_IP, SECOND_IP = "127.0.0.21", "127.0.0.22"


async def longest_wait(tmp_path: Path, what: str) -> float:
    """Play a long song from two seeds; after a while something happens to one. The longest wait for more, in s."""
    music = tmp_path / "music"
    music.mkdir()
    make_track(music / "long.wav", seed=1, title="Long", seconds=SECONDS, kind="noise")
    whole = (music / "long.wav").read_bytes()
    async with (
        seed_process(tmp_path / "one", ip=FIRST_IP) as one,
        seed_process(tmp_path / "two", ip=SECOND_IP) as two,
        seeded_home(tmp_path / "pc") as pc,
    ):
        await pc.home.ingest.add([music])
        await pc.home.ingest.idle()
        for seed in (one, two):
            await pc.seeds.add(await seed.invite())
        await until(lambda: len(pc.seeds.links) == 2)
        await pc.until_filled(blobs=1, timeout_s=60)
        (music / "long.wav").unlink()
        pc.home.ingest.see_changed([])
        for stored in list(pc.home.store.stored()):
            pc.home.store.release(stored.root)
            pc.home.store.drop(stored.root)
        played, longest = b"", 0.0
        struck = False
        async with await pc.home.streams.open(pc.home.only_track(), "original") as audio:
            since_s = time.monotonic()
            async with contextlib.aclosing(audio.read(0, audio.size_bytes)) as parts:
                async for part in parts:
                    longest = max(longest, time.monotonic() - since_s)
                    played += part
                    if len(played) > len(whole) // 4 and not struck:
                        struck = True
                        strike(one, what)
                    since_s = time.monotonic()
        assert struck
        assert played == whole
    return longest


def strike(seed: SeedProcess, what: str) -> None:
    if what == "freeze":
        seed.freeze()
    else:
        seed.kill()


async def test_a_frozen_seed_costs_less_than_two_seconds(tmp_path: Path) -> None:
    waited_s = await longest_wait(tmp_path, "freeze")
    print(f"longest wait {waited_s * 1000:.0f} ms")
    assert waited_s < 2.0


async def test_a_killed_seed_costs_less_than_half_a_second(tmp_path: Path) -> None:
    waited_s = await longest_wait(tmp_path, "kill")
    print(f"longest wait {waited_s * 1000:.0f} ms")
    assert waited_s < 0.5

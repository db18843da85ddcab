"""A tracker's pool with real processes: a seed joins it, a library gets room there, and liars are passed over."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from node.crypto.keys import MemberKeys, member_keys_from_random
from node.ids import from_text
from node.seed.options import SeedOptions
from node.seed.server import running
from node.seed.trackers import TrustedTracker
from node.wire.offer import Offer, pack_report, read_pool, sign_offer
from tests.flows.test_seed_by_grant import started
from tests.living import SONGKEEP, Living, living, make_music

TRACKER_IP, SEED_IP, LIAR_IP = "127.0.0.54", "127.0.0.55", "127.0.0.56"
ROOM = 10_000_000


async def until(true: Callable[[], Any], what: str) -> None:
    """Until that blocking question has that answer."""
    deadline_s = time.monotonic() + 90
    while not await asyncio.to_thread(true):
        assert time.monotonic() < deadline_s, f"never: {what}"
        await asyncio.sleep(0.1)


def offer_of(keys: MemberKeys, tracker_key: str, url: str) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    offer = Offer(
        tracker=from_text(tracker_key),
        seed=keys.id,
        url=url,
        capacity_bytes=900 * ROOM,
        free_bytes=900 * ROOM,
        time_ms=now_ms,
        expires_ms=now_ms + 3_600_000,
    )
    return pack_report(sign_offer(keys, offer), [])


def tracker_says(home: Path, *words: str) -> Any:
    told = subprocess.run(
        [*SONGKEEP, "--home", str(home), "tracker", *words, "--json"], capture_output=True, text=True, check=True
    )
    return json.loads(told.stdout)


def asked(pc: Living, body: dict[str, Any]) -> Any:
    answer = pc.ask("POST", "/api/v1/seeds", body)
    assert answer.status == 201, answer.body
    return answer.json


async def test_a_library_gets_room_on_a_seed_of_the_pool_and_neither_impostor_nor_liar_stays(tmp_path: Path) -> None:
    music = make_music(tmp_path / "music")
    impostor = member_keys_from_random(os.urandom(64))
    home = tmp_path / "tracker"
    untrusting = SeedOptions(
        home=tmp_path / "liar",
        host=LIAR_IP,
        port=0,
        stun_port=None,
        trackers=(TrustedTracker(os.urandom(32), "http://127.0.0.1:9"),),
    )
    with started(home, "tracker", "run", "--listen", f"{TRACKER_IP}:0", "--stun", "off") as tracker:
        base = f"http://{TRACKER_IP}:{tracker['port']}"
        url = f"ws://{TRACKER_IP}:{tracker['port']}"
        run = ("seed", "run", "--stun", "off", "--listen", f"{SEED_IP}:0", "--capacity", "30MB", "--tracker", url)
        async with running(untrusting) as liar:

            def pool(size_bytes: int = 0) -> Any:
                with urllib.request.urlopen(f"{base}/v1/pool?bytes={size_bytes}", timeout=60) as answer:
                    return read_pool(answer.read())

            def offer(body: bytes) -> None:
                urllib.request.urlopen(urllib.request.Request(f"{base}/v1/pool", data=body), timeout=60).close()

            with (
                started(tmp_path / "seed", *run) as seed,
                living(tmp_path / "pc", str(music), "--tracker", url, "--port", "7992") as pc,
            ):
                await until(lambda: pool().seeds == 1, "the seed stands in the pool")
                await asyncio.to_thread(offer, offer_of(impostor, tracker["key"], seed["url"]))
                await asyncio.to_thread(offer, offer_of(liar.keys, tracker["key"], liar.url))
                assert len((await asyncio.to_thread(pool, 2 * ROOM)).picks) == 3
                await until(lambda: any(each["account"] for each in pc.get("network")["rooms"]), "it has an account")
                # Whoever lies is met or not, as it is drawn; in the end only the one that gives room is in.
                await asyncio.to_thread(asked, pc, {"grant_bytes": ROOM})
                kept = pc.get("seeds")["items"]
                assert [(each["url"], each["quota_bytes"] or ROOM) for each in kept] == [(seed["url"], ROOM)]
                await until(lambda: (pc.get("seeds")["items"][0]["held"] or 0) >= 5, "the seed is filled")

                def used() -> list[tuple[int, bool]]:
                    usage = tracker_says(home, "usage")
                    return [(each["kept_bytes"], bool(each["used_bytes"])) for each in usage if each["kept_bytes"]]

                await until(lambda: used() == [(ROOM, True)], "the seed has told the tracker by itself what it keeps")
                honest = [each for each in tracker_says(home, "pool") if each["url"] == seed["url"]]
                assert len(honest) == 2  # the impostor's too: it names the address, and nobody believes it
                assert min(each["free_bytes"] for each in honest) <= 2 * ROOM
